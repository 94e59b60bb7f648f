"""Scene 3: a consumer buys the consigned car from the store page."""

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
    wanted = {"listing_id": listing["id"], "buyer_city": "天津", "confirmations": buying.CONFIRMATIONS}
    bare = wanted | {"confirmations": []}
    tell.refusal("未逐项确认就下单", buyer.call.refused("POST", f"{BASE}/orders", bare, status=422, code="confirmation_missing"))
    order = buyer.call.post(f"{BASE}/orders", wanted)
    tell.step("从店铺页面下单,车辆即被占用", 编号=order["number"], price_minor=order["price_minor"])
    late = cast.person("赵买家")
    tell.refusal("第二位买家下单", late.call.refused("POST", f"{BASE}/orders", wanted, status=409, code="vehicle_claimed"))
    buying.sign(stage, order["id"], owner, buyer)
    buying.pay(stage, order["id"], buyer)
    buying.hand_over(stage, order["id"], owner, buyer, odometer_km=stage.consigned_car["odometer_km"] + 12)
    buying.transfer(stage, order["id"], buyer, issuer=stage.operator)
    proceeds = owner.call.get(f"{BASE}/orders/{order['id']}")["proceeds_minor"]
    buying.paid_out(stage, owner, proceeds)
    gone = cast.public.get(f"{BASE}/listings/{listing['id']}")
    tell.check("成交后显示已售", gone["state"] == "sold", gone["state"])
