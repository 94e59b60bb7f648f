"""An order opens: from the store page by its buyer, or by another feature in its own transaction (a lot won)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.rules import RuleTable, load
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings
from marketplace.listings import api as listings
from marketplace.orders import queries
from marketplace.orders.domain import (
    BuyerIsSeller,
    Confirmation,
    Contract,
    ContractParty,
    Fees,
    FeeTable,
    PriceKind,
    SourceKind,
    build_contract,
    check_confirmations,
    compute_fees,
    contract_kind_of,
    earnest_part,
    required_confirmations,
)
from marketplace.orders.domain.orders import CONFIRMATION_TEXTS
from marketplace.orders.events import OrderOpened
from marketplace.orders.models import Order, OrderConfirmation, OrderDeposit
from marketplace.orders.service.records import OrderView, announce, event_facts, view
from marketplace.payments import api as payments
from marketplace.vehicles import api as vehicles
from valuation.appraisal import api as appraisals

_TABLES = Path(__file__).parent.parent / "tables"


def fee_table(at: datetime) -> RuleTable:
    return load(_TABLES / "fees.toml", on=clock.shanghai_day(at))


def seller_fee(*, channel: str, price_minor: int, on: date) -> int:
    """The market's fee of a sale in a channel by the table of a day, fen."""
    table = FeeTable.from_values(load(_TABLES / "fees.toml", on=on).values[channel])
    return compute_fees(price_minor, table, commission_bps=0).seller_fee_minor


def terms(at: datetime) -> Mapping[str, Any]:
    return load(_TABLES / "terms.toml", on=clock.shanghai_day(at)).values


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the sale is agreed on. ``…_to`` None: the market earns it."""

    vehicle_id: UUID
    seller_id: UUID
    buyer_id: UUID
    agent_id: UUID | None
    channel: str
    source_kind: SourceKind
    source_id: UUID
    price_minor: int
    price_kind: PriceKind
    fees: Fees
    seller_fee_to: UUID | None = None
    buyer_fee_to: UUID | None = None
    fee_table_number: int | None = None
    buyer_city: str | None = None
    sign_by: datetime
    pay_by: datetime
    mode: vehicles.TradeMode | None = None
    linked_order_id: UUID | None = None
    offset_minor: int = 0
    annex: Mapping[str, Any] | None = None


def place_order(
    session: Session, *, principal: Principal, listing_id: UUID, buyer_city: str | None, confirmations: Collection[Confirmation]
) -> OrderView:
    """A buyer orders from the store page: takes the car, or is told who has it.

    Raises ``ListingNotFound``, ``ListingNotLive``, ``VehicleClaimed``, ``OwnCar``, ``NotEligible``, ``ConfirmationMissing``,
    ``PartySuspended``, ``RealNameMissing``.
    """
    buyer = accounts.require_active(session, party_id=principal.party_id)
    accounts.require_real_name(session, party_id=principal.party_id)
    order_id = new_id()
    seen = listings.get_listing(session, listing_id=listing_id)
    listings.take_claim(session, vehicle_id=seen.vehicle_id, kind=listings.ClaimKind.ORDER, holder_id=order_id)
    agreed, required = agree_on_listing(
        session, principal=principal, buyer=buyer, listing_id=listing_id, buyer_city=buyer_city, confirmations=confirmations
    )
    return write_order(session, principal=principal, order_id=order_id, agreed=agreed, confirmed=required)


def agree_on_listing(
    session: Session,
    *,
    principal: Principal,
    buyer: accounts.PartyView,
    listing_id: UUID,
    buyer_city: str | None,
    confirmations: Collection[Confirmation],
) -> tuple[Terms, list[Confirmation]]:
    """What a buyer and a listing agree on, the car's claim already taken; and what he had to confirm."""
    city = registration_city(buyer, buyer_city)
    listing = listings.require_orderable(session, listing_id=listing_id, buyer_id=principal.party_id, buyer_city=city)
    seller = accounts.require_active(session, party_id=listing.seller_id)
    required = required_confirmations(
        buyer_is_consumer=buyer.organization_kind is None,
        seller_is_business=seller.organization_kind is not None or listing.agent_id is not None,
    )
    check_confirmations(confirmations, required)
    at = clock.now(session)
    table = fee_table(at)
    fees = compute_fees(listing.ask_minor, FeeTable.from_values(table.values[listing.channel.value]), commission_bps=listing.seller_fee_bps)
    agreed = Terms(
        vehicle_id=listing.vehicle_id,
        seller_id=listing.seller_id,
        buyer_id=principal.party_id,
        agent_id=listing.agent_id,
        channel=listing.channel.value,
        source_kind=SourceKind.LISTING,
        source_id=listing.id,
        price_minor=listing.ask_minor,
        price_kind=PriceKind.ASKING,
        fees=fees,
        fee_table_number=table.number,
        buyer_city=city,
        sign_by=at + timedelta(hours=terms(at)["sign_within_hours"]),
        pay_by=at + timedelta(hours=terms(at)["sign_within_hours"] + terms(at)["pay_within_hours"]),
        mode=vehicles.TradeMode(listing.channel.value),
    )
    return agreed, sorted(required)


def registration_city(buyer: accounts.PartyView, stated: str | None) -> str | None:
    """Where the new owner registers the car: what he says, else here. A dealer who says nothing takes it into stock."""
    if stated is not None:
        return stated.strip().removesuffix("市")
    return None if buyer.organization_kind is accounts.OrganizationKind.DEALER else get_settings().market_city


def open_order(
    session: Session,
    *,
    principal: Principal | None,
    agreed: Terms,
    deposit_hold_ids: Sequence[UUID] = (),
) -> OrderView:
    """An order out of another feature's transaction: the claim passes from its holder to the order without a gap.

    Raises ``VehicleClaimed``, ``BuyerIsSeller``, ``PartySuspended``.
    """
    order_id = new_id()
    buyer = accounts.get_party(session, party_id=agreed.buyer_id)
    agreed = replace(agreed, buyer_city=registration_city(buyer, agreed.buyer_city))
    claim = listings.find_claim(session, vehicle_id=agreed.vehicle_id)
    if claim is not None and claim.holder_id == agreed.source_id:
        listings.hand_over_claim(
            session,
            vehicle_id=agreed.vehicle_id,
            from_holder_id=agreed.source_id,
            kind=listings.ClaimKind.ORDER,
            holder_id=order_id,
        )
    else:
        listings.take_claim(session, vehicle_id=agreed.vehicle_id, kind=listings.ClaimKind.ORDER, holder_id=order_id)
    return write_order(session, principal=principal, order_id=order_id, agreed=agreed, deposit_hold_ids=deposit_hold_ids)


def write_order(
    session: Session,
    *,
    principal: Principal | None,
    order_id: UUID,
    agreed: Terms,
    confirmed: Sequence[Confirmation] = (),
    deposit_hold_ids: Sequence[UUID] = (),
) -> OrderView:
    """Draw up the contract and keep the order; the claim is already its own."""
    if agreed.buyer_id in {agreed.seller_id, agreed.agent_id}:
        raise BuyerIsSeller
    at = clock.now(session)
    claim = listings.find_claim(session, vehicle_id=agreed.vehicle_id)
    car = vehicles.get_vehicle(session, vehicle_id=agreed.vehicle_id)
    deposit = sum(payments.get_hold(session, hold_id=hold_id).amount_minor for hold_id in deposit_hold_ids)
    number = _number(order_id, at)
    contract = _contract(session, agreed=agreed, number=number, at=at, car=car, deposit_minor=deposit, confirmed=confirmed)
    text = canonical_json(build_contract(contract))
    order = Order(
        id=order_id,
        number=number,
        vehicle_id=agreed.vehicle_id,
        seller_id=agreed.seller_id,
        buyer_id=agreed.buyer_id,
        agent_id=agreed.agent_id,
        channel=agreed.channel,
        source_kind=agreed.source_kind,
        source_id=agreed.source_id,
        fence=claim.fence if claim else 0,
        price_minor=agreed.price_minor,
        price_kind=agreed.price_kind,
        **_fees(agreed),
        buyer_city=agreed.buyer_city,
        linked_order_id=agreed.linked_order_id,
        offset_minor=agreed.offset_minor,
        contract_kind=contract.kind,
        contract_text=text.decode(),
        contract_hash=sha256_hex(text),
        seller_kind=contract.seller.kind,
        segment=car.segment.value,
        city=car.city,
        days_in_stock=listings.days_in_stock(session, vehicle_id=agreed.vehicle_id, seller_id=agreed.seller_id),
        opened_at=at,
        sign_by=agreed.sign_by,
        pay_by=agreed.pay_by,
    )
    session.add(order)
    session.flush()
    session.add_all(OrderDeposit(order_id=order.id, hold_id=hold_id) for hold_id in deposit_hold_ids)
    _keep_confirmations(session, principal, order, confirmed)
    event = OrderOpened(**event_facts(order, at), sign_by=order.sign_by, pay_by=order.pay_by)
    facts = {"contract_hash": order.contract_hash, "channel": order.channel, "fence": order.fence}
    announce(session, order=order, event=event, act="order.open", principal=principal, facts=facts)
    return view(order)


def _fees(agreed: Terms) -> dict[str, Any]:
    return {
        "buyer_fee_minor": agreed.fees.buyer_fee_minor,
        "buyer_fee_to": agreed.buyer_fee_to,
        "seller_fee_minor": agreed.fees.seller_fee_minor,
        "seller_fee_to": agreed.seller_fee_to,
        "commission_minor": agreed.fees.commission_minor,
        "fee_table_number": agreed.fee_table_number,
    }


def _keep_confirmations(session: Session, principal: Principal | None, order: Order, confirmed: Sequence[Confirmation]) -> None:
    for code in confirmed:
        assert principal is not None
        text = CONFIRMATION_TEXTS[code][0]
        session.add(OrderConfirmation(order_id=order.id, code=code, text=text, person_id=principal.id, at=order.opened_at))


def _number(order_id: UUID, at: datetime) -> str:
    """Contract number for people: day, then ten digits out of the id."""
    return f"HR{clock.shanghai_day(at):%Y%m%d}{order_id.int % 10**10:010d}"


def _contract(
    session: Session,
    *,
    agreed: Terms,
    number: str,
    at: datetime,
    car: vehicles.VehicleView,
    deposit_minor: int,
    confirmed: Sequence[Confirmation],
) -> Contract:
    rules = terms(at)
    seller = accounts.get_party(session, party_id=agreed.seller_id)
    buyer = accounts.get_party(session, party_id=agreed.buyer_id)
    agent = accounts.legal_name(session, party_id=agreed.agent_id) if agreed.agent_id else None
    return Contract(
        number=number,
        kind=contract_kind_of(
            seller_is_dealer=seller.organization_kind is accounts.OrganizationKind.DEALER,
            buyer_is_dealer=buyer.organization_kind is accounts.OrganizationKind.DEALER,
        ),
        channel=agreed.channel,
        market=get_settings().market_name,
        city=get_settings().market_city,
        at=at,
        seller=_party(session, seller, agent),
        buyer=_party(session, buyer, None),
        vehicle=_vehicle_facts(car) | {"vin": _vin(session, agreed.vehicle_id, number)},
        price_minor=agreed.price_minor,
        price_kind=agreed.price_kind.value,
        buyer_fee_minor=agreed.fees.buyer_fee_minor,
        deposit_minor=deposit_minor,
        earnest_minor=earnest_part(deposit_minor, price_minor=agreed.price_minor, max_bps=rules["earnest_max_bps"]),
        pay_by=agreed.pay_by,
        hand_over_within_days=rules["hand_over_within_days"],
        transfer_within_days=rules["transfer_within_days"],
        findings=_findings(session, agreed),
        confirmations=[{"code": code.value, "text": CONFIRMATION_TEXTS[code][0]} for code in confirmed],
        appraisal=_appraisal(session, agreed.vehicle_id),
        warranty=_warranty(session, agreed),
        offset_minor=agreed.offset_minor,
        annex=agreed.annex,
    )


def _party(session: Session, party: accounts.PartyView, agent_name: str | None) -> ContractParty:
    return ContractParty(
        party_id=str(party.id),
        name=accounts.legal_name(session, party_id=party.id),
        kind=party.organization_kind.value if party.organization_kind else "person",
        agent_name=agent_name,
    )


def _vehicle_facts(car: vehicles.VehicleView) -> dict[str, Any]:
    return {
        "id": str(car.id),
        "brand": car.brand,
        "series": car.series,
        "model": car.model,
        "model_year": car.model_year,
        "colour": car.colour,
        "fuel": car.fuel,
        "emission_stage": car.emission_stage,
        "first_registration_on": car.first_registration_on,
        "odometer_km": car.odometer_km,
        "use_type": car.use_type,
        "transfer_count": car.transfer_count,
        "inspection_valid_until": car.inspection_valid_until,
        "insurance_valid_until": car.insurance_valid_until,
        "facts_version": car.facts_version,
    }


def _vin(session: Session, vehicle_id: UUID, number: str) -> str:
    """In full: a contract is about one car. The reveal stands in the audit trail."""
    return vehicles.reveal_vin(session, principal=None, vehicle_id=vehicle_id, reason=f"contract {number}")


def _findings(session: Session, agreed: Terms) -> list[dict[str, str]]:
    """What the buyer is told of the car's eligibility, part of the contract's annex."""
    if agreed.mode is None:
        return []
    found = vehicles.evaluate(
        session, vehicle_id=agreed.vehicle_id, mode=agreed.mode, seller_id=agreed.seller_id, buyer_city=agreed.buyer_city
    )
    return [{"code": one.code, "article": one.article, "text": one.zh} for one in found.findings]


def _warranty(session: Session, agreed: Terms) -> Mapping[str, Any] | None:
    """Owed by a dealer who sells from the store to an end user (二手车交易规范 第十六条): not to another dealer."""
    buyer = accounts.get_party(session, party_id=agreed.buyer_id)
    if agreed.source_kind is not SourceKind.LISTING or buyer.organization_kind is accounts.OrganizationKind.DEALER:
        return None
    return listings.warranty_clause(session, vehicle_id=agreed.vehicle_id, channel=listings.Channel(agreed.channel))


def _appraisal(session: Session, vehicle_id: UUID) -> dict[str, Any] | None:
    found = appraisals.find_latest_appraisal(session, vehicle_id=vehicle_id)
    if found is None:
        return None
    return {"grade": str(found.grade), "report_hash": found.report_hash, "signed_at": found.signed_at}


def find_order_of_source(session: Session, *, source_id: UUID) -> OrderView | None:
    found = queries.find_order_of_source(session, source_id=source_id)
    return view(found) if found else None
