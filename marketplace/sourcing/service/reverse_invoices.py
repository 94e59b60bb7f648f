"""反向开票: the dealer who buys from a natural person issues the unified invoice himself, where the law allows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.money import in_words
from marketplace.core.security import Principal
from marketplace.orders import api as orders
from marketplace.sourcing.domain.acquisitions import (
    BAR_TEXTS,
    AcquisitionNotFound,
    AcquisitionStateRefused,
    ReverseCase,
    ReverseInvoiceBarred,
    ReverseInvoiceNotFound,
    find_reverse_bars,
)
from marketplace.sourcing.models.acquisitions import ReverseInvoice
from marketplace.sourcing.queries import acquisitions as queries
from marketplace.sourcing.service.tables import rule_table
from marketplace.vehicles import api as vehicles

_PASSENGER = frozenset({vehicles.VehicleKind.PASSENGER_MICRO, vehicles.VehicleKind.PASSENGER_SMALL})
_READY = frozenset({orders.OrderState.PAID, orders.OrderState.HANDED_OVER, orders.OrderState.COMPLETED})


def find_bars(session: Session, *, order: orders.OrderView, at: datetime) -> list[str]:
    """Codes of what forbids a reverse invoice for a purchase; empty when the dealer may issue it."""
    if order.source_kind is not orders.SourceKind.ACQUISITION:
        return ["no_acquisition"]
    table = rule_table("reverse_invoice", on=clock.shanghai_day(at))
    buyer = accounts.get_party(session, party_id=order.buyer_id)
    seller = accounts.get_party(session, party_id=order.seller_id)
    car = vehicles.get_vehicle(session, vehicle_id=order.vehicle_id)
    since = at - timedelta(days=round(table.values["seller_total_months"] * 365 / 12))
    case = ReverseCase(
        buyer_is_dealer=buyer.organization_kind in {accounts.OrganizationKind.DEALER, accounts.OrganizationKind.MARKET_OPERATOR},
        buyer_is_filed=_is_filed(session, order.buyer_id, at),
        seller_is_person=seller.kind is accounts.PartyKind.PERSON,
        seller_has_resident_id=accounts.has_resident_id(session, party_id=order.seller_id),
        car_is_passenger=car.kind in _PASSENGER and car.use_type is vehicles.UseType.NON_COMMERCIAL,
        price_minor=order.price_minor,
        seller_total_minor=queries.sum_reverse_invoices(session, seller_id=order.seller_id, since=since),
    )
    return find_reverse_bars(case, total_max_minor=table.values["seller_total_max_minor"])


def _is_filed(session: Session, party_id: UUID, at: datetime) -> bool:
    try:
        accounts.require_licence(session, party_id=party_id, kind=accounts.LicenceKind.DEALER_FILING, on=clock.shanghai_day(at))
    except (accounts.LicenceMissing, accounts.LicenceLapsed):
        return False
    return True


def may_issue(session: Session, *, order_id: UUID) -> bool:
    """Whether the buyer of an order issues its invoice in reverse, as things stand now."""
    return not find_bars(session, order=orders.get_order(session, order_id=order_id), at=clock.now(session))


def issue(session: Session, *, principal: Principal, order_id: UUID) -> ReverseInvoice:
    """Draw the invoice's data up, for the buyer of a paid purchase. Twice is once.

    The seller's identity number is on it by law; reading it is on record. Raises ``AcquisitionNotFound``, ``AcquisitionStateRefused``,
    ``ReverseInvoiceBarred``.
    """
    order = _order_of(session, principal, order_id)
    queries.lock_all_of_owner(session, order.seller_id)
    at = clock.now(session)
    found = queries.find_reverse_invoice(session, order_id)
    if found is not None:
        return found
    if order.state not in _READY:
        raise AcquisitionStateRefused(state=order.state.value)
    bars = find_bars(session, order=order, at=at)
    if bars:
        raise ReverseInvoiceBarred(codes=bars, findings=[{"code": one, "zh": BAR_TEXTS[one][0], "en": BAR_TEXTS[one][1]} for one in bars])
    table = rule_table("reverse_invoice", on=clock.shanghai_day(at))
    content = canonical_json(_content(session, principal, order, at=at, vat_note=str(table.values["vat_note"]), source=table.source))
    invoice = ReverseInvoice(
        order_id=order.id,
        vehicle_id=order.vehicle_id,
        seller_id=order.seller_id,
        dealer_id=order.buyer_id,
        amount_minor=order.price_minor,
        content=content.decode(),
        content_hash=sha256_hex(content),
        rules_version=table.number,
        issued_by=principal.id,
        issued_at=at,
    )
    session.add(invoice)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="reverse_invoice.issue",
        object_kind="reverse_invoice",
        object_id=invoice.id,
        facts={"order_id": str(order.id), "amount_minor": invoice.amount_minor},
    )
    return invoice


def _order_of(session: Session, principal: Principal, order_id: UUID) -> orders.OrderView:
    """A purchase of the caller's. Raises ``AcquisitionNotFound``."""
    try:
        order = orders.get_order(session, order_id=order_id)
    except orders.OrderNotFound:
        raise AcquisitionNotFound from None
    if order.source_kind is not orders.SourceKind.ACQUISITION or order.buyer_id != principal.party_id:
        raise AcquisitionNotFound
    return order


def _content(
    session: Session, principal: Principal, order: orders.OrderView, *, at: datetime, vat_note: str, source: str
) -> dict[str, object]:
    """Fields of 二手车销售统一发票 as far as this market knows them, for the tax platform's form."""
    car = vehicles.get_vehicle(session, vehicle_id=order.vehicle_id)
    reason = f"reverse invoice of order {order.number}"
    return {
        "title": "二手车销售统一发票",
        "reverse": True,
        "mark": "反向开具",
        "issued_on": clock.shanghai_day(at).isoformat(),
        "contract": order.number,
        "contract_hash": order.contract_hash,
        "buyer": {
            "name": accounts.legal_name(session, party_id=order.buyer_id),
            "number": accounts.reveal_identity_number(session, principal=principal, party_id=order.buyer_id, reason=reason),
            "number_kind": "统一社会信用代码",
        },
        "seller": {
            "name": accounts.legal_name(session, party_id=order.seller_id),
            "number": accounts.reveal_identity_number(session, principal=principal, party_id=order.seller_id, reason=reason),
            "number_kind": "居民身份证",
        },
        "vehicle": {
            "vin": vehicles.reveal_vin(session, principal=principal, vehicle_id=order.vehicle_id, reason=reason),
            "plate_region": car.plate_region,
            "type": car.kind.value,
            "model": car.title,
            "first_registration_on": car.first_registration_on.isoformat() if car.first_registration_on else None,
            "odometer_km": car.odometer_km,
        },
        "transfer_in_office": f"{car.city}车辆管理所",
        "amount_minor": order.price_minor,
        "amount_in_words": in_words(order.price_minor),
        "vat_minor": 0,
        "vat_note": vat_note,
        "stock_annotation": "二手车待销售",
        "source": source,
    }


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """The data and whether it still has its hash."""

    row: ReverseInvoice
    content: dict[str, Any]
    is_intact: bool


def get_invoice(session: Session, *, principal: Principal, order_id: UUID) -> InvoiceView:
    """For buyer and seller. Raises ``ReverseInvoiceNotFound``."""
    found = queries.find_reverse_invoice(session, order_id)
    if found is None or principal.party_id not in {found.dealer_id, found.seller_id}:
        raise ReverseInvoiceNotFound
    return InvoiceView(found, orjson.loads(found.content), sha256_hex(found.content.encode()) == found.content_hash)
