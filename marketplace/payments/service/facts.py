"""What events say of a hold or a payment, and what a gateway is asked next; shared by the services of this feature."""

from typing import Any, TypeAlias

from marketplace.payments.domain import OperationKind
from marketplace.payments.models import Hold, Payment

Wish: TypeAlias = dict[str, Any]
"""Arguments of ``operations.request_operation``: what has to be asked of the gateway next."""


LAPSED = "lapsed"
"""Reason of a release that the hold's own time limit wants."""


def hold_facts(hold: Hold) -> dict[str, Any]:
    """What every event of a hold says."""
    return {
        "hold_id": hold.id,
        "party_id": hold.party_id,
        "amount_minor": hold.amount_minor,
        "gateway": hold.gateway,
        "purpose_kind": hold.purpose_kind,
        "purpose_id": hold.purpose_id,
    }


def payment_facts(payment: Payment) -> dict[str, Any]:
    """What every event of a payment says."""
    return {
        "payment_id": payment.id,
        "payer_id": payment.payer_id,
        "amount_minor": payment.amount_minor,
        "gateway": payment.gateway,
        "purpose_kind": payment.purpose_kind,
        "purpose_id": payment.purpose_id,
    }


def release_wish(hold: Hold) -> Wish:
    return {
        "kind": OperationKind.RELEASE,
        "gateway": hold.gateway,
        "subject_id": hold.id,
        "amount_minor": hold.amount_minor,
        "currency": hold.currency,
        "source_ref": hold.gateway_ref,
    }


def cancel_wish(payment: Payment) -> Wish:
    return {
        "kind": OperationKind.CANCEL,
        "gateway": payment.gateway,
        "subject_id": payment.id,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "source_ref": payment.gateway_ref,
    }
