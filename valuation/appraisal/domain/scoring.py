"""Technical score and grade: integers only, tenths of a point."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from valuation.appraisal.domain.inspection import Inspection, Record
from valuation.appraisal.domain.standard import SCORED, Area, Grade, Standard


@dataclass(frozen=True, slots=True)
class Score:
    """The outcome of the technical check. Three independent flags, never one "damaged"."""

    score_tenths: int
    grade: Grade
    areas: Mapping[Area, int]
    is_collision_accident: bool
    is_flood: bool
    is_fire: bool
    accident_codes: tuple[str, ...]
    statements: tuple[tuple[str, str], ...]


def deduction_of(standard: Standard, record: Record) -> int:
    """What one record costs, in tenths, before the area's cap."""
    item = standard.items[record.number]
    if item.is_choice:
        return item.deductions.get(record.choice or "A", 0)
    if item.area is Area.EXTERIOR and record.degree:
        return standard.degrees[record.degree]
    return 0


def compute_score(standard: Standard, inspection: Inspection) -> Score:
    """Score 0-1000 and grade. An area never loses more than its maximum; an accident car is 五级 whatever its score."""
    lost: dict[Area, int] = defaultdict(int)
    for record in inspection.records:
        lost[standard.items[record.number].area] += deduction_of(standard, record)
    areas = {area: standard.area_caps[area] - min(lost[area], standard.area_caps[area]) for area in SCORED}
    accident = tuple(record.code for record in inspection.records if _is_accident(standard, record))
    total = sum(areas.values())
    return Score(
        score_tenths=total,
        grade=Grade.FIVE if accident else grade_of(standard, total),
        areas=MappingProxyType(areas),
        is_collision_accident=bool(accident),
        is_flood=len({one.part for one in inspection.flood}) >= standard.flood_parts_min,
        is_fire=bool(inspection.fire),
        accident_codes=accident,
        statements=_statements(standard, inspection),
    )


def grade_of(standard: Standard, score_tenths: int) -> Grade:
    """一级 from 90, 二级 from 60, 三级 from 20, else 四级: half-open, highest floor first."""
    for grade, floor in standard.grade_floors:
        if score_tenths >= floor:
            return grade
    raise ValueError("a score below every floor")


def _is_accident(standard: Standard, record: Record) -> bool:
    return standard.items[record.number].triggers_accident and record.state in standard.frame_codes


def _statements(standard: Standard, inspection: Inspection) -> tuple[tuple[str, str], ...]:
    """Sentences the report must carry, e.g. "not to be used before repair"."""
    found = []
    for record in inspection.records:
        item = standard.items[record.number]
        if item.statement_zh and item.deductions.get(record.choice or "A", 0):
            found.append((f"{item.number} {item.zh}:{item.statement_zh}", f"{item.number} {item.en}: {item.statement_en}"))
    return tuple(found)


def describe_defects(standard: Standard, inspection: Inspection) -> dict[str, list[str]]:
    """缺陷描述 by area: ``左后车门 锈蚀 程度2`` with the record's code and note; sound answers are left out."""
    described: dict[str, list[str]] = {}
    for record in inspection.records:
        if record.choice == "A":
            continue
        item = standard.items[record.number]
        described.setdefault(item.area.value, []).append(_sentence(standard, record))
    return described


def _sentence(standard: Standard, record: Record) -> str:
    item = standard.items[record.number]
    codes = standard.frame_codes if item.area is Area.FRAME else standard.exterior_codes
    parts = [record.code, item.zh]
    if record.state:
        parts.append(codes[record.state].split(" ")[0])
    if record.degree:
        parts.append("花纹深度小于1.6mm" if record.degree == 4 else f"程度{record.degree}")
    if record.note:
        parts.append(f"({record.note})")
    return " ".join(parts)
