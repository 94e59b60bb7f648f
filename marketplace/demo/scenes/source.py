"""Scene 1: a car is registered, inspected and priced."""

from dataclasses import asdict
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

from marketplace.demo.caller import Body
from marketplace.demo.cars import DemoCar
from marketplace.demo.cast import Actor
from marketplace.demo.scenes.stage import Stage

VEHICLES = "/marketplace/v1/vehicles"


def play(stage: Stage) -> None:
    tell = stage.tell
    tell.scene(1, "车源与鉴定评估", "source and appraisal")
    owner = stage.owner = stage.cast.person("李车主")
    tell.step("车主注册并完成实名", 姓名=owner.name[0] + "**")
    car = stage.car("宝马", "3系")
    _refusals(stage, owner, car)
    stage.consigned_car = register(stage, owner, car)
    tell.step("按车架号登记车辆", 车型=stage.consigned_car["model"], 车架号=stage.consigned_car["vin_masked"])
    photo = add_photo(owner, stage.consigned_car["id"])
    tell.step("上传照片(去除定位信息后重新编码)", 尺寸=f"{photo['width_px']}×{photo['height_px']}")
    _appraise(stage, owner)
    _price(stage)


def _refusals(stage: Stage, owner: Actor, car: DemoCar) -> None:
    wrong = body_of(car)
    last = wrong["vin"][-1]
    wrong["vin"] = wrong["vin"][:-1] + ("2" if last != "2" else "3")
    problem = owner.call.refused("POST", VEHICLES, wrong, status=422, code="bad_vin")
    stage.tell.refusal("车架号校验位不符", problem)


def body_of(car: DemoCar) -> Body:
    """A registration's body of an invented car."""
    facts: dict[str, Any] = {name: value for name, value in asdict(car.facts).items() if value is not None}
    facts.pop("battery", None)
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in facts.items()}


def register(stage: Stage, holder: Actor, car: DemoCar) -> Body:
    """Register a car with its papers on file."""
    made: Body = holder.call.post(VEHICLES, body_of(car))
    for number, kind in enumerate(("registration_certificate", "driving_licence", "purchase_tax_proof")):
        paper = {"kind": kind, "number": f"1200{stage.serial:06d}{number:02d}", "holder_name": holder.organization or holder.name}
        holder.call.post(f"{VEHICLES}/{made['id']}/documents", paper)
    stage.note("vehicle", made["id"])
    return made


def add_photo(holder: Actor, vehicle_id: str) -> Body:
    """A drawn car: no picture of a real one ships."""
    picture = Image.new("RGB", (960, 600), (206, 214, 222))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((150, 250, 810, 430), radius=60, fill=(179, 38, 30))
    draw.polygon([(290, 250), (380, 160), (600, 160), (690, 250)], fill=(120, 26, 20))
    for centre in (290, 670):
        draw.ellipse((centre - 65, 365, centre + 65, 495), fill=(30, 30, 34))
    content = BytesIO()
    picture.save(content, "JPEG", quality=80)
    files = {"photo": ("car.jpg", content.getvalue(), "image/jpeg")}
    found: Body = holder.call.post(f"{VEHICLES}/{vehicle_id}/photos", files=files)
    return found


def _appraise(stage: Stage, owner: Actor) -> None:
    cast, tell = stage.cast, stage.tell
    head = cast.organization("鉴馆长", "渤海鉴定评估有限公司", "appraiser", "business_licence", "appraisal_filing", by=stage.operator)
    appraisers = [cast.member(head, name, "appraiser") for name in ("鉴明", "评实")]
    for one in appraisers:
        cast.licence(one, "appraiser_certificate", by=stage.operator)
    first = appraisers[0]
    asked = owner.call.post(
        "/valuation/v1/appraisals", {"vehicle_id": stage.consigned_car["id"], "institution_id": str(head.organization_id)}
    )
    path = f"/valuation/v1/appraisals/{asked['id']}"
    tell.refusal("评估师未做二次验证", first.call.refused("POST", f"{path}/accept", {}, status=403, code="second_factor_required"))
    for one in appraisers:
        cast.second_factor(one)
    first.call.post(f"{path}/accept", {"fee_minor": 60_000}, status=200)
    engaged = owner.call.post(f"{path}/engagement-letter/signatures", {"passphrase": owner.passphrase})
    tell.step("车主签署委托书", 基准日=engaged["base_on"], 委托书哈希=engaged["letter_hash"][:12])
    worksheet = {"records": [{"code": "21XS2"}, {"code": "14HH1"}, {"code": "44B"}, {"code": "55C"}], "remaining_sound": True}
    inspected = first.call.put(f"{path}/inspection", worksheet)
    tell.step(
        "国标技术鉴定",
        评分=f"{inspected['score_tenths'] / 10:g}",
        等级=f"{inspected['grade']}级",
        事故车=inspected["is_collision_accident"],
    )
    cost = {"method": "replacement_cost", "new_price_minor": 34_900_000, "new_price_source": "厂商指导价", "alpha_bps": 6_000}
    valued = first.call.put(f"{path}/value", cost)
    for one in appraisers:
        signed = one.call.post(f"{path}/signatures", {"passphrase": one.passphrase})
    tell.step("两名评估师签名出具报告", value_minor=valued["value_minor"], 哈希=signed["report_hash"][:12])
    report = cast.public.get(f"/valuation/v1/reports/{signed['report_hash']}")
    tell.check("任何人都能查验报告", report["is_intact"] and len(report["signers"]) == 2)
    stage.note("appraisal", asked["id"])


def _price(stage: Stage) -> None:
    cast, tell = stage.cast, stage.tell
    partner = cast.organization("价准", "准价数据有限公司", "valuation_partner", "business_licence", by=stage.operator, roles=("pricing",))
    question = {"purpose": "retail_ask", "facts": _estimate_facts(stage)}
    narrow = partner.call.post("/marketplace/v1/api-keys", {"name": "只读", "scopes": ["orders.read"]})
    machine = cast.public.with_token(narrow["key"])
    problem = machine.refused("POST", "/valuation/v1/estimates", question, status=403, code="capability_missing")
    tell.refusal("密钥没有估价权限", problem)
    wide = partner.call.post("/marketplace/v1/api-keys", {"name": "估价", "scopes": ["prices.quote"]})
    answer = cast.public.with_token(wide["key"]).post("/valuation/v1/estimates", question)
    tell.step(
        "估价伙伴以密钥询价",
        price_minor=answer["price_minor"],
        low_minor=answer["low_minor"],
        high_minor=answer["high_minor"],
        置信=answer["confidence"],
        价格基准日=answer["as_of"],
    )
    tell.check("区间包住估价", answer["low_minor"] <= answer["price_minor"] <= answer["high_minor"])


def _estimate_facts(stage: Stage) -> Body:
    car = stage.consigned_car
    names = (
        "brand",
        "series",
        "model",
        "model_year",
        "first_registration_on",
        "city",
        "fuel",
        "gearbox",
        "displacement_ml",
        "transfer_count",
    )
    return {name: car[name] for name in names} | {"mileage_km": car["odometer_km"]}
