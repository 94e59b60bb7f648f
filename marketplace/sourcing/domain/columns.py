"""Which column of a dealer's file means what: Chinese and English headers, units in brackets."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias


class Column(StrEnum):
    """The fields an import knows."""

    STOCK_NO = "stock_no"
    VIN = "vin"
    BRAND = "brand"
    SERIES = "series"
    MODEL = "model"
    MODEL_YEAR = "model_year"
    FIRST_REGISTRATION = "first_registration_on"
    ODOMETER = "odometer"
    ASK = "ask"
    COST = "cost"
    MSRP = "msrp"
    CITY = "city"
    COLOUR = "colour"
    GEARBOX = "gearbox"
    EMISSION = "emission_stage"
    TRANSFERS = "transfer_count"
    FUEL = "fuel"
    DISPLACEMENT = "displacement"
    SEATS = "seats"
    USE_TYPE = "use_type"
    PLATE = "plate"
    KEYS = "key_count"
    INSPECTION = "inspection_valid_until"
    INSURANCE = "insurance_valid_until"
    ACQUIRED = "acquired_on"
    DESCRIPTION = "description"
    IMAGES = "images"


NAMES: Mapping[Column, str] = MappingProxyType(
    {
        Column.STOCK_NO: "库存编号 库存号 编号 车源编号 stock_no stock_number stock id",
        Column.VIN: "车架号 车架号码 车辆识别代号 车辆识别码 vin vin码 vin_code chassis",
        Column.BRAND: "品牌 厂牌 品牌名称 brand make",
        Column.SERIES: "车系 车系名称 series",
        Column.MODEL: "车型名称 车型 车款 款型 车辆名称 model trim model_name title",
        Column.MODEL_YEAR: "年款 年份 年型 model_year year",
        Column.FIRST_REGISTRATION: "上牌时间 首次上牌时间 首次上牌 首次上牌日期 上牌日期 初次登记日期 登记日期 首登日期 "
        "first_registration first_registration_on first_registration_date registered registration_date",
        Column.ODOMETER: "表显里程 里程 行驶里程 公里数 里程数 mileage mileage_km odometer odometer_km km",
        Column.ASK: "报价 价格 售价 标价 零售价 一口价 销售价 price ask ask_price asking_price price_yuan",
        Column.COST: "收购价 收车价 成本 成本价 采购价 cost cost_price buy_price",
        Column.MSRP: "新车指导价 指导价 新车价 厂商指导价 msrp list_price new_price new_price_yuan",
        Column.CITY: "所在城市 城市 所在地 车辆所在地 看车地点 city location",
        Column.COLOUR: "颜色 车身颜色 外观颜色 colour color",
        Column.GEARBOX: "变速箱 变速器 变速箱类型 gearbox transmission",
        Column.EMISSION: "排放标准 排放 环保标准 emission emission_stage emission_standard",
        Column.TRANSFERS: "过户次数 过户 transfer_count transfers",
        Column.FUEL: "燃料 燃料类型 燃油类型 能源类型 fuel fuel_type",
        Column.DISPLACEMENT: "排量 displacement displacement_ml displacement_l engine",
        Column.SEATS: "座位数 座位 座位数量 seats",
        Column.USE_TYPE: "使用性质 车辆性质 use_type use",
        Column.PLATE: "车牌 车牌号 车牌号码 号牌 号牌号码 plate licence_plate",
        Column.KEYS: "钥匙数 钥匙 钥匙数量 keys key_count",
        Column.INSPECTION: "年检到期 年检有效期 年检到期日 检验有效期 inspection_valid_until inspection",
        Column.INSURANCE: "交强险到期 保险到期 交强险有效期 交强险到期日 insurance_valid_until insurance",
        Column.ACQUIRED: "收购日期 入库日期 收车日期 acquired_on acquired stock_date",
        Column.DESCRIPTION: "描述 备注 车况描述 卖点 车辆描述 description remark remarks notes",
        Column.IMAGES: "图片 图片链接 图片地址 照片 照片链接 车辆图片 "
        "image images image_url image_urls image_list image_link photos photo_urls",
    }
)
REQUIRED = (Column.VIN, Column.BRAND, Column.MODEL, Column.FIRST_REGISTRATION, Column.ODOMETER, Column.ASK, Column.CITY)

_BRACKETS = re.compile(r"[(\[【]\s*([^)\]】]*)\s*[)\]】]")
_UNIT_SUFFIX = {"_km": "公里", "_yuan": "元", "_wan": "万元", "_ml": "ml", "_l": "l"}


def _key(text: str) -> str:
    return re.sub(r"[\s_\-*:/]", "", unicodedata.normalize("NFKC", text).lower())


def _index() -> dict[str, Column]:
    return {_key(name): column for column, names in NAMES.items() for name in names.split()}


_BY_NAME = _index()


SavedMapping: TypeAlias = Mapping[str, Mapping[str, str | None]]
"""A dealer's own meanings: ``header_key`` of a header → ``field`` (None: leave it aside) and ``unit``."""


class How(StrEnum):
    """``saved``: the dealer said so. ``automatic``: by the header's own words."""

    SAVED = "saved"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where a column stands, what its header says, and its unit when the header names one (``万公里``, ``元`` …)."""

    position: int
    header: str
    unit: str | None
    how: How = How.AUTOMATIC


@dataclass(frozen=True, slots=True)
class HeaderMap:
    """Headers understood, required ones missing, and headers left aside."""

    columns: Mapping[Column, Mapped]
    missing: tuple[Column, ...]
    unknown: tuple[str, ...]


def header_key(text: str) -> str:
    """What two spellings of one header have in common."""
    return _key(text)[:200]


def map_header(header: Sequence[str], *, saved: SavedMapping | None = None) -> HeaderMap:
    """Find each known column, the dealer's own meanings first; of two headers that mean the same the first counts."""
    found: dict[Column, Mapped] = {}
    told = {position: meaning for position, text in enumerate(header) if (meaning := (saved or {}).get(header_key(text))) is not None}
    for position, meaning in told.items():
        field = meaning.get("field")
        if field is not None and Column(field) not in found:
            unit = meaning.get("unit") or split_header(header[position])[1]
            found[Column(field)] = Mapped(position, header[position], unit, How.SAVED)
    unknown = []
    for position, text in enumerate(header):
        if position in told:
            continue
        name, unit = split_header(text)
        column = _BY_NAME.get(_key(name))
        if column is None or column in found:
            unknown.append(text)
        else:
            found[column] = Mapped(position, text, unit)
    unknown += [header[position] for position, meaning in told.items() if meaning.get("field") is None]
    return HeaderMap(found, tuple(column for column in REQUIRED if column not in found), tuple(unknown))


def split_header(text: str) -> tuple[str, str | None]:
    """Name and unit: 表显里程(万公里) → 表显里程, 万公里; mileage_km → mileage_km, 公里."""
    plain = unicodedata.normalize("NFKC", text).strip()
    bracket = _BRACKETS.search(plain)
    if bracket is not None:
        return _BRACKETS.sub("", plain).strip(), bracket.group(1).strip().lower() or None
    lowered = plain.lower()
    return plain, next((unit for suffix, unit in _UNIT_SUFFIX.items() if lowered.endswith(suffix)), None)
