"""Estimates: facts → domain checks → model → purpose → answer. Floats end here: what leaves is fen and basis points."""

import math
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from marketplace.core import clock, rules
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.vehicles import api as vehicles
from valuation.pricing import queries
from valuation.pricing.domain import (
    Bounds,
    CarFacts,
    Confidence,
    FactsIncomplete,
    Level,
    OutsideModel,
    PricePurpose,
    PurposeRatio,
    RefusalReason,
    age_months_between,
    compute_purpose_ratio,
    confidence_of,
    find_refusal,
    round_price,
)
from valuation.pricing.engine.artefact import Model, Prediction, read_model, with_energy
from valuation.pricing.engine.cars import (
    GUIDE_TO_TAXED,
    Car,
    emission_of,
    energy_of,
    find_brand,
    fold_brand,
    fold_city,
    fold_series,
    fold_trim,
)

ARTEFACT = Path(__file__).parent / "artefact"
TABLES = Path(__file__).parent / "tables"
WAN_MINOR = 1_000_000  # 10,000 yuan in fen


@dataclass(frozen=True, slots=True)
class EstimateView:
    """A price with its interval, fen.

    ``coverage_bps``: share of cars the interval is calibrated to hold, None where nobody measured it. ``measured_coverage_bps``: the
    share it held on unseen cars known as well as this one. ``factors`` (basis points) multiply from ``new_price_minor`` to the price.
    """

    purpose: PricePurpose
    price_minor: int
    low_minor: int
    high_minor: int
    coverage_bps: int | None
    measured_coverage_bps: int | None
    confidence: Confidence
    level: Level
    model_version: str
    as_of: date
    new_price_minor: int
    new_price_known: bool
    factors: tuple[tuple[str, int], ...]
    basis: str
    index_bps: int
    index_measured: bool


@lru_cache(maxsize=2)
def load_artefact(folder: Path = ARTEFACT) -> tuple[Model, dict[str, Any]]:
    """The model and its card, read once a process and checked against the card's hashes."""
    return read_model(folder)


def compute_estimate(session: Session, *, facts: CarFacts, purpose: PricePurpose = PricePurpose.RETAIL_ASK) -> EstimateView:
    """The price today for a car of these facts; nothing is stored. Raises ``OutsideModel`` with the reason."""
    today = clock.shanghai_day(clock.now(session))
    model, card = load_artefact()
    bounds = load_bounds(today)
    reason = find_refusal(facts, on=today, bounds=bounds)
    if reason is not None:
        raise OutsideModel(reason=reason.value)
    car = car_of(facts, model=model, today=today)
    _refuse_unknown(car, model, bounds)
    prediction = model.predict(car)
    kind = "plug" if car.energy in {"electric", "plug_in"} else "fuel"
    index = math.exp(card["index"]["log"][kind])
    retail_minor = round(prediction.price_w * index * WAN_MINOR)
    _refuse_price(retail_minor, prediction, bounds)
    table = rules.load(TABLES / "purposes.toml", on=today)
    ratio = compute_purpose_ratio(purpose, retail_minor, table.values)
    return _view(purpose, prediction, ratio, index=index, card=card, bounds=bounds, index_measured=kind in card["index"]["measured"])


def load_bounds(on: date) -> Bounds:
    """Where the data end, as valid on a legal day."""
    values = dict(rules.load(TABLES / "bounds.toml", on=on).values)
    letters = values.pop("confidence_bps")
    return Bounds(confidence_bps=(letters[0], letters[1], letters[2]), **values)


def car_of(facts: CarFacts, *, model: Model, today: date) -> Car:
    """The model's input from the market's facts: brand by the catalogue, then by the names the training data use."""
    brand = _brand_of(facts.brand, model)
    series = fold_series(facts.series, brand) if facts.series else ""
    gearbox = facts.gearbox.casefold()
    nan = math.nan
    guide_w = facts.guide_price_minor / WAN_MINOR * GUIDE_TO_TAXED if facts.guide_price_minor else nan
    car = Car(
        brand=brand,
        series=series,
        model_year=float(facts.model_year) if facts.model_year else nan,
        trim=fold_trim(facts.model, brand=brand, series=series),
        age_months=float(age_months_between(facts.first_registration_on, today)),
        mileage_wkm=facts.mileage_km / 10_000,
        city=fold_city(facts.city),
        energy=energy_of(facts.fuel),
        is_manual=nan if not gearbox else float(gearbox == "mt" or ("手动" in gearbox and "手自" not in gearbox)),
        displacement_l=facts.displacement_ml / 1_000 if facts.displacement_ml else nan,
        emission=emission_of(facts.emission_stage),
        transfers=nan if facts.transfer_count is None else float(facts.transfer_count),
        new_price_w=guide_w,
        at_year=today.year + (today.month - 0.5) / 12,
    )
    return with_energy(car, model, stated=bool(facts.fuel))


def _brand_of(text: str, model: Model) -> str:
    found = vehicles.resolve_brand(text)
    for name in (fold_brand(found.name) if found else "", fold_brand(text)):
        if name and name in model.brands():
            return name
    return find_brand([text], model.brands())


def _refuse_unknown(car: Car, model: Model, bounds: Bounds) -> None:
    """Too little is known of the brand; or neither the series nor the new price is known."""
    if not car.brand:
        raise OutsideModel(reason=RefusalReason.UNKNOWN_BRAND.value)
    if model.brand_cars(car.brand) < bounds.brand_cars_min:
        raise OutsideModel(reason=RefusalReason.TOO_FEW_CARS_OF_BRAND.value)
    if model.means.encode(car.path)[1][1] < 1 and math.isnan(car.new_price_w):
        raise OutsideModel(reason=RefusalReason.UNKNOWN_SERIES.value)


def _refuse_price(retail_minor: int, prediction: Prediction, bounds: Bounds) -> None:
    if not bounds.price_minor_min <= retail_minor <= bounds.price_minor_max:
        raise OutsideModel(reason=RefusalReason.PRICE_OUT_OF_RANGE.value)
    if _width_bps(prediction) > bounds.width_bps_max:
        raise OutsideModel(reason=RefusalReason.INTERVAL_TOO_WIDE.value)


def _width_bps(prediction: Prediction) -> int:
    return round((prediction.high_w - prediction.low_w) / prediction.price_w * 10_000)


def _view(
    purpose: PricePurpose,
    prediction: Prediction,
    ratio: PurposeRatio,
    *,
    index: float,
    card: dict[str, Any],
    bounds: Bounds,
    index_measured: bool,
) -> EstimateView:
    def fen(price_w: float, bps: int) -> int:
        return round_price(round(price_w * index * bps / 10_000 * WAN_MINOR))

    level, description = prediction.group.split("/")
    measured = card["validation"].get("with_new_price" if description == "guide" else "without_new_price", {}).get("by_support", {})
    held = measured.get(prediction.group, {}).get("coverage")
    confidence = confidence_of(_width_bps(prediction), bounds)
    factors = [(name, round(value * 10_000)) for name, value in prediction.factors]
    return EstimateView(
        purpose=purpose,
        price_minor=fen(prediction.price_w, ratio.median_bps),
        low_minor=fen(prediction.low_w, ratio.low_bps),
        high_minor=fen(prediction.high_w, ratio.high_bps),
        coverage_bps=card["target_coverage_bps"] if ratio.coverage_known else None,
        measured_coverage_bps=round(held * 100) if held is not None and ratio.coverage_known else None,
        confidence=confidence if index_measured else max(confidence, Confidence.C),
        level=Level(level),
        model_version=card["version"],
        as_of=_last_day(card["index"]["to"]),
        new_price_minor=round_price(round(prediction.new_price_w * WAN_MINOR)),
        new_price_known=description == "guide",
        factors=(*factors, ("market_index", round(index * 10_000)), ("purpose", ratio.median_bps)),
        basis=ratio.source,
        index_bps=round(index * 10_000),
        index_measured=index_measured,
    )


def _last_day(month: str) -> date:
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, monthrange(year, number)[1])


# --- for a registered car ----------------------------------------------------------------------------------


def facts_of_vehicle(session: Session, *, principal: Principal, vehicle_id: UUID) -> CarFacts:
    """Facts of a car one holds or that is shown to everybody. Raises ``NotFound``, ``FactsIncomplete``."""
    if not queries.is_shown(session, vehicle_id=vehicle_id):
        vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=principal.party_id)
    return facts_of(vehicles.get_vehicle(session, vehicle_id=vehicle_id))


def facts_of(vehicle: vehicles.VehicleView) -> CarFacts:
    """What pricing needs of a car that the caller may see. Raises ``FactsIncomplete``."""
    if vehicle.first_registration_on is None:
        raise FactsIncomplete(missing="first_registration_on")
    return CarFacts(
        brand=vehicle.brand,
        first_registration_on=vehicle.first_registration_on,
        mileage_km=vehicle.odometer_km,
        series=vehicle.series,
        model=vehicle.model,
        model_year=vehicle.model_year,
        city=vehicle.city,
        fuel=vehicle.fuel.value,
        gearbox=vehicle.gearbox.value if vehicle.gearbox else "",
        displacement_ml=vehicle.displacement_ml,
        emission_stage=vehicle.emission_stage.value if vehicle.emission_stage else "",
        transfer_count=vehicle.transfer_count,
        guide_price_minor=vehicle.msrp_minor,
        use_type=vehicle.use_type.value,
        kind=vehicle.kind.value,
    )


def get_model_card() -> dict[str, Any]:
    """Data, price level, index and figures on unseen cars of the model in use."""
    return load_artefact()[1]
