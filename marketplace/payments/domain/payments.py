"""Payments, payouts, and what a gateway can do."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from marketplace.core.errors import Refusal

REFERENCE_PREFIX = "HR"


class PaymentState(StrEnum):
    """``cancelled``: nobody waits for it any more; money that still arrives goes back."""

    DUE = "due"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class PayoutState(StrEnum):
    """``waiting``: settled, but the payee has no payout account yet."""

    WAITING = "waiting"
    REQUESTED = "requested"
    PAID = "paid"
    FAILED = "failed"


class RefundState(StrEnum):
    REQUESTED = "requested"
    REFUNDED = "refunded"
    FAILED = "failed"


class OperationKind(StrEnum):
    """One call to a gateway."""

    HOLD = "hold"
    RENEW = "renew"  # a second authorization of a deposit whose first one lapses too early
    DROP = "drop"  # the one that is not needed any more
    CHARGE = "charge"  # a deposit taken into the witness account, to be refunded
    RELEASE = "release"
    CAPTURE = "capture"
    FORFEIT = "forfeit"
    COLLECT = "collect"
    CANCEL = "cancel"
    REFUND = "refund"
    PAYOUT = "payout"


class OperationState(StrEnum):
    """``sent`` without an answer is an unknown outcome: asked for, and repeated with the same key, until known."""

    REQUESTED = "requested"
    SENT = "sent"
    WAITING = "waiting"  # the gateway took it, the result comes by its own message
    DONE = "done"
    REFUSED = "refused"


class SplitKind(StrEnum):
    PROCEEDS = "proceeds"
    COMMISSION = "commission"
    SERVICE_FEE = "service_fee"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do. ``hold_days`` None: as long as we want; ``offline``: the payer acts at his own bank.

    ``renews``: it authorizes a deposit anew without its payer; ``charges``: it takes a deposit and gives it back as a refund.
    """

    can_hold: bool
    hold_days: int | None
    max_amount_minor: int
    currencies: frozenset[str]
    offline: bool
    sandbox: bool = False
    renews: bool = False
    charges: bool = False


class GatewayUnknown(Refusal):
    status = 422
    zh = "不支持的支付通道:{gateway}"
    en = "There is no gateway {gateway} here."


class GatewayCannotHold(Refusal):
    zh = "该支付通道不能冻结保证金"
    en = "This gateway cannot hold a deposit."


class AmountAboveGateway(Refusal):
    zh = "金额超出支付通道上限({max_yuan})"
    en = "The gateway takes at most {max_yuan} at once."


class CurrencyNotTaken(Refusal):
    status = 422
    zh = "支付通道不支持该币种"
    en = "The gateway does not take this currency."


class PaymentNotDue(Refusal):
    zh = "该付款当前状态({state})不允许此操作"
    en = "The payment is {state}."


class SplitsDoNotMatch(Refusal):
    zh = "分账合计与监管资金余额不符"
    en = "The shares do not add up to what is in escrow."


def check_payment(capabilities: Capabilities, *, amount_minor: int, currency: str) -> None:
    """Raises ``CurrencyNotTaken``, ``AmountAboveGateway``."""
    if currency not in capabilities.currencies:
        raise CurrencyNotTaken
    if amount_minor > capabilities.max_amount_minor:
        raise AmountAboveGateway(max_minor=capabilities.max_amount_minor)


def check_hold(capabilities: Capabilities, *, amount_minor: int, currency: str) -> None:
    """Raises ``GatewayCannotHold`` and what ``check_payment`` raises."""
    if not capabilities.can_hold:
        raise GatewayCannotHold
    check_payment(capabilities, amount_minor=amount_minor, currency=currency)


# --- references a person types into his bank's form ---------------------------------------------------------------------

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: read over the telephone


def make_reference(payment_id: UUID) -> str:
    """``HR`` + two check digits + sixteen characters (80 bits of the id).

    The check is the body's value modulo 97: a wrong character changes it by d·32^k, two swapped neighbours by 31·d·32^k, and
    97 divides neither.
    """
    number = payment_id.int & ((1 << 80) - 1)
    body = "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -5, -5))
    return f"{REFERENCE_PREFIX}{number % 97:02d}{body}"


def reference_is_valid(text: str) -> bool:
    """Whether the check digits fit."""
    check, body = text[2:4], text[4:]
    if len(text) != 20 or not text.startswith(REFERENCE_PREFIX) or not (check.isascii() and check.isdigit()):
        return False
    value = 0
    for character in body:
        digit = _ALPHABET.find(character)
        if digit < 0:
            return False
        value = value * 32 + digit
    return value % 97 == int(check)
