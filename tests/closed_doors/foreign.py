"""One of everything the market keeps, in each state that matters, and none of it the intruders'.

A feature that gets objects of its own adds a function with ``@foreign``; it makes them over HTTP, as their owners would.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

from sqlmodel import col, select

from marketplace.core import outbox
from marketplace.core.outbox import OutboxDelivery
from marketplace.core.outbox.writing import DeliveryState
from marketplace.orders.tasks import sweep_overdue
from tests import appraisals, cars, imports, people, purchases, stock
from tests.auctions import AUCTION, AuctionHouse
from tests.closed_doors.doors import Door
from tests.market import Market
from tests.parallel_import import feeds
from tests.people import BASE, Person
from tests.sourcing import acquiring, supplying

ACQUISITIONS = f"{BASE}/acquisitions"
BMW: dict[str, Any] = {
    "brand": "BMW", "series": "3系", "model": "325Li M运动套装", "model_year": 2021, "first_registration_on": "2021-05-18",
    "mileage_km": 46_000, "city": "天津", "fuel": "petrol", "gearbox": "at", "displacement_ml": 1_998, "emission_stage": "cn6b",
}  # fmt: skip
"""A car the model knows well."""


@dataclass(frozen=True)
class Foreign:
    """An object behind every door that begins with ``prefix`` and a parameter, when ``ids`` name all of the path's.

    ``insider`` may see it. ``hidden``: the public routes show nothing of it either.
    """

    name: str
    prefix: str
    ids: dict[str, Any]
    insider: Person
    hidden: bool = False

    def is_behind(self, door: Door) -> bool:
        begins = door.path.startswith(self.prefix + "/{")
        return begins and door.parameters <= self.ids.keys() and (self.hidden or not door.is_public)


class Victims:
    """Those whose objects they are."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self.clerk = people.operator(api)
        self.dealer = people.with_second_factor(api, people.organization(api, by=self.clerk, roles=("sales", "finance")))
        self.owner, self.buyer = people.sign_up(api, "李四"), people.sign_up(api, "王五")
        for one in (self.dealer, self.buyer):
            purchases.money(api, one, 90_000_000)

    @cached_property
    def broker(self) -> Person:
        return stock.broker(self.api, by=self.clerk)

    @cached_property
    def pilot(self) -> Person:
        return imports.verified_pilot(self.api, by=self.clerk)


FOREIGN: list[Callable[[Victims], Iterator[Foreign]]] = []


def foreign(make: Callable[[Victims], Iterator[Foreign]]) -> Callable[[Victims], Iterator[Foreign]]:
    FOREIGN.append(make)
    return make


def make_all(victims: Victims) -> list[Foreign]:
    """Everything, with the jobs run."""
    found = [one for make in FOREIGN for one in make(victims)]
    victims.api.relay()
    return found


@foreign
def bargaining_objects(victims: Victims) -> Iterator[Foreign]:
    """First, because days pass: what the winner who did not pay owes, a talk about a lot below its reserve, a bidder's line."""
    api = victims.api
    house = AuctionHouse(api, clerk=victims.clerk)
    defaulter = people.organization(api, by=victims.clerk)
    unpaid = house.open_lot_for([defaulter], victims.owner)
    house.bid(defaulter, unpaid, 8_500_000)
    house.turn(timedelta(minutes=10))
    api.advance(timedelta(days=10))
    with outbox.use_database(api.database):
        sweep_overdue()
    api.relay()
    for one in (defaulter, house.owner):
        one.sign_in(api)
    (debt,) = house.get("/debts", defaulter)["items"]
    yield Foreign("debt", f"{AUCTION}/debts", {"debt_id": debt["id"]}, defaulter)
    below = house.open_lot_for([victims.dealer], victims.owner, reserve_kind="hidden", reserve_minor=9_000_000)
    house.bid(victims.dealer, below, 8_500_000)
    house.turn(timedelta(minutes=10))
    (talk,) = house.get("/negotiations", victims.dealer)["items"]
    yield Foreign("negotiation", f"{AUCTION}/negotiations", {"negotiation_id": talk["id"]}, victims.dealer)
    line = house.post("/lines", victims.dealer, {"deposit_minor": 5_000_000})
    yield Foreign("line", f"{AUCTION}/lines", {"line_id": line["id"]}, victims.dealer)


@foreign
def auction_objects(victims: Victims) -> Iterator[Foreign]:
    """Early, because time passes: a lot sold under the hammer, one announced, one in a draft; who listens to them."""
    api = victims.api
    told_at = purchases.post(api, "/webhook-endpoints", victims.dealer, {"url": "https://hooks.example.com/henanroad"})
    house = AuctionHouse(api, clerk=victims.clerk, legal_mode="statutory_auction")
    session_id = house.session(opens_in=timedelta(days=8))
    sold = house.lot(session_id, victims.owner)
    house.publish(session_id)
    house.register(sold, victims.dealer)
    house.turn(timedelta(days=8))
    receipt = house.bid(victims.dealer, sold, 8_500_000)
    yield Foreign("receipt", f"{AUCTION}/lots/{{lot_id}}/receipts", {"lot_id": sold, "seq": receipt["seq"]}, victims.dealer)
    house.turn(timedelta(minutes=10))
    assert house.get(f"/lots/{sold}/confirmation", victims.dealer)["content_hash"]
    yield from _of_session(house.owner, "sold", session_id, sold)
    ahead = house.session(opens_in=timedelta(days=8))
    announced = house.lot(ahead, victims.owner)
    house.publish(ahead)
    house.register(announced, victims.dealer)
    yield from _of_session(house.owner, "announced", ahead, announced)
    house.post("/watchlist", victims.dealer, {"lot_id": announced})
    yield Foreign("watched lot", f"{AUCTION}/watchlist", {"lot_id": announced}, victims.dealer)
    for told in purchases.get(api, "/notices", victims.dealer)["items"]:
        yield Foreign("notice", f"{BASE}/notices", {"notice_id": told["id"]}, victims.dealer)
    draft = house.session()
    yield from _of_session(house.owner, "draft", draft, house.lot(draft, victims.owner, sign=False), hidden=True)
    for hold in purchases.get(api, "/holds", victims.dealer)["items"]:
        yield Foreign(f"hold {hold['state']}", f"{BASE}/holds", {"hold_id": hold["id"]}, victims.dealer)
    yield Foreign("endpoint", f"{BASE}/webhook-endpoints", {"endpoint_id": told_at["id"]}, victims.dealer)
    for letter in purchases.get(api, f"/webhook-endpoints/{told_at['id']}/letters", victims.dealer)["items"][:1]:
        yield Foreign("letter", f"{BASE}/webhook-letters", {"letter_id": letter["id"]}, victims.dealer)


@foreign
def claimed_objects(victims: Victims) -> Iterator[Foreign]:
    """A defect claim of a lot's buyer, not answered yet, with a piece of evidence."""
    api, buyer = victims.api, victims.dealer
    house = AuctionHouse(api, clerk=victims.clerk)
    seller = people.sign_up(api, "赵卖车")
    session_id = house.session()
    lot_id = house.lot(session_id, seller)
    house.publish(session_id)
    house.register(lot_id, buyer)
    house.turn(timedelta(minutes=11))
    house.bid(buyer, lot_id, 8_000_000)
    house.turn(timedelta(minutes=10))
    order_id = house.get(f"/lots/{lot_id}/result", buyer)["order_id"]
    purchases.sign_both(api, seller, buyer, order_id)
    purchases.pay(api, buyer, order_id)
    purchases.hand_over_and_accept(api, seller, buyer, order_id)
    text = "里程与保养记录不符,附检测报告。"
    body = {"order_id": order_id, "defect": "odometer", "wants": "unwinding", "loss_minor": 900_000, "text": text}
    claim = house.post("/claims", buyer, body)
    sent = {"file": ("report.pdf", b"%PDF-1.7 report", "application/pdf")}
    kept = api.post(f"{AUCTION}/claims/{claim['id']}/evidence", files=sent, headers=buyer.headers).json()
    yield Foreign("defect claim", f"{AUCTION}/claims", {"claim_id": claim["id"], "evidence_id": kept["id"]}, buyer)


def _of_session(house: Person, state: str, session_id: str, lot_id: str, *, hidden: bool = False) -> Iterator[Foreign]:
    yield Foreign(f"{state} session", f"{AUCTION}/sessions", {"session_id": session_id, "lane": "1", "kind": "notice"}, house, hidden)
    yield Foreign(f"{state} lot", f"{AUCTION}/lots", {"lot_id": lot_id}, house, hidden)


@foreign
def accounts_objects(victims: Victims) -> Iterator[Foreign]:
    api, victim = victims.api, victims.dealer
    organization = f"{BASE}/organizations/{victim.organization_id}"
    body: dict[str, Any] = {"person_id": str(people.sign_up(api).id), "roles": ["sales"]}
    offer = api.post(f"{organization}/members", json=body, headers=victim.headers).json()
    body = {"contact": people.phone_number(), "roles": ["sales"]}
    invitation = api.post(f"{organization}/invitations", json=body, headers=victim.headers).json()
    key = api.post(f"{BASE}/api-keys", json={"name": "feed", "scopes": ["vehicles.read"]}, headers=victim.headers).json()
    (device,) = api.get(f"{BASE}/devices", headers=victim.headers).json()
    member = {"organization_id": victim.organization_id, "person_id": victim.id, "invitation_id": invitation["id"]}
    yield Foreign("organization", f"{BASE}/organizations", member, victim)
    yield Foreign("membership", f"{BASE}/me/memberships", member, victim)
    yield Foreign("offer", f"{BASE}/me/offers", {"membership_id": offer["id"]}, victim)
    yield Foreign("sign-in", f"{BASE}/sign-ins", {"sign_in_id": victim.sign_in_id}, victim)
    yield Foreign("device", f"{BASE}/devices", {"device_id": device["id"]}, victim)
    yield Foreign("api key", f"{BASE}/api-keys", {"key_id": key["id"]}, victim)
    yield Foreign("payout account", f"{BASE}/payout-accounts", {"payout_account_id": people.payout_account(api, victim)}, victim)
    checked = people.licence(api, victim, "dealer_filing", by=victims.clerk)
    yield Foreign("checked licence", f"{BASE}/licences", {"licence_id": checked}, victim)
    claimed = people.licence(api, victim, "broker_filing", by=victims.clerk, checked=False)
    yield Foreign("claimed licence", f"{BASE}/licences", {"licence_id": claimed}, victim)
    yield Foreign("dealer", f"{BASE}/parties", {"party_id": victim.organization_id}, victims.clerk)
    yield Foreign("person", f"{BASE}/parties", {"party_id": victims.owner.id}, victims.clerk)


@foreign
def vehicles_objects(victims: Victims) -> Iterator[Foreign]:
    """A dealer's and a person's car, each with all that can be on record."""
    api = victims.api
    for holder in (victims.dealer, victims.owner):
        car = cars.register_car(api, holder)
        photo = cars.add_photo(api, holder, car["id"])
        restriction = cars.restrict(api, victims.clerk, car["id"])
        noted = api.put(f"{cars.BASE}/{car['id']}/note", json={"note": "底价可再谈"}, headers=holder.headers)
        assert noted.status_code == 204, noted.text
        papers = api.get(f"{cars.BASE}/{car['id']}/documents", headers=holder.headers).json()
        ids = {
            "vehicle_id": car["id"], "photo_id": photo["id"], "restriction_id": restriction["id"], "document_id": papers[0]["id"],
        }  # fmt: skip
        yield Foreign("dealer's car" if holder is victims.dealer else "person's car", f"{BASE}/vehicles", ids, holder)
        yield Foreign("trail of a car", f"{BASE}/operations/audit", {"object_kind": "vehicle", "object_id": car["id"]}, victims.clerk)


@foreign
def cases_objects(victims: Victims) -> Iterator[Foreign]:
    """A case in each state that matters, about a listing nobody need know of."""
    api = victims.api
    for state, acts in (("open", ()), ("taken", ("taking",)), ("decided", ("taking", "decision"))):
        body = {"subject_kind": "listing", "subject_id": str(uuid4()), "statement": "里程与保养记录不符"}
        case = api.post(f"{BASE}/cases", json=body, headers=victims.owner.headers).json()
        for act in acts:
            sent = {"granted": False, "note": "不属实"} if act == "decision" else None
            done = api.post(f"{BASE}/operations/cases/{case['id']}/{act}", json=sent, headers=victims.clerk.headers)
            assert done.status_code == 200, done.text
        yield Foreign(f"{state} case", f"{BASE}/cases", {"case_id": case["id"]}, victims.owner)
        yield Foreign(f"{state} case in the queue", f"{BASE}/operations/cases", {"case_id": case["id"]}, victims.clerk)


@foreign
def sourcing_objects(victims: Victims) -> Iterator[Foreign]:
    api = victims.api
    listed = stock.listed_car(api, victims.dealer)
    yield Foreign("dealer's listing", f"{BASE}/listings", {"listing_id": listed.listing_id}, victims.dealer)
    gone = stock.listed_car(api, victims.dealer)
    purchases.post(api, f"/listings/{gone.listing_id}/withdrawal", victims.dealer, {"reason": "自留"}, status=200)
    yield Foreign("withdrawn listing", f"{BASE}/listings", {"listing_id": gone.listing_id}, victims.dealer, hidden=True)
    consigned = stock.consigned_car(api, victims.owner, agent=victims.broker, kind="physical")
    assert consigned.consignment is not None
    yield Foreign("consigned listing", f"{BASE}/listings", {"listing_id": consigned.listing_id}, victims.broker)
    ids = {"consignment_id": consigned.consignment["id"]} | stock.given_key(api, victims.broker, consigned.consignment["id"])
    yield Foreign("live consignment", f"{BASE}/consignments", ids, victims.owner)
    for bay in api.get(f"{BASE}/custody-bays", headers=victims.broker.headers).json()["items"]:
        yield Foreign("bay", f"{BASE}/custody-bays", {"bay_id": bay["id"]}, victims.broker)
    car = cars.register_car(api, victims.owner)
    offered = stock.offer_consignment(api, victims.owner, car["id"], agent_id=str(victims.broker.party_id))
    yield Foreign("offered consignment", f"{BASE}/consignments", {"consignment_id": offered.json()["id"]}, victims.owner)
    imported = stock.imported_stock(api, victims.dealer, cars=1)
    yield Foreign("stock import", f"{BASE}/stock-imports", {"import_id": imported["id"]}, victims.dealer)
    for line in api.get(f"{BASE}/stock", headers=victims.dealer.headers).json()["items"]:
        work = purchases.post(api, f"/stock/{line['vehicle_id']}/reconditioning", victims.dealer, {"kind": "tyres", "cost_minor": 90_000})
        yield Foreign("stock car", f"{BASE}/stock", {"vehicle_id": line["vehicle_id"], "work_id": work["id"]}, victims.dealer)


@foreign
def interest_objects(victims: Victims) -> Iterator[Foreign]:
    """A car somebody asked about and wants to see."""
    api = victims.api
    listed = stock.listed_car(api, victims.dealer)
    path = f"/listings/{listed.listing_id}"
    slots = stock.viewing_slots(api, listed.listing_id, victims.dealer)
    viewing = purchases.post(api, f"{path}/viewings", victims.buyer, {"slot_id": slots[0]["id"]})
    lead = purchases.post(api, f"{path}/enquiries", victims.buyer, {"text": "还在吗?"})
    yield Foreign("lead", f"{BASE}/leads", {"lead_id": lead["id"]}, victims.buyer)
    yield Foreign("viewing", f"{BASE}/viewings", {"viewing_id": viewing["id"]}, victims.buyer)
    yield Foreign("free slot", f"{BASE}/viewing-slots", {"slot_id": slots[1]["id"]}, victims.dealer)


@foreign
def purchase_objects(victims: Victims) -> Iterator[Foreign]:
    """An acquisition asked for, accepted, bought; a trade-in in each state; an agreement with a batch."""
    api, owner, dealer = victims.api, victims.owner, victims.dealer
    asked = acquiring.asked(api, owner)
    standing = acquiring.offer_id(api, dealer, asked)
    yield Foreign("open acquisition", ACQUISITIONS, {"acquisition_id": asked.id, "offer_id": standing}, owner)
    accepted = acquiring.accepted(api, dealer, owner=owner)
    chosen = acquiring.shown(api, owner, accepted)["offers"][0]["id"]
    yield Foreign("accepted acquisition", ACQUISITIONS, {"acquisition_id": accepted.id, "offer_id": chosen}, dealer)
    proposed = acquiring.accepted(api, dealer, owner=owner)
    acquiring.inspect(api, dealer, proposed, [{"reason": "tyres", "text": "轮胎磨损", "change_minor": -100_000}])
    yield Foreign("price change", ACQUISITIONS, {"acquisition_id": proposed.id, "offer_id": chosen}, owner)
    _, order_id = acquiring.ordered(api, dealer, owner=owner)
    purchases.sign_both(api, owner, dealer, order_id)
    purchases.pay(api, dealer, order_id)
    purchases.post(api, f"/purchases/{order_id}/reverse-invoice", dealer, {})
    yield Foreign("reverse invoice", f"{BASE}/purchases", {"order_id": order_id}, dealer)
    listing = purchases.dealer_listing(api, dealer)
    wish = {"vehicle_id": cars.register_car(api, owner)["id"], "listing_id": listing["id"], "buyer_city": "天津"}
    trade = purchases.post(api, "/trade-ins", owner, wish)
    yield Foreign("asked trade-in", f"{BASE}/trade-ins", {"trade_in_id": trade["id"]}, owner)
    wish["vehicle_id"] = cars.register_car(api, owner)["id"]
    offered = purchases.post(api, "/trade-ins", owner, wish)
    price = {"old_price_minor": 5_000_000, "valid_until": acquiring.until(api)}
    purchases.post(api, f"/trade-ins/{offered['id']}/offer", dealer, price)
    yield Foreign("offered trade-in", f"{BASE}/trade-ins", {"trade_in_id": offered["id"]}, owner)
    source = supplying.Source(api, victims.clerk)
    batch = source.bring(supplying.car_line()).json()
    api.relay()
    ids = {"agreement_id": source.agreement["id"], "batch_id": batch["id"]}
    yield Foreign("supply agreement", f"{BASE}/supply-agreements", ids, source.staff)
    yield Foreign("acquiring dealer", f"{BASE}/acquirers", {"dealer_id": dealer.organization_id}, owner)


@foreign
def orders_objects(victims: Victims) -> Iterator[Foreign]:
    """A purchase just opened, one whose transfer is under way, one that is done."""
    api, dealer, buyer = victims.api, victims.dealer, victims.buyer
    opened = purchases.buy(api, buyer, purchases.dealer_listing(api, dealer)["id"])
    under_way = purchases.buy(api, buyer, purchases.dealer_listing(api, dealer)["id"])
    purchases.sign_both(api, dealer, buyer, under_way["id"])
    purchases.pay(api, buyer, under_way["id"])
    purchases.hand_over_and_accept(api, dealer, buyer, under_way["id"])
    listing = purchases.dealer_listing(api, dealer)
    done = purchases.purchase(api, listing_id=listing["id"], seller=dealer, buyer=buyer, clerk=victims.clerk)
    for name, order in (("opened", opened), ("handed over", under_way), ("completed", done)):
        yield Foreign(f"order {name}", f"{BASE}/orders", {"order_id": order["id"]}, buyer)
    for order in (under_way, done):
        case = purchases.transfer_of(api, buyer, order["id"])
        yield Foreign(f"transfer {case['state']}", f"{BASE}/transfers", {"transfer_id": case["id"]}, buyer)
    for payment in purchases.get(api, "/payments", buyer)["items"]:
        yield Foreign(f"payment {payment['state']}", f"{BASE}/payments", {"payment_id": payment["id"]}, buyer)


@foreign
def imports_objects(victims: Victims) -> Iterator[Foreign]:
    arrived = imports.register_import(victims.api, victims.pilot)
    yield Foreign("arrived import", imports.BASE, {"import_id": arrived["id"]}, victims.pilot)
    published = imports.publish_import(victims.api, victims.pilot)
    yield Foreign("published import", imports.BASE, {"import_id": published["id"]}, victims.pilot)
    yield Foreign("verified pilot", imports.PILOTS, {"party_id": victims.pilot.party_id}, victims.clerk)
    opened = victims.api.post(f"{imports.PILOTS}/{victims.pilot.party_id}/assessments", headers=victims.clerk.headers)
    assert opened.status_code == 201, opened.text
    yield Foreign("pilot's assessment", f"{BASE}/pilot-assessments", {"assessment_id": opened.json()["id"]}, victims.pilot)
    source = feeds.source(victims.api, victims.pilot)
    yield Foreign("feed source", f"{BASE}/import-sources", {"source_id": source["id"]}, victims.pilot)
    run = feeds.push(victims.api, victims.pilot, source["id"], feeds.document(), 1)
    assert run.status_code == 201, run.text
    feeds.settle(victims.api)  # its reader has a thread of its own
    yield Foreign("feed's run", f"{BASE}/import-runs", {"run_id": run.json()["id"]}, victims.pilot)
    insurer = people.organization(victims.api, "insurer", by=victims.clerk)
    given = {"partner_id": str(insurer.party_id), "purpose": "商业险报价"}
    consent = purchases.post(victims.api, "/vin-consents", victims.dealer, given)
    yield Foreign("consent to full VINs", f"{BASE}/vin-consents", {"consent_id": consent["id"]}, victims.dealer)


@foreign
def valuation_objects(victims: Victims) -> Iterator[Foreign]:
    """Appraisals ordered, accepted and issued; an estimate."""
    api, owner = victims.api, victims.owner
    pair = people.appraisers(api, by=victims.clerk)
    car = cars.register_car(api, owner)
    for name in ("requested", "accepted", "inspected"):
        appraisal_id = appraisals.requested(api, owner, cars.register_car(api, owner)["id"], pair[0].organization_id)
        if name != "requested":
            appraisals.accepted(api, pair[0], appraisal_id, owner)
        ids = {"appraisal_id": appraisal_id}
        if name == "inspected":
            appraisals.inspected(api, pair[0], appraisal_id)
            ids["photo_id"] = appraisals.add_photo(api, pair[0], appraisal_id)["id"]
        yield Foreign(f"{name} appraisal", f"{appraisals.BASE}/appraisals", ids, owner)
    issued = appraisals.signed_appraisal(api, owner, car["id"], pair=pair)
    yield Foreign("issued appraisal", f"{appraisals.BASE}/appraisals", {"appraisal_id": issued["id"]}, owner)
    estimate = api.post(f"{appraisals.BASE}/estimates", json={"purpose": "retail_ask", "facts": BMW}, headers=owner.headers)
    assert estimate.status_code == 201, estimate.text
    yield Foreign("estimate", f"{appraisals.BASE}/estimates", {"estimate_id": estimate.json()["id"]}, owner)


@foreign
def operations_objects(victims: Victims) -> Iterator[Foreign]:
    """A delivery that failed too often."""
    victims.api.relay()
    with victims.api.database.writing() as session:
        delivery = session.exec(select(OutboxDelivery).order_by(col(OutboxDelivery.id)).limit(1)).one()
        delivery.state = DeliveryState.DEAD
        session.add(delivery)
        yield Foreign("dead letter", f"{BASE}/operations/dead-letters", {"delivery_id": delivery.id}, victims.clerk)
