"""One record of a stock file → the facts of a car with its price, or what is wrong with it. Touches no database."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar, cast

from marketplace.core.errors import Refusal
from marketplace.sourcing.domain.columns import Column, HeaderMap
from marketplace.sourcing.domain.findings import RowFinding, find
from marketplace.sourcing.domain.seen import Seen
from marketplace.sourcing.domain.values import Wrong, read_date, read_displacement_ml, read_km, read_money, read_whole
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import Colour, EmissionStage, Fuel, Gearbox, UseType, VehicleFacts

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
VIN_LENGTH = 17
KM_MAX = 1_000_000
TEXT_MAX = {Column.STOCK_NO: 60, Column.MODEL: 120, Column.SERIES: 60, Column.CITY: 30, Column.BRAND: 40, Column.DESCRIPTION: 2_000}
IMAGES_MAX = 30
URL_MAX = 1_000
FIRST_DAY = date(1980, 1, 1)
CN6_PUBLISHED = date(2016, 12, 23)
"""GB 18352.6—2016: no car registered before can be of stage 6."""
CN5_PUBLISHED = date(2013, 9, 17)
"""GB 18352.5—2013. Dealers write 国V for an import that met Euro 5 before: only a warning."""
CN6 = frozenset({EmissionStage.CN6A, EmissionStage.CN6B})


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBounds:
    """What a row is measured by: today's legal day and the market's price bounds, fen."""

    today: date
    ask_min_minor: int
    ask_max_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRow:
    """Record ``n``. ``facts`` and ``ask_minor`` are there when nothing keeps it out. ``vin`` whenever it is a good one: a bad row's
    car stays in a full import."""

    n: int
    findings: tuple[RowFinding, ...]
    stock_no: str | None = None
    vin: str | None = None
    facts: VehicleFacts | None = None
    ask_minor: int | None = None
    cost_minor: int | None = None
    description: str = ""
    acquired_on: date | None = None
    images: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return all(finding.severity != "error" for finding in self.findings)


@dataclass(slots=True)
class _Reading:
    """One record being read: its cells by column, and what was found."""

    cells: Sequence[str]
    header: HeaderMap
    findings: list[RowFinding] = field(default_factory=list)

    def text(self, column: Column) -> str:
        mapped = self.header.columns.get(column)
        if mapped is None or mapped.position >= len(self.cells):
            return ""
        return self.cells[mapped.position]

    def unit(self, column: Column) -> str | None:
        mapped = self.header.columns.get(column)
        return mapped.unit if mapped else None

    def note(self, column: Column, code: str) -> None:
        mapped = self.header.columns.get(column)
        self.findings.append(find(column.value, code, column=mapped.header if mapped else None))

    def has(self, column: Column, *, severity: str = "error") -> bool:
        return any(finding.field == column.value and finding.severity == severity for finding in self.findings)

    def read(self, column: Column, reader: Callable[[str], T], *, missing: str | None = None, soft: bool = False) -> T | None:
        """A cell's value; None when it is empty or wrong. ``missing``: the code of an empty one. ``soft``: wrong is only ignored."""
        text = self.text(column)
        if not text:
            if missing is not None:
                self.note(column, missing)
            return None
        try:
            return reader(text)
        except Wrong as wrong:
            self.note(column, "value_ignored" if soft else wrong.code)
            return None


@dataclass(slots=True)
class Duplicates:
    """What came before in the file; its size is fixed by the most records a file may have."""

    vins: Seen
    stock_numbers: Seen

    @classmethod
    def of(cls, rows_max: int) -> "Duplicates":
        return cls(Seen(rows_max), Seen(rows_max))


def parse_row(header: HeaderMap, cells: Sequence[str], *, n: int, bounds: MarketBounds, seen: Duplicates) -> ParsedRow:
    """One record. A VIN that came before in the file is a duplicate."""
    if not any(cells):
        return ParsedRow(n=n, findings=(find("row", "row_empty"),))
    reading = _Reading(cells, header)
    if any(cells[max((mapped.position for mapped in header.columns.values()), default=0) + 1 + len(header.unknown) :]):
        reading.findings.append(find("row", "column_count"))
    _check_lengths(reading)
    vin = _read_vin(reading, seen)
    ask = _read_ask(reading, bounds)
    facts = _read_facts(reading, vin or "", bounds)
    cost = _read_price(reading, Column.COST, bounds)
    acquired_on = reading.read(Column.ACQUIRED, read_date, soft=True)
    stock_no = reading.text(Column.STOCK_NO)[:60] or None
    if stock_no is not None and not seen.stock_numbers.add(stock_no):
        reading.note(Column.STOCK_NO, "stock_no_duplicate")
    images = _read_images(reading)
    if facts is not None and all(finding.severity != "error" for finding in reading.findings):
        facts = _stated(facts, ask, reading, bounds)
    return ParsedRow(
        n=n,
        findings=tuple(reading.findings),
        stock_no=stock_no,
        vin=vin,
        facts=facts,
        ask_minor=ask,
        cost_minor=cost,
        description=reading.text(Column.DESCRIPTION)[:2_000],
        acquired_on=acquired_on,
        images=images,
    )


def _check_lengths(reading: _Reading) -> None:
    for column, limit in TEXT_MAX.items():
        if len(reading.text(column)) > limit:
            reading.note(column, "text_too_long")


# --- identity and price ----------------------------------------------------------------------------------------------------


def _read_vin(reading: _Reading, seen: Duplicates) -> str | None:
    """The VIN when it is a good one, also when it came before."""
    number = plain_vin(reading.text(Column.VIN))
    if not number:
        reading.note(Column.VIN, "vin_missing")
        return None
    if len(number) != VIN_LENGTH:
        reading.note(Column.VIN, "vin_length")
        return None
    try:
        vehicles.parse_vin(number)
    except vehicles.BadVin as bad:
        reading.note(Column.VIN, "vin_check_digit" if bad.fields.get("part") == "check_digit" else "vin_characters")
        return None
    if not seen.vins.add(number):
        reading.note(Column.VIN, "vin_duplicate")
    return number


def plain_vin(text: str) -> str:
    """Upper case, narrow, without spaces and hyphens."""
    if text.isascii() and text.isalnum():
        return text.upper()
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()


def _read_ask(reading: _Reading, bounds: MarketBounds) -> int | None:
    def money(text: str) -> tuple[int, bool]:
        return read_money(text, header_unit=reading.unit(Column.ASK), min_minor=bounds.ask_min_minor, max_minor=bounds.ask_max_minor)

    found = reading.read(Column.ASK, money, missing="price_missing")
    if found is None:
        return None
    ask, guessed = found
    if guessed:
        reading.note(Column.ASK, "price_unit_assumed")
    return ask


def _read_price(reading: _Reading, column: Column, bounds: MarketBounds) -> int | None:
    """A price beside the asking price: wrong ones are only ignored."""

    def money(text: str) -> int:
        return read_money(text, header_unit=reading.unit(column), min_minor=1, max_minor=bounds.ask_max_minor)[0]

    return reading.read(column, money, soft=True)


# --- facts -----------------------------------------------------------------------------------------------------------------


def _read_facts(reading: _Reading, vin: str, bounds: MarketBounds) -> VehicleFacts | None:
    brand = _read_brand(reading)
    model = reading.text(Column.MODEL)
    if not model:
        reading.note(Column.MODEL, "value_missing")
    city = reading.text(Column.CITY)
    if not city:
        reading.note(Column.CITY, "value_missing")
    registered = reading.read(Column.FIRST_REGISTRATION, read_date, missing="value_missing")
    year = _read_year(reading, model)
    km = _read_km(reading)
    emission = _read_emission(reading)
    _check_dates(reading, registered, year, emission, bounds)
    gearbox = _read_term(reading, Column.GEARBOX, Gearbox, "gearbox_unknown")
    fuel = _read_fuel(reading, model, gearbox)
    if brand is None or year is None or km is None or not model or not city:
        return None
    series, rest = _read_series(reading, brand, model)
    return VehicleFacts(
        vin=vin,
        brand=brand.name,
        series=series,
        model=rest,
        model_year=year,
        odometer_km=km,
        city=city,
        first_registration_on=registered,
        fuel=fuel,
        gearbox=gearbox,
        emission_stage=emission,
        colour=_read_colour(reading),
        use_type=_read_term(reading, Column.USE_TYPE, UseType, "use_type_unknown") or UseType.NON_COMMERCIAL,
        transfer_count=reading.read(Column.TRANSFERS, lambda text: read_whole(text, minimum=0, maximum=99)) or 0,
        key_count=reading.read(Column.KEYS, lambda text: read_whole(text, minimum=0, maximum=9), soft=True),
        seats=reading.read(Column.SEATS, lambda text: read_whole(text, minimum=1, maximum=60), soft=True),
        displacement_ml=_read_displacement(reading, fuel),
        msrp_minor=_read_price(reading, Column.MSRP, bounds),
        plate=_read_plate(reading),
        inspection_valid_until=reading.read(Column.INSPECTION, read_date, soft=True),
        insurance_valid_until=reading.read(Column.INSURANCE, read_date, soft=True),
    )


def _read_brand(reading: _Reading) -> vehicles.Brand | None:
    text = reading.text(Column.BRAND)
    if not text:
        reading.note(Column.BRAND, "value_missing")
        return None
    brand = _brand(text)
    if brand is None:
        reading.note(Column.BRAND, "brand_unknown")
    return brand


def _read_series(reading: _Reading, brand: vehicles.Brand, model: str) -> tuple[str, str]:
    """Series and the model behind it: from the series column, else from the title's first words."""
    stated = reading.text(Column.SERIES)
    if stated:
        if _series(brand.name, stated) is None:
            reading.note(Column.SERIES, "series_unknown")
        return stated, model
    series, rest = _title(brand.name, model)
    if series is not None:
        return series.name, rest[:120]
    reading.note(Column.MODEL, "series_unknown")
    head, _, tail = model.partition(" ")
    return head[:60], (tail or model)[:120]


def _read_year(reading: _Reading, model: str) -> int | None:
    """The model year: its column, else ``2022款`` in the title."""
    if reading.text(Column.MODEL_YEAR):
        return reading.read(Column.MODEL_YEAR, lambda text: read_whole(text, minimum=1980, maximum=2100))
    found = re.search(r"(19[89]\d|20\d\d)\s*款", model)
    if found is None:
        reading.note(Column.MODEL_YEAR, "value_missing")
        return None
    return int(found.group(1))


def _read_km(reading: _Reading) -> int | None:
    def km(text: str) -> tuple[int, bool]:
        return read_km(text, header_unit=reading.unit(Column.ODOMETER), max_km=KM_MAX)

    found = reading.read(Column.ODOMETER, km, missing="mileage_missing")
    if found is None:
        return None
    if found[1]:
        reading.note(Column.ODOMETER, "mileage_unit_assumed")
    return found[0]


def _check_dates(
    reading: _Reading, registered: date | None, year: int | None, emission: EmissionStage | None, bounds: MarketBounds
) -> None:
    """One finding for the date: the root of what else would follow from a wrong one."""
    if registered is None:
        return
    if registered > bounds.today:
        reading.note(Column.FIRST_REGISTRATION, "first_registration_in_future")
    elif registered < FIRST_DAY:
        reading.note(Column.FIRST_REGISTRATION, "first_registration_before_1980")
    elif emission in CN6 and registered < CN6_PUBLISHED:
        reading.note(Column.EMISSION, "emission_contradicts_date")
    elif year is not None and registered.year < year - 1:
        reading.note(Column.FIRST_REGISTRATION, "first_registration_before_model_year")
    elif emission is EmissionStage.CN5 and registered < CN5_PUBLISHED:
        reading.note(Column.EMISSION, "emission_doubtful")


def _read_emission(reading: _Reading) -> EmissionStage | None:
    text = unicodedata.normalize("NFKC", reading.text(Column.EMISSION))
    if not text:
        return None
    plain = re.sub(r"\+?obd$|\(.*?\)", "", text, flags=re.IGNORECASE).strip()
    found = _term(EmissionStage, text) or _term(EmissionStage, plain)
    if found is None:
        reading.note(Column.EMISSION, "emission_foreign" if plain.startswith(("欧", "京", "Euro", "EU")) else "emission_unknown")
        return None
    return EmissionStage(found)


def _read_term(reading: _Reading, column: Column, kind: type[E], unknown: str) -> E | None:
    """An enumeration by any of its names; brackets and what is before them are tried apart."""
    text = reading.text(column)
    if not text:
        return None
    plain = unicodedata.normalize("NFKC", text)
    inner = re.search(r"\((.*?)\)", plain)
    for candidate in (plain, re.sub(r"\(.*?\)", "", plain), inner.group(1) if inner else ""):
        found = _term(kind, candidate) if candidate else None
        if found is not None:
            return cast("E", found)
    if kind is Gearbox and "cvt" in plain.lower():
        return kind("cvt")
    reading.note(column, unknown)
    return None


def _read_colour(reading: _Reading) -> Colour:
    text = reading.text(Column.COLOUR)
    for part in [text, *re.split(r"[/、]", text)]:
        found = _term(Colour, part) if part else None
        if found is not None:
            return Colour(found)
    if text:
        reading.note(Column.COLOUR, "colour_unknown")
    return Colour.OTHER


_FUEL_HINTS = (
    (Fuel.EREV, re.compile(r"增程")),
    (Fuel.PHEV, re.compile(r"插电|插混|phev|dm-?[ip]\b|\be\+|新能源 .*混动", re.IGNORECASE)),
    (Fuel.BEV, re.compile(r"纯电|\bev\b|\d{3,4}\s*km\b", re.IGNORECASE)),
    (Fuel.HEV, re.compile(r"双擎|混动|hybrid|hev|e:hev|油电", re.IGNORECASE)),
    (Fuel.DIESEL, re.compile(r"柴油|\btdi\b|\bcdi\b", re.IGNORECASE)),
)


def _read_fuel(reading: _Reading, model: str, gearbox: Gearbox | None) -> Fuel:
    """The fuel column, else what title and gearbox tell, else petrol."""
    found = _read_term(reading, Column.FUEL, Fuel, "fuel_unknown")
    if found is not None:
        return found
    title = f"{reading.text(Column.BRAND)} {model}"
    hinted = next((fuel for fuel, pattern in _FUEL_HINTS if pattern.search(title)), None)
    if hinted is not None:
        return hinted
    return Fuel.BEV if gearbox is Gearbox.SINGLE_SPEED else Fuel.PETROL


def _read_displacement(reading: _Reading, fuel: Fuel) -> int | None:
    if fuel in {Fuel.BEV, Fuel.FCEV}:
        return None
    unit = reading.unit(Column.DISPLACEMENT)
    return reading.read(Column.DISPLACEMENT, lambda text: read_displacement_ml(text, header_unit=unit), soft=True)


def _read_plate(reading: _Reading) -> str | None:
    text = reading.text(Column.PLATE)
    if not text:
        return None
    try:
        return vehicles.parse_plate(text).number
    except vehicles.BadPlate:
        reading.note(Column.PLATE, "plate_wrong")
        return None


def _read_images(reading: _Reading) -> tuple[str, ...]:
    """Web addresses, separated by bars, spaces, semicolons or commas before the next one."""
    text = reading.text(Column.IMAGES)
    if not text:
        return ()
    stated = [part for part in re.split(r"[|\s;；，]+|,(?=https?://)", text) if part]
    good = tuple(dict.fromkeys(part for part in stated if re.match(r"https?://[^/\s]", part) and len(part) <= URL_MAX))[:IMAGES_MAX]
    if len(good) < len(stated):
        reading.note(Column.IMAGES, "images_ignored")
    return good


# --- the catalogue, asked once for each text ---------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _brand(text: str) -> vehicles.Brand | None:
    return vehicles.resolve_brand(text)


@lru_cache(maxsize=4_096)
def _series(brand: str, text: str) -> vehicles.Series | None:
    found = _brand(brand)
    return vehicles.resolve_series(found, text) if found else None


@lru_cache(maxsize=16_384)
def _title(brand: str, title: str) -> tuple[vehicles.Series | None, str]:
    found = _brand(brand)
    assert found is not None
    return vehicles.split_title(found, title)


@lru_cache(maxsize=4_096)
def _term(kind: type[StrEnum], text: str) -> StrEnum | None:
    return vehicles.parse_term(kind, text)


# --- the whole -------------------------------------------------------------------------------------------------------------


def _stated(stated: VehicleFacts, ask: int | None, reading: _Reading, bounds: MarketBounds) -> VehicleFacts | None:
    """The facts as vehicles would store them; whatever they refuse keeps the row out."""
    try:
        facts = vehicles.check_stated(stated, today=bounds.today)
    except Refusal as refusal:
        reading.findings.append(_finding_of(refusal, reading))
        return None
    if facts.msrp_minor is not None and ask is not None and ask > facts.msrp_minor:
        reading.note(Column.ASK, "price_above_msrp")
    return facts


def _finding_of(refusal: Refusal, reading: _Reading) -> RowFinding:
    if isinstance(refusal, vehicles.BadVin):
        mapped = reading.header.columns.get(Column.VIN)
        return find(Column.VIN.value, "vin_model_year", column=mapped.header if mapped else None)
    return find(str(refusal.fields.get("field", "row")), "fact_wrong")
