"""Arbitration by the pure rules: windows exact to the day, amounts, exclusions, who may decide when."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import auction.arbitration
from auction.arbitration.domain import (
    AnswerLate,
    ClaimNotReady,
    ClaimOver,
    ClaimState,
    ClassTerms,
    DecisionMismatch,
    DefectClass,
    EvidenceNotUsable,
    Filing,
    FlawExcluded,
    FlawPeriodOver,
    Light,
    LossAbovePrice,
    LossTooSmall,
    NotExcludable,
    Remedy,
    Terms,
    UnwindingNotOffered,
    Verdict,
    WindowClosed,
    check_answer,
    check_decision,
    check_exclusion,
    check_filing,
    last_day,
    light_of,
    media_type_of,
)
from marketplace.core.rules import load

PRICE = 8_000_000
AT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
HANDED_OVER = date(2026, 11, 25)
DAY = timedelta(days=1)


def terms(is_statutory: bool = False) -> Terms:
    table = load(Path(auction.arbitration.__file__).parent / "tables" / "arbitration.toml", on=HANDED_OVER)
    assert table.certainty == "setting"
    return Terms.from_values(table.values, is_statutory=is_statutory)


def file(defect: DefectClass, today: date, *, is_statutory: bool = False, **facts: Any) -> date:
    claim: dict[str, Any] = {"wants": Remedy.PRICE_ADJUSTMENT, "loss_minor": 1_000_000, "conceals": False} | facts
    excluded = claim.pop("excluded", frozenset())
    filing = Filing(defect, claim["wants"], claim["loss_minor"], claim["conceals"])
    return check_filing(filing, terms=terms(is_statutory), handed_over_on=HANDED_OVER, today=today, price_minor=PRICE, excluded=excluded)


class TestWindow:
    @pytest.mark.parametrize(
        ("is_statutory", "defect", "last"),
        [
            (False, DefectClass.TITLE, date(2027, 11, 25)),
            (False, DefectClass.STRUCTURAL_ACCIDENT, date(2026, 12, 25)),
            (False, DefectClass.FLOOD_FIRE, date(2026, 12, 25)),
            (False, DefectClass.ODOMETER, date(2026, 12, 25)),
            (False, DefectClass.MAJOR_MECHANICAL, date(2026, 12, 2)),
            (False, DefectClass.EQUIPMENT, date(2026, 11, 27)),
            *[(True, defect, date(2027, 11, 25)) for defect in DefectClass],
        ],
    )
    def test_each_class_is_open_to_the_end_of_its_last_day_and_not_a_day_longer(
        self, is_statutory: bool, defect: DefectClass, last: date
    ) -> None:
        assert file(defect, HANDED_OVER, is_statutory=is_statutory) == last
        assert file(defect, last, is_statutory=is_statutory) == last
        with pytest.raises(WindowClosed) as refused:
            file(defect, last + DAY, is_statutory=is_statutory)
        assert refused.value.fields == {"last_day": last.isoformat()}
        assert isinstance(refused.value, FlawPeriodOver) is is_statutory

    def test_a_statutory_refusal_names_article_61(self) -> None:
        with pytest.raises(FlawPeriodOver) as refused:
            file(DefectClass.ODOMETER, date(2027, 11, 26), is_statutory=True)
        assert refused.value.rule is not None
        assert refused.value.rule.article == "拍卖法 第六十一条"

    def test_a_year_from_29_february_ends_on_the_28th(self) -> None:
        assert last_day(date(2028, 2, 29), terms(True).classes[DefectClass.TITLE]) == date(2029, 2, 28)

    @given(st.dates(date(2026, 1, 1), date(2090, 12, 31)), st.integers(0, 400), st.integers(0, 3))
    def test_the_day_of_the_handover_is_not_counted_and_a_year_ends_on_its_date(self, on: date, days: int, years: int) -> None:
        end = last_day(on, ClassTerms(days, years, 0, True, True))
        if years == 0:
            assert (end - on).days == days
        else:
            start = on + timedelta(days=days)
            assert (end.year, end.month) == (start.year + years, start.month)
            assert end.day == start.day or (start.month, start.day, end.day) == (2, 29, 28)

    @given(st.integers(-1, 800), st.sampled_from(list(DefectClass)), st.booleans())
    def test_open_exactly_while_the_day_is_not_after_the_last(self, offset: int, defect: DefectClass, is_statutory: bool) -> None:
        today = HANDED_OVER + timedelta(days=max(offset, 0))
        end = last_day(HANDED_OVER, terms(is_statutory).classes[defect])
        try:
            found: date | None = file(defect, today, is_statutory=is_statutory)
        except WindowClosed:
            found = None
        assert found == (end if today <= end else None)


class TestAmount:
    def test_below_the_least_of_the_class_it_is_refused(self) -> None:
        assert file(DefectClass.MAJOR_MECHANICAL, HANDED_OVER, loss_minor=200_000) == date(2026, 12, 2)
        with pytest.raises(LossTooSmall) as refused:
            file(DefectClass.MAJOR_MECHANICAL, HANDED_OVER, loss_minor=199_999)
        assert refused.value.fields == {"min_minor": 200_000}
        with pytest.raises(LossTooSmall):
            file(DefectClass.TITLE, HANDED_OVER, loss_minor=0)

    def test_never_above_the_price(self) -> None:
        assert file(DefectClass.TITLE, HANDED_OVER, loss_minor=PRICE)
        with pytest.raises(LossAbovePrice):
            file(DefectClass.TITLE, HANDED_OVER, loss_minor=PRICE + 1)

    def test_equipment_does_not_undo_a_sale(self) -> None:
        with pytest.raises(UnwindingNotOffered):
            file(DefectClass.EQUIPMENT, HANDED_OVER, wants=Remedy.UNWINDING)


class TestExclusion:
    def test_what_was_excluded_beforehand_is_refused_unless_it_was_hidden(self) -> None:
        excluded = frozenset({DefectClass.ODOMETER})
        with pytest.raises(FlawExcluded):
            file(DefectClass.ODOMETER, HANDED_OVER, is_statutory=True, excluded=excluded)
        assert file(DefectClass.ODOMETER, HANDED_OVER, is_statutory=True, excluded=excluded, conceals=True)
        assert file(DefectClass.FLOOD_FIRE, HANDED_OVER, is_statutory=True, excluded=excluded)

    def test_the_title_is_never_excluded(self) -> None:
        for is_statutory in (False, True):
            with pytest.raises(NotExcludable) as refused:
                check_exclusion([DefectClass.TITLE, DefectClass.EQUIPMENT], terms(is_statutory))
            assert refused.value.fields == {"classes": ["title"]}
        check_exclusion([DefectClass.STRUCTURAL_ACCIDENT], terms(True))
        with pytest.raises(NotExcludable):
            check_exclusion([DefectClass.STRUCTURAL_ACCIDENT], terms(False))

    def test_the_light_says_what_is_left(self) -> None:
        assert light_of([], terms()) is Light.GREEN
        assert light_of([DefectClass.EQUIPMENT], terms()) is Light.YELLOW
        assert light_of([DefectClass.EQUIPMENT, DefectClass.MAJOR_MECHANICAL], terms()) is Light.RED
        assert light_of([DefectClass.EQUIPMENT, DefectClass.MAJOR_MECHANICAL], terms(True)) is Light.YELLOW


def decide(state: ClaimState, verdict: Verdict, amount: int | None, *, now: datetime = AT, may_unwind: bool = True) -> None:
    check_decision(state, verdict, amount_minor=amount, price_minor=PRICE, may_unwind=may_unwind, answer_by=AT + DAY, now=now)


class TestDecision:
    def test_the_seller_is_heard_first_or_his_time_is_over(self) -> None:
        with pytest.raises(ClaimNotReady):
            decide(ClaimState.ANSWERING, Verdict.REJECTED, None, now=AT + DAY - timedelta(microseconds=1))
        decide(ClaimState.ANSWERING, Verdict.REJECTED, None, now=AT + DAY)
        decide(ClaimState.READY, Verdict.REJECTED, None)
        check_answer(ClaimState.ANSWERING, answer_by=AT + DAY, now=AT + DAY - timedelta(microseconds=1))
        with pytest.raises(AnswerLate):
            check_answer(ClaimState.READY, answer_by=AT + DAY, now=AT + DAY)

    @pytest.mark.parametrize("state", [ClaimState.REJECTED, ClaimState.ADJUSTED, ClaimState.UNWOUND, ClaimState.WITHDRAWN])
    def test_a_decision_is_final(self, state: ClaimState) -> None:
        with pytest.raises(ClaimOver):
            decide(state, Verdict.REJECTED, None)
        with pytest.raises(ClaimOver):
            check_answer(state, answer_by=AT + DAY, now=AT)

    @pytest.mark.parametrize(
        ("verdict", "amount"),
        [(Verdict.PRICE_ADJUSTMENT, None), (Verdict.PRICE_ADJUSTMENT, 0), (Verdict.PRICE_ADJUSTMENT, PRICE + 1), (Verdict.REJECTED, 1),
         (Verdict.UNWINDING, 1)],
    )  # fmt: skip
    def test_only_an_adjustment_names_an_amount(self, verdict: Verdict, amount: int | None) -> None:
        with pytest.raises(DecisionMismatch):
            decide(ClaimState.READY, verdict, amount)

    def test_nothing_is_undone_that_could_not_be_asked_for(self) -> None:
        with pytest.raises(UnwindingNotOffered):
            decide(ClaimState.READY, Verdict.UNWINDING, None, may_unwind=False)


class TestEvidence:
    @pytest.mark.parametrize(
        ("content", "kind"),
        [(b"\xff\xd8\xff\xe0", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-1.7", "application/pdf"),
         (b"RIFF\x00\x00\x00\x00WEBP", "image/webp")],
    )  # fmt: skip
    def test_known_by_its_first_bytes(self, content: bytes, kind: str) -> None:
        assert media_type_of(content) == kind

    @pytest.mark.parametrize("content", [b"", b"<html>", b"MZ", b"RIFF\x00\x00\x00\x00WAVE", b" %PDF-1.7"])
    def test_anything_else_is_refused(self, content: bytes) -> None:
        with pytest.raises(EvidenceNotUsable):
            media_type_of(content)
