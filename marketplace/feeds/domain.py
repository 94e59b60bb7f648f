"""What a feed looks like: one document a car, the same bytes for the same content, as JSON, CSV, XML or JSON-LD. Pure.

Writers take the cars one by one and give the bytes piece by piece: a feed of ten thousand cars is never in memory as a whole.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

from marketplace.core.errors import Forbidden, NotFound, Refusal, Rule

Document: TypeAlias = Mapping[str, Any]
Encode: TypeAlias = Callable[[Any], bytes]
"""Canonical JSON of a value."""

FORMAT_VERSION = 1


class FeedName(StrEnum):
    STOCK = "stock"
    PARALLEL_IMPORT = "parallel-import"


class FeedForm(StrEnum):
    JSON = "json"
    CSV = "csv"
    XML = "xml"
    JSONLD = "jsonld"


MEDIA_TYPES: Mapping[FeedForm, str] = {
    FeedForm.JSON: "application/json",
    FeedForm.CSV: "text/csv; charset=utf-8",
    FeedForm.XML: "application/xml",
    FeedForm.JSONLD: "application/ld+json",
}


@dataclass(frozen=True, slots=True)
class FeedShape:
    """``title_zh`` heads the linked-data list; ``columns`` are those of the table."""

    name: FeedName
    title_zh: str
    columns: tuple[str, ...]


SHAPES: Mapping[FeedName, FeedShape] = {
    FeedName.STOCK: FeedShape(FeedName.STOCK, "在售车源", (
        "id", "state", "feed_no", "title", "vin_masked", "brand", "series", "model", "model_year", "channel", "availability",
        "price_minor", "currency", "condition", "seller", "seller_id", "first_registration_on", "odometer_km", "city", "plate_region",
        "fuel", "gearbox", "drivetrain", "emission_stage", "displacement_ml", "power_kw", "segment", "body", "seats", "colour",
        "use_type", "transfer_count", "msrp_minor", "photos", "url",
    )),
    FeedName.PARALLEL_IMPORT: FeedShape(FeedName.PARALLEL_IMPORT, "平行进口", (
        "id", "state", "feed_no", "title", "vin_masked", "brand", "series", "model", "model_year", "import_channel", "import_version",
        "price_minor", "currency", "condition", "registration_status", "customs", "arrived_on", "emission_stage", "ccc_no", "importer",
        "pilot_no", "warranty_giver", "warranty_terms", "repair_outlets", "recall_contact", "makers_warranty", "rectifications",
        "differences", "colour", "fuel", "displacement_ml", "odometer_km", "city", "papers", "photos", "url",
    )),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeedPage:
    """``cursor`` goes into the next ``since``; ``has_more`` says to ask again at once. ``count`` cars follow, then what was removed."""

    market: str
    since: int | None
    cursor: int
    has_more: bool
    count: int


# --- refusals ----------------------------------------------------------------------------------------------------------


class ConsentNotFound(NotFound):
    zh = "未找到该授权"
    en = "No such consent, or it is not yours."


class ConsentStands(Refusal):
    zh = "已对该机构授权"
    en = "You have given this partner your consent already."


class ConsentEnded(Refusal):
    zh = "该授权已撤回"
    en = "The consent was withdrawn already."


class PartnerUnfit(Refusal):
    zh = "被授权方不是可接收完整车架号的合作机构"
    en = "That party is no partner that may receive full VINs."


class PartnerKeyOnly(Forbidden):
    """People are shown full VINs elsewhere, one by one."""

    zh = "仅限合作机构以接口密钥获取完整车架号"
    en = "Full VINs of a feed go to a partner's API key only."
    rule = Rule("个人信息保护法 第二十三条", "Personal Information Protection Law, art. 23")


# --- tables of cells ---------------------------------------------------------------------------------------------------

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
        return neutralize(" | ".join(_one(part) for part in value if not isinstance(part, Mapping) or part.get("is_there", True)))
    return str(value) if isinstance(value, int) else neutralize(str(value))


def _one(part: Any) -> str:
    return str(part["kind"]) if isinstance(part, Mapping) else str(part)


def write_csv(shape: FeedShape, cars: Iterable[Document], removed: Iterable[Document]) -> Iterator[bytes]:
    """UTF-8 with byte order mark (spreadsheets ask for it), CRLF; the removed come last with ``state`` removed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")

    def taken() -> bytes:
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text.encode()

    writer.writerow(shape.columns)
    yield b"\xef\xbb\xbf" + taken()
    for part in (cars, removed):
        for car in part:
            writer.writerow([_cell(car.get(name)) for name in shape.columns])
            yield taken()


# --- XML ---------------------------------------------------------------------------------------------------------------

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xml(shape: FeedShape, page: FeedPage, cars: Iterable[Document], removed: Iterable[Document]) -> Iterator[bytes]:
    """Elements named as the JSON members, lists as repeated elements; characters XML cannot hold are dropped."""
    head: dict[str, Any] = {"name": shape.name.value, "cursor": page.cursor, "has_more": str(page.has_more).lower()}
    if page.since is not None:
        head["since"] = page.since
    attributes = " ".join(f'{name}="{value}"' for name, value in head.items())
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<feed {attributes}>\n'.encode()
    for car in cars:
        yield _element("car", car).encode()
    for gone in removed:
        yield _element("removed", gone).encode()
    yield b"</feed>\n"


def _element(name: str, value: Any) -> str:
    if value is None:
        return f"<{name}/>\n"
    if isinstance(value, Mapping):
        return f"<{name}>\n{''.join(_element(key, part) for key, part in sorted(value.items()))}</{name}>\n"
    if isinstance(value, (list, tuple)):
        return "".join(_element(name, part) for part in value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(_NOT_XML.sub('', text))}</{name}>\n"


# --- JSON and linked data ------------------------------------------------------------------------------------------------


def write_json(shape: FeedShape, page: FeedPage, cars: Iterable[Document], removed: Iterable[Document], encode: Encode) -> Iterator[bytes]:
    """One canonical object, its members in the order of their names."""
    yield b'{"cars":['
    yield from _joined(cars, encode)
    tail = {"cursor": page.cursor, "feed": shape.name.value, "has_more": page.has_more, "market": page.market}
    yield b"]," + encode(tail)[1:-1] + b',"removed":['
    yield from _joined(removed, encode)
    yield b"]," + encode({"since": page.since, "version": FORMAT_VERSION})[1:]


def write_linked(shape: FeedShape, page: FeedPage, cars: Iterable[Document], encode: Encode) -> Iterator[bytes]:
    """schema.org: a list of cars with their offers. Prices are decimal texts of yuan."""
    yield b'{"@context":"https://schema.org","@type":"ItemList","itemListElement":['
    listed = ({"@type": "ListItem", "position": number, "item": linked_car(car)} for number, car in enumerate(cars, start=1))
    yield from _joined(listed, encode)
    yield b"]," + encode({"name": f"{page.market} {shape.title_zh}", "numberOfItems": page.count})[1:]


def _joined(parts: Iterable[Document], encode: Encode) -> Iterator[bytes]:
    glue = b""
    for part in parts:
        yield glue + encode(dict(part))
        glue = b","


_STOCK = {True: "InStock", False: "LimitedAvailability"}


def linked_car(car: Document) -> dict[str, Any]:
    """A car as a schema.org Car (a Vehicle) with its Offer."""
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
            "availability": f"https://schema.org/{_STOCK[car.get('availability', 'available') == 'available']}",
            "url": car["url"],
            "seller": {"@type": "AutoDealer", "name": car.get("importer") or car.get("seller", "")},
        },
    }
    return linked


def yuan_text(amount_minor: int) -> str:
    """Fen as a decimal text: 6880000 → 68800.00."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


# --- what is signed ------------------------------------------------------------------------------------------------------


def signed_text(number: int, digest: str) -> bytes:
    """What a feed's Ed25519 signature covers: its cursor (of an inbound feed: its sequence), a blank, the header ``Feed-Digest``."""
    return f"{number} {digest}".encode()
