"""The car is handed over and looked at again: the price stands, or changes with reasons and the consent of its owner; then the contract."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.orders import api as orders
from marketplace.sourcing.domain.acquisitions import (
    AcquisitionState,
    AcquisitionStateRefused,
    ConsentNeeded,
    PriceChange,
    ProposalChanged,
    TooManyProposals,
    changes_document,
    compute_inspected,
    consent_document,
)
from marketplace.sourcing.models.acquisitions import Acquisition, AcquisitionAnswer, AcquisitionInspection
from marketplace.sourcing.queries import acquisitions as queries
from marketplace.sourcing.service.acquisitions import AcquisitionView, announce, lock_as_dealer, lock_as_owner, rules_now, view
from marketplace.sourcing.service.agreed_fees import seller_fee_of
from marketplace.vehicles import api as vehicles

CONSENT_KIND = "acquisition_price_change"
CHANNEL = "acquisition"


def inspect(
    session: Session, *, principal: Principal, acquisition_id: UUID, odometer_km: int, changes: Sequence[PriceChange]
) -> AcquisitionView:
    """The dealer's re-inspection. Without a reduction the purchase contract is drawn up at once; with one the owner is asked.

    Raises ``AcquisitionNotFound``, ``AcquisitionStateRefused``, ``ConsentNeeded`` while an earlier proposal waits,
    ``ChangeOutOfBounds``, ``TooManyProposals``, ``NotEligible``.
    """
    row = lock_as_dealer(session, principal=principal, acquisition_id=acquisition_id)
    rules, _, at = rules_now(session)
    if row.state is AcquisitionState.PRICE_CHANGE:
        raise ConsentNeeded
    if row.state is not AcquisitionState.ACCEPTED or (row.inspect_by is not None and at >= row.inspect_by):
        raise AcquisitionStateRefused(state="late" if row.state is AcquisitionState.ACCEPTED else row.state.value)
    assert row.agreed_minor is not None
    disclosed = frozenset(str(one["reason"]) for one in row.disclosures)
    found = compute_inspected(row.agreed_minor, changes, disclosed)
    former = queries.list_inspections(session, row.id)
    if found.is_lower and sum(1 for one in former if one.price_minor < one.agreed_minor) >= rules.proposals_max:
        raise TooManyProposals
    document = consent_document(
        acquisition_id=str(row.id),
        number=len(former) + 1,
        agreed_minor=row.agreed_minor,
        inspected=found,
        offered_hash=str(row.offer_id),
    )
    inspection = AcquisitionInspection(
        acquisition_id=row.id,
        number=len(former) + 1,
        dealer_id=principal.party_id,
        inspected_by=principal.id,
        odometer_km=odometer_km,
        agreed_minor=row.agreed_minor,
        price_minor=found.price_minor,
        changes=changes_document(found.changes),
        content_hash=sha256_hex(canonical_json(document)),
        at=at,
    )
    session.add(inspection)
    vehicles.record_odometer(
        session,
        vehicle_id=row.vehicle_id,
        recorded_by=principal.party_id,
        odometer_km=odometer_km,
        source=vehicles.OdometerSource.HANDOVER,
    )
    facts: dict[str, object] = {"number": inspection.number, "agreed_minor": row.agreed_minor, "price_minor": found.price_minor}
    if found.is_lower:
        row.state, row.answer_by = AcquisitionState.PRICE_CHANGE, at + timedelta(hours=rules.answer_within_hours)
        announce(session, row, act="acquisition.propose_price", principal=principal, facts=facts)
    else:
        row.price_minor = found.price_minor
        _order(session, row, principal=principal, facts=facts)
    return view(session, row, principal=principal)


def answer(
    session: Session, *, principal: Principal, acquisition_id: UUID, consent: bool, passphrase: str | None, content_hash: str | None
) -> AcquisitionView:
    """The owner consents, signed, and the contract is drawn up at the new price; or refuses, and the agreed price stands.

    Raises ``AcquisitionNotFound``, ``AcquisitionStateRefused``, ``ProposalChanged``, ``WrongPassphrase``, ``NotEligible``.
    """
    row = lock_as_owner(session, principal=principal, acquisition_id=acquisition_id)
    rules, _, at = rules_now(session)
    if row.state is not AcquisitionState.PRICE_CHANGE or (row.answer_by is not None and at >= row.answer_by):
        raise AcquisitionStateRefused(state="late" if row.state is AcquisitionState.PRICE_CHANGE else row.state.value)
    inspection = queries.list_inspections(session, row.id)[-1]
    if content_hash is not None and content_hash != inspection.content_hash:
        raise ProposalChanged
    signature_id = _signed(session, principal, inspection, passphrase) if consent else None
    session.add(AcquisitionAnswer(inspection_id=inspection.id, consented=consent, signature_id=signature_id, person_id=principal.id, at=at))
    row.answer_by = None
    facts: dict[str, object] = {"number": inspection.number, "consent": consent, "price_minor": inspection.price_minor}
    if consent:
        row.price_minor = inspection.price_minor
        _order(session, row, principal=principal, facts=facts)
    else:
        row.state, row.inspect_by = AcquisitionState.ACCEPTED, at + timedelta(hours=rules.answer_within_hours)
        announce(session, row, act="acquisition.refuse_price", principal=principal, facts=facts)
    return view(session, row, principal=principal)


def _signed(session: Session, principal: Principal, inspection: AcquisitionInspection, passphrase: str | None) -> UUID:
    if not passphrase:
        raise accounts.WrongPassphrase
    signature = accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=CONSENT_KIND,
        document_id=inspection.id,
        content_hash=inspection.content_hash,
    )
    return signature.id


def _order(session: Session, row: Acquisition, *, principal: Principal, facts: dict[str, object]) -> None:
    """The purchase contract 收购合同, as an order: both sign it there, the dealer pays into escrow, the title moves, the owner is paid."""
    rules, _, at = rules_now(session)
    assert row.dealer_id is not None
    assert row.price_minor is not None
    vehicles.require_eligible(session, vehicle_id=row.vehicle_id, mode=vehicles.TradeMode.ACQUISITION, seller_id=row.owner_id)
    sign_by = at + timedelta(hours=rules.sign_within_hours)
    order = orders.open_order(
        session,
        principal=principal,
        vehicle_id=row.vehicle_id,
        seller_id=row.owner_id,
        buyer_id=row.dealer_id,
        price_minor=row.price_minor,
        price_kind=orders.PriceKind.NEGOTIATED,
        channel=CHANNEL,
        source_kind=orders.SourceKind.ACQUISITION,
        source_id=row.id,
        buyer_fee_minor=rules.buyer_fee_minor,
        seller_fee_minor=seller_fee_of(session, agreement_id=row.agreement_id, price_minor=row.price_minor),
        sign_by=sign_by,
        pay_by=sign_by + timedelta(hours=rules.pay_within_hours),
        mode=vehicles.TradeMode.ACQUISITION,
        annex=_annex(session, row),
    )
    row.order_id = order.id
    row.state, row.inspect_by, row.answer_by = AcquisitionState.ORDERED, None, None
    announce(session, row, act="acquisition.order", principal=principal, facts=facts | {"order_id": str(order.id)})


def _annex(session: Session, row: Acquisition) -> dict[str, object]:
    """How the contract's price came about: part of what both sides sign."""
    inspections = queries.list_inspections(session, row.id)
    return {
        "kind": "acquisition",
        "id": str(row.id),
        "offered_minor": row.agreed_minor,
        "price_minor": row.price_minor,
        "disclosures": [{"reason": str(one["reason"]), "text": str(one["text"])} for one in row.disclosures],
        "inspections": [
            {"number": one.number, "odometer_km": one.odometer_km, "price_minor": one.price_minor, "changes": one.changes}
            for one in inspections
        ],
    }
