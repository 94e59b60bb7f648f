"""The standard's items as values: built from the rule table, used by parsing and scoring. Points are tenths (0.5 → 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Area(StrEnum):
    """Parts of the check, in the order of the worksheet."""

    FRAME = "frame"  # 车体骨架 1-13
    EXTERIOR = "exterior"  # 车身外观 14-39
    ENGINE_BAY = "engine_bay"  # 发动机舱 40-49
    CABIN = "cabin"  # 驾驶舱 50-64
    START = "start"  # 启动 65-74
    ROAD_TEST = "road_test"  # 路试 75-84
    CHASSIS = "chassis"  # 底盘 85-92
    FUNCTIONAL = "functional"  # 功能性零部件 93-113


SCORED = (Area.EXTERIOR, Area.ENGINE_BAY, Area.CABIN, Area.START, Area.ROAD_TEST, Area.CHASSIS)


class Grade(StrEnum):
    """技术等级 一级…五级. The fifth is an accident car, whatever its score."""

    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    FIVE = "5"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One numbered item. ``deductions`` maps a choice (B, C) to tenths; empty where nothing is deducted by choice."""

    number: int
    area: Area
    zh: str
    en: str
    certainty: str
    deductions: Mapping[str, int]
    triggers_accident: bool = False
    tyre: bool = False
    needs_note: bool = False
    statement_zh: str = ""
    statement_en: str = ""
    source: str = field(default="", compare=False)

    @property
    def is_choice(self) -> bool:
        """Whether the worksheet wants an answer A, B or C."""
        return bool(self.deductions)


@dataclass(frozen=True, slots=True)
class Standard:
    """Everything scoring needs, from one version of the table."""

    number: int
    source: str
    items: Mapping[int, Checkpoint]
    frame_codes: Mapping[str, str]
    exterior_codes: Mapping[str, str]
    degrees: Mapping[int, int]
    area_caps: Mapping[Area, int]
    grade_floors: tuple[tuple[Grade, int], ...]
    flood_parts_min: int
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def choice_items(self) -> tuple[int, ...]:
        """Numbers of the items that must be answered."""
        return tuple(number for number, item in sorted(self.items.items()) if item.is_choice)


def build_standard(number: int, source: str, values: Mapping[str, Any]) -> Standard:
    """The standard of one table version. Raises ``ValueError`` when an item is missing or there twice, or an area's cap is missing."""
    if sorted(found["number"] for found in values["items"]) != list(range(1, 114)):
        raise ValueError("the table must hold items 1-113, each once")
    sources = dict(values.get("sources", {}))
    items = {found["number"]: _checkpoint(found, sources) for found in values["items"]}
    caps = {Area(name): points for name, points in values["area_caps_tenths"].items()}
    if set(caps) != set(SCORED):
        raise ValueError("the table must cap the six scored areas")
    return Standard(
        number=number,
        source=source,
        items=MappingProxyType(items),
        frame_codes=MappingProxyType(dict(values["frame_codes"])),
        exterior_codes=MappingProxyType(dict(values["exterior_codes"])),
        degrees=MappingProxyType({int(degree): points for degree, points in values["degrees_tenths"].items()}),
        area_caps=MappingProxyType(caps),
        grade_floors=tuple((Grade(name), floor) for name, floor in values["grade_floors_tenths"].items()),
        flood_parts_min=values["flood_parts_min"],
        sources=MappingProxyType(sources),
    )


def _checkpoint(found: Mapping[str, Any], sources: Mapping[str, str]) -> Checkpoint:
    return Checkpoint(
        number=found["number"],
        area=Area(found["area"]),
        zh=found["zh"],
        en=found["en"],
        certainty=found["certainty"],
        deductions=MappingProxyType({choice: found[choice] for choice in ("B", "C") if choice in found}),
        triggers_accident=found.get("triggers_accident", False),
        tyre=found.get("tyre", False),
        needs_note=found.get("needs_note", False),
        statement_zh=found.get("statement_zh", ""),
        statement_en=found.get("statement_en", ""),
        source=sources.get(found.get("source", ""), ""),
    )
