"""What a consignor owes beside the commission: storage and the fee for ending early, each asked for and paid through payments."""

from datetime import date
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.security import Principal
from marketplace.payments import api as payments
from marketplace.sourcing import queries
from marketplace.sourcing.domain import ConsignmentNotFound, ConsignmentState
from marketplace.sourcing.domain.custody import (
    ChargeKind,
    ChargeState,
    Dues,
    StorageRules,
    StorageTerms,
    compute_storage,
    compute_storage_days,
)
from marketplace.sourcing.models import Consignment, ConsignmentCharge, Custody
from marketplace.sourcing.queries import custody as custody_queries
from marketplace.sourcing.service.offering import lock_as, side_of
from marketplace.sourcing.service.records import record
from marketplace.sourcing.service.tables import rule_table

PURPOSE = "consignment_charge"


def storage_rules(on: date) -> StorageRules:
    return StorageRules.from_values(rule_table("storage", on=on).values)


def terms_of(consignment: Consignment) -> StorageTerms:
    """Storage as the contract fixed it, whatever the table says since."""
    return StorageTerms(consignment.storage_free_days, consignment.storage_day_minor)


def bill_end(session: Session, consignment: Consignment, *, principal: Principal | None) -> None:
    """The contract has ended: ask for what is owed. A sale earns the commission; storage beside it only where the table says so."""
    today = clock.shanghai_day(clock.now(session))
    if consignment.state is ConsignmentState.WITHDRAWN and consignment.withdrawal_fee_minor:
        amount = consignment.withdrawal_fee_minor
        _raise(session, consignment, ChargeKind.WITHDRAWAL_FEE, amount, principal=principal, until=today)
    if consignment.order_id is None or storage_rules(today).charged_when_sold:
        raise_storage(session, consignment, principal=principal, today=today)


def raise_storage(session: Session, consignment: Consignment, *, principal: Principal | None, today: date) -> None:
    """Ask for the storage of the days no statement names yet; nothing when there is none."""
    custody = custody_queries.find_custody(session, consignment.id)
    if custody is None:
        return
    since, until = _unbilled(session, consignment, custody, today)
    days, amount = _accrued(consignment, custody, since, until)
    if amount:
        _raise(session, consignment, ChargeKind.STORAGE, amount, principal=principal, until=until, since=since, days=days)


def _unbilled(session: Session, consignment: Consignment, custody: Custody, today: date) -> tuple[date, date]:
    """The days ``(since, until]`` that no statement names; until the car left at most."""
    billed = [one.until_on for one in custody_queries.list_charges(session, consignment.id) if one.kind is ChargeKind.STORAGE]
    since = max(billed, default=clock.shanghai_day(custody.taken_at))
    until = min(today, clock.shanghai_day(custody.returned_at)) if custody.returned_at else today
    return since, until


def _accrued(consignment: Consignment, custody: Custody, since: date, until: date) -> tuple[int, int]:
    """Days and fen."""
    terms, taken_on = terms_of(consignment), clock.shanghai_day(custody.taken_at)
    days = compute_storage_days(taken_on, until, terms) - compute_storage_days(taken_on, since, terms)
    return days, compute_storage(taken_on, until, terms) - compute_storage(taken_on, since, terms)


def _raise(
    session: Session,
    consignment: Consignment,
    kind: ChargeKind,
    amount_minor: int,
    *,
    principal: Principal | None,
    until: date,
    since: date | None = None,
    days: int = 0,
) -> None:
    charge = ConsignmentCharge(
        id=new_id(),
        consignment_id=consignment.id,
        consignor_id=consignment.consignor_id,
        agent_id=consignment.agent_id,
        kind=kind,
        amount_minor=amount_minor,
        days=days,
        from_on=since,
        until_on=until,
        rules_version=rule_table("storage", on=until).number,
        raised_at=clock.now(session),
    )
    session.add(charge)
    session.flush()
    _ask(session, charge)
    facts = {"kind": kind.value, "amount_minor": amount_minor, "days": days, "charge_id": str(charge.id)}
    record(session, consignment, act="consignment.charge", principal=principal, facts=facts)


def _ask(session: Session, charge: ConsignmentCharge) -> None:
    payment = payments.request_payment(
        session, payer_id=charge.consignor_id, amount_minor=charge.amount_minor, purpose_kind=PURPOSE, purpose_id=charge.id
    )
    charge.payment_id = payment.id
    session.add(charge)
    session.flush()


def settle_up(
    session: Session, *, principal: Principal, consignment_id: UUID
) -> list[tuple[ConsignmentCharge, payments.PaymentView | None]]:
    """A statement to today, by either side: storage accrued since the last one is asked for, a payment that failed once more.

    Raises ``ConsignmentNotFound``.
    """
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    if consignment.state not in {ConsignmentState.OFFERED, ConsignmentState.ACTIVE} and consignment.order_id is None:
        raise_storage(session, consignment, principal=principal, today=clock.shanghai_day(clock.now(session)))
    for charge in custody_queries.list_charges(session, consignment.id):
        if charge.state is ChargeState.DUE and _is_dead(session, charge):
            _ask(session, charge)
    return _with_payments(session, consignment, principal)


def _is_dead(session: Session, charge: ConsignmentCharge) -> bool:
    if charge.payment_id is None:
        return True
    state = payments.get_payment(session, payment_id=charge.payment_id).state
    return state in {payments.PaymentState.FAILED, payments.PaymentState.CANCELLED}


def list_charges(
    session: Session, *, principal: Principal, consignment_id: UUID
) -> list[tuple[ConsignmentCharge, payments.PaymentView | None]]:
    """Everything asked for, oldest first; the payment beside it is the consignor's alone. Raises ``ConsignmentNotFound``."""
    consignment = queries.find_consignment(session, consignment_id)
    if consignment is None:
        raise ConsignmentNotFound
    side_of(consignment, principal)
    return _with_payments(session, consignment, principal)


def _with_payments(
    session: Session, consignment: Consignment, principal: Principal
) -> list[tuple[ConsignmentCharge, payments.PaymentView | None]]:
    pays = principal.party_id == consignment.consignor_id
    return [
        (charge, payments.get_payment(session, payment_id=charge.payment_id) if pays and charge.payment_id else None)
        for charge in custody_queries.list_charges(session, consignment.id)
    ]


def dues_of(session: Session, consignment: Consignment, today: date) -> Dues:
    """What stands between the consignor and his things."""
    charges = custody_queries.list_charges(session, consignment.id)
    custody = custody_queries.find_custody(session, consignment.id)
    accrued = 0
    if custody is not None and consignment.order_id is None:
        since, until = _unbilled(session, consignment, custody, today)
        _, accrued = _accrued(consignment, custody, since, until)
    return Dues(
        unpaid_minor=sum(one.amount_minor for one in charges if one.state is ChargeState.DUE),
        accrued_minor=accrued,
        billed_until=max((one.until_on for one in charges if one.kind is ChargeKind.STORAGE), default=None),
    )


def hear_payment(session: Session, *, charge_id: UUID, payment_id: UUID) -> None:
    """A charge was paid: the money is the agent's. Twice is once."""
    charge = custody_queries.lock_charge(session, charge_id)
    if charge is None or charge.state is ChargeState.PAID:
        return
    if payments.get_payment(session, payment_id=payment_id).state is not payments.PaymentState.PAID:
        return
    charge.state, charge.paid_at, charge.payment_id = ChargeState.PAID, clock.now(session), payment_id
    session.add(charge)
    session.flush()
    split = payments.Split(_payee(session, charge.agent_id), charge.amount_minor, payments.SplitKind.SERVICE_FEE)
    payments.settle(session, order_id=charge.id, splits=[split], purpose_kind=PURPOSE)
    consignment = queries.find_consignment(session, charge.consignment_id)
    assert consignment is not None
    facts = {"kind": charge.kind.value, "amount_minor": charge.amount_minor, "charge_id": str(charge.id)}
    record(session, consignment, act="consignment.charge_paid", principal=None, facts=facts)


def _payee(session: Session, agent_id: UUID) -> UUID | None:
    """What the market's own operator earns is the market's."""
    agent = accounts.get_party(session, party_id=agent_id)
    return None if agent.organization_kind is accounts.OrganizationKind.MARKET_OPERATOR else agent_id
