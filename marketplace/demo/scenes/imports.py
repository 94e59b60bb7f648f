"""Scene 5: a parallel-import car, refused for its missing conformity certificate, completed, published, in the outbound feed."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from marketplace.demo.caller import Body, wait_until
from marketplace.demo.cars import demo_vin
from marketplace.demo.cast import Actor
from marketplace.demo.scenes.stage import Stage

IMPORTS = "/marketplace/v1/imports"
PILOTS = "/marketplace/v1/import-pilots"
FEED = "/marketplace/v1/feeds/parallel-import.json"
CONFORMITY = "conformity_certificate"
PAPERS = "import_certificate import_licence inspection_sheet ccc_certificate emission_disclosure three_guarantees".split()


def play(stage: Stage) -> None:
    tell, cast = stage.tell, stage.cast
    tell.scene(5, "平行进口", "a parallel import and the outbound feed")
    pilot = cast.organization(
        "口岸平",
        "东疆平行进口有限公司",
        "import_pilot",
        "business_licence",
        "import_pilot_approval",
        by=stage.operator,
        roles=("importer",),
    )
    _admit(stage, pilot)
    registered = pilot.call.post(IMPORTS, _body(stage))
    path = f"{IMPORTS}/{registered['id']}"
    for kind in PAPERS:
        _paper(pilot, path, kind)
    pilot.call.post(f"{path}/steps", {"step": "cleared", "on": stage.day(-20)}, status=200)
    tell.step("试点企业登记到港车辆并清关", 车型="丰田 兰德酷路泽 中东版", 状态="cleared")
    wanted = {"ask_minor": 79_800_000}
    problem = pilot.call.refused("POST", f"{path}/publication", wanted, status=409, code="papers_missing")
    tell.check("只差一致性证书", [one["code"] for one in problem["missing"]] == [CONFORMITY], problem)
    tell.refusal("缺一致性证书即上架", problem)
    _paper(pilot, path, CONFORMITY)
    published = pilot.call.post(f"{path}/publication", wanted)
    tell.check("补齐后上架", published["state"] == "on_sale", published)
    _, seconds = wait_until("数据推送", lambda: _in_feed(stage, registered["id"]), within_s=30)
    tell.step("补齐后上架,已在对外车源推送中", ask_minor=wanted["ask_minor"], 用时=f"{seconds:.1f}s")
    _verify(stage)
    stage.note("vehicle", registered["vehicle_id"])


def _admit(stage: Stage, pilot: Actor) -> None:
    """The pilot applies; an operator who finds a condition unmet waives it by name or not at all."""
    stated = {"registered_capital_wan": 3_000, "paid_in_capital_wan": 1_500, "car_sales_wan": 12_000, "penalties_parallel_3y": 0}
    stated |= {"risk_guarantee": True, "repair_and_parts": True, "funding": True}
    problem = pilot.call.refused("POST", IMPORTS, _body(stage), status=403, code="pilot_not_verified")
    stage.tell.refusal("未经核验的试点登记车辆", problem)
    pilot.call.post(PILOTS, {"kind": "enterprise", "zone": "天津港保税区", "stated": stated})
    path = f"{PILOTS}/{pilot.party_id}/decision"
    problem = stage.operator.call.refused("POST", path, {"verified": True}, status=409, code="criteria_unmet")
    stage.tell.refusal("条件不足即核验", problem)
    body = {"verified": True, "waived": problem["codes"], "note": "关联企业销售额达标"}
    verified = stage.operator.call.post(path, body, status=200)
    stage.tell.check("试点企业已核验,次年考核", verified["state"] == "verified" and verified["next_assessment_on"] is not None, verified)


def _body(stage: Stage) -> Body:
    stage.serial += 1
    return {
        "import_version": "gcc",
        "arrived_on": stage.day(-40),
        "car": {
            "vin": demo_vin("JTM", 2025, 60_000 + stage.serial),
            "brand": "丰田",
            "series": "兰德酷路泽",
            "model": "2025款 LC300 3.5T GXR 中东版",
            "model_year": 2025,
            "odometer_km": 60,
            "city": "天津",
            "emission_stage": "cn6b",
            "displacement_ml": 3_445,
            "seats": 7,
            "colour": "white",
        },
        "shown": {
            "warranty_giver": "东疆平行进口有限公司",
            "warranty_terms": "整车三包 3 年或 10 万公里",
            "recall_contact": "400-000-0000",
            "repair_outlets": "天津滨海新区河南路 8 号",
        },
    }


def _paper(pilot: Actor, path: str, kind: str) -> None:
    pilot.call.post(f"{path}/papers", {"kind": kind, "number": f"演示-{kind}"[:40]})


def _in_feed(stage: Stage, import_id: str) -> Body | None:
    cars = stage.cast.public.get(FEED)["cars"]
    return next((car for car in cars if car["id"] == import_id), None)


def _verify(stage: Stage) -> None:
    """The feed's signature holds, and the same feed again costs nothing."""
    answer = stage.cast.public.raw("GET", FEED)
    key = stage.cast.public.get("/marketplace/v1/feeds/keys")
    signature = answer.headers["feed-signature"]
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(answer.content).digest()).decode()}:"
    signed = f"{answer.headers['feed-cursor']} {digest}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"])).verify(base64.b64decode(signature), signed)
        good = True
    except InvalidSignature:
        good = False
    stage.tell.check("推送签名可验证", good, answer.headers)
    again = stage.cast.public.raw("GET", FEED, headers={"If-None-Match": answer.headers["etag"]})
    stage.tell.check("未变化时 304", again.status_code == 304, again.status_code)
