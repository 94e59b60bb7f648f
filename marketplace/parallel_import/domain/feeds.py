"""The outbound feed: one document a car, the same bytes for the same content, as JSON, CSV, XML or JSON-LD. Pure."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

NAME = "parallel-import"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLUMNS = (
    "id", "state", "feed_no", "title", "vin_masked", "brand", "series", "model", "model_year", "import_version", "price_minor",
    "currency", "condition", "customs", "arrived_on", "emission_stage", "ccc_no", "importer", "pilot_no", "warranty_giver",
    "warranty_terms", "repair_outlets", "recall_contact", "makers_warranty", "rectifications", "differences", "colour", "fuel",
    "displacement_ml", "odometer_km", "city", "papers", "photos", "url",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeedPage:
    """``cursor`` goes into the next ``since``; ``has_more`` says to ask again at once. ``cars`` and ``removed`` are in feed order."""

    market: str
    since: int | None
    cursor: int
    has_more: bool
    cars: tuple[Mapping[str, Any], ...]
    removed: tuple[Mapping[str, Any], ...]


_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def neutralize(cell: str) -> str:
    """A spreadsheet must not run it: a cell that begins a formula, also behind blanks, gets an apostrophe before it."""
    return f"'{cell}" if cell[:1] in _FORMULA or cell.lstrip()[:1] in _FORMULA else cell


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (list, tuple)):
        return neutralize(" | ".join(str(one) for one in value))
    return str(value) if isinstance(value, int) else neutralize(str(value))


def flat(car: Mapping[str, Any]) -> dict[str, Any]:
    """One row of a car: papers as their kinds, photos as addresses."""
    return {**car, "papers": [one["kind"] for one in car.get("papers", []) if one["is_there"]]}


def to_csv(page: FeedPage) -> bytes:
    """UTF-8 with byte order mark (spreadsheets ask for it), CRLF; the removed come last with ``state`` removed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for car in page.cars:
        row = flat(car)
        writer.writerow([_cell(row.get(name)) for name in COLUMNS])
    for gone in page.removed:
        writer.writerow([_cell(gone.get(name)) for name in COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def to_xml(page: FeedPage) -> bytes:
    """Elements named as the JSON members, lists as repeated elements; characters XML cannot hold are dropped."""
    head = {"name": NAME, "cursor": page.cursor, "has_more": str(page.has_more).lower()}
    if page.since is not None:
        head["since"] = page.since
    attributes = " ".join(f'{name}="{value}"' for name, value in head.items())
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n', f"<feed {attributes}>\n"]
    parts += [_element("car", car) for car in page.cars]
    parts += [_element("removed", gone) for gone in page.removed]
    parts.append("</feed>\n")
    return "".join(parts).encode()


def _element(name: str, value: Any) -> str:
    if value is None:
        return f"<{name}/>\n"
    if isinstance(value, Mapping):
        return f"<{name}>\n{''.join(_element(key, part) for key, part in sorted(value.items()))}</{name}>\n"
    if isinstance(value, (list, tuple)):
        return "".join(_element(name, part) for part in value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(_NOT_XML.sub('', text))}</{name}>\n"


def to_document(page: FeedPage) -> dict[str, Any]:
    """The JSON feed."""
    return {
        "feed": NAME,
        "version": 1,
        "market": page.market,
        "since": page.since,
        "cursor": page.cursor,
        "has_more": page.has_more,
        "cars": [dict(car) for car in page.cars],
        "removed": [dict(gone) for gone in page.removed],
    }


def to_linked(page: FeedPage) -> dict[str, Any]:
    """schema.org: a list of cars with their offers. Prices are decimal texts of yuan."""
    return {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": f"{page.market} 平行进口",
        "numberOfItems": len(page.cars),
        "itemListElement": [
            {"@type": "ListItem", "position": number, "item": _linked_car(car)} for number, car in enumerate(page.cars, start=1)
        ],
    }


def _linked_car(car: Mapping[str, Any]) -> dict[str, Any]:
    used = car["condition"] == "used"
    linked: dict[str, Any] = {
        "@type": "Car",
        "@id": car["url"],
        "name": car["title"],
        "brand": {"@type": "Brand", "name": car["brand"]},
        "model": f"{car['series']} {car['model']}".strip(),
        "vehicleModelDate": str(car["model_year"]),
        "color": car["colour"],
        "fuelType": car["fuel"],
        "mileageFromOdometer": {"@type": "QuantitativeValue", "value": car["odometer_km"], "unitCode": "KMT"},
        "itemCondition": f"https://schema.org/{'Used' if used else 'New'}Condition",
        "image": list(car["photos"]),
        "offers": {
            "@type": "Offer",
            "price": yuan_text(car["price_minor"]),
            "priceCurrency": car["currency"],
            "availability": "https://schema.org/InStock",
            "url": car["url"],
            "seller": {"@type": "AutoDealer", "name": car["importer"]},
        },
    }
    return linked


def yuan_text(amount_minor: int) -> str:
    """Fen as a decimal text: 6880000 → 68800.00."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"
