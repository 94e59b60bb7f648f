"""A claim about a car that was handed over: the order waits, then goes on, cheaper, or is undone; the ledger sums to zero each time."""

from collections.abc import Callable
from typing import Any

import pytest

from marketplace.core.security import Principal, PrincipalKind
from marketplace.orders.api import (
    AdjustmentAboveProceeds,
    OrderDisputed,
    OrderNotDisputable,
    OrderState,
    OrderStateRefused,
    OrderView,
    complete_transfer,
    dispute_order,
    end_dispute,
    get_order,
    unwind_order,
)
from marketplace.orders.domain import check_move
from tests.market import Market
from tests.orders.test_lot_orders import BUYER_FEE, HAMMER, OPENING, SELLER_FEE, World
from tests.people import payout_account
from tests.purchases import (
    balance,
    get,
    give_papers,
    hand_over_and_accept,
    pay,
    post,
    sign_both,
    transfer,
    transfer_of,
)

TOTAL = HAMMER + BUYER_FEE


class Disputed:
    """A lot's order that was paid and handed over."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self.world = World(api)
        payout_account(api, self.world.dealer)
        self.order: OrderView = self.world.open()
        sign_both(api, self.world.owner, self.world.dealer, self.id)
        pay(api, self.world.dealer, self.id)
        hand_over_and_accept(api, self.world.owner, self.world.dealer, self.id)
        api.relay()

    @property
    def id(self) -> str:
        return str(self.order.id)

    @property
    def operator(self) -> Principal:
        return Principal(kind=PrincipalKind.PERSON, id=self.world.clerk.id, party_id=self.world.clerk.party_id)

    def do(self, act: Callable[..., OrderView], **facts: Any) -> OrderView:
        with self.api.database.writing() as session:
            return act(session, order_id=self.order.id, **facts)

    def now(self) -> OrderView:
        with self.api.database.reading() as session:
            return get_order(session, order_id=self.order.id)

    def transfer_case(self) -> dict[str, Any]:
        return transfer_of(self.api, self.world.dealer, self.id)

    def prepare_transfer(self) -> dict[str, Any]:
        case = self.transfer_case()
        give_papers(self.api, self.world.dealer, self.world.clerk, case)
        post(self.api, f"/transfers/{case['id']}/invoice", self.world.house, {})
        return case


@pytest.fixture
def disputed(api: Market) -> Disputed:
    return Disputed(api)


class TestGuard:
    def test_an_open_claim_stops_transfer_and_payout(self, api: Market, disputed: Disputed) -> None:
        disputed.do(dispute_order)
        case = disputed.prepare_transfer()
        refused = post(api, f"/transfers/{case['id']}/submit", disputed.world.clerk, {}, status=409)
        assert refused["code"] == "order_disputed"
        with pytest.raises(OrderDisputed):
            disputed.do(complete_transfer, principal=None)
        assert (disputed.now().state, disputed.transfer_case()["state"]) == (OrderState.HANDED_OVER, "collecting")
        assert disputed.world.is_sound() == {"clearing": TOTAL, "escrow": TOTAL}
        with pytest.raises(OrderNotDisputable):
            disputed.do(dispute_order)

    def test_what_the_office_registers_meanwhile_waits_for_the_decision(self, api: Market, disputed: Disputed) -> None:
        case = disputed.prepare_transfer()
        post(api, f"/transfers/{case['id']}/submit", disputed.world.clerk, {})
        disputed.do(dispute_order)
        api.relay()
        assert (disputed.now().state, disputed.transfer_case()["state"]) == (OrderState.HANDED_OVER, "submitted")
        assert disputed.world.is_sound() == {"clearing": TOTAL, "escrow": TOTAL}
        disputed.do(end_dispute)
        api.relay()
        assert (disputed.now().state, disputed.transfer_case()["state"]) == (OrderState.COMPLETED, "completed")
        assert balance(api, disputed.world.owner) == HAMMER - SELLER_FEE
        assert disputed.world.is_sound() == {}

    def test_only_what_was_handed_over_can_be_disputed(self, api: Market) -> None:
        world = World(api)
        order = world.open()
        with pytest.raises(OrderNotDisputable), api.database.writing() as session:
            dispute_order(session, order_id=order.id)
        assert world.state(order) is OrderState.AWAITING_SIGNATURES


class TestOutcome:
    def test_rejected_it_goes_on_as_if_nothing_was(self, api: Market, disputed: Disputed) -> None:
        disputed.do(dispute_order)
        disputed.do(end_dispute)
        disputed.do(end_dispute)
        assert disputed.now().disputed_at is None
        transfer(api, disputed.world.clerk, disputed.world.dealer, disputed.id, issuer=disputed.world.house)
        assert balance(api, disputed.world.owner) == HAMMER - SELLER_FEE
        assert disputed.world.is_sound() == {}

    def test_a_price_adjustment_leaves_the_sellers_proceeds_for_the_buyer_at_settlement(self, api: Market, disputed: Disputed) -> None:
        disputed.do(dispute_order)
        disputed.do(end_dispute, adjustment_minor=800_000)
        assert balance(api, disputed.world.dealer) == OPENING - TOTAL
        transfer(api, disputed.world.clerk, disputed.world.dealer, disputed.id, issuer=disputed.world.house)
        assert balance(api, disputed.world.owner) == HAMMER - SELLER_FEE - 800_000
        assert balance(api, disputed.world.house) == SELLER_FEE + BUYER_FEE
        found = get(api, f"/orders/{disputed.id}", disputed.world.dealer)
        assert (found["state"], found["price_minor"]) == ("completed", HAMMER)
        assert balance(api, disputed.world.dealer) == OPENING - TOTAL + 800_000
        assert disputed.world.is_sound() == {}

    def test_an_adjustment_is_at_most_the_proceeds(self, disputed: Disputed) -> None:
        disputed.do(dispute_order)
        with pytest.raises(AdjustmentAboveProceeds) as refused:
            disputed.do(end_dispute, adjustment_minor=HAMMER - SELLER_FEE + 1)
        assert refused.value.fields == {"proceeds_minor": HAMMER - SELLER_FEE}
        assert (disputed.now().adjustment_minor, disputed.now().disputed_at is not None) == (0, True)

    def test_unwinding_returns_the_escrow_and_cancels_the_order(self, api: Market, disputed: Disputed) -> None:
        disputed.do(dispute_order)
        disputed.do(unwind_order, reason="flood_fire", principal=disputed.operator)
        api.relay()
        assert (disputed.now().state, disputed.now().end_reason) == (OrderState.CANCELLED, "flood_fire")
        assert disputed.transfer_case()["state"] == "cancelled"
        assert balance(api, disputed.world.dealer) == OPENING
        assert disputed.world.is_sound() == {}

    def test_nobody_unwinds_without_a_dispute(self, disputed: Disputed) -> None:
        with pytest.raises(OrderNotDisputable):
            disputed.do(unwind_order, reason="x", principal=disputed.operator)
        assert disputed.now().state is OrderState.HANDED_OVER
        with pytest.raises(OrderStateRefused):
            check_move(OrderState.HANDED_OVER, OrderState.CANCELLED)
        check_move(OrderState.HANDED_OVER, OrderState.CANCELLED, is_decided=True)


class TestUnknown:
    def test_a_completed_order_is_not_stopped(self, api: Market, disputed: Disputed) -> None:
        transfer(api, disputed.world.clerk, disputed.world.dealer, disputed.id, issuer=disputed.world.house)
        assert disputed.do(dispute_order).state is OrderState.COMPLETED
        assert disputed.now().disputed_at is None
        assert disputed.do(end_dispute, adjustment_minor=1).adjustment_minor == 0
