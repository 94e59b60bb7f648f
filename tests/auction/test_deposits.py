"""Deposits over an auction's whole life: kept to the hard end, told of and lapsed where they cannot be, back to every loser at once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from auction.bidding.domain import RegistrationState
from auction.bidding.models import Registration
from auction.lots.models import Lot
from auction.settlement.models import AuctionResult
from auction.settlement.tasks import keep_lapsing
from marketplace.core.money import share_bps
from marketplace.core.outbox import OutboxEvent
from marketplace.core.settings import Settings, get_settings
from marketplace.payments.gateway import registry
from marketplace.payments.gateway.registry import Installed
from marketplace.payments.gateway.sandbox import SandboxBank, account_number, capabilities
from marketplace.payments.models import Hold, SandboxBankAccount, SandboxBankDrill
from marketplace.payments.service.holds import sweep_lapsed
from tests.auctions import AuctionHouse
from tests.market import Market
from tests.people import Person, organization, sign_up

DAY = timedelta(days=1)


@pytest.fixture
def three_days(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every hold lasts three days; the gateway ``stiff`` can neither renew nor charge, ``charging`` only charges."""
    settings = get_settings().model_copy(update={"sandbox_hold_days": 3})
    monkeypatch.setattr("marketplace.payments.gateway.registry.get_settings", lambda: settings)

    def open_bank(database: Any, settings: Settings = settings) -> SandboxBank:
        return SandboxBank(database, settings)

    for name, charges in (("charging", True), ("stiff", False)):
        registry._extra[name] = Installed(replace(capabilities(settings), renews=False, charges=charges), open_bank, {})
    yield
    registry._extra.clear()


@pytest.fixture
def house(quick_api: Market) -> AuctionHouse:
    return AuctionHouse(quick_api)


@pytest.fixture
def dealers(quick_api: Market, house: AuctionHouse) -> list[Person]:
    return [organization(quick_api, "dealer", by=house.clerk) for _ in range(2)]


def register(house: AuctionHouse, lot_id: str, bidder: Person, gateway: str | None = None) -> None:
    house.api.post("/marketplace/v1/sandbox-bank/accounts", json={"opening_minor": 50_000_000}, headers=bidder.headers)
    house.post(f"/lots/{lot_id}/registrations", bidder, {"gateway": gateway} if gateway else {})
    house.api.relay()


def tend(house: AuctionHouse, step: timedelta) -> None:
    """Let time pass, then what the sweeps do."""
    house.api.advance(step)
    keep_lapsing(house.api.database)
    with house.api.database.writing() as session:
        sweep_lapsed(session)
    house.turn()


def told(house: AuctionHouse) -> list[dict[str, Any]]:
    with house.api.database.reading() as session:
        return [one.payload for one in session.exec(select(OutboxEvent).where(OutboxEvent.name == "payments.hold_lapsing"))]


def states(house: AuctionHouse, lot_id: str) -> dict[UUID, tuple[RegistrationState, str]]:
    with house.api.database.reading() as session:
        rows = session.exec(select(Registration).where(Registration.lot_id == UUID(lot_id))).all()
        return {row.party_id: (row.state, session.get_one(Hold, row.hold_id).state.value) for row in rows}


class TestKept:
    @pytest.mark.parametrize("gateway", [None, "charging"])
    def test_a_deposit_outlives_its_hold_to_the_hard_end_and_the_loser_has_it_back(
        self, house: AuctionHouse, dealers: list[Person], three_days: None, gateway: str | None
    ) -> None:
        session_id = house.session(opens_in=5 * DAY)
        lot_id = house.lot(session_id, sign_up(house.api, "卖车人"))
        house.publish(session_id)
        for dealer in dealers:
            register(house, lot_id, dealer, gateway)
        for _ in range(10):
            tend(house, DAY / 2)
        assert set(states(house, lot_id).values()) == {(RegistrationState.REGISTERED, "held")}
        assert told(house) == []
        tend(house, timedelta(minutes=1))
        house.bid(dealers[0], lot_id, 9_000_000)
        house.bid(dealers[1], lot_id, 8_800_000)
        tend(house, timedelta(hours=3))
        found = states(house, lot_id)
        assert found[dealers[1].party_id] == (RegistrationState.RELEASED, "released")
        assert found[dealers[0].party_id][0] is RegistrationState.APPLIED
        with house.api.database.reading() as session:
            account = session.get_one(SandboxBankAccount, account_number(dealers[1].party_id))
        assert (account.balance_minor, account.frozen_minor) == (50_000_000, 0)

    def test_a_deposit_is_left_alone_when_the_lot_ends_first(self, house: AuctionHouse, dealers: list[Person], three_days: None) -> None:
        lot_id = house.open_lot_for([])
        register(house, lot_id, dealers[0])
        with house.api.database.reading() as session:
            before = session.exec(select(Hold.gateway_ref)).all()
        assert keep_lapsing(house.api.database) == 0
        tend(house, timedelta(minutes=1))
        with house.api.database.reading() as session:
            assert session.exec(select(Hold.gateway_ref)).all() == before


class TestLapsed:
    def test_he_is_told_a_day_before_cannot_bid_after_and_his_lead_stays_bound(
        self, house: AuctionHouse, dealers: list[Person], three_days: None
    ) -> None:
        session_id = house.session(lot_run_s=5 * 86_400)
        lot_id = house.lot(session_id, sign_up(house.api, "卖车人"))
        house.publish(session_id)
        register(house, lot_id, dealers[0], "stiff")
        register(house, lot_id, dealers[1])
        house.turn(timedelta(minutes=11))
        house.bid(dealers[0], lot_id, 9_000_000)
        tend(house, timedelta(hours=46))
        assert told(house) == []
        tend(house, timedelta(hours=1))
        tend(house, timedelta(hours=1))
        (one,) = told(house)
        assert (one["party_id"], one["purpose_kind"], one["purpose_id"]) == (str(dealers[0].party_id), "lot", lot_id)
        tend(house, DAY)
        assert states(house, lot_id) == {
            dealers[0].party_id: (RegistrationState.LAPSED, "lapsed"),
            dealers[1].party_id: (RegistrationState.REGISTERED, "held"),
        }
        refused = house.bid(dealers[0], lot_id, 9_500_000, status=409)
        assert refused["code"] == "deposit_not_held"
        with house.api.database.reading() as session:
            lot = session.get_one(Lot, UUID(lot_id))
            assert session.get_one(Registration, lot.leader_id).party_id == dealers[0].party_id
        for _ in range(5):
            tend(house, DAY / 2)
        with house.api.database.reading() as session:
            result = session.get_one(AuctionResult, UUID(lot_id))
            assert (result.winner_id, result.kind.value, result.order_refusal) == (dealers[0].party_id, "sold", None)
            assert result.order_id is not None


class TestRule18:
    """电商法 21, 民法典 586."""

    def test_rule_18_losers_deposits_are_back_at_once_without_asking_and_within_24_hours_though_the_bank_answers_late(
        self, house: AuctionHouse, dealers: list[Person]
    ) -> None:
        lot_id = house.open_lot_for(dealers)
        house.bid(dealers[0], lot_id, 9_000_000)
        house.bid(dealers[1], lot_id, 8_500_000)
        with house.api.database.writing() as session:
            session.add(SandboxBankDrill(id=1, lost_answers=4))
        house.turn(timedelta(hours=2))
        with house.api.database.reading() as session:
            loser = session.exec(select(Hold).where(Hold.party_id == dealers[1].party_id)).one()
            closed_at = session.get_one(AuctionResult, UUID(lot_id)).closed_at
        assert loser.state.value in {"releasing", "released"}  # asked for in the transaction that closed the lot
        for _ in range(6):
            house.turn(timedelta(hours=1))
        with house.api.database.reading() as session:
            loser = session.get_one(Hold, loser.id)
        assert loser.state.value == "released"
        assert loser.ended_at is not None
        assert loser.ended_at - closed_at <= DAY

    @pytest.mark.parametrize("deposit_bps", [499, 2_001])
    def test_rule_18_no_deposit_above_a_fifth_of_the_price(self, house: AuctionHouse, dealers: list[Person], deposit_bps: int) -> None:
        body = house.session_body(deposit_bps=deposit_bps)
        refused = house.post("/sessions", house.owner, body, status=422)
        assert (refused["code"], refused["least_bps"], refused["most_bps"]) == ("deposit_out_of_range", 500, 2_000)
        session_id = house.session(deposit_bps=2_000)
        lot_id = house.lot(session_id, sign_up(house.api, "卖车人"))
        house.publish(session_id)
        register(house, lot_id, dealers[0])
        house.turn(timedelta(minutes=11))
        house.bid(dealers[0], lot_id, 8_000_000)
        house.turn(timedelta(hours=2))
        with house.api.database.reading() as session:
            result = session.get_one(AuctionResult, UUID(lot_id))
            (held,) = session.exec(select(Hold.amount_minor).where(Hold.party_id == dealers[0].party_id)).all()
        assert result.price_minor is not None
        assert held == 1_600_000 <= share_bps(result.price_minor, 2_000)


class TestLines:
    def test_a_dealers_line_is_renewed_as_long_as_he_keeps_it(self, house: AuctionHouse, dealers: list[Person], three_days: None) -> None:
        house.api.post("/marketplace/v1/sandbox-bank/accounts", json={"opening_minor": 50_000_000}, headers=dealers[0].headers)
        line_id = house.post("/lines", dealers[0], {"deposit_minor": 1_000_000})["id"]
        house.api.relay()
        for _ in range(10):
            tend(house, DAY / 2)
        assert house.get(f"/lines/{line_id}", dealers[0])["state"] == "active"
        assert told(house) == []
        with house.api.database.reading() as session:
            account = session.get_one(SandboxBankAccount, account_number(dealers[0].party_id))
        assert (account.balance_minor, account.frozen_minor) == (50_000_000, 1_000_000)
