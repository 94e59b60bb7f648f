"""Plans signed, lots brought again, debts of defaulters opened, computed, paid."""

from typing import Any
from uuid import UUID

from auction.lots import queries as lots
from auction.lots import service as lot_service
from auction.lots.domain import LotNotDraft, LotPhase, LotUnknown
from auction.lots.models import AuctionSession, Lot, Mandate
from auction.negotiation import queries as negotiations
from auction.reauction import queries
from auction.reauction.domain import Debt, DebtUnknown, LotNotOver, OtherTerms, Plan, PlanUnknown, compute_debt
from auction.reauction.events import DebtComputed, LotRelisted
from auction.reauction.models import DebtState, DefaultDebt, Relisting, RelistPlan
from auction.sessions import service as sessions
from auction.settlement import queries as settlement
from auction.settlement.models import AuctionResult
from marketplace.api import accounts, payments
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal

PLAN = "auction_relist_plan"
DEBT = "auction_debt"
_BEFORE_NOTICE = frozenset({LotPhase.DRAFT, LotPhase.MANDATED})


# --- the consignor's plan --------------------------------------------------------------------------------------------------


def sign_plan(session: Session, *, principal: Principal, lot_id: UUID, plan: Plan, passphrase: str) -> RelistPlan:
    """The consignor lets the house bring a lot again without asking: signed before the notice, once.

    Raises ``LotUnknown``, ``LotNotDraft``, ``WrongPassphrase``.
    """
    lot = lots.lock_lot(session, lot_id)
    if principal.party_id != lot.consignor_id:
        raise LotUnknown
    known = queries.find_plan(session, lot_id=lot_id)
    if known is not None and (known.times, known.cut_bps) == (plan.times, plan.cut_bps):
        return known
    if lot.state not in _BEFORE_NOTICE or known is not None:
        raise LotNotDraft(state=lot.state.value)
    content = sha256_hex(canonical_json({"kind": PLAN, "lot_id": str(lot_id), "times": plan.times, "cut_bps": plan.cut_bps}))
    signature = accounts.sign(
        session, principal=principal, passphrase=passphrase, document_kind=PLAN, document_id=lot_id, content_hash=content
    )
    found = RelistPlan(
        lot_id=lot_id,
        times=plan.times,
        cut_bps=plan.cut_bps,
        content_hash=content,
        signature_id=signature.id,
        signed_by=signature.person_id,
        signed_at=signature.at,
    )
    session.add(found)
    session.flush()
    facts = {"times": plan.times, "cut_bps": plan.cut_bps}
    audit.record(session, principal=principal, act="lot.sign_relist_plan", object_kind="lot", object_id=lot_id, facts=facts)
    return found


# --- coming again ----------------------------------------------------------------------------------------------------------


def relist(session: Session, *, principal: Principal, lot_id: UUID, session_id: UUID) -> Lot:
    """The house brings a lot into another of its draft sessions: by the signed plan at lower amounts, else with a mandate to sign.

    After a default the consignor's consent is asked in any case (拍卖法 39), at the old amounts. Raises ``LotUnknown``, ``LotNotOver``,
    ``PlanUnknown``, ``PlanSpent``, ``OtherTerms`` and what ``lots.add_lot`` raises.
    """
    before = lots.lock_lot(session, lot_id)
    row = session.get_one(AuctionSession, before.session_id)
    if principal.party_id != row.house_id:
        raise LotUnknown
    result = _require_over(session, before)
    broken = result.defaulted_at is not None
    earlier = queries.find_relisting(session, lot_id=lot_id)
    plan = None if broken else _next_plan(session, lot_id)
    target = sessions.require_draft_of(session, principal=principal, session_id=session_id)
    if plan is not None and _kind_of_sale(target) != _kind_of_sale(row):
        raise OtherTerms
    lot = lot_service.add_lot(session, principal=principal, session_id=session_id, terms=_terms(before, plan))
    relisting = Relisting(
        lot_id=lot.id,
        from_lot_id=lot_id,
        broken_lot_id=lot_id if broken else (earlier.broken_lot_id if earlier is not None else None),
        barred_party_id=result.winner_id if broken else (earlier.barred_party_id if earlier is not None else None),
        at=clock.now(session),
    )
    session.add(relisting)
    session.flush()
    if plan is not None:
        _carry_plan(session, lot=lot, from_lot_id=lot_id, plan=plan)
    event = LotRelisted(lot_id=lot.id, from_lot_id=lot_id, session_id=session_id, after_default=broken)
    outbox.append(session, event, key=f"lot:{lot.id}")
    facts = {"from_lot_id": str(lot_id), "after_default": broken, "start_minor": lot.start_minor}
    audit.record(session, principal=principal, act="lot.relist", object_kind="lot", object_id=lot.id, facts=facts)
    return lot


def _kind_of_sale(row: AuctionSession) -> tuple[object, ...]:
    return row.house_id, row.mode, row.legal_mode, row.format


def is_after_default(session: Session, *, lot_id: UUID) -> bool:
    """Whether a lot came again because its winner broke the sale."""
    found = queries.find_relisting(session, lot_id=lot_id)
    return found is not None and found.broken_lot_id is not None


def _require_over(session: Session, lot: Lot) -> AuctionResult:
    result = session.get(AuctionResult, lot.id)
    over = result is not None and (lot.state is LotPhase.PASSED or result.defaulted_at is not None)
    talking = negotiations.find_open(session, lot_id=lot.id) or negotiations.find_agreed(session, lot_id=lot.id)
    if result is None or not over or talking is not None or queries.find_successor(session, from_lot_id=lot.id) is not None:
        raise LotNotOver
    return result


def _next_plan(session: Session, lot_id: UUID) -> Plan:
    found = queries.find_plan(session, lot_id=lot_id)
    if found is None:
        raise PlanUnknown
    return Plan(found.times, found.cut_bps).next()


def _terms(before: Lot, plan: Plan | None) -> lot_service.LotTerms:
    lower = plan.lower if plan is not None else _same
    start = lower(before.start_minor)
    return lot_service.LotTerms(
        vehicle_id=before.vehicle_id,
        consignor_id=before.consignor_id,
        start_minor=start,
        reserve_kind=before.reserve_kind,
        reserve_minor=max(start, lower(before.reserve_minor)) if before.reserve_minor is not None else None,
        seller_fee_bps=before.seller_fee_bps,
        flaws=before.flaws,
        buy_now_minor=max(start + 100, lower(before.buy_now_minor)) if before.buy_now_minor is not None else None,
        floor_minor=lower(before.floor_minor) if before.floor_minor is not None else None,
    )


def _same(amount_minor: int) -> int:
    return amount_minor


def _carry_plan(session: Session, *, lot: Lot, from_lot_id: UUID, plan: Plan) -> None:
    """What was signed covers the new lot: its mandate rests on the plan's signature, and the rest of the plan goes along."""
    signed = session.get_one(RelistPlan, from_lot_id)
    mandate = session.get_one(Mandate, lot.id)
    mandate.signature_id, mandate.signed_by, mandate.signed_at = signed.signature_id, signed.signed_by, signed.signed_at
    lot.state = LotPhase.MANDATED
    rest = RelistPlan(
        lot_id=lot.id,
        times=plan.times,
        cut_bps=plan.cut_bps,
        content_hash=signed.content_hash,
        signature_id=signed.signature_id,
        signed_by=signed.signed_by,
        signed_at=signed.signed_at,
    )
    session.add_all([mandate, lot, rest])
    session.flush()


# --- the defaulter's debt --------------------------------------------------------------------------------------------------


def open_debt(session: Session, *, order_id: UUID, defaulter_id: UUID, deposit_hold_ids: list[UUID]) -> None:
    """A winner broke his sale: what he owes waits for the re-auction's price. Twice is once; a seller's breach is none of it."""
    result = settlement.find_result_of_order(session, order_id=order_id)
    if result is None or result.winner_id != defaulter_id or result.price_minor is None:
        return
    if queries.find_debt_of_lot(session, lot_id=result.lot_id) is not None:
        return
    lot = lots.get_lot(session, result.lot_id)
    row = session.get_one(AuctionSession, lot.session_id)
    deposit = sum(payments.get_hold(session, hold_id=hold_id).amount_minor for hold_id in deposit_hold_ids)
    debt = DefaultDebt(
        lot_id=lot.id,
        debtor_id=defaulter_id,
        consignor_id=lot.consignor_id,
        house_id=row.house_id,
        first_price_minor=result.price_minor,
        commissions_minor=result.buyer_fee_minor + result.seller_fee_minor,
        deposit_minor=deposit,
        created_at=clock.now(session),
    )
    session.add(debt)
    session.flush()
    _audit(session, debt, "debt.open")


def compute_debt_of(session: Session, *, lot: Lot, price_minor: int) -> None:
    """A re-auction was sold: the first winner's debt is computed, and asked for. In the transaction that closed the lot."""
    relisting = queries.find_relisting(session, lot_id=lot.id)
    if relisting is None or relisting.broken_lot_id is None:
        return
    debt = queries.lock_debt_of_lot(session, lot_id=relisting.broken_lot_id)
    if debt is None or debt.state is not DebtState.WAITING:
        return
    found = compute_debt(
        first_minor=debt.first_price_minor,
        second_minor=price_minor,
        commissions_minor=debt.commissions_minor,
        deposit_minor=debt.deposit_minor,
    )
    debt.relot_id, debt.second_price_minor, debt.computed_at = lot.id, price_minor, clock.now(session)
    debt.shortfall_minor, debt.due_minor = found.shortfall_minor, found.due_minor
    debt.state = DebtState.SETTLED
    if found.due_minor > 0:
        debt.state = DebtState.DUE
        asked = payments.request_payment(
            session, payer_id=debt.debtor_id, amount_minor=found.due_minor, purpose_kind=DEBT, purpose_id=debt.id
        )
        debt.payment_id = asked.id
    session.add(debt)
    session.flush()
    event = DebtComputed(debt_id=debt.id, lot_id=debt.lot_id, debtor_id=debt.debtor_id, due_minor=found.due_minor)
    outbox.append(session, event, key=f"debt:{debt.id}")
    _audit(session, debt, "debt.compute")


def hear_payment(session: Session, *, debt_id: UUID) -> None:
    """The debt was paid: commissions to the house, the shortfall to the consignor. Twice is once."""
    debt = queries.lock_debt(session, debt_id=debt_id)
    if debt is None or debt.state is not DebtState.DUE:
        return
    found = debt_of(debt)
    house = accounts.get_party(session, party_id=debt.house_id)
    earner = house.id if house.organization_kind is accounts.OrganizationKind.AUCTION_HOUSE else None
    splits = [
        payments.Split(earner, found.commissions_due_minor, payments.SplitKind.COMMISSION),
        payments.Split(debt.consignor_id, found.shortfall_due_minor, payments.SplitKind.PROCEEDS),
    ]
    payments.settle(session, order_id=debt.id, splits=splits, purpose_kind=DEBT)
    debt.state, debt.paid_at = DebtState.PAID, clock.now(session)
    session.add(debt)
    session.flush()
    _audit(session, debt, "debt.paid")


def debt_of(debt: DefaultDebt) -> Debt:
    """A computed debt's parts."""
    assert debt.second_price_minor is not None
    return compute_debt(
        first_minor=debt.first_price_minor,
        second_minor=debt.second_price_minor,
        commissions_minor=debt.commissions_minor,
        deposit_minor=debt.deposit_minor,
    )


def owes(session: Session, *, party_id: UUID) -> bool:
    """Whether a debt of the party's is not settled, or not computed yet."""
    return queries.count_open_debts(session, debtor_id=party_id) > 0


def list_debts(session: Session, *, principal: Principal, page: PageQuery) -> list[DefaultDebt]:
    """The principal's own, on whichever side."""
    return [*queries.list_debts(session, party_id=principal.party_id, page=page)]


def find_payment(session: Session, debt: DefaultDebt) -> payments.PaymentView | None:
    return payments.get_payment(session, payment_id=debt.payment_id) if debt.payment_id is not None else None


def get_debt(session: Session, *, principal: Principal, debt_id: UUID) -> DefaultDebt:
    """Raises ``DebtUnknown``."""
    found = session.get(DefaultDebt, debt_id)
    if found is None or principal.party_id not in (found.debtor_id, found.consignor_id, found.house_id):
        raise DebtUnknown
    return found


def _audit(session: Session, debt: DefaultDebt, act: str) -> None:
    facts: dict[str, Any] = {"lot_id": str(debt.lot_id), "state": debt.state.value, "due_minor": debt.due_minor}
    audit.record(session, principal=None, act=act, object_kind="debt", object_id=debt.id, facts=facts)
