"""One vehicle, one claim: a store order, a consignment contract, an acquisition, a trade-in and a lot's opening race over one car.

Whoever comes first has it, the others are told so, nothing deadlocks, and when the winner lets go the next one gets it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from auction.closing.tasks import turn_due
from auction.lots.models import Lot
from marketplace.core.db import Database
from marketplace.listings.api import ClaimView, find_claim
from marketplace.orders.domain.orders import ENDED
from marketplace.orders.models import Order
from marketplace.sourcing.domain import ConsignmentState
from marketplace.sourcing.domain.acquisitions import AcquisitionState
from marketplace.sourcing.models import Acquisition, Consignment, ReverseInvoice
from tests.auctions import AuctionHouse
from tests.cars import register_car
from tests.market import Market
from tests.people import BASE, Person, sign_up
from tests.purchases import CONFIRMATIONS, dealer_listing, money, pay, sign_both
from tests.racing import at_once
from tests.sourcing.acquiring import PRICE, Asked, accept, acquirer, inspect, offer_id, until
from tests.stock import offer_consignment, sign_consignment

REFUSED = {"vehicle_claimed", "acquisition_state_refused", "offer_lapsed", "listing_not_found", "listing_not_live", "not_eligible"}


class Arena:
    """People who want one car, set up once; each ``Car`` is raced for by itself."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self.house = AuctionHouse(api)
        self.clerk = self.house.clerk
        self.dealers = [acquirer(api, by=self.clerk) for _ in range(2)]
        self.buyers = [sign_up(api, name) for name in ("王五", "赵六", "周八")]
        self.owner = sign_up(api, "李四")
        for one in (*self.buyers, self.owner):
            money(api, one, 20_000_000)


class Car:
    """A car in every channel at once: a consignment one signature short, offers waiting, a lot due to open, a trade-in offered."""

    def __init__(self, arena: Arena) -> None:
        self.arena, self.api = arena, arena.api
        api, owner = arena.api, arena.owner
        for one in (owner, *arena.buyers, *arena.dealers, arena.house.owner, arena.clerk):
            one.sign_in(api) if one.totp_secret is None else one.renew(api)
        self.id = register_car(api, owner)["id"]
        session_id = arena.house.session()
        self.lot_id = arena.house.lot(session_id, owner, vehicle_id=self.id)
        arena.house.publish(session_id)
        made = offer_consignment(api, owner, self.id, agent_id=str(arena.clerk.party_id))
        assert made.status_code == 201, made.text
        self.consignment_id = made.json()["id"]
        assert sign_consignment(api, owner, self.consignment_id).status_code == 200
        asked = api.post(f"{BASE}/acquisitions", json={"vehicle_id": self.id, "days": 7}, headers=owner.headers)
        assert asked.status_code == 201, asked.text
        self.deal = Asked(owner, {"id": self.id}, asked.json()["id"])
        self.offers = [offer_id(api, dealer, self.deal) for dealer in arena.dealers]
        self.trade_in = self._offered_trade_in()
        api.advance(timedelta(minutes=11))

    def _offered_trade_in(self) -> str:
        dealer = self.arena.dealers[0]
        self.new = dealer_listing(self.api, dealer)
        body = {"vehicle_id": self.id, "listing_id": self.new["id"], "buyer_city": "天津"}
        asked = self.api.post(f"{BASE}/trade-ins", json=body, headers=self.arena.owner.headers)
        assert asked.status_code == 201, asked.text
        offered = {"old_price_minor": PRICE, "valid_until": until(self.api)}
        path = f"{BASE}/trade-ins/{asked.json()['id']}/offer"
        assert self.api.post(path, json=offered, headers=dealer.headers).status_code == 201
        return str(asked.json()["id"])

    # --- the racers, each on a connection of its own ---

    def consign(self) -> Any:
        return sign_consignment(self.api, self.arena.clerk, self.consignment_id)

    def order(self, buyer: Person) -> Any:
        """As soon as the car shows in the window; None when it never did."""
        patience = time.monotonic() + 4
        while time.monotonic() < patience:
            listing_id = self.listing_id()
            if listing_id is not None:
                body = {"listing_id": listing_id, "buyer_city": "天津", "confirmations": CONFIRMATIONS}
                return self.api.post(f"{BASE}/orders", json=body, headers=buyer.headers)
            if self.claim() is not None:
                return None
        return None

    def listing_id(self) -> str | None:
        with self.api.database.reading() as session:
            row = session.exec(select(Consignment).where(Consignment.vehicle_id == UUID(self.id))).one()
            return str(row.listing_id) if row.listing_id is not None else None

    def accept(self, chosen: str) -> Any:
        return accept(self.api, self.deal, chosen)

    def trade(self) -> Any:
        body = {"confirmations": CONFIRMATIONS}
        return self.api.post(f"{BASE}/trade-ins/{self.trade_in}/acceptance", json=body, headers=self.arena.owner.headers)

    def open_lot(self) -> Any:
        turn_due(self.api.database)
        return None

    # --- what came of it ---

    def claim(self) -> ClaimView | None:
        with self.api.database.reading() as session:
            return find_claim(session, vehicle_id=UUID(self.id))

    def orders(self) -> list[Order]:
        with self.api.database.reading() as session:
            rows = session.exec(select(Order).where(Order.vehicle_id == UUID(self.id), col(Order.state).not_in(ENDED))).all()
            session.expunge_all()
            return list(rows)

    def check(self) -> str:
        """Exactly one has the car, and each channel's own state says the same. Who it is."""
        claim, orders = self.claim(), self.orders()
        assert claim is not None
        with self.api.database.reading() as session:
            acquisition = session.get_one(Acquisition, UUID(self.deal.id))
            lot = session.get_one(Lot, UUID(self.lot_id))
            consignment = session.get_one(Consignment, UUID(self.consignment_id))
            assert (acquisition.state is AcquisitionState.ACCEPTED) == (claim.holder_id == acquisition.id)
            assert (str(lot.state) == "open") == (claim.holder_id == lot.id)
            assert [one.id for one in orders] == ([claim.holder_id] if claim.kind.value == "order" else [])
            assert consignment.state in {ConsignmentState.OFFERED, ConsignmentState.ACTIVE}
            is_traded = bool(orders) and orders[0].source_id == UUID(self.trade_in)
        return "trade_in" if is_traded else claim.kind.value

    def let_go(self, winner: str) -> None:
        """The winner gives the car up, as he would."""
        owner = self.arena.owner
        if winner in {"order", "trade_in"}:
            (order,) = self.orders()
            path, body = f"{BASE}/orders/{order.id}/cancellation", {"reason": "改变主意"}
            buyer = next(one for one in (owner, *self.arena.buyers) if one.party_id in {order.buyer_id, order.seller_id})
            answer = self.api.post(path, json=body, headers=buyer.headers)
            assert answer.status_code == 201, answer.text
        elif winner == "acquisition":
            path = f"{BASE}/acquisitions/{self.deal.id}/withdrawal"
            assert self.api.post(path, json={"reason": "不卖了"}, headers=owner.headers).status_code == 200
        else:
            self.arena.house.turn(timedelta(minutes=11))  # nobody bids: it passes
        self.api.relay()
        assert self.claim() is None

    def next_takes_it(self, winner: str) -> None:
        """Somebody else gets the car now."""
        if winner == "acquisition":
            body = {"vehicle_id": self.id, "days": 7}
            asked = self.api.post(f"{BASE}/acquisitions", json=body, headers=self.arena.owner.headers)
            assert asked.status_code == 201, asked.text
            self.deal = Asked(self.arena.owner, {"id": self.id}, asked.json()["id"])
            self.offers = [offer_id(self.api, self.arena.dealers[1], self.deal)]
        taken = self.accept(self.offers[-1])
        assert taken.status_code == 200, taken.text
        claim = self.claim()
        assert claim is not None
        assert claim.kind.value == "acquisition"


@pytest.fixture
def arena(postgres: Database) -> Iterator[Arena]:
    with Market(postgres) as api:
        yield Arena(api)


def race(racers: Sequence[Callable[[], Any]]) -> list[Any]:
    """All at once; nothing may fail but by a refusal."""
    answers = [one for one in at_once(racers) if one is not None]
    for one in answers:
        assert one.status_code in {200, 201} or (one.status_code in {404, 409} and one.json()["code"] in REFUSED), one.text
    return answers


def test_all_kinds_at_once_sell_a_car_never_twice_and_leave_it_never_stuck(arena: Arena) -> None:
    won: list[str] = []
    for turn in range(4):
        car = Car(arena)
        racers: list[Callable[[], Any]] = [
            car.consign,
            *[partial(car.order, buyer) for buyer in arena.buyers],
            *[partial(car.accept, chosen) for chosen in car.offers],
            car.trade,
            car.open_lot,
            car.open_lot,
        ]
        race(racers[turn:] + racers[:turn])
        winner = car.check()
        arena.api.relay()
        assert car.check() == winner  # what is heard later changes nothing of it
        won.append(winner)
        car.let_go(winner)
        car.next_takes_it(winner)
    assert len(won) == 4


def test_two_acceptances_of_two_offers_take_one(arena: Arena) -> None:
    for _ in range(2):
        car = Car(arena)
        answers = race([partial(car.accept, chosen) for chosen in car.offers] * 2)
        assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
        assert car.check() == "acquisition"
        car.let_go("acquisition")


def test_an_order_and_an_acquisition_never_both(arena: Arena) -> None:
    """The car is in the window already: buyers and the owner's acceptance meet head on."""
    for _ in range(2):
        car = Car(arena)
        assert car.consign().status_code == 200
        racers: list[Callable[[], Any]] = [partial(car.order, buyer) for buyer in arena.buyers]
        answers = race([*racers, *[partial(car.accept, chosen) for chosen in car.offers]])
        assert sum(one.status_code in {200, 201} for one in answers) == 1
        winner = car.check()
        car.let_go(winner)
        car.next_takes_it(winner)


def test_a_lot_that_opens_and_an_acceptance_never_both(arena: Arena) -> None:
    for _ in range(2):
        car = Car(arena)
        race([*[partial(car.accept, chosen) for chosen in car.offers], car.open_lot, car.open_lot])
        winner = car.check()
        assert winner in {"acquisition", "lot"}
        car.let_go(winner)
        car.next_takes_it(winner)


def test_walking_away_and_the_re_inspection_meet(arena: Arena) -> None:
    """Either the contract stands or the owner is gone; never an order of a car he took back."""
    for _ in range(2):
        car = Car(arena)
        assert car.accept(car.offers[0]).status_code == 200
        path = f"{BASE}/acquisitions/{car.deal.id}/withdrawal"
        inspected, gone = at_once(
            [
                partial(inspect, arena.api, arena.dealers[0], car.deal),
                partial(arena.api.post, path, json={"reason": "不卖了"}, headers=arena.owner.headers),
            ]
        )
        assert sorted([inspected.status_code in {200, 201}, gone.status_code == 200]) == [False, True]
        assert len(car.orders()) == (inspected.status_code == 201)
        claim = car.claim()
        assert (claim.kind.value if claim else None) == ("order" if inspected.status_code == 201 else None)
        if claim is not None:
            car.let_go("order")


def test_cancelling_both_halves_of_a_trade_in_at_once_deadlocks_nobody(arena: Arena) -> None:
    for _ in range(2):
        car = Car(arena)
        traded = car.trade()
        assert traded.status_code == 200, traded.text
        ids = [traded.json()["old_order_id"], traded.json()["new_order_id"]]
        body = {"reason": "改变主意"}
        answers = at_once(
            [
                partial(arena.api.post, f"{BASE}/orders/{one}/cancellation", json=body, headers=who.headers)
                for one in ids
                for who in (arena.owner, arena.dealers[0])
            ]
        )
        assert {one.status_code for one in answers} <= {201, 409}
        assert car.orders() == []
        assert car.claim() is None


def test_a_request_is_asked_once_by_many_connections(arena: Arena) -> None:
    car = register_car(arena.api, arena.owner)["id"]
    body = {"vehicle_id": car, "days": 7}
    ask = partial(arena.api.post, f"{BASE}/acquisitions", json=body, headers=arena.owner.headers)
    answers = at_once([ask, ask, ask, ask])
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]


def test_the_reverse_invoice_is_drawn_up_once(arena: Arena) -> None:
    api, dealer = arena.api, arena.dealers[0]
    car = Car(arena)
    assert car.accept(car.offers[0]).status_code == 200
    order_id = inspect(api, dealer, car.deal).json()["order_id"]
    sign_both(api, arena.owner, dealer, order_id)
    pay(api, dealer, order_id)
    issue = partial(api.post, f"{BASE}/purchases/{order_id}/reverse-invoice", json={}, headers=dealer.headers)
    answers = at_once([issue, issue, issue])
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["id"] for one in answers}) == 1
    with api.database.reading() as session:
        assert len(session.exec(select(ReverseInvoice)).all()) == 1
