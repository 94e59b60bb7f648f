"""A car's public facts, what must hold among them, and the odometer's history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from marketplace.vehicles.domain.refusals import BadFacts
from marketplace.vehicles.domain.vocabulary import (
    NEW_ENERGY,
    BatteryChemistry,
    BodyStyle,
    Colour,
    Drivetrain,
    EmissionStage,
    Fuel,
    Gearbox,
    IdentityKind,
    OdometerSource,
    OwnerKind,
    PlateClass,
    PurchaseTax,
    RangeStandard,
    RegisteredClass,
    RegistryStatus,
    Segment,
    ServiceRecord,
    SourceKind,
    UseType,
    VehicleKind,
)

ODOMETER_MAX_KM = 3_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryFacts:
    """A new-energy car's battery. Energies in watt-hours, state of health in tenths of a percent: full capacity measured ÷ rated.

    A state of health says how and when it was found, or it says nothing.
    """

    chemistry: BatteryChemistry | None = None
    rated_wh: int | None = None
    range_km: int | None = None
    range_standard: RangeStandard | None = None
    soh_permille: int | None = None
    soh_method: str | None = None
    soh_on: date | None = None
    is_leased: bool = False
    charge_cycles: int | None = None
    is_replaced: bool | None = None
    warranty_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleFacts:
    """What a holder states of his car. ``vin`` and ``plate`` are full; texts of brand and series are as people write them.

    ``segment`` and ``body`` left out are taken from the catalogue. ``msrp_minor``: list price when new, fen. None: not stated.
    ``former_use`` and ``use_changed_on`` are of a car that went from private to commercial use or back. ``estimated_km``: what the
    holder or an appraiser thinks was really driven. Accident, flood and fire are three answers, never one.
    """

    vin: str
    brand: str
    series: str
    model: str
    model_year: int
    odometer_km: int
    city: str
    identity_kind: IdentityKind = IdentityKind.VIN
    kind: VehicleKind = VehicleKind.PASSENGER_SMALL
    first_registration_on: date | None = None
    manufactured_on: date | None = None
    fuel: Fuel = Fuel.PETROL
    gearbox: Gearbox | None = None
    drivetrain: Drivetrain | None = None
    emission_stage: EmissionStage | None = None
    displacement_ml: int | None = None
    power_kw: int | None = None
    body: BodyStyle | None = None
    segment: Segment | None = None
    seats: int | None = None
    colour: Colour = Colour.OTHER
    use_type: UseType = UseType.NON_COMMERCIAL
    transfer_count: int = 0
    key_count: int | None = None
    msrp_minor: int | None = None
    plate: str | None = None
    inspection_valid_until: date | None = None
    insurance_valid_until: date | None = None
    battery: BatteryFacts | None = None
    registered_model: str | None = None
    registered_class: RegisteredClass | None = None
    plate_class: PlateClass | None = None
    owner_kind: OwnerKind | None = None
    registry_status: RegistryStatus | None = None
    source_kind: SourceKind | None = None
    former_use: UseType | None = None
    use_changed_on: date | None = None
    is_turbocharged: bool | None = None
    purchase_tax: PurchaseTax | None = None
    commercial_insurance_until: date | None = None
    vehicle_tax_until: date | None = None
    violations_count: int | None = None
    violations_points: int | None = None
    violations_fine_minor: int | None = None
    service_record: ServiceRecord | None = None
    service_last_on: date | None = None
    service_last_km: int | None = None
    claims_count: int | None = None
    claims_max_minor: int | None = None
    is_accident: bool | None = None
    is_flood: bool | None = None
    is_fire: bool | None = None
    condition_note: str | None = None
    estimated_km: int | None = None


def check_facts(facts: VehicleFacts, *, today: date) -> None:
    """Raises ``BadFacts`` naming the first field that cannot be true."""
    for field, is_good in _checks(facts, today):
        if not is_good:
            raise BadFacts(field=field)


def _checks(facts: VehicleFacts, today: date) -> Sequence[tuple[str, bool]]:
    return (*_identity_checks(facts, today), *_technical_checks(facts), *_record_checks(facts, today), *_battery_checks(facts, today))


def _identity_checks(facts: VehicleFacts, today: date) -> Sequence[tuple[str, bool]]:
    registered, made, changed = facts.first_registration_on, facts.manufactured_on, facts.use_changed_on
    return (
        ("model_year", 1980 <= facts.model_year <= today.year + 1),
        ("odometer_km", 0 <= facts.odometer_km <= ODOMETER_MAX_KM),
        ("first_registration_on", registered is None or date(1980, 1, 1) <= registered <= today),
        ("first_registration_on", registered is None or registered.year >= facts.model_year - 1),
        ("manufactured_on", made is None or made <= today),
        ("manufactured_on", made is None or registered is None or made <= registered),
        ("use_changed_on", changed is None or (facts.former_use is not None and changed <= today)),
        ("use_changed_on", changed is None or (registered is not None and changed >= registered)),
    )


def _technical_checks(facts: VehicleFacts) -> Sequence[tuple[str, bool]]:
    burns = facts.fuel not in {Fuel.BEV, Fuel.FCEV}
    return (
        ("transfer_count", 0 <= facts.transfer_count <= 99),
        ("key_count", facts.key_count is None or 0 <= facts.key_count <= 9),
        ("seats", facts.seats is None or 1 <= facts.seats <= 60),
        ("displacement_ml", facts.displacement_ml is None or (burns and 50 <= facts.displacement_ml <= 20_000)),
        ("emission_stage", facts.emission_stage is not EmissionStage.NONE or not burns),
        ("is_turbocharged", not facts.is_turbocharged or burns),
        ("msrp_minor", facts.msrp_minor is None or facts.msrp_minor > 0),
    )


def _record_checks(facts: VehicleFacts, today: date) -> Sequence[tuple[str, bool]]:
    return (
        ("violations_count", _within(facts.violations_count, 999)),
        ("violations_points", _within(facts.violations_points, 999)),
        ("violations_fine_minor", _within(facts.violations_fine_minor, 100_000_000)),
        ("service_last_on", facts.service_last_on is None or facts.service_last_on <= today),
        ("service_last_km", _within(facts.service_last_km, ODOMETER_MAX_KM)),
        ("claims_count", _within(facts.claims_count, 999)),
        ("claims_max_minor", _within(facts.claims_max_minor, 100_000_000_000)),
        ("claims_max_minor", not facts.claims_max_minor or facts.claims_count != 0),
        ("estimated_km", _within(facts.estimated_km, ODOMETER_MAX_KM)),
    )


def _battery_checks(facts: VehicleFacts, today: date) -> Sequence[tuple[str, bool]]:
    battery = facts.battery
    if battery is None:
        return ()
    states_health = battery.soh_permille is not None
    return (
        ("battery", facts.fuel in NEW_ENERGY or facts.fuel is Fuel.HEV),
        ("battery.soh_permille", _within(battery.soh_permille, 1000)),
        ("battery.soh_method", not states_health or bool(battery.soh_method and battery.soh_method.strip())),
        ("battery.soh_on", not states_health or battery.soh_on is not None),
        ("battery.soh_on", battery.soh_on is None or battery.soh_on <= today),
    )


def _within(number: int | None, most: int) -> bool:
    return number is None or 0 <= number <= most


def complete_facts(facts: VehicleFacts) -> VehicleFacts:
    """Fill what follows from other facts: an electric car has no emission stage and one speed."""
    if facts.fuel in {Fuel.BEV, Fuel.FCEV}:
        return replace(facts, emission_stage=EmissionStage.NONE, gearbox=facts.gearbox or Gearbox.SINGLE_SPEED, displacement_ml=None)
    return facts


@dataclass(frozen=True, slots=True)
class Reading:
    """One odometer reading of a legal day."""

    km: int
    on: date
    source: OdometerSource


@dataclass(frozen=True, slots=True)
class RollBack:
    """The clock went from ``from_km`` back to ``to_km``."""

    from_km: int
    to_km: int
    on: date


def find_roll_back(readings: Sequence[Reading], *, tolerance_km: int = 0) -> RollBack | None:
    """The first reading lower than an earlier one, None when kilometres only grow. Order of one day: by kilometres."""
    highest = 0
    for reading in sorted(readings, key=lambda r: (r.on, r.km)):
        if reading.km + tolerance_km < highest:
            return RollBack(highest, reading.km, reading.on)
        highest = max(highest, reading.km)
    return None
