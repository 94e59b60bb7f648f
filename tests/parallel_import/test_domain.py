"""Dossiers: properties and tables of cases."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.parallel_import.domain import (
    STEPS,
    Dossier,
    EmissionTooLow,
    ImportState,
    PaperKind,
    PapersMissing,
    StepNotNext,
    check_step,
    checklist,
    missing_papers,
    needed_stage,
)
from marketplace.parallel_import.service.tables import import_rules

RULES = import_rules(date(2026, 11, 24))
SHOWN = {"importer": "甲", "warranty_giver": "甲", "warranty_terms": "三年", "recall_contact": "400"}


def dossier(**changes: Any) -> Dossier:
    stated: dict[str, Any] = {
        "state": ImportState.CLEARED,
        "arrived_on": date(2026, 10, 8),
        "is_electric": False,
        "emission_stage": "cn6b",
        "emission_rank": 7,
        "papers": frozenset(PaperKind),
        "shown": SHOWN,
    }
    return Dossier(**(stated | changes))


class TestCheckStep:
    def test_a_whole_dossier_may_be_published(self) -> None:
        check_step(dossier(), ImportState.ON_SALE, RULES)
        check_step(dossier(state=ImportState.CERTIFIED), ImportState.ON_SALE, RULES)

    @pytest.mark.parametrize("kind", [kind for kind, rule in RULES.papers.items() if rule.needed_for is not None])
    def test_each_needed_paper_is_missed(self, kind: PaperKind) -> None:
        with pytest.raises(PapersMissing) as refused:
            check_step(dossier(papers=frozenset(PaperKind) - {kind}), ImportState.ON_SALE, RULES)
        missing = refused.value.fields["missing"]
        assert isinstance(missing, list)
        assert [one["code"] for one in missing if isinstance(one, dict)] == [kind.value]

    def test_an_electric_car_needs_no_stage(self) -> None:
        check_step(dossier(is_electric=True, emission_stage=None, emission_rank=None), ImportState.ON_SALE, RULES)
        with pytest.raises(PapersMissing):
            check_step(dossier(emission_stage=None, emission_rank=None), ImportState.ON_SALE, RULES)

    @pytest.mark.parametrize(
        ("arrived_on", "stage"),
        [
            (date(2016, 12, 31), None),
            (date(2017, 1, 1), "cn5"),
            (date(2020, 6, 30), "cn5"),
            (date(2020, 7, 1), "cn6a"),
            (date(2023, 6, 30), "cn6a"),
            (date(2023, 7, 1), "cn6b"),
        ],
    )
    def test_the_cut_off_of_a_day(self, arrived_on: date, stage: str | None) -> None:
        found = needed_stage(arrived_on, RULES)
        assert (found.stage if found else None) == stage

    @given(
        st.sampled_from(ImportState),
        st.sampled_from(ImportState),
        st.frozensets(st.sampled_from(PaperKind)),
        st.none() | st.dates(date(2015, 1, 1), date(2026, 11, 24)),
        st.none() | st.integers(3, 7),
    )
    def test_a_step_back_or_a_leap_is_never_taken(
        self, state: ImportState, step: ImportState, papers: frozenset[PaperKind], arrived_on: date | None, rank: int | None
    ) -> None:
        case = dossier(state=state, papers=papers, arrived_on=arrived_on, emission_rank=rank, emission_stage=None if rank is None else "x")
        try:
            check_step(case, step, RULES)
        except (PapersMissing, EmissionTooLow, StepNotNext):
            return
        assert not missing_papers(papers, step, RULES)
        assert STEPS.index(step) - STEPS.index(state) == 1 or (state, step) == (ImportState.CLEARED, ImportState.ON_SALE)

    @given(st.frozensets(st.sampled_from(PaperKind)), st.sampled_from(PaperKind), st.sampled_from(ImportState))
    def test_a_paper_more_is_never_a_paper_missed(self, papers: frozenset[PaperKind], more: PaperKind, step: ImportState) -> None:
        assert set(missing_papers(papers | {more}, step, RULES)) <= set(missing_papers(papers, step, RULES))

    @given(st.frozensets(st.sampled_from(PaperKind)))
    def test_the_checklist_names_every_paper(self, papers: frozenset[PaperKind]) -> None:
        lines = checklist(papers, RULES)
        assert {line.kind for line in lines} == set(PaperKind)
        assert {line.kind for line in lines if line.is_there} == papers
