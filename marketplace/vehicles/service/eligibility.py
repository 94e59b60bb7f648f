"""Load the facts of a case and ask the rules."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.settings import get_settings
from marketplace.vehicles import queries
from marketplace.vehicles.domain import (
    Capacity,
    DocumentKind,
    Eligibility,
    EmissionStage,
    IdentityKind,
    NotEligible,
    Reading,
    TradeMode,
    VehicleKind,
    find_roll_back,
    normalize,
    parse_vin,
)
from marketplace.vehicles.domain import eligibility as domain
from marketplace.vehicles.domain.scrapping import add_years
from marketplace.vehicles.models import Holding, Vehicle, VehicleDocument
from marketplace.vehicles.service import tables

CONTRACT_PROOFS = ("order:", "transfer:", "acquisition:", "contract:", "consignment:")
"""Proofs of a holding that are a contract made in this market."""


@lru_cache(maxsize=16)
def trade_rules(on: date) -> domain.TradeRules:
    """The tables as valid on a legal day."""
    trade = tables.rule_table("trade", on=on).values
    buyer = tables.rule_table("buyers_city", on=on).values
    scrapping = tables.rule_table("scrapping", on=on).values
    return domain.TradeRules(
        findings=tables.rule_table("findings", on=on).values,
        scrapping_years=scrapping["years"],
        guiding_km=scrapping["guiding_km"],
        sales_without_invoice=trade["sales_without_invoice"],
        short_holding_years=trade["short_holding_years"],
        years_before_scrapping=trade["years_before_scrapping"],
        documents_for_sale=frozenset(map(DocumentKind, trade["documents_for_sale"])),
        documents_for_transfer=frozenset(map(DocumentKind, trade["documents_for_transfer"])),
        third_place_kinds=frozenset(map(VehicleKind, trade["third_place_kinds"])),
        free_move_in_stage=EmissionStage(buyer["free_move_in_stage"]),
        quota_cities=frozenset(buyer["quota_cities"]),
        new_energy_free_cities=frozenset(buyer["new_energy_free_cities"]),
        dealer_buys_modes=frozenset(map(TradeMode, buyer["dealer_buys_modes"])),
    )


def evaluate(
    session: Session,
    *,
    vehicle_id: UUID,
    mode: TradeMode,
    seller_id: UUID,
    buyer_city: str | None = None,
    buyer_has_quota: bool = False,
) -> Eligibility:
    """Every finding for this car, sold by ``seller_id`` in ``mode`` today. Raises ``VehicleNotFound``."""
    row = queries.get_row(session, vehicle_id)
    on = clock.shanghai_day(clock.now(session))
    rules = trade_rules(on)
    documents = queries.list_documents(session, vehicle_id)
    case = domain.Case(
        on=on,
        mode=mode,
        kind=row.kind,
        use_type=row.use_type,
        fuel=row.fuel,
        emission_stage=row.emission_stage,
        first_registration_on=row.first_registration_on,
        manufactured_on=row.manufactured_on,
        odometer_km=row.odometer_km,
        city=row.city,
        market_city=get_settings().market_city,
        seller=_seller(session, row, seller_id, documents, on, rules),
        documents=frozenset(one.kind for one in documents if one.valid_until is None or one.valid_until >= on),
        restrictions=tuple(domain.Restriction(one.kind, one.state) for one in queries.list_restrictions(session, vehicle_id)),
        inspection_valid_until=row.inspection_valid_until,
        insurance_valid_until=row.insurance_valid_until,
        buyer_city=buyer_city.strip().removesuffix("市") if buyer_city else None,
        buyer_has_quota=buyer_has_quota,
        roll_back=find_roll_back([Reading(one.odometer_km, one.read_on, one.source) for one in queries.list_readings(session, vehicle_id)]),
        is_plate_shared=queries.count_same_plate(session, row) > 0,
        vin_warnings=parse_vin(row.vin).warnings if row.identity_kind is IdentityKind.VIN else (),
    )
    return domain.evaluate(case, rules)


def require_eligible(
    session: Session,
    *,
    vehicle_id: UUID,
    mode: TradeMode,
    seller_id: UUID,
    buyer_city: str | None = None,
    buyer_has_quota: bool = False,
) -> Eligibility:
    """The same; raises ``NotEligible`` with every bar when there is one."""
    found = evaluate(session, vehicle_id=vehicle_id, mode=mode, seller_id=seller_id, buyer_city=buyer_city, buyer_has_quota=buyer_has_quota)
    if not found.tradable:
        raise NotEligible(vehicle_id=str(vehicle_id), mode=mode.value, findings=[finding_document(one) for one in found.bars])
    return found


def finding_document(finding: domain.Finding) -> dict[str, str]:
    """A finding as a refusal carries it."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "article": finding.article,
        "zh": finding.zh,
        "en": finding.en,
        "clears": finding.clears,
    }


def _seller(
    session: Session, row: Vehicle, seller_id: UUID, documents: Sequence[VehicleDocument], on: date, rules: domain.TradeRules
) -> domain.Seller | None:
    holding = queries.find_holding(session, row.id, seller_id)
    if holding is None:
        return None
    is_person = accounts.get_party(session, party_id=seller_id).kind is accounts.PartyKind.PERSON
    return domain.Seller(
        capacity=holding.capacity,
        is_natural_person=is_person,
        name_matches=_name_matches(session, row, holding, documents),
        has_contract=holding.proof.startswith(CONTRACT_PROOFS),
        held_since=_held_since(row, holding),
        short_sales=_short_sales(session, seller_id, on, rules) if is_person else 0,
    )


def _name_matches(session: Session, row: Vehicle, holding: Holding, documents: Sequence[VehicleDocument]) -> bool | None:
    """Whether certificate and title holder bear one name; None while either is not on file."""
    named = [one.holder_name for one in documents if one.kind is DocumentKind.REGISTRATION_CERTIFICATE and one.holder_name]
    title = holding if holding.capacity is not Capacity.CONSIGNEE else queries.find_title(session, row.id)
    if not named or title is None:
        return None
    try:
        legal_name = accounts.legal_name(session, party_id=title.party_id)
    except accounts.RealNameMissing:
        return None
    return normalize(named[-1]) == normalize(legal_name)


def _held_since(row: Vehicle, holding: Holding) -> date | None:
    """The stated day; the first registration for a first owner; None when nobody knows."""
    if holding.acquired_on is not None:
        return holding.acquired_on
    return row.first_registration_on if row.transfer_count == 0 else None


def _short_sales(session: Session, party_id: UUID, on: date, rules: domain.TradeRules) -> int:
    """Cars held for less than the term that the party sold in the calendar year."""
    sold = queries.list_sold(session, party_id, since=clock.start_of_day(date(on.year, 1, 1)))
    return sum(
        1
        for one in sold
        if one.until_at is not None
        and clock.shanghai_day(one.until_at) < add_years(one.acquired_on or clock.shanghai_day(one.since_at), rules.short_holding_years)
    )
