"""May this car be traded here, in this mode, now, by this seller, to this buyer? One pure evaluator over rule tables.

Every question appends its findings; none looks at another's, so one more bar on a car can only add a finding. Questions of the
tradability table (可交易车辆判别表): 1 scrapping, 2 lien and customs, 3 seals, 4 crime, 5 and 6 numbers, 7 assembly, 8 other law.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.vehicles.domain.facts import RollBack
from marketplace.vehicles.domain.scrapping import Conversion, add_years, class_of, scrapping_on
from marketplace.vehicles.domain.vocabulary import (
    Capacity,
    DocumentKind,
    EmissionStage,
    Fuel,
    PurchaseTax,
    RegistryStatus,
    RestrictionKind,
    RestrictionState,
    SourceKind,
    TradeMode,
    UseType,
    VehicleKind,
    term,
)


class Severity(StrEnum):
    """``bars``: no trade. ``needs_document``: traded on, not transferred before the paper is there. ``warns``: to be told."""

    BARS = "bars"
    NEEDS_DOCUMENT = "needs_document"
    WARNS = "warns"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. ``article`` is the Chinese name of the rule, ``clears`` what would clear it: a code, and in words."""

    code: str
    severity: Severity
    article: str
    zh: str
    en: str
    clears: str
    clears_zh: str = ""
    clears_en: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A line of the tradability table (可交易车辆判别表): one bad answer and the car may not be traded."""

    number: int
    zh: str
    en: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """``codes``: the findings that make it bad."""

    number: int
    zh: str
    en: str
    is_bad: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Eligibility:
    """``tradable``: nothing bars. ``is_complete``: no paper is missing either, so that registration can be transferred."""

    findings: tuple[Finding, ...]
    answers: tuple[Answer, ...] = ()

    @property
    def tradable(self) -> bool:
        return all(finding.severity is not Severity.BARS for finding in self.findings)

    @property
    def is_complete(self) -> bool:
        return all(finding.severity is Severity.WARNS for finding in self.findings)

    @property
    def bars(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.BARS)


@dataclass(frozen=True, slots=True)
class CityRules:
    """What a buyer's city asks. ``free_fuels`` get a quota on application; from ``accepts_from`` on a car moves in without a word of the
    transfer-in office; below ``refuses_below`` (None: not known for certain) it does not."""

    rations_plates: bool
    free_fuels: frozenset[Fuel]
    accepts_from: EmissionStage
    refuses_below: EmissionStage | None = None


@dataclass(frozen=True, slots=True)
class TradeRules:
    """The rule tables' numbers and sentences as valid on the day. ``cities`` not named follow ``other_cities``."""

    findings: Mapping[str, Mapping[str, str]]
    clears: Mapping[str, Mapping[str, str]]
    questions: tuple[Question, ...]
    registry: Mapping[RegistryStatus, str]
    scrapping_years: Mapping[str, int]
    conversion: Conversion
    guiding_km: Mapping[str, int]
    sales_without_invoice: int
    short_holding_years: int
    years_before_scrapping: int
    documents_for_sale: frozenset[DocumentKind]
    documents_for_transfer: frozenset[DocumentKind]
    third_place_kinds: frozenset[VehicleKind]
    cities: Mapping[str, CityRules]
    other_cities: CityRules
    dealer_buys_modes: frozenset[TradeMode]


@dataclass(frozen=True, slots=True)
class Restriction:
    """``is_joint``: the three-party application for it is on file and was accepted."""

    kind: RestrictionKind
    state: RestrictionState
    is_joint: bool = False


class Damage(StrEnum):
    """What must be told to a buyer, each kept apart."""

    ACCIDENT = "accident"
    FLOOD = "flood"
    FIRE = "fire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """The party that sells and what is on file of its right. ``name_matches`` None: no certificate has been recorded.

    ``short_sales``: cars held under a year that this person sold in the calendar year, this one not counted.
    """

    capacity: Capacity
    is_natural_person: bool
    name_matches: bool | None
    has_contract: bool = False
    held_since: date | None = None
    short_sales: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything the rules look at, on one legal day. ``seller`` None: no open holding. ``accepted``: papers an operator has checked."""

    on: date
    mode: TradeMode
    kind: VehicleKind
    use_type: UseType
    fuel: Fuel
    emission_stage: EmissionStage | None
    first_registration_on: date | None
    manufactured_on: date | None
    odometer_km: int
    city: str
    market_city: str
    seller: Seller | None
    documents: frozenset[DocumentKind] = frozenset()
    accepted: frozenset[DocumentKind] = frozenset()
    restrictions: tuple[Restriction, ...] = ()
    inspection_valid_until: date | None = None
    insurance_valid_until: date | None = None
    buyer_city: str | None = None
    buyer_has_quota: bool = False
    buyer_quota_until: date | None = None
    former_use: UseType | None = None
    use_changed_on: date | None = None
    registry_status: RegistryStatus | None = None
    source_kind: SourceKind | None = None
    purchase_tax: PurchaseTax | None = None
    violations_count: int | None = None
    disclosed: frozenset[Damage] = frozenset()
    roll_back: RollBack | None = None
    is_plate_shared: bool = False
    vin_warnings: tuple[str, ...] = ()


Found = Iterator[tuple[str, dict[str, str]]]
"""Codes of findings with what fills their sentences."""


def evaluate(case: Case, rules: TradeRules) -> Eligibility:
    """All findings, the gravest first."""
    found = dict.fromkeys(_finding(rules, code, words) for look in _LOOKS for code, words in look(case, rules))
    order = list(Severity)
    findings = tuple(sorted(found, key=lambda finding: order.index(finding.severity)))
    return Eligibility(findings, _answers(findings, rules.questions))


def _answers(findings: tuple[Finding, ...], questions: tuple[Question, ...]) -> tuple[Answer, ...]:
    barring = [finding.code for finding in findings if finding.severity is Severity.BARS]
    return tuple(
        Answer(asked.number, asked.zh, asked.en, bool(bad), bad)
        for asked in questions
        for bad in [tuple(code for code in barring if code in asked.codes)]
    )


def _finding(rules: TradeRules, code: str, words: Mapping[str, str]) -> Finding:
    text = rules.findings[code]
    filled = {name: value.format_map(words) for name, value in text.items()}
    return Finding(
        code=code,
        severity=Severity(filled["severity"]),
        article=filled["article"],
        zh=filled["zh"],
        en=filled["en"],
        clears=filled["clears"],
        **_clearing(rules, filled["clears"]),
    )


def _clearing(rules: TradeRules, code: str) -> dict[str, str]:
    """What clears it in words: a paper by its name, else by the table."""
    if code in set(DocumentKind):
        names = term(DocumentKind(code))
        return {"clears_zh": names.zh, "clears_en": names.en}
    return {"clears_zh": rules.clears[code]["zh"], "clears_en": rules.clears[code]["en"]}


def _scrapping(case: Case, rules: TradeRules) -> Found:
    if case.first_registration_on is None:
        return
    ends_on = scrapping_on(
        kind=case.kind,
        use_type=case.use_type,
        first_registration_on=case.first_registration_on,
        manufactured_on=case.manufactured_on,
        years=rules.scrapping_years,
        former_use=case.former_use,
        use_changed_on=case.use_changed_on,
        conversion=rules.conversion,
    )
    if ends_on is not None:
        words = {"on": ends_on.isoformat()}
        if case.on >= ends_on:
            yield "scrapped", words
        elif add_years(case.on, rules.years_before_scrapping) >= ends_on:
            yield "near_scrapping", words
    limit_km = rules.guiding_km.get(class_of(case.kind, case.use_type))
    if limit_km is not None and case.odometer_km > limit_km:
        yield "over_guiding_km", {}


def _registration(case: Case, rules: TradeRules) -> Found:
    if case.first_registration_on is None and case.mode is not TradeMode.PARALLEL_IMPORT:
        yield "not_registered", {}
    code = rules.registry.get(case.registry_status) if case.registry_status is not None else None
    found = {code, "violations_open" if case.violations_count else None} - {None}
    settled = {"violations_open"} if DocumentKind.VIOLATIONS_SETTLED in case.documents else set()
    for one in sorted(code for code in found - settled if code is not None):
        yield one, {}
    if case.purchase_tax is PurchaseTax.UNPAID:
        yield "purchase_tax_unpaid", {}
    elif case.purchase_tax in {PurchaseTax.EXEMPT, PurchaseTax.REDUCED}:
        yield "purchase_tax_relief", {}


_RESTRICTION_CODES = {
    RestrictionKind.LIEN: ("lien_open", "lien_consented"),
    RestrictionKind.PLEDGE: ("pledge_open", "pledge_consented"),
    RestrictionKind.CUSTOMS_SUPERVISION: ("customs_supervised", "customs_approved"),
    RestrictionKind.SEAL: ("sealed", "sealed"),
    RestrictionKind.SEAL_WAITING: ("sealed", "sealed"),
    RestrictionKind.STOLEN: ("stolen", "stolen"),
    RestrictionKind.ENGINE_NUMBER_MISMATCH: ("engine_number_mismatch", "engine_number_mismatch"),
    RestrictionKind.VIN_MISMATCH: ("vin_mismatch", "vin_mismatch"),
    RestrictionKind.ILLEGAL_ASSEMBLY: ("illegal_assembly", "illegal_assembly"),
    RestrictionKind.DEREGISTERED: ("deregistered", "deregistered"),
    RestrictionKind.BARRED_BY_LAW: ("barred_by_law", "barred_by_law"),
}
CONSENTABLE = frozenset({RestrictionKind.LIEN, RestrictionKind.PLEDGE, RestrictionKind.CUSTOMS_SUPERVISION})
"""Restrictions a third party's consent can open; the others end only by release."""

JOINT = frozenset({RestrictionKind.LIEN, RestrictionKind.PLEDGE})
"""Where seller, buyer and creditor apply together (登记规定 第二十六条)."""
AUTHORITY = frozenset({DocumentKind.POWER_OF_ATTORNEY, DocumentKind.PURCHASE_CONTRACT})


def _restrictions(case: Case, _rules: TradeRules) -> Found:
    for restriction in case.restrictions:
        if restriction.state is RestrictionState.RELEASED:
            continue
        if restriction.kind is RestrictionKind.RECALL:
            is_person = case.seller is not None and case.seller.is_natural_person
            yield ("recall_to_tell" if is_person else "recall_open"), {}
            continue
        is_open, consented = _RESTRICTION_CODES[restriction.kind]
        if restriction.state is RestrictionState.OPEN:
            yield is_open, {}
        elif restriction.is_joint and restriction.kind in JOINT:
            yield f"{restriction.kind.value}_joint", {}
        else:
            yield consented, {}


def _title(case: Case, _rules: TradeRules) -> Found:
    seller = case.seller
    if seller is None:
        yield "no_holding", {}
        return
    needs_authority = not seller.has_contract and (seller.name_matches is False or seller.capacity is Capacity.CONSIGNEE)
    if needs_authority and not case.documents & AUTHORITY:
        if seller.name_matches is False:
            yield "owner_name_differs", {}
        if seller.capacity is Capacity.CONSIGNEE:
            yield "authority_missing", {}
    elif needs_authority and not case.accepted & AUTHORITY:
        yield "authority_unchecked", {}
    if seller.name_matches is None and not seller.has_contract and DocumentKind.REGISTRATION_CERTIFICATE in case.documents:
        yield "owner_name_unknown", {}
    if case.source_kind is SourceKind.OFFICIAL and DocumentKind.ASSET_DISPOSAL_PROOF not in case.documents:
        yield "asset_disposal_missing", {}


def _short_sales(case: Case, rules: TradeRules) -> Found:
    seller = case.seller
    if seller is None or not seller.is_natural_person or seller.short_sales + 1 < rules.sales_without_invoice:
        return
    if seller.held_since is None:
        yield "acquisition_date_missing", {}
    elif case.on < add_years(seller.held_since, rules.short_holding_years):
        yield "third_sale", {}


def _documents(case: Case, rules: TradeRules) -> Found:
    if case.first_registration_on is None:
        return
    wanted = rules.documents_for_transfer if case.mode is TradeMode.TRANSFER else rules.documents_for_sale
    for kind in sorted(wanted - case.documents):
        names = term(kind)
        yield "document_missing", {"document": names.zh, "document_en": names.en, "kind": kind.value}


def _validity(case: Case, _rules: TradeRules) -> Found:
    if case.first_registration_on is None:
        return
    for name, until in (("inspection", case.inspection_valid_until), ("insurance", case.insurance_valid_until)):
        if until is None:
            yield f"{name}_unknown", {}
        elif until < case.on:
            yield f"{name}_expired", {}


def _third_place(case: Case, rules: TradeRules) -> Found:
    if case.buyer_city is None or case.kind not in rules.third_place_kinds or case.use_type is not UseType.NON_COMMERCIAL:
        return
    if case.first_registration_on is not None and case.market_city not in {case.city, case.buyer_city}:
        yield "third_place", {"car_city": case.city, "buyer_city": case.buyer_city}


def _buyer(case: Case, rules: TradeRules) -> Found:
    city = case.buyer_city
    if city is None or case.mode in rules.dealer_buys_modes:
        return
    asks = rules.cities.get(city, rules.other_cities)
    words = {"city": city}
    if asks.rations_plates:
        if not case.buyer_has_quota:
            yield ("new_energy_quota" if case.fuel in asks.free_fuels else "plate_quota_needed"), words
        elif case.buyer_quota_until is not None and case.buyer_quota_until < case.on:
            yield "plate_quota_expired", words
    if city != case.city:
        yield from _move_in(case, asks, words)


def _move_in(case: Case, asks: CityRules, words: dict[str, str]) -> Found:
    """The emission stage against the city's; the transfer-in office's accepted reply settles what is open."""
    stage = case.emission_stage
    if stage is None:
        yield "emission_unknown", words
        return
    stages = {"stage": term(stage).zh, "stage_en": term(stage).en}
    if asks.refuses_below is not None and stage.rank < asks.refuses_below.rank:
        yield "emission_refused", words | stages
    elif stage.rank < asks.accepts_from.rank and DocumentKind.MOVE_IN_REPLY not in case.accepted:
        yield "emission_to_check", words | stages


def _suspicions(case: Case, _rules: TradeRules) -> Found:
    if (back := case.roll_back) is not None:
        yield "odometer_rolled_back", {"on": back.on.isoformat(), "from_km": str(back.from_km), "to_km": str(back.to_km)}
    if case.is_plate_shared:
        yield "plate_on_another_car", {}
    for code in case.vin_warnings:
        yield code, {}
    for damage in sorted(case.disclosed):
        yield f"{damage.value}_to_tell", {}


_LOOKS: tuple[Callable[[Case, TradeRules], Found], ...] = (
    _scrapping,
    _registration,
    _restrictions,
    _title,
    _short_sales,
    _documents,
    _validity,
    _third_place,
    _buyer,
    _suspicions,
)
