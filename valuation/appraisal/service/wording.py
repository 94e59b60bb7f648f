"""Words and numbers as papers show them."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from marketplace.core.clock import SHANGHAI
from marketplace.core.money import format_yuan
from valuation.appraisal.domain import Area, Grade, PhotoSlot, Purpose

AREA_NAMES = {
    Area.FRAME: ("车体骨架", "frame"),
    Area.EXTERIOR: ("车身外观", "exterior"),
    Area.ENGINE_BAY: ("发动机舱", "engine bay"),
    Area.CABIN: ("驾驶舱", "cabin"),
    Area.START: ("启动", "start-up"),
    Area.ROAD_TEST: ("路试", "road test"),
    Area.CHASSIS: ("底盘", "chassis"),
    Area.FUNCTIONAL: ("功能性零部件", "functional parts"),
}
GRADE_NAMES = {
    Grade.ONE: ("一级", "鉴定总分 ≥ 90,非事故车"),
    Grade.TWO: ("二级", "60 ≤ 鉴定总分 < 90,非事故车"),
    Grade.THREE: ("三级", "20 ≤ 鉴定总分 < 60,非事故车"),
    Grade.FOUR: ("四级", "鉴定总分 < 20,非事故车"),
    Grade.FIVE: ("五级", "事故车,不论鉴定总分"),
}
PURPOSE_NAMES = {
    Purpose.SALE: "交易 sale",
    Purpose.AUCTION: "拍卖 auction",
    Purpose.CONSIGNMENT: "寄售 consignment",
    Purpose.MORTGAGE: "抵押 mortgage",
    Purpose.DISPUTE: "纠纷 dispute",
}
SLOT_NAMES = {
    PhotoSlot.LEFT_FRONT: "左前45°",
    PhotoSlot.RIGHT_REAR: "右后45°",
    PhotoSlot.CABIN: "驾驶舱",
    PhotoSlot.ENGINE_BAY: "发动机舱",
    PhotoSlot.NAMEPLATE: "铭牌",
    PhotoSlot.ODOMETER: "里程表",
    PhotoSlot.DEFECT: "缺陷",
    PhotoSlot.OTHER: "其他",
}
METHOD_NAMES = {
    "replacement_cost": "重置成本法 replacement cost",
    "market_comparison": "现行市价法 market comparison",
    "stated": "其他方法(理由见下)stated value",
}
_DEGREE = re.compile(r"(\d+)(?:[A-Z]{2}([1-3])|-(4))")


def degree_of(code: str) -> int | None:
    """The degree in a record's code: 2 of ``21XS2``, 4 of ``39-4``."""
    found = _DEGREE.fullmatch(code)
    return int(found[2] or found[3]) if found else None


def day(on: date) -> str:
    """``2026年11月25日``."""
    return f"{on.year}年{on.month}月{on.day}日"


def last_day(until: date) -> str:
    """The last day of a half-open term."""
    return day(until - timedelta(days=1))


def moment(at: datetime) -> str:
    """``2026-11-25 09:30:00``, Beijing time."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def points(tenths: int) -> str:
    """``82.5``; whole points without a fraction."""
    return f"{tenths / 10:g}"


def ratio(bps: int) -> str:
    """``0.7667``."""
    return f"{bps // 10_000}.{bps % 10_000:04d}"


def value(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The valuation: method, amount, every step of it, comparables, the other methods."""
    basis = stated["basis"]
    return {
        "method": METHOD_NAMES[stated["method"]],
        "amount": format_yuan(stated["value_minor"]),
        "words": stated["in_words"],
        "steps": _steps(stated["method"], basis),
        "comparables": _comparables(basis) if stated["method"] == "market_comparison" else [],
        "reason": basis.get("reason", ""),
        "others": [[METHOD_NAMES[one["method"]], format_yuan(one["value_minor"])] for one in basis.get("others", [])],
    }


def _steps(method: str, basis: Mapping[str, Any]) -> list[list[str]]:
    if method == "replacement_cost":
        return _replacement_steps(basis)
    if method == "market_comparison":
        prices = basis["result"]["adjusted_minor"]
        return [[f"{len(prices)} 台参照车辆修正价格的算术平均", format_yuan(basis["result"]["value_minor"])]]
    return []


def _replacement_steps(basis: Mapping[str, Any]) -> list[list[str]]:
    given, found = basis["inputs"], basis["result"]
    alpha, vat, tax = given["alpha_bps"], given["vat_bps"] / 100, given["purchase_tax_bps"] / 100
    return [
        [f"新车售价(含税,{basis['new_price_source']})", format_yuan(given["new_price_minor"])],
        [f"车辆购置税 = 售价 ÷ (1 + {vat:g}%) × {tax:g}%", format_yuan(found["purchase_tax_minor"])],
        ["注册登记(牌照)费", format_yuan(given["plate_fee_minor"])],
        ["更新重置成本", format_yuan(found["replacement_cost_minor"])],
        [f"年限成新率 = 1 − {given['age_months']} ÷ {given['life_months']} 个月", ratio(found["age_ratio_bps"])],
        ["技术鉴定成新率 = 鉴定总分 ÷ 100", ratio(found["technical_ratio_bps"])],
        [f"综合成新率(α = {ratio(alpha)},β = {ratio(10_000 - alpha)})", ratio(found["combined_ratio_bps"])],
        ["评估价值 = 更新重置成本 × 综合成新率", format_yuan(found["value_minor"])],
    ]


def _comparables(basis: Mapping[str, Any]) -> list[list[str]]:
    """Source, price, the four factors, adjusted price."""
    return [
        [
            one["source"],
            format_yuan(one["price_minor"]),
            ratio(one["time_bps"]),
            ratio(one["region_bps"]),
            ratio(one["score_bps"]),
            ratio(one["mileage_bps"]),
            format_yuan(adjusted),
        ]
        for one, adjusted in zip(basis["inputs"], basis["result"]["adjusted_minor"], strict=True)
    ]
