"""The gateway port: what the market asks of whoever moves money, with stated capabilities.

Every call carries the operation's id as idempotency key. An answer is ``done``, ``waiting`` (the result comes by message) or
``refused``; anything else (time-out, broken connection, 5xx) raises ``OutcomeUnknown`` and the same call is made again.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from marketplace.payments.domain import Capabilities, OperationKind, ReportLine


class OutcomeUnknown(RuntimeError):
    """The call may or may not have been done; only asking again tells."""


class AnswerKind(StrEnum):
    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation as the gateway gets it. ``key`` is the idempotency key; ``source_ref`` the gateway's id of what it acts on
    (a hold to capture, a payment to refund); ``repeated`` when an earlier try had no answer."""

    key: UUID
    kind: OperationKind
    amount_minor: int
    currency: str
    party_id: UUID | None = None
    source_ref: str | None = None
    reference: str | None = None
    payee_ref: str | None = None
    payment_method: str | None = None
    first_sent_at: datetime | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """``code`` names a refusal; ``instructions`` is what the payer needs (account number, client secret); ``card`` its fingerprint."""

    kind: AnswerKind
    gateway_ref: str | None = None
    code: str | None = None
    lapses_at: datetime | None = None
    instructions: dict[str, Any] = field(default_factory=dict)
    card: str | None = None


class MessageKind(StrEnum):
    """What a gateway tells us unasked."""

    HELD = "held"
    HOLD_CANCELLED = "hold_cancelled"
    PAID = "paid"
    FAILED = "failed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Message:
    """A message in our words. ``gateway_ref`` is what it speaks of; ``reference`` what the payer wrote;
    ``operation_id`` our own call that it answers, when the gateway repeats it."""

    message_id: str
    kind: MessageKind
    gateway_ref: str | None = None
    reference: str | None = None
    amount_minor: int = 0
    code: str | None = None
    lapses_at: datetime | None = None
    operation_id: UUID | None = None


class Gateway(Protocol):
    """One outside party that moves money."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def call(self, call: Call) -> Answer:
        """Do the operation. Raises ``OutcomeUnknown``."""
        ...

    def report(self, *, since: datetime, until: datetime) -> list[ReportLine]:
        """The statement of the witness account; references are the gateway's own ids, as its answers gave them."""
        ...
