"""Scene 4: a statutory auction where dealers bid on an owner's car, and a lot where consumers bid on a dealer's."""

import hashlib
from datetime import datetime, timedelta
from functools import partial

from marketplace.core.crypto import canonical_json
from marketplace.demo.caller import Body, wait_until
from marketplace.demo.cast import Actor
from marketplace.demo.scenes import buying
from marketplace.demo.scenes.source import register
from marketplace.demo.scenes.stage import Stage, dealer_of

AUCTION = "/auction/v1"
BASE = "/marketplace/v1"
CLOSED_WITHIN_S = 15
DAY = timedelta(days=1)


def play(stage: Stage) -> None:
    tell, cast = stage.tell, stage.cast
    tell.scene(4, "竞拍", "auctions: dealers bid on an owner's car, consumers on a dealer's")
    house = cast.organization(
        "宋拍卖", "滨海机动车拍卖有限公司", "auction_house", "business_licence", "auction_licence", by=stage.operator, roles=("auctioneer",)
    )
    cast.licence(house, "auctioneer_certificate", by=stage.operator)
    _dealers_bid(stage, house)
    _consumers_bid(stage, house)


def _dealers_bid(stage: Stage, house: Actor) -> None:
    """C2B, statutory: notice of seven days, deposits, a duel, the hammer by the clock."""
    tell, cast = stage.tell, stage.cast
    seller = cast.person("周卖家")
    cast.payout_account(seller)
    car = stage.car("丰田", "凯美瑞")
    registered = register(stage, seller, car)
    start = car.ask_minor * 7 // 10 // 100_000 * 100_000
    terms = {"start_minor": start, "reserve_kind": "hidden", "reserve_minor": start + 1_000_000, "flaws": "左后门轻微锈蚀"}
    hasty = _session(stage, house, mode="c2b_auction", legal_mode="statutory_auction", opens_in=3 * DAY)
    _lot(house, seller, hasty["id"], registered["id"], terms)
    tell.refusal(
        "公告期不足七日", house.call.refused("POST", f"{AUCTION}/sessions/{hasty['id']}/publish", {}, status=409, code="notice_too_short")
    )
    session = _session(stage, house, mode="c2b_auction", legal_mode="statutory_auction", opens_in=8 * DAY)
    lot = _lot(house, seller, session["id"], registered["id"], terms)
    house.call.post(f"{AUCTION}/sessions/{session['id']}/publish", {})
    tell.step("拍卖公告发布,委托拍卖合同已签", start_minor=start, 公告="8 天", 拍卖师=house.name[0] + "**")
    first = dealer_of(stage)
    second = cast.organization("海小河", "海河二手车有限公司", "dealer", "business_licence", "dealer_filing", by=stage.operator)
    deposits = _register(stage, lot["id"], first, second)
    path = f"{AUCTION}/lots/{lot['id']}/bids"
    tell.refusal("开拍前出价", first.call.refused("POST", path, {"maximum_minor": start}, status=409, code="lot_not_open"))
    _pass_time(stage, 8 * DAY)
    opened, _ = wait_until("开拍", lambda: _lot_in(stage, lot["id"], "open"), within_s=CLOSED_WITHIN_S)
    tell.step("公告期满,按时开拍", 标的=opened["title"])
    consumer = cast.person("闲客")
    tell.refusal("未登记者出价", consumer.call.refused("POST", path, {"maximum_minor": start}, status=403, code="not_registered"))
    _duel(stage, lot, first, second, start)
    _end(stage, lot["id"])
    result = stage.cast.public.get(f"{AUCTION}/lots/{lot['id']}/result")
    tell.check("成交", result["kind"] == "sold", result)
    tell.step("时钟到点落槌", price_minor=result["price_minor"], 出价次数=result["bids"], 买受人=result["winner"])
    _verify_log(stage, lot["id"])
    _confirm(stage, lot["id"], second, house)
    _deposit_back(stage, deposits[0], first)
    _conclude(stage, lot["id"], second, seller, issuer=house, odometer_km=registered["odometer_km"] + 8)


def _consumers_bid(stage: Stage, house: Actor) -> None:
    """B2C, agreed bidding: two consumers with deposits."""
    tell, cast = stage.tell, stage.cast
    dealer = dealer_of(stage)
    cast.payout_account(dealer)
    car = stage.car("本田", "雅阁")
    registered = register(stage, dealer, car)
    start = car.ask_minor * 6 // 10 // 100_000 * 100_000
    session = _session(stage, house, mode="b2c_auction", legal_mode="agreed_bidding", opens_in=timedelta(minutes=5))
    lot = _lot(house, dealer, session["id"], registered["id"], {"start_minor": start, "reserve_kind": "none"})
    house.call.post(f"{AUCTION}/sessions/{session['id']}/publish", {})
    one, two = cast.person("孙买家"), cast.person("钱买家")
    deposits = _register(stage, lot["id"], one, two)
    own = dealer.himself.refused("POST", f"{AUCTION}/lots/{lot['id']}/registrations", {}, status=403, code="bidder_is_consignor")
    tell.refusal("委托车行的老板以个人身份竞买", own)
    _pass_time(stage, timedelta(minutes=5))
    wait_until("开拍", lambda: _lot_in(stage, lot["id"], "open"), within_s=CLOSED_WITHIN_S)
    _duel(stage, lot, one, two, start)
    _end(stage, lot["id"])
    result = cast.public.get(f"{AUCTION}/lots/{lot['id']}/result")
    tell.step("经销商车源由个人竞得", price_minor=result["price_minor"], 买受人=result["winner"])
    _deposit_back(stage, deposits[0], one)
    _conclude(stage, lot["id"], two, dealer, issuer=house, odometer_km=registered["odometer_km"] + 5)


def _session(stage: Stage, house: Actor, *, mode: str, legal_mode: str, opens_in: timedelta) -> Body:
    now = _now(stage)
    body = {
        "title": "河南路专场",
        "legal_mode": legal_mode,
        "mode": mode,
        "city": "天津",
        "place": "线上",
        "viewing_place": "河南路二手车市场 A 区",
        "viewing_from_at": now.isoformat(),
        "viewing_to_at": (now + opens_in).isoformat(),
        "opens_at": (now + opens_in).isoformat(),
        "auctioneer_id": str(house.person_id) if legal_mode == "statutory_auction" else None,
        "lot_run_s": 600,
    }
    found: Body = house.call.post(f"{AUCTION}/sessions", body)
    return found


def _lot(house: Actor, consignor: Actor, session_id: str, vehicle_id: str, terms: Body) -> Body:
    """A catalogued lot; its consignor signs the mandate."""
    body = {"vehicle_id": vehicle_id, "consignor_id": str(consignor.party_id), **terms}
    lot: Body = house.call.post(f"{AUCTION}/sessions/{session_id}/lots", body)
    mandate = consignor.call.get(f"{AUCTION}/lots/{lot['id']}/mandate")
    signature = {"passphrase": consignor.passphrase, "content_hash": mandate["content_hash"]}
    consignor.call.post(f"{AUCTION}/lots/{lot['id']}/mandate/signature", signature)
    return lot


def _register(stage: Stage, lot_id: str, *bidders: Actor) -> list[Body]:
    """Each bidder's deposit is held at the bank; their registrations."""
    found = []
    for bidder in bidders:
        stage.cast.money(bidder, 50_000_000)
        bidder.call.post(f"{AUCTION}/lots/{lot_id}/registrations", {})
        path = f"{AUCTION}/lots/{lot_id}/registration"
        held, _ = wait_until("保证金冻结", partial(_in_state, bidder, path, "registered"), within_s=buying.JOBS_WITHIN_S)
        found.append(held)
    stage.tell.step("竞买登记,保证金冻结在监管账户", 人数=len(bidders), deposit_minor=found[0]["deposit_minor"])
    return found


def _duel(stage: Stage, lot: Body, first: Actor, second: Actor, start: int) -> None:
    """Two maxima against one another: the second's is the higher one; a lower bid is refused."""
    path = f"{AUCTION}/lots/{lot['id']}/bids"
    low = first.call.refused("POST", path, {"maximum_minor": start - 100_000}, status=409, code="bid_too_low")
    stage.tell.refusal("低于起拍价", low)
    opening = first.call.post(path, {"maximum_minor": start + 1_500_000})
    answer = second.call.post(path, {"maximum_minor": start + 4_000_000})
    stage.tell.check("更高的最高限价领先", answer["leading"] and answer["maximum_minor"] == start + 4_000_000, answer)
    stage.tell.check("价格只比次高限价高一档", start + 1_500_000 < answer["price_minor"] < start + 4_000_000, answer["price_minor"])
    again = first.call.raw("POST", path, json={"maximum_minor": start + 1_500_000}, headers={"Idempotency-Key": f"demo-{lot['id']}"}).json()
    stage.tell.check("被超过后原价不再有效", again.get("code") in {"bid_too_low", "maximum_not_raised"}, again)
    stage.tell.step(
        "两名竞买人代理出价", 首价=f"{opening['price_minor'] / 100:,.0f}", 现价=f"{answer['price_minor'] / 100:,.0f}", 序号=answer["seq"]
    )


def _verify_log(stage: Stage, lot_id: str) -> None:
    """Anybody recomputes the chain from the public log."""
    entries = stage.cast.public.get(f"{AUCTION}/lots/{lot_id}/log")
    previous = None
    for entry in entries:
        content = entry["entry"]
        good = hashlib.sha256(canonical_json(content)).hexdigest() == entry["hash"]
        stage.tell.check("日志哈希可重算", good, entry)
        stage.tell.check("日志首尾相接", previous is None or content["previous"] == previous, entry)
        previous = entry["hash"]
    stage.tell.step("出价日志哈希链由任何人重算一致", 条数=len(entries), 末哈希=(previous or "")[:12])


def _confirm(stage: Stage, lot_id: str, winner: Actor, house: Actor) -> None:
    path = f"{AUCTION}/lots/{lot_id}/confirmation"
    paper = winner.call.get(path)
    for signer in (winner, house):
        signer.call.post(f"{path}/signature", {"passphrase": signer.passphrase, "content_hash": paper["content_hash"]})
    stage.tell.step("买受人与拍卖师签署成交确认书", 哈希=paper["content_hash"][:12])


def _deposit_back(stage: Stage, registration: Body, loser: Actor) -> None:
    path = f"{BASE}/holds/{registration['hold_id']}"
    _, seconds = wait_until("保证金退回", lambda: _in_state(loser, path, "released"), within_s=buying.JOBS_WITHIN_S)
    stage.tell.step("未成交者的保证金自动解冻", deposit_minor=registration["deposit_minor"], 用时=f"{seconds:.1f}s")


def _conclude(stage: Stage, lot_id: str, winner: Actor, seller: Actor, *, issuer: Actor, odometer_km: int) -> None:
    """From result to payout, as in the store."""
    order_id = winner.call.get(f"{AUCTION}/lots/{lot_id}/result")["order_id"]
    stage.tell.check("中标即生成订单", order_id is not None)
    buying.sign(stage, order_id, seller, winner)
    buying.pay(stage, order_id, winner)
    buying.hand_over(stage, order_id, seller, winner, odometer_km=odometer_km)
    buying.transfer(stage, order_id, winner, issuer=issuer)
    proceeds = seller.call.get(f"{BASE}/orders/{order_id}")["proceeds_minor"]
    buying.paid_out(stage, seller, proceeds)
    stage.note("lot", lot_id)


def _end(stage: Stage, lot_id: str) -> None:
    """Let the lot's time run out; it closes by the market's clock, not by anybody's hand."""
    while (lot := stage.cast.public.get(f"{AUCTION}/lots/{lot_id}"))["state"] == "open":
        left = datetime.fromisoformat(lot["ends_at"]) - datetime.fromisoformat(lot["server_time"])
        if left > timedelta():
            _pass_time(stage, left + timedelta(seconds=1))
        wait_until("收拍", lambda: _result(stage, lot_id), within_s=CLOSED_WITHIN_S)


def _pass_time(stage: Stage, step: timedelta) -> None:
    stage.operator.call.post(f"{BASE}/demo/clock", {"advance_s": int(step.total_seconds()) + 1}, status=200)


def _now(stage: Stage) -> datetime:
    return datetime.fromisoformat(stage.operator.call.post(f"{BASE}/demo/clock", {"advance_s": 0}, status=200)["now"])


def _lot_in(stage: Stage, lot_id: str, state: str) -> Body | None:
    found: Body = stage.cast.public.get(f"{AUCTION}/lots/{lot_id}")
    return found if found["state"] == state else None


def _result(stage: Stage, lot_id: str) -> Body | None:
    answer = stage.cast.public.raw("GET", f"{AUCTION}/lots/{lot_id}/result")
    found: Body | None = answer.json() if answer.status_code == 200 else None
    return found


def _in_state(caller: Actor, path: str, state: str) -> Body | None:
    found: Body = caller.call.get(path)
    return found if found["state"] == state else None
