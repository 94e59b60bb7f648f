"""GB/T 30323: parsing, deductions, grades; the tables' cases, properties, and a naive twin."""

import re
from collections import Counter
from collections.abc import Iterable
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
    Checkpoint,
    Evidence,
    Grade,
    Inspection,
    InspectionIncomplete,
    Record,
    build_standard,
    compute_score,
    deduction_of,
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

    def test_is_built_as_it_stands(self) -> None:
        built = build_standard(9, "GB/T", TABLE.values)
        assert (built.number, built.source) == (9, "GB/T")
        assert built.items == STANDARD.items
        assert built.frame_codes == {
            "BX": "变形 deformed",
            "NQ": "扭曲 twisted",
            "GH": "更换 replaced",
            "SH": "烧焊 welded",
            "ZZ": "褶皱 creased",
        }
        assert list(built.exterior_codes) == ["HH", "BX", "XS", "LW", "AX", "XF"]
        assert built.exterior_codes["XF"] == "修复痕迹 repair trace"
        assert built.degrees == {1: 5, 2: 10, 3: 15, 4: 10}
        assert built.area_caps == {
            Area.EXTERIOR: 200, Area.ENGINE_BAY: 200, Area.CABIN: 100, Area.START: 200, Area.ROAD_TEST: 150, Area.CHASSIS: 150,
        }  # fmt: skip
        assert built.grade_floors == ((Grade.ONE, 900), (Grade.TWO, 600), (Grade.THREE, 200), (Grade.FOUR, 0))
        assert built.flood_parts_min == 3

    @pytest.mark.parametrize(
        "item",
        [
            Checkpoint(1, Area.FRAME, "车体左右对称性", "body symmetry", "found", {}),
            Checkpoint(2, Area.FRAME, "左A柱", "left A pillar", "found", {}, triggers_accident=True),
            Checkpoint(39, Area.EXTERIOR, "轮胎", "tyres", "doubtful", {}, tyre=True),
            Checkpoint(44, Area.ENGINE_BAY, "蓄电池电极桩柱有无腐蚀", "battery post corrosion", "found", {"B": 20, "C": 40}),
            Checkpoint(50, Area.CABIN, "车内是否无水泡痕迹", "no flood traces inside", "found", {"C": 15}),
            Checkpoint(
                66,
                Area.START,
                "仪表板指示灯显示是否正常,无故障报警",
                "warning lights normal, no fault alarm",
                "found",
                {"C": 20},
                needs_note=True,
                statement_zh="仪表板故障报警,原因见说明",
                statement_en="Fault alarm on the dashboard; its cause is stated.",
            ),
        ],
    )
    def test_an_item_is_what_its_line_says(self, item: Checkpoint) -> None:
        assert build_standard(9, "x", TABLE.values).items[item.number] == item

    @pytest.mark.parametrize(
        "numbers",
        [range(1, 113), range(2, 114), range(1, 115), range(114), [*range(1, 56), *range(57, 114)], [*range(1, 114), 40]],
    )
    def test_refuses_a_table_without_exactly_the_items(self, numbers: Iterable[int]) -> None:
        items = [{"number": number, "area": "cabin", "zh": "x", "en": "x", "certainty": "found"} for number in numbers]
        with pytest.raises(ValueError, match=r"^the table must hold items 1-113, each once$"):
            build_standard(9, "x", TABLE.values | {"items": items})

    @pytest.mark.parametrize("change", [{"frame": 100}, {"chassis": None}])
    def test_refuses_a_table_that_does_not_cap_the_scored_areas(self, change: dict[str, int | None]) -> None:
        caps = {area: points for area, points in (TABLE.values["area_caps_tenths"] | change).items() if points is not None}
        with pytest.raises(ValueError, match=r"^the table must cap the six scored areas$"):
            build_standard(9, "x", TABLE.values | {"area_caps_tenths": caps})


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

    @pytest.mark.parametrize(
        ("code", "note", "reason"),
        [
            ("x", "", "not of the form 8BX, 21XS2, 40B, 39-4 or 105"),
            ("114", "", "no such item"),
            ("8XS", "", "frame parts take BX NQ GH SH ZZ"),
            ("8BX1", "", "frame parts take BX NQ GH SH ZZ"),
            ("8", "", "frame parts take BX NQ GH SH ZZ"),
            ("21NQ2", "", "exterior parts take HH BX XS LW AX XF"),
            ("21", "", "exterior parts take HH BX XS LW AX XF"),
            ("21XS", "", "a degree 1-3 is needed"),
            ("38-4", "", "degree 4 is for tyres"),
            ("40XS1", "", "answer A, B or C"),
            ("50B", "", "answer A, C"),
            ("105B", "", "describe only: the number and a note"),
            ("105BX", "", "describe only: the number and a note"),
            ("105-4", "", "describe only: the number and a note"),
            ("105", "", "a note is needed"),
            ("105", "  ", "a note is needed"),
        ],
    )
    def test_says_what_is_wrong_with_a_record(self, code: str, note: str, reason: str) -> None:
        with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
            parse_record(STANDARD, code, note)

    def test_spaces_around_code_and_note_do_not_count(self) -> None:
        assert parse_record(STANDARD, " 21xs2 ", " 左下角 ") == Record(21, "XS", 2, note="左下角")
        assert parse_record(STANDARD, "105", "缺") == Record(105, note="缺")
        assert parse_record(STANDARD, "105", "缺").code == "105"

    def test_an_inspection_is_in_the_order_of_the_items_and_keeps_its_evidence(self) -> None:
        flood, fire = (Evidence("地毯", "泥沙"),), (Evidence("发动机舱", "烧痕"),)
        lines = [("105", "缺"), ("40B", ""), ("21XS2", "左")]
        assert parse_inspection(STANDARD, lines, remaining_sound=True, flood=flood, fire=fire) == Inspection(
            records=(Record(21, "XS", 2, note="左"), Record(40, choice="B"), Record(105, note="缺")),
            remaining_sound=True,
            flood=flood,
            fire=fire,
        )
        assert parse_inspection(STANDARD, [], remaining_sound=True) == Inspection(remaining_sound=True)

    def test_names_every_fault_with_its_reason_and_no_more_of_the_text_than_needed(self) -> None:
        with pytest.raises(BadRecord) as refused:
            parse_inspection(STANDARD, [("8XS", ""), ("9" * 30, "")], remaining_sound=True)
        assert refused.value.fields == {
            "records": [
                {"code": "8XS", "reason": "frame parts take BX NQ GH SH ZZ"},
                {"code": "9" * 20, "reason": "not of the form 8BX, 21XS2, 40B, 39-4 or 105"},
            ]
        }

    def test_names_each_item_answered_twice(self) -> None:
        with pytest.raises(BadRecord) as refused:
            inspect("66C", "40A", "40B", "66A", "41B", "21XS2", "21XS2")
        assert refused.value.fields == {"records": [{"code": "40", "reason": "answered twice"}, {"code": "66", "reason": "answered twice"}]}

    def test_names_exactly_what_was_not_answered(self) -> None:
        answers = [f"{number}A" for number in STANDARD.choice_items() if number not in {44, 91}]
        with pytest.raises(InspectionIncomplete) as refused:
            inspect(*answers, sound=False)
        assert refused.value.fields == {"items": [44, 91]}

    @pytest.mark.parametrize(("code", "note"), [("66C", "机油压力传感器"), ("66A", ""), ("65C", "")])
    def test_a_cause_is_asked_of_an_alarm_only(self, code: str, note: str) -> None:
        assert len(parse_inspection(STANDARD, [(code, note)], remaining_sound=True).records) == 1

    def test_the_item_whose_cause_is_missing_is_named(self) -> None:
        with pytest.raises(CauseMissing) as refused:
            parse_inspection(STANDARD, [("40B", ""), ("66C", "")], remaining_sound=True)
        assert refused.value.fields == {"items": [66]}

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

    def test_each_area_keeps_what_is_left_of_its_points(self) -> None:
        score = compute_score(STANDARD, inspect("8BX", "21XS2", "13ZZ", "44B", "50C", "80C", "85C", "86C", "87C", "88C", "89C"))
        assert score.areas == {
            Area.EXTERIOR: 190, Area.ENGINE_BAY: 180, Area.CABIN: 85, Area.START: 200, Area.ROAD_TEST: 130, Area.CHASSIS: 0,
        }  # fmt: skip
        assert (score.score_tenths, score.is_collision_accident, score.accident_codes) == (785, True, ("8BX", "13ZZ"))
        assert (score.is_flood, score.is_fire) == (False, False)

    @pytest.mark.parametrize(("parts", "is_flood"), [(2, False), (3, True), (4, True)])
    def test_a_flood_leaves_its_traces_on_three_parts(self, parts: int, is_flood: bool) -> None:
        flood = tuple(Evidence(f"部位{number}", "泥沙") for number in range(parts))
        assert compute_score(STANDARD, Inspection(flood=flood)).is_flood is is_flood

    def test_a_score_below_every_floor_is_our_mistake(self) -> None:
        with pytest.raises(ValueError, match=r"^a score below every floor$"):
            grade_of(STANDARD, -1)

    @pytest.mark.parametrize(
        ("code", "tenths"),
        [("14HH1", 5), ("14HH2", 10), ("14HH3", 15), ("39-4", 10), ("44A", 0), ("44B", 20), ("44C", 40), ("8BX", 0), ("105", 0)],
    )
    def test_what_one_record_costs(self, code: str, tenths: int) -> None:
        assert deduction_of(STANDARD, parse_record(STANDARD, code, "见说明")) == tenths

    def test_a_degree_costs_on_the_exterior_alone(self) -> None:
        assert deduction_of(STANDARD, Record(8, "BX", 2)) == 0
        assert deduction_of(STANDARD, Record(21, "XS")) == 0

    def test_a_statement_is_the_items_own_in_both_languages(self) -> None:
        assert compute_score(STANDARD, inspect("60C", "40A", "66C")).statements == (
            (
                "60 安全带结构是否完整、功能是否正常:修复或更换前不宜使用",
                "60 seat belts whole and working: Not to be used before repair or replacement.",
            ),
            (
                "66 仪表板指示灯显示是否正常,无故障报警:仪表板故障报警,原因见说明",
                "66 warning lights normal, no fault alarm: Fault alarm on the dashboard; its cause is stated.",
            ),
        )

    def test_describes_frames_tyres_and_bare_records(self) -> None:
        lines = [("8BX", ""), ("9SH", "左"), ("21BX1", ""), ("39-4", ""), ("44B", ""), ("105", "缺")]
        assert describe_defects(STANDARD, parse_inspection(STANDARD, lines, remaining_sound=True)) == {
            "frame": ["8BX 左前纵梁 变形", "9SH 右前纵梁 烧焊 (左)"],
            "exterior": ["21BX1 左后车门 变形 程度1", "39-4 轮胎 花纹深度小于1.6mm"],
            "engine_bay": ["44B 蓄电池电极桩柱有无腐蚀"],
            "functional": ["105 备胎 (缺)"],
        }

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
