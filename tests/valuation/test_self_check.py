"""Quick self-appraisal: an honest range, narrower with every answer, never higher with a worse one."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import rules
from tests.market import Market
from valuation.appraisal.domain import (
    UNKNOWN,
    AnswersIncomplete,
    Grade,
    SelfCheck,
    build_self_check,
    build_standard,
    compute_provisional,
)

FOLDER = Path("valuation/appraisal/tables")
TABLE = rules.load(FOLDER / "self_appraisal.toml", on=date(2026, 11, 25))
CHECK: SelfCheck = build_self_check(TABLE.number, TABLE.source, TABLE.values)
STANDARD = build_standard(1, "x", rules.load(FOLDER / "gbt30323.toml", on=date(2026, 11, 25)).values)
BEST = {question.code: question.options[0].code for question in CHECK.questions}


@st.composite
def answers(draw: st.DrawFn) -> dict[str, str]:
    return {question.code: draw(st.sampled_from([UNKNOWN, *(option.code for option in question.options)])) for question in CHECK.questions}


class TestRange:
    def test_the_best_answers_still_leave_what_an_owner_cannot_see(self) -> None:
        found = compute_provisional(STANDARD, CHECK, BEST)
        assert (found.score_low, found.score_high, found.score_middle) == (810, 1_000, 905)
        assert (found.grade, found.grades) == (Grade.ONE, (Grade.ONE, Grade.TWO))
        assert (found.may_be_accident, found.may_be_flood, found.may_be_fire, found.unknown) == (False, False, False, ())

    def test_nothing_known_says_nothing(self) -> None:
        found = compute_provisional(STANDARD, CHECK, {})
        assert found.grades == (Grade.ONE, Grade.TWO, Grade.THREE, Grade.FOUR, Grade.FIVE)
        assert (found.may_be_accident, found.may_be_flood, found.may_be_fire) == (True, True, True)
        assert len(found.unknown) == len(CHECK.questions)

    def test_an_admitted_accident_is_grade_five_alone(self) -> None:
        found = compute_provisional(STANDARD, CHECK, {**BEST, "accident": "yes"})
        assert (found.grade, found.grades) == (Grade.FIVE, (Grade.FIVE,))

    @pytest.mark.parametrize("strange", [{"accident": "maybe"}, {"colour": "red"}])
    def test_a_strange_answer_is_named(self, strange: dict[str, str]) -> None:
        with pytest.raises(AnswersIncomplete) as refused:
            compute_provisional(STANDARD, CHECK, strange)
        assert refused.value.fields["questions"] == list(strange)

    @given(answers())
    def test_bounds_and_grades_agree(self, given_answers: dict[str, str]) -> None:
        found = compute_provisional(STANDARD, CHECK, given_answers)
        assert 0 <= found.score_low <= found.score_middle <= found.score_high <= 1_000
        assert found.grade in found.grades
        assert all(0 <= low <= high <= STANDARD.area_caps[area] for area, (low, high) in found.areas.items())

    @given(answers(), st.data())
    def test_a_worse_answer_never_raises_the_range(self, given_answers: dict[str, str], data: st.DataObject) -> None:
        question = data.draw(st.sampled_from(CHECK.questions))
        codes = [option.code for option in question.options]
        better, worse = sorted(data.draw(st.lists(st.integers(0, len(codes) - 1), min_size=2, max_size=2)))
        before = compute_provisional(STANDARD, CHECK, {**given_answers, question.code: codes[better]})
        after = compute_provisional(STANDARD, CHECK, {**given_answers, question.code: codes[worse]})
        assert after.score_low <= before.score_low
        assert after.score_high <= before.score_high

    @given(answers(), st.data())
    def test_knowing_never_widens_the_range(self, given_answers: dict[str, str], data: st.DataObject) -> None:
        question = data.draw(st.sampled_from(CHECK.questions))
        answer = data.draw(st.sampled_from([option.code for option in question.options]))
        before = compute_provisional(STANDARD, CHECK, {**given_answers, question.code: UNKNOWN})
        after = compute_provisional(STANDARD, CHECK, {**given_answers, question.code: answer})
        assert before.score_low <= after.score_low
        assert after.score_high <= before.score_high


class TestTable:
    def test_answers_listed_from_worse_to_better_are_refused(self) -> None:
        options = [{"code": "a", "zh": "x", "en": "x", "low": 5, "high": 9}, {"code": "b", "zh": "x", "en": "x", "low": 0, "high": 9}]
        values = {"questions": [{"code": "q", "zh": "x", "en": "x", "area": "cabin", "options": options}], "unseen_tenths": {}}
        with pytest.raises(ValueError, match=r"^q: answers must be listed from the best to the worst$"):
            build_self_check(1, "x", values)


class TestOverHttp:
    def test_anybody_asks_and_nothing_is_stored(self, quick_api: Market) -> None:
        body = quick_api.get("/valuation/v1/self-appraisals", params=BEST).json()
        assert (body["score_low_tenths"], body["score_high_tenths"], body["grades"], body["provisional"]) == (810, 1_000, ["1", "2"], True)
        assert "不是鉴定评估报告" in body["caveat"]

    def test_questions_are_those_of_the_table(self, quick_api: Market) -> None:
        body = quick_api.get("/valuation/v1/self-appraisals/questions").json()
        assert [one["code"] for one in body["questions"]] == [one.code for one in CHECK.questions]

    @pytest.mark.parametrize("query", ["accident=maybe", "colour=red", "accident=%00", "accident=" + "a" * 50])
    def test_strange_answers_are_refused(self, quick_api: Market, query: str) -> None:
        assert quick_api.get(f"/valuation/v1/self-appraisals?{query}").status_code == 422

    def test_the_page_works_without_a_script(self, quick_api: Market) -> None:
        page = quick_api.get("/valuation/v1/self-appraisal", params=BEST)
        assert page.status_code == 200
        assert "81 – 100 分" in page.text
        assert "<script" not in page.text
        assert quick_api.get("/valuation/v1/self-appraisal?accident=<b>").status_code == 422
