"""Scene 3: a consumer buys the consigned car from the store page."""

from datetime import timedelta

from marketplace.demo.cast import Actor
from marketplace.demo.scenes import buying
from marketplace.demo.scenes.stage import Stage, owner_of

BASE = "/marketplace/v1"


def play(stage: Stage) -> None:
    tell, cast = stage.tell, stage.cast
    tell.scene(3, "寄售车成交", "a consumer buys the consigned car")
    owner, listing = owner_of(stage), stage.consigned_listing
    page = cast.public.raw("GET", f"/store/{listing['id']}")
    tell.check("店铺页面可浏览", page.status_code == 200 and listing["title"] in page.text, page.status_code)
    buyer = cast.person("王买家")
    cast.money(buyer, 60_000_000)
    cast.payout_account(owner)
    late = cast.person("赵买家")
    _view(stage, owner, buyer, late)
    wanted = {"listing_id": listing["id"], "buyer_city": "天津", "confirmations": buying.CONFIRMATIONS}
    bare = wanted | {"confirmations": []}
    tell.refusal("未逐项确认就下单", buyer.call.refused("POST", f"{BASE}/orders", bare, status=422, code="confirmation_missing"))
    order = buyer.call.post(f"{BASE}/orders", wanted)
    tell.step("从店铺页面下单,车辆即被占用", 编号=order["number"], price_minor=order["price_minor"])
    tell.refusal("第二位买家下单", late.call.refused("POST", f"{BASE}/orders", wanted, status=409, code="vehicle_claimed"))
    buying.sign(stage, order["id"], owner, buyer)
    buying.pay(stage, order["id"], buyer)
    buying.hand_over(stage, order["id"], owner, buyer, odometer_km=stage.consigned_car["odometer_km"] + 12)
    buying.transfer(stage, order["id"], buyer, issuer=stage.operator)
    proceeds = owner.call.get(f"{BASE}/orders/{order['id']}")["proceeds_minor"]
    buying.paid_out(stage, owner, proceeds)
    gone = cast.public.get(f"{BASE}/listings/{listing['id']}")
    tell.check("成交后显示已售", gone["state"] == "sold", gone["state"])


def _view(stage: Stage, owner: Actor, buyer: Actor, late: Actor) -> None:
    """Asked, answered, seen: one slot is one visitor's, and both sides are told of every step."""
    tell, listing = stage.tell, stage.consigned_listing
    path = f"{BASE}/listings/{listing['id']}"
    asked = buyer.call.post(f"{path}/enquiries", {"text": "车况如何?周末可以看车吗?"})
    answered = owner.call.post(f"{BASE}/leads/{asked['id']}/messages", {"text": "无事故,周末可看。"})
    tell.step("买家咨询,车主回复", 用时=f"{answered['first_reply_s']}s", 状态=answered["stage"])
    start = f"{(stage.today + timedelta(days=2)).isoformat()}T10:00:00+08:00"
    slot = owner.call.post(f"{path}/viewing-slots", {"starts_at": [start], "place": "小区东门"})[0]
    viewing = buyer.call.post(f"{path}/viewings", {"slot_id": slot["id"]})
    taken = late.call.refused("POST", f"{path}/viewings", {"slot_id": slot["id"]}, status=409, code="slot_taken")
    tell.refusal("第二位买家预约同一时段", taken)
    confirmed = owner.call.post(f"{BASE}/viewings/{viewing['id']}/confirmation", status=200)
    told = [one.call.get(f"{BASE}/viewing-notices")["items"][0]["act"] for one in (buyer, owner)]
    tell.check("车主确认,双方均获通知", told == ["confirmed", "confirmed"], told)
    tell.step("预约看车", 时段=confirmed["starts_at"], 状态=confirmed["state"])
