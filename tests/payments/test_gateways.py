"""The adapter contract: one suite for every gateway that keeps state, and the shape of every Stripe request.

The sandbox bank and localstripe run the same suite. stripe-mock has no state but knows Stripe's own OpenAPI document: it
rejects unknown and missing parameters.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.core.money import CNY
from marketplace.core.settings import Settings
from marketplace.payments.domain import OperationKind
from marketplace.payments.gateway import Answer, AnswerKind, Call, Gateway, MessageKind, OutcomeUnknown
from marketplace.payments.gateway.sandbox import WITNESS_ACCOUNT, SandboxBank, account_number, book, open_account
from marketplace.payments.gateway.stripe_connect import BadSignature, StripeConnect, parse_event, read_event

LOCALSTRIPE, STRIPE_MOCK = "HENANROAD_TEST_LOCALSTRIPE_URL", "HENANROAD_TEST_STRIPE_MOCK_URL"
GOOD_CARD, BAD_CARD = "4242424242424242", "4000000000000341"


def address(variable: str) -> str:
    url = os.environ.get(variable)
    if not url:
        pytest.skip(f"{variable} names no server")
    return url


@dataclass
class Bench:
    """A gateway with somebody who can pay and somebody who cannot. ``pay`` makes a payment come in; its reference."""

    gateway: Gateway
    rich: dict[str, Any]
    poor: dict[str, Any]
    pay: Callable[[int], str]

    def call(self, kind: OperationKind, amount: int, **more: Any) -> Call:
        return Call(key=new_id(), kind=kind, amount_minor=amount, currency=CNY, **more)

    def hold(self, amount: int) -> Answer:
        return self.gateway.call(self.call(OperationKind.HOLD, amount, **self.rich))


def _sandbox(database: Database) -> Bench:
    gateway = SandboxBank(database, Settings())
    rich, poor = new_id(), new_id()
    with database.writing() as session:
        open_account(session, account_no=WITNESS_ACCOUNT, party_id=None)
        for party_id, amount in ((rich, 10_000_000), (poor, 1)):
            number = open_account(session, account_no=account_number(party_id), party_id=party_id).account_no
            book(session, kind="cash", from_account=None, to_account=number, amount_minor=amount, reference="opening")

    def pay(amount: int) -> str:
        with database.writing() as session:
            movement = book(
                session,
                kind="transfer",
                from_account=account_number(rich),
                to_account=WITNESS_ACCOUNT,
                amount_minor=amount,
                reference="x",
            )
            return movement.id.hex

    return Bench(gateway, {"party_id": rich}, {"party_id": poor}, pay)


def _localstripe() -> Bench:
    url = address(LOCALSTRIPE)
    gateway = StripeConnect(api_key="sk_test_12345", api_base=url, timeout_s=10)
    client = stripe.StripeClient("sk_test_12345", base_addresses={"api": url})

    def card(number: str) -> str:
        details: Any = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        return client.v1.payment_methods.create({"type": "card", "card": details}).id

    rich = {"payment_method": card(GOOD_CARD), "reference": "lot"}

    def pay(amount: int) -> str:
        call = Call(key=new_id(), kind=OperationKind.COLLECT, amount_minor=amount, currency=CNY, payment_method=card(GOOD_CARD))
        answer = gateway.call(call)
        assert answer.kind is AnswerKind.DONE
        assert answer.gateway_ref is not None
        return answer.gateway_ref

    return Bench(gateway, rich, {"payment_method": card(BAD_CARD), "reference": "lot"}, pay)


@pytest.fixture(params=["sandbox_bank", "localstripe"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "localstripe":
        return _localstripe()
    return _sandbox(request.getfixturevalue("sqlite"))


class TestContract:
    def test_a_hold_says_where_it_is_and_when_it_lapses(self, bench: Bench) -> None:
        answer = bench.hold(5_000)
        assert answer.kind is AnswerKind.DONE
        assert answer.gateway_ref
        assert answer.lapses_at is not None
        days = bench.gateway.capabilities.hold_days
        assert days is not None
        assert timedelta(0) < answer.lapses_at - datetime.now(UTC) <= timedelta(days=days, minutes=1)

    def test_who_cannot_pay_is_refused_with_a_code(self, bench: Bench) -> None:
        answer = bench.gateway.call(bench.call(OperationKind.HOLD, 5_000, **bench.poor))
        assert answer.kind is AnswerKind.REFUSED
        assert answer.code

    def test_a_release_ends_a_hold_and_twice_is_once(self, bench: Bench) -> None:
        held = bench.hold(5_000)
        release = bench.call(OperationKind.RELEASE, 5_000, source_ref=held.gateway_ref)
        assert [bench.gateway.call(release).kind for _ in range(2)] == [AnswerKind.DONE] * 2
        captured = bench.gateway.call(bench.call(OperationKind.CAPTURE, 5_000, source_ref=held.gateway_ref))
        assert captured.kind is AnswerKind.REFUSED

    def test_capture_and_forfeit_take_what_is_held_once(self, bench: Bench) -> None:
        for kind in (OperationKind.CAPTURE, OperationKind.FORFEIT):
            held = bench.hold(5_000)
            take = bench.call(kind, 5_000, source_ref=held.gateway_ref)
            answers = [bench.gateway.call(take) for _ in range(2)]
            assert [one.kind for one in answers] == [AnswerKind.DONE] * 2
            assert answers[0].gateway_ref == answers[1].gateway_ref

    def test_a_part_may_be_taken(self, bench: Bench) -> None:
        held = bench.hold(5_000)
        taken = bench.gateway.call(bench.call(OperationKind.CAPTURE, 3_000, source_ref=held.gateway_ref))
        assert taken.kind is AnswerKind.DONE

    def test_never_more_than_is_held(self, bench: Bench) -> None:
        held = bench.hold(5_000)
        answer = bench.gateway.call(bench.call(OperationKind.CAPTURE, 5_001, source_ref=held.gateway_ref))
        assert answer.kind is AnswerKind.REFUSED

    def test_a_payment_is_refunded_once(self, bench: Bench) -> None:
        refund = bench.call(OperationKind.REFUND, 7_000, source_ref=bench.pay(7_000))
        first = bench.gateway.call(refund)
        second = bench.gateway.call(replace(refund, repeated=True, first_sent_at=datetime.now(UTC)))
        assert first.kind is second.kind is AnswerKind.DONE
        assert first.gateway_ref == second.gateway_ref

    def test_an_unknown_reference_is_refused(self, bench: Bench) -> None:
        for kind in (OperationKind.RELEASE, OperationKind.CAPTURE, OperationKind.REFUND):
            for source in (None, "pi_000000000000" if bench.gateway.name == "stripe" else new_id().hex):
                assert bench.gateway.call(bench.call(kind, 1_000, source_ref=source)).kind is AnswerKind.REFUSED

    def test_a_hold_asked_for_again_after_a_lost_answer_is_the_same_hold(self, bench: Bench) -> None:
        call = bench.call(OperationKind.HOLD, 5_000, **bench.rich)
        first = bench.gateway.call(call)
        again = bench.gateway.call(replace(call, repeated=True, first_sent_at=datetime.now(UTC)))
        assert again.gateway_ref == first.gateway_ref


class TestSandboxOnly:
    def test_pays_out_to_a_party_with_no_account_yet(self, sqlite: Database) -> None:
        bench = _sandbox(sqlite)
        bench.pay(9_000)
        payee = new_id()
        assert bench.gateway.call(bench.call(OperationKind.PAYOUT, 9_000, party_id=payee)).kind is AnswerKind.DONE
        broke = bench.gateway.call(bench.call(OperationKind.PAYOUT, 1, party_id=payee))
        assert (broke.kind, broke.code) == (AnswerKind.REFUSED, "insufficient_funds")

    def test_the_same_key_gets_the_same_refusal(self, sqlite: Database) -> None:
        bench = _sandbox(sqlite)
        call = bench.call(OperationKind.HOLD, 5_000, **bench.poor)
        assert bench.gateway.call(call) == bench.gateway.call(call)

    def test_a_closed_account_is_refused(self, sqlite: Database) -> None:
        bench = _sandbox(sqlite)
        with sqlite.writing() as session:
            account = open_account(session, account_no=account_number(bench.rich["party_id"]), party_id=None)
            account.state = "closed"
            session.add(account)
        assert bench.hold(5_000).code == "account_closed"


class TestStripeShapes:
    """Every request as Stripe's own OpenAPI document wants it."""

    @pytest.fixture
    def gateway(self) -> StripeConnect:
        return StripeConnect(api_key="sk_test_123", api_base=address(STRIPE_MOCK), timeout_s=10)

    @pytest.mark.parametrize(
        ("kind", "more"),
        [
            (OperationKind.HOLD, {"payment_method": "pm_card_visa", "reference": "lot"}),
            (OperationKind.HOLD, {"reference": "lot"}),
            (OperationKind.COLLECT, {"reference": "HR01"}),
            (OperationKind.RELEASE, {"source_ref": "pi_123"}),
            (OperationKind.CANCEL, {"source_ref": "pi_123"}),
            (OperationKind.CAPTURE, {"source_ref": "pi_123"}),
            (OperationKind.FORFEIT, {"source_ref": "pi_123"}),
            (OperationKind.REFUND, {"source_ref": "pi_123"}),
            (OperationKind.REFUND, {"source_ref": "pi_123", "repeated": True}),
            (OperationKind.PAYOUT, {"payee_ref": "acct_123456789", "reference": "order"}),
            (OperationKind.PAYOUT, {"payee_ref": "acct_123456789", "reference": "order", "repeated": True}),
        ],
    )
    def test_is_accepted(self, gateway: StripeConnect, kind: OperationKind, more: dict[str, Any]) -> None:
        answer = gateway.call(Call(key=new_id(), kind=kind, amount_minor=5_000, currency=CNY, **more))
        assert answer.kind in {AnswerKind.DONE, AnswerKind.WAITING}

    def test_a_report_is_asked_for_by_its_window(self, gateway: StripeConnect) -> None:
        assert isinstance(gateway.report(since=datetime.now(UTC) - timedelta(days=1), until=datetime.now(UTC)), list)

    def test_a_payee_who_is_not_linked_is_refused(self, gateway: StripeConnect) -> None:
        answer = gateway.call(Call(key=new_id(), kind=OperationKind.PAYOUT, amount_minor=1, currency=CNY))
        assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "payee_not_linked")


def test_no_answer_is_an_unknown_outcome() -> None:
    dead = StripeConnect(api_key="sk_test_123", api_base="http://127.0.0.1:9", timeout_s=1)
    with pytest.raises(OutcomeUnknown):
        dead.call(Call(key=new_id(), kind=OperationKind.HOLD, amount_minor=1, currency=CNY))


class TestMessages:
    SECRET = "whsec_test"

    def _event(self, kind: str, **intent: Any) -> dict[str, Any]:
        found = {"id": "pi_1", "object": "payment_intent", "amount": 5_000, "created": int(time.time()), "metadata": {}} | intent
        return {"id": "evt_1", "object": "event", "type": kind, "created": int(time.time()), "data": {"object": found}}

    def _signed(self, event: dict[str, Any], *, at: int | None = None, secret: str = SECRET) -> tuple[bytes, str]:
        body = json.dumps(event).encode()
        stamp = at if at is not None else int(time.time())
        digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return body, f"t={stamp},v1={digest}"

    def test_is_read_after_its_signature_was_checked_on_the_raw_body(self) -> None:
        key = new_id()
        body, signature = self._signed(
            self._event("payment_intent.amount_capturable_updated", metadata={"operation_id": key.hex}, capture_method="manual")
        )
        message = parse_event(body, signature, secret=self.SECRET)
        assert (message.message_id, message.kind, message.gateway_ref, message.operation_id) == ("evt_1", MessageKind.HELD, "pi_1", key)

    @pytest.mark.parametrize("broken", ["body", "secret", "old", "empty"])
    def test_anything_else_is_refused(self, broken: str) -> None:
        event = self._event("payment_intent.succeeded")
        body, signature = self._signed(
            event, at=int(time.time()) - 301 if broken == "old" else None, secret="other" if broken == "secret" else self.SECRET
        )
        with pytest.raises(BadSignature):
            parse_event(body + b" " if broken == "body" else body, "" if broken == "empty" else signature, secret=self.SECRET)

    @pytest.mark.parametrize(
        ("kind", "intent", "expected"),
        [
            ("payment_intent.succeeded", {"capture_method": "automatic", "amount_received": 5_000}, MessageKind.PAID),
            ("payment_intent.succeeded", {"capture_method": "manual"}, MessageKind.OTHER),
            ("payment_intent.payment_failed", {"last_payment_error": {"code": "card_declined"}}, MessageKind.FAILED),
            ("payment_intent.canceled", {}, MessageKind.HOLD_CANCELLED),
            ("customer.created", {}, MessageKind.OTHER),
        ],
    )
    def test_what_it_means(self, kind: str, intent: dict[str, Any], expected: MessageKind) -> None:
        assert read_event(self._event(kind, **intent)).kind is expected
