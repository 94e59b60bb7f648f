"""One record of a feed: read as a car, or named with what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.parallel_import.domain import VERSION_NAMES, ImportState, PaperKind
from marketplace.parallel_import.domain.inbound import RowFinding, find
from marketplace.parallel_import.schemas.feed_cars import FeedCar
from marketplace.vehicles import api as vehicles

FINDINGS_MAX = 12
_WORDS: Mapping[str, type[StrEnum]] = {
    "fuel": vehicles.Fuel,
    "gearbox": vehicles.Gearbox,
    "drivetrain": vehicles.Drivetrain,
    "emission_stage": vehicles.EmissionStage,
    "body": vehicles.BodyStyle,
    "segment": vehicles.Segment,
    "colour": vehicles.Colour,
}
_STATES = {
    "订购": ImportState.ORDERED,
    "到港": ImportState.ARRIVED,
    "保税": ImportState.ARRIVED,
    "清关": ImportState.CLEARED,
    "已清关": ImportState.CLEARED,
    "已认证": ImportState.CERTIFIED,
    "在售": ImportState.ON_SALE,
    "已售": ImportState.SOLD,
}
_VERSIONS = {name: version for version, name in VERSION_NAMES.items()}
_HEADERS = {
    "编号": "ref",
    "车架号": "vin",
    "品牌": "brand",
    "车系": "series",
    "车型": "model",
    "年款": "model_year",
    "里程(公里)": "odometer_km",
    "城市": "city",
    "燃料": "fuel",
    "变速箱": "gearbox",
    "排放标准": "emission_stage",
    "排量(毫升)": "displacement_ml",
    "颜色": "colour",
    "座位数": "seats",
    "版别": "import_version",
    "状态": "state",
    "到港日期": "arrived_on",
    "清关日期": "cleared_on",
    "标价(分)": "ask_minor",
    "进口企业": "importer",
    "三包责任人": "warranty_giver",
    "三包条款": "warranty_terms",
    "维修网点": "repair_outlets",
    "召回联系人": "recall_contact",
    "整改项目": "rectifications",
    "整改场所": "rectification_site",
    "与中规差异": "differences",
    "关单号": "paper_import_certificate",
    "随车检验单号": "paper_inspection_sheet",
    "一致性证书编号": "paper_conformity_certificate",
    "CCC证书编号": "paper_ccc_certificate",
    "自动进口许可证号": "paper_import_licence",
    "环保信息公开编号": "paper_emission_disclosure",
    "三包凭证编号": "paper_three_guarantees",
}
"""Chinese column names of a table."""

KNOWN = frozenset(FeedCar.model_fields) | {"papers"}
_PAPER = "paper_"
_PAPER_KINDS = frozenset(kind.value for kind in PaperKind)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """Row ``n`` (from one). Without ``car`` it is bad; ``ref`` is what could be read of its number."""

    n: int
    ref: str
    car: FeedCar | None
    row_hash: str
    findings: tuple[RowFinding, ...]
    unknown: frozenset[str] = frozenset()


def read_row(n: int, record: Any) -> ReadRow:
    """Raises nothing, whatever the record is."""
    if not isinstance(record, Mapping):
        return ReadRow(n, "", None, "", (find("row", "not_an_object"),))
    values, unknown = _named(record)
    ref = _plain_ref(values.get("ref"))
    spoiled = _spoiled(values)
    if spoiled:
        return ReadRow(n, "" if "ref" in spoiled else ref, None, "", tuple(find(name, "bad_character") for name in spoiled), unknown)
    try:
        car = FeedCar.model_validate(values)
    except ValidationError as error:
        return ReadRow(n, ref, None, "", tuple(_finding(one) for one in error.errors()[:FINDINGS_MAX]), unknown)
    findings = (find("ask_minor", "price_missing"),) if car.state is ImportState.ON_SALE and car.ask_minor is None else ()
    return ReadRow(n, car.ref, None if findings else car, sha256_hex(canonical_json(car.model_dump(mode="json"))), findings, unknown)


def _plain_ref(value: Any) -> str:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text.strip() if len(text) <= 60 and text.isprintable() else ""


def _named(record: Mapping[Any, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Members by the names of the interface, empty ones left out; names it does not know apart."""
    values: dict[str, Any] = {}
    unknown: set[str] = set()
    papers: dict[str, dict[str, Any]] = {}
    for raw, given in record.items():
        name = _HEADERS.get(str(raw).strip(), str(raw).strip())
        value = given.strip() if isinstance(given, str) else given
        if value is None or value == "":
            continue
        if name.startswith(_PAPER):
            _paper_cell(papers, name.removeprefix(_PAPER), value)
        elif name in KNOWN:
            values[name] = _term(name, value)
        elif len(unknown) < FINDINGS_MAX:
            unknown.add(name[:60] if name.isprintable() else "?")
    if isinstance(values.get("ref"), int) and not isinstance(values["ref"], bool):
        values["ref"] = str(values["ref"])
    if papers:
        listed = values.get("papers", [])
        values["papers"] = [*(listed if isinstance(listed, list) else []), *papers.values()]
    return values, frozenset(unknown)


def _paper_cell(papers: dict[str, dict[str, Any]], name: str, value: Any) -> None:
    """Columns ``paper_<kind>``, ``paper_<kind>_on``, ``paper_<kind>_issuer``."""
    for end, member in (("_on", "issued_on"), ("_issuer", "issuer"), ("", "number")):
        kind = name.removesuffix(end)
        if name.endswith(end) and kind in _PAPER_KINDS:
            papers.setdefault(kind, {"kind": kind})[member] = value
            return
    papers.setdefault(name, {"kind": name[:60], "number": value})


def _term(name: str, value: Any) -> Any:
    """Chinese words for the interface's."""
    if not isinstance(value, str):
        return value
    if name in _WORDS:
        return vehicles.parse_term(_WORDS[name], value) or value
    if name == "state":
        return _STATES.get(value, value)
    return _VERSIONS.get(value, value) if name == "import_version" else value


def _spoiled(value: Any, name: str = "", depth: int = 0) -> list[str]:
    """Members with a text the market does not store: null and other control characters, halves of characters, too deep nests."""
    if depth > 6:
        return [name]
    if isinstance(value, str):
        return [name] if any((one < " " and one not in "\t\r\n") or "\ud800" <= one <= "\udfff" for one in value) else []
    if isinstance(value, Mapping):
        return list(dict.fromkeys(found for key, part in value.items() for found in _spoiled(part, name or str(key)[:60], depth + 1)))
    if isinstance(value, list):
        return list(dict.fromkeys(found for part in value for found in _spoiled(part, name, depth + 1)))
    return []


def _finding(error: Any) -> RowFinding:
    place = ".".join(str(part) for part in error["loc"]) or "row"
    if error["type"] == "value_error":
        return find("cleared_on", "days", zh="清关日期早于到港日期", hint="核对两个日期")
    return find(place, error["type"])
