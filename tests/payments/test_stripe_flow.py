"""Deposits and payments through Stripe: calls against localstripe, messages signed as Stripe signs them, everything twice."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import stripe

from marketplace.core import clock
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings
from marketplace.payments.api import (
    HoldState,
    PaymentState,
    balances,
    capture_hold,
    card_marks,
    get_hold,
    hold,
    ledger_sum,
    release_hold,
    request_payment,
)
from marketplace.payments.domain import Capabilities, ReportLine
from marketplace.payments.gateway import Answer, Call, OutcomeUnknown, registry
from marketplace.payments.gateway.registry import Installed
from marketplace.payments.gateway.stripe_connect import StripeConnect, capabilities
from tests.market import Market
from tests.payments.test_gateways import BAD_CARD, GOOD_CARD, LOCALSTRIPE, address
from tests.payments.till import Till

SECRET = "whsec_of_this_test"


@dataclass
class Forgetful:
    """A gateway whose next answers are lost though the call was done."""

    inner: StripeConnect
    name: str = "stripe"
    lost: int = 0
    calls: list[Call] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    def call(self, call: Call) -> Answer:
        self.calls.append(call)
        answer = self.inner.call(call)
        if self.lost:
            self.lost -= 1
            raise OutcomeUnknown("lost")
        return answer

    def report(self, *, since: datetime, until: datetime) -> list[ReportLine]:
        return self.inner.report(since=since, until=until)


@pytest.fixture
def forgetful() -> Iterator[Forgetful]:
    gateway = Forgetful(StripeConnect(api_key="sk_test_12345", api_base=address(LOCALSTRIPE), timeout_s=10))
    registry._extra["stripe"] = Installed(capabilities(Settings()), lambda _database: gateway, {})
    yield gateway
    registry._extra.clear()


@pytest.fixture
def client() -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_12345", base_addresses={"api": address(LOCALSTRIPE)})


def card(client: stripe.StripeClient, number: str) -> str:
    details: Any = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    return client.v1.payment_methods.create({"type": "card", "card": details}).id


def ask_hold(till: Till, method: str | None, amount: int = 5_000) -> UUID:
    with till.db.writing() as session:
        found = hold(
            session,
            party_id=new_id(),
            amount_minor=amount,
            purpose_kind="lot",
            purpose_id=new_id(),
            gateway="stripe",
            payment_method=method,
        )
    return found.id


def books(till: Till) -> dict[str, int]:
    with till.db.reading() as session:
        assert ledger_sum(session) == 0
        return {kind: amount for kind, amount in balances(session).items() if amount}


class TestCalls:
    def test_a_card_is_held_and_captured_into_escrow(self, till: Till, forgetful: Forgetful, client: stripe.StripeClient) -> None:
        hold_id = ask_hold(till, card(client, GOOD_CARD))
        till.run()
        found = till.held(hold_id)
        assert found.state is HoldState.HELD
        assert found.lapses_at is not None
        with till.db.writing() as session:
            capture_hold(session, hold_id=hold_id, order_id=new_id(), amount_minor=4_000)
        till.run()
        assert till.held(hold_id).state is HoldState.CAPTURED
        assert books(till) == {"clearing": 4_000, "escrow": 4_000}

    def test_the_same_card_of_two_parties_is_known_by_a_hash(self, till: Till, forgetful: Forgetful, client: stripe.StripeClient) -> None:
        holds = [ask_hold(till, card(client, number)) for number in (GOOD_CARD, GOOD_CARD)]
        till.run()
        parties = [till.held(hold_id).party_id for hold_id in holds]
        with till.db.reading() as session:
            marks = card_marks(session, party_ids=parties, since=clock.now(session) - timedelta(days=1))
        first, second = (marks[party] for party in parties)
        assert first == second
        assert len(first) == 1
        assert GOOD_CARD[-4:] not in next(iter(first))

    def test_a_declined_card_fails_the_hold(self, till: Till, forgetful: Forgetful, client: stripe.StripeClient) -> None:
        hold_id = ask_hold(till, card(client, BAD_CARD))
        till.run()
        assert till.held(hold_id).state is HoldState.FAILED
        assert books(till) == {}

    def test_a_lost_answer_never_holds_twice(self, till: Till, forgetful: Forgetful, client: stripe.StripeClient) -> None:
        forgetful.lost = 2
        hold_id = ask_hold(till, card(client, GOOD_CARD))
        for minute in (1, 2, 3):
            till.run()
            with till.db.writing() as session:
                clock.set_offset(session, offset=timedelta(minutes=minute))
        assert till.held(hold_id).state is HoldState.HELD
        assert len(forgetful.calls) == 3
        (key,) = {call.key.hex for call in forgetful.calls}
        intents = [
            one
            for one in client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()
            if one.metadata and "operation_id" in one.metadata and one.metadata["operation_id"] == key
        ]
        assert len(intents) == 1

    def test_a_release_cancels_the_intent(self, till: Till, forgetful: Forgetful, client: stripe.StripeClient) -> None:
        hold_id = ask_hold(till, card(client, GOOD_CARD))
        till.run()
        with till.db.writing() as session:
            release_hold(session, hold_id=hold_id, reason="outbid")
        till.run()
        assert till.held(hold_id).state is HoldState.RELEASED
        assert books(till) == {}

    def test_a_hold_waits_for_the_bidder_to_confirm(self, till: Till, forgetful: Forgetful) -> None:
        hold_id = ask_hold(till, None)
        till.run()
        found = till.held(hold_id)
        assert found.state is HoldState.REQUESTED
        assert found.instructions["client_secret"].startswith("pi_")


class Messenger:
    """Stripe's side of the webhook: signs and sends."""

    def __init__(self, api: Market) -> None:
        self.api = api

    def send(self, kind: str, ref: str, *, message_id: str = "evt_1", secret: str = SECRET, **intent: Any) -> Any:
        found = {"id": ref, "object": "payment_intent", "created": int(time.time()), "metadata": {}, "amount": 5_000} | intent
        event = {"id": message_id, "object": "event", "type": kind, "created": int(time.time()), "data": {"object": found}}
        body = json.dumps(event).encode()
        stamp = int(time.time())
        digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={stamp},v1={digest}", "Content-Type": "application/json"}
        answer = self.api.post("/marketplace/v1/webhooks/stripe", content=body, headers=headers)
        self.api.relay()
        return answer


class TestMessages:
    @pytest.fixture
    def messenger(self, api: Market, monkeypatch: pytest.MonkeyPatch) -> Messenger:
        monkeypatch.setattr("marketplace.payments.service.webhooks.get_settings", lambda: Settings(stripe_webhook_secret=SECRET))
        return Messenger(api)

    def _hold(self, api: Market) -> tuple[UUID, str, str]:
        """A hold that waits for its bidder: id, intent, operation."""
        with api.database.writing() as session:
            found = hold(session, party_id=new_id(), amount_minor=5_000, purpose_kind="lot", purpose_id=new_id(), gateway="stripe")
        api.relay()
        with api.database.reading() as session:
            secret = get_hold(session, hold_id=found.id).instructions["client_secret"]
        gateway = registry._extra["stripe"].open(api.database)
        assert isinstance(gateway, Forgetful)
        return found.id, secret.partition("_secret_")[0], gateway.calls[-1].key.hex

    def _state(self, api: Market, hold_id: UUID) -> HoldState:
        with api.database.reading() as session:
            return get_hold(session, hold_id=hold_id).state

    def test_the_bidders_confirmation_holds_the_deposit_once(self, messenger: Messenger, forgetful: Forgetful) -> None:
        hold_id, ref, key = self._hold(messenger.api)
        kind, metadata = "payment_intent.amount_capturable_updated", {"operation_id": key}
        assert messenger.send(kind, ref, metadata=metadata).json() == {"new": True}
        assert messenger.send(kind, ref, metadata=metadata).json() == {"new": False}
        assert messenger.send(kind, ref, metadata=metadata, message_id="evt_2").json() == {"new": True}
        assert self._state(messenger.api, hold_id) is HoldState.HELD
        with messenger.api.database.reading() as session:
            assert balances(session)["deposit_held"] == 5_000

    def test_a_hold_that_stripe_cancelled_has_lapsed(self, messenger: Messenger, forgetful: Forgetful) -> None:
        hold_id, ref, key = self._hold(messenger.api)
        messenger.send("payment_intent.amount_capturable_updated", ref, metadata={"operation_id": key})
        messenger.send("payment_intent.canceled", ref, message_id="evt_2", metadata={"operation_id": key})
        assert self._state(messenger.api, hold_id) is HoldState.LAPSED
        with messenger.api.database.reading() as session:
            assert balances(session)["deposit_held"] == 0

    def test_a_payment_confirmed_by_its_payer_is_received_once(self, messenger: Messenger, forgetful: Forgetful) -> None:
        order_id = new_id()
        with messenger.api.database.writing() as session:
            payment = request_payment(
                session, payer_id=new_id(), amount_minor=5_000, purpose_kind="test", purpose_id=order_id, gateway="stripe"
            )
        messenger.api.relay()
        key = forgetful.calls[-1].key.hex
        with messenger.api.database.reading() as session:
            from marketplace.payments.api import get_payment

            ref = get_payment(session, payment_id=payment.id).instructions["client_secret"].partition("_secret_")[0]
        facts: dict[str, Any] = {"metadata": {"operation_id": key}, "amount_received": 5_000, "capture_method": "automatic"}
        messenger.send("payment_intent.succeeded", ref, **facts)
        messenger.send("payment_intent.succeeded", ref, message_id="evt_2", **facts)
        with messenger.api.database.reading() as session:
            assert get_payment(session, payment_id=payment.id).state is PaymentState.PAID
            assert balances(session)["escrow"] == balances(session)["clearing"] == 5_000

    def test_a_forged_message_is_refused(self, messenger: Messenger) -> None:
        answer = messenger.send("payment_intent.succeeded", "pi_1", secret="whsec_other")
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_wrong")

    def test_without_a_secret_every_message_is_refused(self, quick_api: Market) -> None:
        assert Messenger(quick_api).send("payment_intent.succeeded", "pi_1").status_code == 401
