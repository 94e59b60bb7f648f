"""A transfer case: opened by the handover, papers given and checked, invoice issued, handed in, answered, completed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.aftercare import queries
from marketplace.aftercare.domain import OPEN_STATES as OPEN
from marketplace.aftercare.domain import (
    CaseNotFound,
    CaseState,
    CaseStateRefused,
    IssuerKind,
    Paper,
    PaperKind,
    PaperNotWanted,
    PaperState,
    check_submission,
    issuer_of,
    kind_of,
    required_papers,
)
from marketplace.aftercare.events import TransferCompleted, TransferOpened, TransferRefused, TransferSubmitted, transfer_key
from marketplace.aftercare.models import CasePaper, ServiceCase
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.rules import load
from marketplace.core.security import Principal
from marketplace.orders import api as orders
from marketplace.sourcing import api as sourcing
from marketplace.vehicles import api as vehicles

STAFF = "transfers.manage"
_TABLES = Path(__file__).parent.parent / "tables"


def open_case(session: Session, *, order_id: UUID, apply_by: datetime) -> ServiceCase:
    """The car was handed over: open its transfer, due within the legal term. Twice is once."""
    found = queries.find_case_of_order(session, order_id)
    if found is not None:
        return found
    order = orders.get_order(session, order_id=order_id)
    buyer = accounts.get_party(session, party_id=order.buyer_id)
    seller = accounts.get_party(session, party_id=order.seller_id)
    car = vehicles.get_vehicle(session, vehicle_id=order.vehicle_id)
    is_acquired = order.source_kind is orders.SourceKind.ACQUISITION  # by a dealer, or by the market as one
    buys_for_stock = is_acquired or buyer.organization_kind is accounts.OrganizationKind.DEALER
    papers = _wanted(session, order, buys_for_stock=buys_for_stock)
    is_auctioned = order.source_kind is orders.SourceKind.LOT
    is_reverse = sourcing.may_invoice_in_reverse(session, order_id=order.id)
    issuer = issuer_of(
        seller_is_dealer=seller.organization_kind is accounts.OrganizationKind.DEALER,
        is_auctioned=is_auctioned and order.seller_fee_to is not None,
        is_reverse=is_reverse,
    )
    case = ServiceCase(
        kind=kind_of(car_city=car.city, buyer_city=order.buyer_city),
        order_id=order.id,
        vehicle_id=order.vehicle_id,
        seller_id=order.seller_id,
        buyer_id=order.buyer_id,
        agent_id=order.agent_id,
        buyer_city=order.buyer_city,
        buys_for_stock=buys_for_stock,
        wants_quota=PaperKind.PLATE_QUOTA in papers,
        issuer_kind=issuer,
        issuer_id={
            IssuerKind.DEALER: order.buyer_id if is_reverse else order.seller_id,
            IssuerKind.AUCTION_HOUSE: order.seller_fee_to,
            IssuerKind.MARKET_OPERATOR: None,
        }[issuer],
        opened_at=clock.now(session),
        apply_by=apply_by,
    )
    session.add(case)
    session.flush()
    for position, paper in enumerate(papers):
        session.add(CasePaper(case_id=case.id, kind=paper, position=position))
    session.flush()
    event = TransferOpened(
        **_facts(case), buyer_id=case.buyer_id, seller_id=case.seller_id, papers=[paper.value for paper in papers], apply_by=apply_by
    )
    outbox.append(session, event, key=transfer_key(case.id))
    _record(session, None, case, "transfer.open")
    return case


def _facts(case: ServiceCase) -> dict[str, UUID]:
    return {"transfer_id": case.id, "order_id": case.order_id, "vehicle_id": case.vehicle_id}


def _wanted(session: Session, order: orders.OrderView, *, buys_for_stock: bool) -> list[PaperKind]:
    values = load(_TABLES / "transfer.toml", on=clock.shanghai_day(clock.now(session))).values
    eligibility = vehicles.evaluate(
        session,
        vehicle_id=order.vehicle_id,
        mode=vehicles.TradeMode.TRANSFER,
        seller_id=order.seller_id,
        buyer_city=order.buyer_city,
    )
    return required_papers(
        always=values["always"],
        by_finding=values["by_finding"],
        findings={finding.code for finding in eligibility.findings},
        buys_for_stock=buys_for_stock,
    )


def _record(session: Session, principal: Principal | None, case: ServiceCase, act: str, **facts: object) -> None:
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="transfer",
        object_id=case.id,
        facts={"state": case.state.value, "order_id": str(case.order_id)} | facts,
    )


def require_party(case: ServiceCase, principal: Principal) -> None:
    """A side of the sale, its consignee, the invoice's issuer, or the market's people. Raises ``CaseNotFound``."""
    parties = {case.seller_id, case.buyer_id, case.agent_id, case.issuer_id}
    if principal.party_id not in parties and not principal.can(STAFF):
        raise CaseNotFound


# --- papers -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GivenPaper:
    """A paper handed in: its number where it has one."""

    kind: PaperKind
    number: str | None = None
    valid_until: date | None = None


def provide(session: Session, *, principal: Principal, case_id: UUID, papers: Sequence[GivenPaper]) -> ServiceCase:
    """Either side hands papers in. Raises ``CaseNotFound``, ``CaseStateRefused``, ``PaperNotWanted``."""
    case = _lock_open(session, principal, case_id)
    rows = {row.kind: row for row in queries.list_papers(session, case_id)}
    for paper in papers:
        row = rows.get(paper.kind)
        if row is None:
            raise PaperNotWanted(kind=paper.kind.value)
        row.state = PaperState.PROVIDED
        row.number, row.valid_until = paper.number, paper.valid_until
        row.provided_by, row.provided_at = principal.party_id, clock.now(session)
        row.checked_by = row.checked_at = None
        row.note = ""
        session.add(row)
    _record(session, principal, case, "transfer.provide", papers=[paper.kind.value for paper in papers])
    return case


def check(
    session: Session, *, principal: Principal, case_id: UUID, approved: Sequence[PaperKind], rejected: dict[PaperKind, str]
) -> ServiceCase:
    """The market's people look at what was handed in. Raises ``CaseStateRefused``, ``PaperNotWanted``."""
    case = _lock_open(session, principal, case_id)
    rows = {row.kind: row for row in queries.list_papers(session, case_id)}
    for kind in (*approved, *rejected):
        row = rows.get(kind)
        if row is None or row.state is PaperState.MISSING:
            raise PaperNotWanted(kind=kind.value)
        row.state = PaperState.REJECTED if kind in rejected else PaperState.CHECKED
        row.note = rejected.get(kind, "")
        row.checked_by, row.checked_at = principal.id, clock.now(session)
        session.add(row)
    _record(
        session,
        principal,
        case,
        "transfer.check",
        approved=[kind.value for kind in approved],
        rejected=[kind.value for kind in rejected],
    )
    return case


def _lock_open(session: Session, principal: Principal, case_id: UUID) -> ServiceCase:
    case = queries.lock_case(session, case_id)
    require_party(case, principal)
    if case.state not in OPEN:
        raise CaseStateRefused(state=case.state.value)
    return case


# --- to the office and back ---------------------------------------------------------------------------------------------------


def submit(session: Session, *, principal: Principal, case_id: UUID) -> ServiceCase:
    """Hand the application in: every paper checked, the invoice issued, the car still free of bars.

    Raises ``CaseStateRefused``, ``PapersNotChecked``, ``InvoiceMissing``, ``NotEligible``, ``OrderDisputed``.
    """
    case = _lock_open(session, principal, case_id)
    orders.require_undisputed(session, order_id=case.order_id)
    papers = [Paper(row.kind, row.state) for row in queries.list_papers(session, case_id)]
    check_submission(case.state, papers=papers, has_invoice=queries.find_invoice(session, case.order_id) is not None)
    vehicles.require_eligible(
        session,
        vehicle_id=case.vehicle_id,
        mode=vehicles.TradeMode.TRANSFER,
        seller_id=case.seller_id,
        buyer_city=case.buyer_city,
        buyer_has_quota=any(paper.kind is PaperKind.PLATE_QUOTA for paper in papers),
    )
    case.state = CaseState.SUBMITTED
    case.attempt += 1
    case.submitted_at = clock.now(session)
    case.refusal_reasons = []
    session.add(case)
    session.flush()
    outbox.append(session, TransferSubmitted(**_facts(case), attempt=case.attempt), key=transfer_key(case.id))
    _record(session, principal, case, "transfer.submit", attempt=case.attempt)
    return case


def hear_answer(session: Session, *, case_id: UUID, attempt: int, reasons: Sequence[str], certificate_no: str | None) -> None:
    """The office's answer to an application. Registered: sale, title and money change in this one transaction.

    An answer to an earlier attempt, or to a case that is not waiting, changes nothing.
    """
    case = queries.lock_case(session, case_id)
    if case.state is not CaseState.SUBMITTED or case.attempt != attempt:
        return
    if reasons:
        case.state = CaseState.REFUSED
        case.refusal_reasons = list(reasons)
        session.add(case)
        outbox.append(session, TransferRefused(**_facts(case), reasons=list(reasons)), key=transfer_key(case.id))
        _record(session, None, case, "transfer.refused", reasons=list(reasons))
        return
    case.certificate_no = certificate_no
    session.add(case)
    if orders.get_order(session, order_id=case.order_id).disputed_at is not None:
        _record(session, None, case, "transfer.waits_for_dispute")  # sale, title and money wait for the decision
        return
    _complete(session, case)


def hear_dispute_ended(session: Session, *, order_id: UUID) -> None:
    """What the office registered while the order was disputed takes effect now. Twice is once."""
    found = queries.find_case_of_order(session, order_id)
    if found is None:
        return
    case = queries.lock_case(session, found.id)
    is_disputed = orders.get_order(session, order_id=order_id).disputed_at is not None
    if case.state is CaseState.SUBMITTED and case.certificate_no is not None and not is_disputed:
        _complete(session, case)


def hear_cancelled(session: Session, *, order_id: UUID) -> None:
    """The order was undone by a decision: nothing is left to transfer. Twice is once."""
    found = queries.find_case_of_order(session, order_id)
    if found is None:
        return
    case = queries.lock_case(session, found.id)
    if case.state in {CaseState.COMPLETED, CaseState.CANCELLED}:
        return
    case.state = CaseState.CANCELLED
    session.add(case)
    session.flush()
    _record(session, None, case, "transfer.cancel", registered=case.certificate_no is not None)


def _complete(session: Session, case: ServiceCase) -> None:
    case.state = CaseState.COMPLETED
    case.completed_at = clock.now(session)
    session.add(case)
    session.flush()
    orders.complete_transfer(session, principal=None, order_id=case.order_id)
    vehicles.move_holding(
        session,
        vehicle_id=case.vehicle_id,
        to_party_id=case.buyer_id,
        capacity=vehicles.Capacity.DEALER_STOCK if case.buys_for_stock else vehicles.Capacity.OWNER,
        proof=f"transfer:{case.id}",
    )
    event = TransferCompleted(**_facts(case), buyer_id=case.buyer_id, seller_id=case.seller_id)
    outbox.append(session, event, key=transfer_key(case.id))
    _record(session, None, case, "transfer.complete")
