"""Stripe: card holds by manual capture, collections, refunds, and payouts by Connect transfers.

The only module that imports ``stripe``. Every writing call carries the operation's id as idempotency key and as metadata. When
an earlier try had no answer, the payment intent is looked for by that metadata first: keys are kept for a day, a dead letter may
be older. A card error is a refusal; a broken connection, a 5xx or a 409 of a running key is ``OutcomeUnknown``.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import stripe

from marketplace.core.money import CNY
from marketplace.core.settings import Settings
from marketplace.payments.domain import Capabilities, OperationKind, ReportLine
from marketplace.payments.gateway import Answer, AnswerKind, Call, Message, MessageKind, OutcomeUnknown

NAME = "stripe"
MAX_AMOUNT_MINOR = 99_999_999
_TOLERANCE_S = 300
_LOOK_BACK = 1_000
"""Intents looked through for one whose answer was lost."""


def capabilities(settings: Settings) -> Capabilities:
    """A card authorization lasts ``stripe_hold_days``; amounts have at most eight digits.

    A card that pays once and is not kept for a customer cannot be authorized again without its holder: charged and refunded instead.
    """
    return Capabilities(
        can_hold=True,
        hold_days=settings.stripe_hold_days,
        max_amount_minor=MAX_AMOUNT_MINOR,
        currencies=frozenset({CNY}),
        offline=False,
        renews=False,
        charges=True,
    )


class StripeConnect:
    """The real gateway. ``api_base`` points it at a stand-in for tests."""

    name = NAME

    def __init__(self, *, api_key: str, api_base: str = "", timeout_s: float = 20, hold_days: int = 7) -> None:
        base: Any = {"api": api_base} if api_base else None
        self._client = stripe.StripeClient(
            api_key,
            base_addresses=base,
            max_network_retries=0,  # the outbox repeats, with the same key
            http_client=stripe.RequestsClient(timeout=(5.0, timeout_s)),
        )
        self._hold_days = hold_days
        self.capabilities = capabilities(Settings(stripe_hold_days=hold_days))

    @classmethod
    def from_settings(cls, settings: Settings) -> "StripeConnect":
        return cls(
            api_key=settings.stripe_api_key.get_secret_value(),
            api_base=settings.stripe_api_base,
            timeout_s=settings.stripe_timeout_s,
            hold_days=settings.stripe_hold_days,
        )

    def call(self, call: Call) -> Answer:
        do: dict[OperationKind, Callable[[Call], Answer]] = {
            OperationKind.HOLD: self._hold,
            OperationKind.RENEW: self._hold,
            OperationKind.DROP: self._release,
            OperationKind.CHARGE: self._capture,
            OperationKind.RELEASE: self._release,
            OperationKind.CAPTURE: self._capture,
            OperationKind.FORFEIT: self._capture,
            OperationKind.COLLECT: self._collect,
            OperationKind.CANCEL: self._release,
            OperationKind.REFUND: self._refund,
            OperationKind.PAYOUT: self._payout,
        }
        try:
            return do[call.kind](call)
        except stripe.CardError as error:
            return Answer(AnswerKind.REFUSED, gateway_ref=_intent_of(error), code=_decline_code(error))
        except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
            if error.http_status in {409, 429}:
                raise OutcomeUnknown(type(error).__name__) from error
            return Answer(AnswerKind.REFUSED, code=error.code or "invalid_request")
        except stripe.StripeError as error:
            raise OutcomeUnknown(type(error).__name__) from error

    def report(self, *, since: datetime, until: datetime) -> list[ReportLine]:
        """Succeeded intents, refunds and transfers, each by its own id."""
        window: Any = {"limit": 100, "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}
        intents = self._client.v1.payment_intents.list(window).auto_paging_iter()
        lines = [ReportLine(one.id, one.amount_received) for one in intents if one.status == "succeeded"]
        lines += [ReportLine(one.id, -one.amount) for one in self._client.v1.refunds.list(window).auto_paging_iter()]
        lines += [ReportLine(one.id, -one.amount) for one in self._client.v1.transfers.list(window).auto_paging_iter()]
        return lines

    # --- one method an operation

    def _options(self, call: Call) -> Any:
        return {"idempotency_key": str(call.key)}

    def _create(self, call: Call, *, manual: bool) -> stripe.PaymentIntent:
        found = self._find_intent(call) if call.repeated else None
        if found is not None:
            return found
        parameters: dict[str, Any] = {
            "amount": call.amount_minor,
            "currency": call.currency.lower(),
            "payment_method_types": ["card"],
            "capture_method": "manual" if manual else "automatic",
            "metadata": {"operation_id": call.key.hex, "reference": call.reference or ""},
        }
        if call.payment_method:
            parameters |= {"payment_method": call.payment_method, "confirm": True}
        return self._client.v1.payment_intents.create(parameters, self._options(call))  # type: ignore[arg-type]  # a TypedDict built in steps

    def _find_intent(self, call: Call) -> stripe.PaymentIntent | None:
        """Our intent among the newest; lists are newest first, and an operation is asked about again within hours."""
        listed = self._client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()
        return next((one for one in islice(listed, _LOOK_BACK) if _said(one.metadata, "operation_id") == call.key.hex), None)

    def _hold(self, call: Call) -> Answer:
        return self._read_hold(self._create(call, manual=True))

    def _read_hold(self, intent: stripe.PaymentIntent) -> Answer:
        if intent.status == "requires_capture":
            return Answer(AnswerKind.DONE, intent.id, lapses_at=self._lapses_at(intent), card=self._fingerprint(intent))
        if intent.status == "canceled":
            return Answer(AnswerKind.REFUSED, intent.id, code="canceled")
        return Answer(AnswerKind.WAITING, intent.id, instructions={"client_secret": intent.client_secret})

    def _fingerprint(self, intent: stripe.PaymentIntent) -> str | None:
        """The same card has the same one, whoever's account it is used in. Not knowing it holds nothing up."""
        method = intent.payment_method
        if method is None:
            return None
        try:
            found = self._client.v1.payment_methods.retrieve(method if isinstance(method, str) else method.id)
        except stripe.StripeError:
            return None
        return getattr(getattr(found, "card", None), "fingerprint", None)

    def _lapses_at(self, intent: stripe.PaymentIntent) -> datetime:
        """``capture_before`` of the charge, else the card window from when it was made."""
        details = getattr(intent.latest_charge, "payment_method_details", None)
        before = getattr(getattr(details, "card", None), "capture_before", None)
        if before:
            return datetime.fromtimestamp(int(before), UTC)
        return datetime.fromtimestamp(intent.created, UTC) + timedelta(days=self._hold_days)

    def _collect(self, call: Call) -> Answer:
        intent = self._create(call, manual=False)
        if intent.status == "succeeded":
            return Answer(AnswerKind.DONE, intent.id)
        if intent.status == "canceled":
            return Answer(AnswerKind.REFUSED, intent.id, code="canceled")
        return Answer(AnswerKind.WAITING, intent.id, instructions={"client_secret": intent.client_secret})

    def _release(self, call: Call) -> Answer:
        intent = self._client.v1.payment_intents.retrieve(_source(call))
        if intent.status != "canceled":
            intent = self._client.v1.payment_intents.cancel(intent.id, {}, self._options(call))
        return Answer(AnswerKind.DONE, intent.id)

    def _capture(self, call: Call) -> Answer:
        intent = self._client.v1.payment_intents.retrieve(_source(call))
        if intent.status == "canceled":
            return Answer(AnswerKind.REFUSED, intent.id, code="canceled")
        if intent.status != "succeeded":
            intent = self._client.v1.payment_intents.capture(intent.id, {"amount_to_capture": call.amount_minor}, self._options(call))
        return Answer(AnswerKind.DONE, intent.id)

    def _refund(self, call: Call) -> Answer:
        if call.repeated:
            for known in self._client.v1.refunds.list({"payment_intent": _source(call), "limit": 100}).auto_paging_iter():
                if _said(known.metadata, "operation_id") == call.key.hex:
                    return Answer(AnswerKind.DONE, known.id)
        refund = self._client.v1.refunds.create(
            {"payment_intent": _source(call), "amount": call.amount_minor, "metadata": {"operation_id": call.key.hex}}, self._options(call)
        )
        if refund.status in {"failed", "canceled"}:
            return Answer(AnswerKind.REFUSED, refund.id, code=refund.failure_reason or "refund_failed")
        return Answer(AnswerKind.DONE, refund.id)

    def _payout(self, call: Call) -> Answer:
        if call.payee_ref is None:
            return Answer(AnswerKind.REFUSED, code="payee_not_linked")
        if call.repeated:
            for known in self._client.v1.transfers.list({"transfer_group": call.reference or "", "limit": 100}).auto_paging_iter():
                if _said(known.metadata, "operation_id") == call.key.hex:
                    return Answer(AnswerKind.DONE, known.id)
        transfer = self._client.v1.transfers.create(
            {
                "amount": call.amount_minor,
                "currency": call.currency.lower(),
                "destination": call.payee_ref,
                "transfer_group": call.reference or "",
                "metadata": {"operation_id": call.key.hex},
            },
            self._options(call),
        )
        return Answer(AnswerKind.DONE, transfer.id)


def _source(call: Call) -> str:
    if call.source_ref is None:
        raise stripe.InvalidRequestError("no payment intent to act on", None, code="reference_unknown")  # type: ignore[no-untyped-call]  # untyped in the library
    return call.source_ref


def _said(metadata: Any, name: str) -> str | None:
    return str(metadata[name]) if metadata and name in metadata else None


def _decline_code(error: stripe.CardError) -> str:
    return getattr(error.error, "decline_code", None) or error.code or "card_declined"


def _intent_of(error: stripe.CardError) -> str | None:
    intent = getattr(error.error, "payment_intent", None)
    return intent.id if intent is not None else None


# --- what Stripe tells us -----------------------------------------------------------------------------------------------------

_KINDS = {
    "payment_intent.amount_capturable_updated": MessageKind.HELD,
    "payment_intent.succeeded": MessageKind.PAID,
    "payment_intent.payment_failed": MessageKind.FAILED,
    "payment_intent.canceled": MessageKind.HOLD_CANCELLED,
}


class BadSignature(ValueError):
    """The message is not Stripe's, is changed, or is older than five minutes."""


def parse_event(body: bytes, signature: str, *, secret: str, hold_days: int = 7) -> Message:
    """A message from its raw body, after its signature was checked; raises ``BadSignature``."""
    try:
        event = stripe.Webhook.construct_event(body, signature, secret, tolerance=_TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise BadSignature(type(error).__name__) from error
    return read_event(event.to_dict(), hold_days=hold_days)


def read_event(event: dict[str, Any], *, hold_days: int = 7) -> Message:
    """What an event means here; kinds we do not use are ``other``."""
    intent = event["data"]["object"]
    kind = _KINDS.get(event["type"], MessageKind.OTHER)
    if kind is MessageKind.PAID and intent.get("capture_method") == "manual":
        kind = MessageKind.OTHER  # our own capture's answer says it
    metadata = intent.get("metadata") or {}
    error = intent.get("last_payment_error") or {}
    created = datetime.fromtimestamp(int(intent.get("created") or event.get("created") or 0), UTC)
    return Message(
        message_id=event["id"],
        kind=kind,
        gateway_ref=intent.get("id"),
        reference=metadata.get("reference") or None,
        amount_minor=int(intent.get("amount_received") or intent.get("amount") or 0),
        code=error.get("decline_code") or error.get("code"),
        lapses_at=created + timedelta(days=hold_days) if kind is MessageKind.HELD else None,
        operation_id=UUID(metadata["operation_id"]) if metadata.get("operation_id") else None,
    )
