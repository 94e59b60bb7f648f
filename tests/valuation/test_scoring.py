"""GB/T 30323: parsing, deductions, grades; the tables' cases, properties, and a naive twin."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import rules
from valuation.appraisal.domain import (
    Area,
    BadRecord,
    CauseMissing,
    Evidence,
    Grade,
    Inspection,
    InspectionIncomplete,
    Record,
    build_standard,
    compute_score,
    describe_defects,
    grade_of,
    parse_inspection,
    parse_record,
)

TABLE = rules.load(Path("valuation/appraisal/tables/gbt30323.toml"), on=date(2026, 11, 24))
STANDARD = build_standard(TABLE.number, TABLE.source, TABLE.values)


def inspect(*codes: str, sound: bool = True) -> Inspection:
    return parse_inspection(STANDARD, [(code, "见说明") for code in codes], remaining_sound=sound)


class TestTable:
    def test_holds_every_item_with_its_certainty(self) -> None:
        assert sorted(STANDARD.items) == list(range(1, 114))
        assert {item.certainty for item in STANDARD.items.values()} == {"found", "doubtful"}

    def test_areas_are_numbered_as_the_worksheet(self) -> None:
        found = Counter(item.area for item in STANDARD.items.values())
        assert found == {
            Area.FRAME: 13, Area.EXTERIOR: 26, Area.ENGINE_BAY: 10, Area.CABIN: 15,
            Area.START: 10, Area.ROAD_TEST: 10, Area.CHASSIS: 8, Area.FUNCTIONAL: 21,
        }  # fmt: skip

    def test_caps_sum_to_a_hundred_points(self) -> None:
        assert [STANDARD.area_caps[area] for area in list(Area)[1:7]] == [200, 200, 100, 200, 150, 150]

    def test_the_last_item_of_an_area_deducts_nothing(self) -> None:
        assert not any(STANDARD.items[number].is_choice for number in (49, 64, 74, 84, 92))

    def test_refuses_a_table_with_a_missing_item(self) -> None:
        values = TABLE.values | {"items": TABLE.values["items"][:-1]}
        with pytest.raises(ValueError, match="1-113"):
            build_standard(9, "x", values)


class TestParse:
    @pytest.mark.parametrize(
        ("code", "record"),
        [
            ("21XS2", Record(21, "XS", 2)),
            ("8BX", Record(8, "BX")),
            ("1bx", Record(1, "BX")),
            ("40B", Record(40, choice="B")),
            ("50A", Record(50, choice="A")),
            ("39-4", Record(39, degree=4)),
            ("39HH1", Record(39, "HH", 1)),
        ],
    )
    def test_reads_the_written_forms(self, code: str, record: Record) -> None:
        assert parse_record(STANDARD, code) == record
        assert parse_record(STANDARD, code).code == code.upper()

    @pytest.mark.parametrize(
        "code",
        [
            "",
            "0BX",
            "114",
            "8",
            "8XS",
            "8BX1",
            "21XS",
            "21NQ2",
            "21XS4",
            "38-4",
            "21",
            "40",
            "40D",
            "50B",
            "53BX",
            "105",
            "105B",
            "8ＢＸ",
            "x",
        ],
    )
    def test_refuses_what_the_standard_does_not_know(self, code: str) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            parse_record(STANDARD, code)

    def test_names_every_bad_record(self) -> None:
        with pytest.raises(BadRecord) as refused:
            parse_inspection(STANDARD, [("21XS2", ""), ("999", ""), ("40Z", "")], remaining_sound=True)
        assert [one["code"] for one in refused.value.fields["records"]] == ["999", "40Z"]  # type: ignore[union-attr,index]  # a list of dicts

    def test_refuses_an_item_answered_twice(self) -> None:
        with pytest.raises(BadRecord):
            inspect("40A", "40B")

    def test_an_unanswered_item_is_not_sound(self) -> None:
        with pytest.raises(InspectionIncomplete) as refused:
            inspect("40A", sound=False)
        missing = refused.value.fields["items"]
        assert isinstance(missing, list)
        assert 41 in missing
        assert 40 not in missing

    def test_all_answers_need_no_declaration(self) -> None:
        assert compute_score(STANDARD, inspect(*[f"{n}A" for n in STANDARD.choice_items()], sound=False)).score_tenths == 1000

    def test_a_dashboard_alarm_needs_its_cause(self) -> None:
        with pytest.raises(CauseMissing):
            parse_inspection(STANDARD, [("66C", "")], remaining_sound=True)

    @given(st.text(max_size=14))
    def test_any_text_is_a_record_or_refused(self, code: str) -> None:
        try:
            record = parse_record(STANDARD, code, "note")
        except ValueError:
            return
        assert parse_record(STANDARD, record.code, "note") == record


class TestScore:
    @pytest.mark.parametrize(
        ("codes", "tenths", "grade"),
        [
            ((), 1000, Grade.ONE),
            (("21XS2",), 990, Grade.ONE),
            (("14HH1", "14HH1", "15AX3"), 975, Grade.ONE),  # several on one part each deduct
            (("39-4",), 990, Grade.ONE),
            (("40B",), 850, Grade.TWO),
            (("40C", "41B"), 800, Grade.TWO),  # capped: 15 + 5 = the bay's 20
            (("40C", "41B", "42C"), 800, Grade.TWO),
            (("72C", "73C"), 800, Grade.TWO),
            (("50C",), 985, Grade.ONE),
            (("80C",), 980, Grade.ONE),
            (("85C", "86C", "87C", "88C", "89C"), 850, Grade.TWO),  # 16 capped at 15
            (("1BX",), 1000, Grade.ONE),  # symmetry alone is no accident
            (("8BX",), 1000, Grade.FIVE),
            (("2NQ", "13ZZ"), 1000, Grade.FIVE),
            (("105", "64"), 1000, Grade.ONE),  # describe only
        ],
    )
    def test_worksheet_cases(self, codes: tuple[str, ...], tenths: int, grade: Grade) -> None:
        score = compute_score(STANDARD, inspect(*codes))
        assert (score.score_tenths, score.grade) == (tenths, grade)

    @pytest.mark.parametrize(
        ("tenths", "grade"),
        [
            (1000, Grade.ONE),
            (900, Grade.ONE),
            (899, Grade.TWO),
            (600, Grade.TWO),
            (599, Grade.THREE),
            (200, Grade.THREE),
            (199, Grade.FOUR),
            (0, Grade.FOUR),
        ],
    )
    def test_grades_are_half_open(self, tenths: int, grade: Grade) -> None:
        assert grade_of(STANDARD, tenths) is grade

    def test_flood_and_fire_are_flags_of_their_own(self) -> None:
        wet = tuple(Evidence(part, "泥沙") for part in ("地毯", "座椅下", "线束接头"))
        score = compute_score(STANDARD, Inspection(remaining_sound=True, flood=wet))
        assert (score.is_flood, score.is_fire, score.is_collision_accident, score.grade) == (True, False, False, Grade.ONE)
        same_part = tuple(Evidence("地毯", trace) for trace in ("泥沙", "霉斑", "锈蚀"))
        assert not compute_score(STANDARD, Inspection(flood=same_part)).is_flood
        assert compute_score(STANDARD, Inspection(fire=(Evidence("发动机舱", "烧痕"),))).is_fire

    def test_dangerous_findings_are_stated(self) -> None:
        statements = compute_score(STANDARD, inspect("40B", "60C", "80C", "44B")).statements
        assert [zh.split(" ")[0] for zh, _ in statements] == ["40", "60", "80"]

    def test_describes_by_area_and_leaves_sound_answers_out(self) -> None:
        described = describe_defects(STANDARD, inspect("21XS2", "40A", "44B"))
        assert described == {"exterior": ["21XS2 左后车门 锈蚀 程度2 (见说明)"], "engine_bay": ["44B 蓄电池电极桩柱有无腐蚀 (见说明)"]}


def every_code() -> list[str]:
    codes = [f"{n}{state}" for n in range(1, 14) for state in STANDARD.frame_codes]
    codes += [f"{n}{state}{degree}" for n in range(14, 40) for state in STANDARD.exterior_codes for degree in (1, 2, 3)]
    codes += ["39-4"] + [f"{n}{choice}" for n in STANDARD.choice_items() for choice in ("A", *STANDARD.items[n].deductions)]
    return codes + [str(n) for n in (49, 64, 74, 84, 92, *range(93, 114))]


@st.composite
def worksheets(draw: st.DrawFn) -> list[str]:
    codes = draw(st.lists(st.sampled_from(every_code()), max_size=60))
    answered: set[int] = set()
    kept = []
    for code in codes:
        number = parse_record(STANDARD, code, "note").number
        if STANDARD.items[number].is_choice:
            if number in answered:
                continue
            answered.add(number)
        kept.append(code)
    return kept


def naive(codes: list[str]) -> tuple[float, str]:
    """The worksheet by hand: floats, strings, no shared code."""
    caps = {"ext": 20.0, "bay": 20.0, "cab": 10.0, "sta": 20.0, "roa": 15.0, "cha": 15.0}
    spans = {"ext": (14, 39), "bay": (40, 49), "cab": (50, 64), "sta": (65, 74), "roa": (75, 84), "cha": (85, 92)}
    lost = dict.fromkeys(caps, 0.0)
    accident = False
    for code in codes:
        digits = "".join(c for c in code.split("-")[0] if c.isdigit()) if "-" in code else ""
        number = int(digits or code[: next((i for i, c in enumerate(code) if not c.isdigit()), len(code))])
        if number <= 13:
            accident = accident or number >= 2
            continue
        area = next((name for name, (low, high) in spans.items() if low <= number <= high), None)
        if area is None:
            continue
        if area == "ext":
            lost[area] += {"1": 0.5, "2": 1.0, "3": 1.5, "4": 1.0}[code[-1]]
        elif code[-1] in "BC":
            lost[area] += TABLE.values["items"][number - 1][code[-1]] / 10
    score = sum(cap - min(lost[name], cap) for name, cap in caps.items())
    return score, "5" if accident else "1" if score >= 90 else "2" if score >= 60 else "3" if score >= 20 else "4"


class TestProperties:
    @given(worksheets())
    def test_bounds_and_caps(self, codes: list[str]) -> None:
        score = compute_score(STANDARD, inspect(*codes))
        assert 0 <= score.score_tenths <= 1000
        assert all(0 <= points <= STANDARD.area_caps[area] for area, points in score.areas.items())

    @given(
        worksheets(),
        st.sampled_from([code for code in every_code() if not STANDARD.items[parse_record(STANDARD, code, "n").number].is_choice]),
    )
    def test_one_more_defect_never_raises_the_score(self, codes: list[str], more: str) -> None:
        before, after = compute_score(STANDARD, inspect(*codes)), compute_score(STANDARD, inspect(*codes, more))
        assert after.score_tenths <= before.score_tenths
        assert after.grade >= before.grade

    @given(worksheets())
    def test_order_does_not_matter(self, codes: list[str]) -> None:
        turned = list(reversed(codes))
        assert compute_score(STANDARD, inspect(*turned)).areas == compute_score(STANDARD, inspect(*codes)).areas

    @given(worksheets())
    def test_agrees_with_the_worksheet_by_hand(self, codes: list[str]) -> None:
        score = compute_score(STANDARD, inspect(*codes))
        by_hand, grade = naive(codes)
        assert score.score_tenths == round(by_hand * 10)
        assert score.grade.value == grade
