"""Orders out of another feature's transaction, as a lot won makes them: claim, deposits that count to the price, default."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from marketplace.core import clock, outbox
from marketplace.core.ids import new_id
from marketplace.listings.api import ClaimKind, VehicleClaimed, find_claim, take_claim
from marketplace.orders import tasks
from marketplace.orders.api import BuyerIsSeller, OrderState, OrderView, cancel_order, default_order, get_order, open_order
from marketplace.payments import tasks as payment_tasks
from marketplace.payments.api import HoldState, balances, get_hold, hold, ledger_sum, release_hold
from tests.cars import register_car
from tests.market import Market
from tests.people import Person, operator, organization, payout_account, sign_up
from tests.purchases import balance, get, hand_over_and_accept, money, pay, sign_both, transfer

HAMMER, DEPOSIT, BUYER_FEE, SELLER_FEE = 6_000_000, 500_000, 150_000, 90_000
OPENING = 10_000_000


class World:
    """An owner's car won in a lot by a dealer, whose deposit is held."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self.clerk = operator(api)
        self.owner = sign_up(api, "孙七")
        self.dealer = organization(api, "dealer", by=self.clerk)
        self.house = organization(api, "auction_house", by=self.clerk)
        for person in (self.owner, self.house):
            payout_account(api, person)
        money(api, self.dealer, OPENING)
        self.vehicle_id = UUID(register_car(api, self.owner)["id"])
        self.lot_id = new_id()
        with api.database.writing() as session:
            take_claim(session, vehicle_id=self.vehicle_id, kind=ClaimKind.LOT, holder_id=self.lot_id)
            found = hold(session, party_id=self.dealer.party_id, amount_minor=DEPOSIT, purpose_kind="lot", purpose_id=self.lot_id)
            self.hold_id = found.id
        api.relay()

    def open(self, **changes: Any) -> OrderView:
        with self.api.database.writing() as session:
            facts: dict[str, Any] = {
                "vehicle_id": self.vehicle_id,
                "seller_id": self.owner.id,
                "buyer_id": self.dealer.party_id,
                "price_minor": HAMMER,
                "price_kind": "hammer",
                "channel": "auction",
                "source_kind": "lot",
                "source_id": self.lot_id,
                "buyer_fee_minor": BUYER_FEE,
                "seller_fee_minor": SELLER_FEE,
                "buyer_fee_to": self.house.party_id,
                "seller_fee_to": self.house.party_id,
                "pay_by": clock.now(session) + timedelta(days=5),
                "deposit_hold_ids": [self.hold_id],
            }
            return open_order(session, **(facts | changes))

    def state(self, order: OrderView) -> OrderState:
        with self.api.database.reading() as session:
            return get_order(session, order_id=order.id).state

    def hold_state(self) -> HoldState:
        with self.api.database.reading() as session:
            return get_hold(session, hold_id=self.hold_id).state

    def is_sound(self) -> dict[str, int]:
        with self.api.database.reading() as session:
            assert ledger_sum(session) == 0
            return {kind: amount for kind, amount in balances(session).items() if amount}

    def sweep(self, step: timedelta) -> None:
        self.api.advance(step)
        with outbox.use_database(self.api.database):
            tasks.sweep_overdue()
        self.api.relay()


@pytest.fixture
def world(api: Market) -> World:
    return World(api)


def due(world: World, order: OrderView, person: Person) -> int:
    found: int = get(world.api, f"/orders/{order.id}", person)["payment"]["amount_minor"]
    return found


class TestOpenOrder:
    def test_the_claim_passes_from_the_lot_without_a_gap(self, world: World) -> None:
        order = world.open()
        with world.api.database.reading() as session:
            claim = find_claim(session, vehicle_id=world.vehicle_id)
        assert claim is not None
        assert (claim.kind, claim.holder_id) == (ClaimKind.ORDER, order.id)

    def test_somebody_elses_claim_refuses_it(self, world: World) -> None:
        with pytest.raises(VehicleClaimed):
            world.open(source_id=new_id())

    def test_nobody_buys_from_himself(self, world: World) -> None:
        with pytest.raises(BuyerIsSeller):
            world.open(buyer_id=world.owner.id)

    def test_the_contract_names_deposit_and_earnest_money(self, world: World) -> None:
        order = world.open(price_minor=2_000_000)
        document = get(world.api, f"/orders/{order.id}/contract", world.dealer)["document"]
        assert document["kind"] == "purchase"
        assert document["payment"]["deposit_minor"] == DEPOSIT
        assert document["payment"]["earnest_money_minor"] == 400_000  # a fifth of the price


class TestPay:
    def test_the_deposit_counts_to_the_price(self, world: World) -> None:
        order = world.open()
        sign_both(world.api, world.owner, world.dealer, str(order.id))
        assert due(world, order, world.dealer) == HAMMER + BUYER_FEE - DEPOSIT
        assert pay(world.api, world.dealer, str(order.id))["state"] == "paid"
        assert world.hold_state() is HoldState.CAPTURED
        assert balance(world.api, world.dealer) == OPENING - HAMMER - BUYER_FEE
        assert world.is_sound() == {"clearing": HAMMER + BUYER_FEE, "escrow": HAMMER + BUYER_FEE}

    def test_to_the_payout(self, world: World) -> None:
        order = world.open()
        sign_both(world.api, world.owner, world.dealer, str(order.id))
        pay(world.api, world.dealer, str(order.id))
        hand_over_and_accept(world.api, world.owner, world.dealer, str(order.id))
        case = transfer(world.api, world.clerk, world.dealer, str(order.id), issuer=world.house)
        assert (case["state"], case["invoice_issuer"]) == ("completed", "auction_house")
        assert balance(world.api, world.owner) == HAMMER - SELLER_FEE
        assert balance(world.api, world.house) == SELLER_FEE + BUYER_FEE
        assert world.is_sound() == {}

    def test_a_deposit_that_lapsed_is_asked_for_in_money(self, world: World) -> None:
        order = world.open()
        sign_both(world.api, world.owner, world.dealer, str(order.id))
        with world.api.database.writing() as session:
            release_hold(session, hold_id=world.hold_id, reason="lapsed")
        world.api.relay()
        assert due(world, order, world.dealer) == HAMMER + BUYER_FEE
        assert pay(world.api, world.dealer, str(order.id))["state"] == "paid"

    def test_a_deposit_that_covers_all_is_taken_in_part(self, world: World) -> None:
        order = world.open(price_minor=300_000, buyer_fee_minor=0, seller_fee_minor=0)
        sign_both(world.api, world.owner, world.dealer, str(order.id))
        world.api.relay()
        assert world.state(order) is OrderState.PAID
        assert balance(world.api, world.dealer) == OPENING - 300_000


class TestDefault:
    def test_a_winner_who_does_not_pay_loses_his_deposit(self, world: World) -> None:
        order = world.open()
        sign_both(world.api, world.owner, world.dealer, str(order.id))
        world.sweep(timedelta(days=4))
        assert world.state(order) is OrderState.AWAITING_PAYMENT
        world.sweep(timedelta(days=1))
        assert world.state(order) is OrderState.DEFAULTED
        assert world.hold_state() is HoldState.FORFEITED
        assert balance(world.api, world.dealer) == OPENING - DEPOSIT
        assert balance(world.api, world.house) == BUYER_FEE + SELLER_FEE
        assert balance(world.api, world.owner) == DEPOSIT - BUYER_FEE - SELLER_FEE
        assert world.is_sound() == {}
        with world.api.database.reading() as session:
            assert find_claim(session, vehicle_id=world.vehicle_id) is None

    def test_twice_is_once(self, world: World) -> None:
        order = world.open()
        for _twice in range(2):
            with world.api.database.writing() as session:
                default_order(session, order_id=order.id, reason="悔拍")
            world.api.relay()
        assert balance(world.api, world.dealer) == OPENING - DEPOSIT

    def test_a_seller_who_does_not_sign_gives_the_buyer_his_deposit_back(self, world: World) -> None:
        from tests.purchases import sign

        order = world.open()
        sign(world.api, world.dealer, str(order.id))
        world.sweep(timedelta(days=5))
        assert world.state(order) is OrderState.DEFAULTED
        assert world.hold_state() is HoldState.RELEASED
        assert balance(world.api, world.dealer) == OPENING

    def test_late_money_of_a_defaulter_goes_back(self, world: World) -> None:
        order = world.open()
        signed = sign_both(world.api, world.owner, world.dealer, str(order.id))["payment"]
        world.sweep(timedelta(days=5))
        from tests.purchases import post

        post(
            world.api,
            "/sandbox-bank/transfers",
            world.dealer,
            {"reference": signed["reference"], "amount_minor": signed["amount_minor"]},
        )
        world.api.relay()
        assert balance(world.api, world.dealer) == OPENING - DEPOSIT


class TestCancel:
    def test_a_paid_order_is_undone_to_the_fen(self, world: World) -> None:
        order = world.open()
        sign_both(world.api, world.owner, world.dealer, str(order.id))
        pay(world.api, world.dealer, str(order.id))
        with world.api.database.writing() as session:
            cancel_order(session, order_id=order.id, reason="车辆灭失")
        world.api.relay()
        with outbox.use_database(world.api.database):
            payment_tasks.sweep_waiting_payouts()
        world.api.relay()
        returned = OPENING - DEPOSIT  # the captured deposit waits for the dealer's payout account
        assert balance(world.api, world.dealer) == returned
        assert world.is_sound() == {"clearing": DEPOSIT, "payouts_payable": DEPOSIT}
