"""Load the facts of a case and ask the rules."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.settings import get_settings
from marketplace.vehicles import queries
from marketplace.vehicles.domain import (
    Capacity,
    CheckState,
    Damage,
    DocumentKind,
    Eligibility,
    EmissionStage,
    Fuel,
    IdentityKind,
    NotEligible,
    Reading,
    RegistryStatus,
    TradeMode,
    VehicleKind,
    agrees_with_model_year,
    find_roll_back,
    normalize,
    parse_vin,
)
from marketplace.vehicles.domain import eligibility as domain
from marketplace.vehicles.domain.scrapping import Conversion
from marketplace.vehicles.models import Holding, Vehicle, VehicleDocument
from marketplace.vehicles.service import sales, tables

CONTRACT_PROOFS = ("order:", "transfer:", "acquisition:", "contract:", "consignment:")
"""Proofs of a holding that are a contract made in this market."""
NAMED = frozenset({DocumentKind.REGISTRATION_CERTIFICATE, DocumentKind.DRIVING_LICENCE})
"""Papers that bear the registered owner's name."""


@lru_cache(maxsize=16)
def trade_rules(on: date) -> domain.TradeRules:
    """The tables as valid on a legal day."""
    trade = tables.rule_table("trade", on=on).values
    buyer = tables.rule_table("buyers_city", on=on).values
    scrapping = tables.rule_table("scrapping", on=on).values
    return domain.TradeRules(
        findings=tables.rule_table("findings", on=on).values,
        clears=tables.rule_table("clears", on=on).values,
        questions=tuple(
            domain.Question(one["number"], one["zh"], one["en"], tuple(one["codes"]))
            for one in tables.rule_table("questions", on=on).values["question"]
        ),
        registry={RegistryStatus(status): code for status, code in trade["registry"].items()},
        scrapping_years=scrapping["years"],
        conversion=Conversion(scrapping["conversion"]["original_life_years"], scrapping["conversion"]["most_years"]),
        guiding_km=scrapping["guiding_km"],
        sales_without_invoice=trade["sales_without_invoice"],
        short_holding_years=trade["short_holding_years"],
        years_before_scrapping=trade["years_before_scrapping"],
        documents_for_sale=frozenset(map(DocumentKind, trade["documents_for_sale"])),
        documents_for_transfer=frozenset(map(DocumentKind, trade["documents_for_transfer"])),
        third_place_kinds=frozenset(map(VehicleKind, trade["third_place_kinds"])),
        cities={one["name"]: _city_rules(one) for one in buyer["city"]},
        other_cities=_city_rules(buyer["other"]),
        dealer_buys_modes=frozenset(map(TradeMode, buyer["dealer_buys_modes"])),
    )


def _city_rules(stated: Mapping[str, Any]) -> domain.CityRules:
    return domain.CityRules(
        rations_plates=stated.get("rations_plates", False),
        free_fuels=frozenset(map(Fuel, stated.get("free_fuels", []))),
        accepts_from=EmissionStage(stated["accepts_from"]),
        refuses_below=EmissionStage(stated["refuses_below"]) if "refuses_below" in stated else None,
    )


def evaluate(
    session: Session,
    *,
    vehicle_id: UUID,
    mode: TradeMode,
    seller_id: UUID,
    buyer_city: str | None = None,
    buyer_has_quota: bool = False,
    buyer_quota_until: date | None = None,
) -> Eligibility:
    """Every finding for this car, sold by ``seller_id`` in ``mode`` today. Raises ``VehicleNotFound``."""
    row = queries.get_row(session, vehicle_id)
    on = clock.shanghai_day(clock.now(session))
    rules = trade_rules(on)
    documents = [one for one in queries.list_documents(session, vehicle_id) if one.check_state is not CheckState.REFUSED]
    valid = [one for one in documents if one.valid_until is None or one.valid_until >= on]
    joint = {one.restriction_id for one in valid if _is_accepted(one) and one.kind is DocumentKind.THREE_PARTY_APPLICATION}
    case = domain.Case(
        on=on,
        mode=mode,
        **_stated(row),
        market_city=get_settings().market_city,
        seller=_seller(session, row, seller_id, documents, on),
        documents=frozenset(one.kind for one in valid),
        accepted=frozenset(one.kind for one in valid if _is_accepted(one)),
        restrictions=tuple(
            domain.Restriction(one.kind, one.state, one.id in joint) for one in queries.list_restrictions(session, vehicle_id)
        ),
        inspection_valid_until=_paper_day(documents, DocumentKind.INSPECTION_MARK) or row.inspection_valid_until,
        insurance_valid_until=_paper_day(documents, DocumentKind.INSURANCE_POLICY) or row.insurance_valid_until,
        buyer_city=_city(buyer_city),
        buyer_has_quota=buyer_has_quota,
        buyer_quota_until=buyer_quota_until,
        roll_back=find_roll_back([Reading(one.odometer_km, one.read_on, one.source) for one in queries.list_readings(session, vehicle_id)]),
        is_plate_shared=queries.count_same_plate(session, row) > 0,
        vin_warnings=_vin_warnings(row, on),
    )
    return domain.evaluate(case, rules)


_STATED = (
    "kind", "use_type", "fuel", "emission_stage", "first_registration_on", "manufactured_on", "odometer_km", "city", "former_use",
    "use_changed_on", "registry_status", "source_kind", "purchase_tax", "violations_count",
)  # fmt: skip


def _stated(row: Vehicle) -> dict[str, Any]:
    """The facts that the rules look at as they are."""
    told = {Damage.ACCIDENT: row.is_accident, Damage.FLOOD: row.is_flood, Damage.FIRE: row.is_fire}
    return {name: getattr(row, name) for name in _STATED} | {"disclosed": frozenset(damage for damage, is_so in told.items() if is_so)}


def _is_accepted(document: VehicleDocument) -> bool:
    return document.check_state is CheckState.ACCEPTED


def _paper_day(documents: Sequence[VehicleDocument], kind: DocumentKind) -> date | None:
    """Until when the paper on file says so: it goes before what was stated."""
    return next((one.valid_until for one in reversed(documents) if one.kind is kind and one.valid_until is not None), None)


def _city(text: str | None) -> str | None:
    """天津市 and 天津 are one city."""
    stripped = (text or "").strip()
    return (stripped.removesuffix("市") if len(stripped) > 2 else stripped) or None


def _vin_warnings(row: Vehicle, on: date) -> tuple[str, ...]:
    if row.identity_kind is not IdentityKind.VIN:
        return ()
    vin = parse_vin(row.vin)
    differs = not vin.is_chinese and agrees_with_model_year(vin, row.model_year, latest=on.year + 1) is False
    return (*vin.warnings, *(("vin_model_year_differs",) if differs else ()))


def require_eligible(
    session: Session,
    *,
    vehicle_id: UUID,
    mode: TradeMode,
    seller_id: UUID,
    buyer_city: str | None = None,
    buyer_has_quota: bool = False,
    buyer_quota_until: date | None = None,
) -> Eligibility:
    """The same; raises ``NotEligible`` with every bar when there is one."""
    found = evaluate(
        session,
        vehicle_id=vehicle_id,
        mode=mode,
        seller_id=seller_id,
        buyer_city=buyer_city,
        buyer_has_quota=buyer_has_quota,
        buyer_quota_until=buyer_quota_until,
    )
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
        "clears_zh": finding.clears_zh,
        "clears_en": finding.clears_en,
    }


def _seller(session: Session, row: Vehicle, seller_id: UUID, documents: Sequence[VehicleDocument], on: date) -> domain.Seller | None:
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
        short_sales=sales.count_short(session, party_id=seller_id, on=on, but=holding) if is_person else 0,
    )


def _name_matches(session: Session, row: Vehicle, holding: Holding, documents: Sequence[VehicleDocument]) -> bool | None:
    """Whether certificate, vehicle licence and title holder bear one name; None while no name is on file or the holder has none.

    二手车交易规范 第六条: both papers must say the seller's name.
    """
    names = [one.holder_name for one in documents if one.kind in NAMED and one.holder_name]
    title = holding if holding.capacity is not Capacity.CONSIGNEE else queries.find_title(session, row.id)
    if not names or title is None:
        return None
    try:
        legal_name = accounts.legal_name(session, party_id=title.party_id)
    except accounts.RealNameMissing:
        return None
    return all(normalize(name) == normalize(legal_name) for name in names)


def _held_since(row: Vehicle, holding: Holding) -> date | None:
    """The stated day; the first registration for a first owner; None when nobody knows."""
    if holding.acquired_on is not None:
        return holding.acquired_on
    return row.first_registration_on if row.transfer_count == 0 else None
