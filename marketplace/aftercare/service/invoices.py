"""二手车销售统一发票: its data, issued by whom the rule names."""

from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.aftercare import queries
from marketplace.aftercare.domain import CaseState, CaseStateRefused, IssuerKind, NotTheIssuer
from marketplace.aftercare.events import InvoiceIssued, transfer_key
from marketplace.aftercare.models import SaleInvoice, ServiceCase
from marketplace.aftercare.service.cases import STAFF, require_party
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.money import in_words
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings
from marketplace.orders import api as orders
from marketplace.sourcing import api as sourcing
from marketplace.vehicles import api as vehicles

CODE = "012002600104"
"""Invoice code of the sandbox tax office's roll; numbers run from the order's own id."""


def issue(session: Session, *, principal: Principal, case_id: UUID) -> SaleInvoice:
    """Issue a case's invoice: the dealer for his own car, the auction house for an auctioned one, else the market operator.

    The market's people may draw it up for the issuer. Twice is once. Raises ``CaseNotFound``, ``NotTheIssuer``, ``CaseStateRefused``,
    ``NotEligible`` (a person's third sale in a year of a car held under a year gets no invoice).
    """
    case = queries.lock_case(session, case_id)
    require_party(case, principal)
    found = queries.find_invoice(session, case.order_id)
    if found is not None:
        return found
    if principal.party_id != case.issuer_id and not principal.can(STAFF):
        raise NotTheIssuer(issuer=case.issuer_kind.value)
    if case.state in {CaseState.COMPLETED, CaseState.CANCELLED}:
        raise CaseStateRefused(state=case.state.value)
    vehicles.require_eligible(
        session, vehicle_id=case.vehicle_id, mode=vehicles.TradeMode.TRANSFER, seller_id=case.seller_id, buyer_city=case.buyer_city
    )
    if _is_reverse(case):
        _prepare_reverse(session, principal, case)
    invoice = _write(session, principal, case)
    vehicles.record_sale(session, vehicle_id=case.vehicle_id, party_id=case.seller_id, proof=f"order:{case.order_id}")
    return invoice


def _is_reverse(case: ServiceCase) -> bool:
    """反向开具: the buying dealer is the issuer."""
    return case.issuer_kind is IssuerKind.DEALER and case.issuer_id == case.buyer_id


def _prepare_reverse(session: Session, principal: Principal, case: ServiceCase) -> None:
    """The buying dealer's own, by the data sourcing keeps; drawn up by the market's people it is the market's ordinary one.

    Raises ``ReverseInvoiceBarred`` when what allowed it holds no more: the market issues then.
    """
    if principal.party_id == case.buyer_id:
        sourcing.issue_reverse_invoice(session, principal=principal, order_id=case.order_id)
        return
    case.issuer_kind, case.issuer_id = IssuerKind.MARKET_OPERATOR, None
    session.add(case)


def _write(session: Session, principal: Principal, case: ServiceCase) -> SaleInvoice:
    order = orders.get_order(session, order_id=case.order_id)
    content = canonical_json(_content(session, principal, case, order))
    invoice = SaleInvoice(
        order_id=order.id,
        code=CODE,
        number=f"{order.id.int % 10**8:08d}",
        issuer_kind=case.issuer_kind,
        issuer_id=case.issuer_id,
        amount_minor=order.price_minor,
        content=content.decode(),
        content_hash=sha256_hex(content),
        issued_by=principal.id,
        issued_at=clock.now(session),
    )
    session.add(invoice)
    session.flush()
    event = InvoiceIssued(
        transfer_id=case.id,
        order_id=case.order_id,
        vehicle_id=case.vehicle_id,
        invoice_id=invoice.id,
        issuer_kind=case.issuer_kind.value,
        amount_minor=invoice.amount_minor,
    )
    outbox.append(session, event, key=transfer_key(case.id))
    audit.record(
        session,
        principal=principal,
        act="invoice.issue",
        object_kind="invoice",
        object_id=invoice.id,
        facts={"order_id": str(order.id), "amount_minor": invoice.amount_minor, "issuer_kind": case.issuer_kind.value},
    )
    return invoice


def _content(session: Session, principal: Principal, case: ServiceCase, order: orders.OrderView) -> dict[str, object]:
    """Fields of the form as far as this market knows them; the printed form's addresses and phones are the parties' own."""
    car = vehicles.get_vehicle(session, vehicle_id=order.vehicle_id)
    vin = vehicles.reveal_vin(session, principal=principal, vehicle_id=order.vehicle_id, reason=f"invoice of order {order.number}")
    issuer = accounts.legal_name(session, party_id=case.issuer_id) if case.issuer_id else get_settings().market_name
    return {
        "title": "二手车销售统一发票",
        "reverse": _is_reverse(case),
        "issued_on": clock.shanghai_day(clock.now(session)).isoformat(),
        "issuer": {"kind": case.issuer_kind.value, "name": issuer},
        "buyer": accounts.legal_name(session, party_id=order.buyer_id),
        "seller": accounts.legal_name(session, party_id=order.seller_id),
        "vin": vin,
        "vehicle": f"{car.brand} {car.series} {car.model}",
        "vehicle_type": car.kind.value,
        "transfer_in_office": f"{case.buyer_city or car.city}车辆管理所",
        "amount_minor": order.price_minor,
        "amount_in_words": in_words(order.price_minor),
        "contract": order.number,
    }
