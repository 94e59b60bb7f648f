"""Rules that software must enforce, 6 to 9: grade, area maxima, replacement cost, two signatures and a seal kept for fifteen years."""

from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from marketplace.accounts import api as accounts
from marketplace.core import crypto, rules
from tests.appraisals import BASE, accepted, inspected, requested, signed, signed_appraisal
from tests.cars import register_car
from tests.market import Market
from tests.people import appraisers, sign_up
from valuation.appraisal import queries
from valuation.appraisal.domain import (
    SCORED,
    Area,
    Grade,
    ReplacementCost,
    build_standard,
    compute_replacement_value,
    compute_score,
    grade_of,
    parse_inspection,
)
from valuation.appraisal.models import Appraisal, IssuedReport

TABLE = rules.load(Path("valuation/appraisal/tables/gbt30323.toml"), on=date(2026, 11, 25))
STANDARD = build_standard(TABLE.number, TABLE.source, TABLE.values)
CODES = ("BX", "NQ", "GH", "SH", "ZZ")
DEFECTS = [
    *(f"{number}{state}{degree}" for number, state, degree in product(range(14, 40), ("HH", "BX", "XS", "LW", "AX", "XF"), (1, 2, 3))),
    "39-4",
]
CHOICES = [f"{number}{choice}" for number, item in STANDARD.items.items() for choice in item.deductions]


def _score(*codes: str) -> Any:
    return compute_score(STANDARD, parse_inspection(STANDARD, [(code, "见说明") for code in codes], remaining_sound=True))


class TestRule6:
    def test_rule_6_any_frame_part_2_to_13_with_any_code_is_grade_five_else_90_60_20_half_open(self) -> None:
        for part, code in product(range(2, 14), CODES):
            assert _score(f"{part}{code}").grade is Grade.FIVE
        for code in CODES:
            assert _score(f"1{code}").grade is Grade.ONE
        floors = {1_000: "1", 900: "1", 899: "2", 600: "2", 599: "3", 200: "3", 199: "4", 0: "4"}
        assert {tenths: grade_of(STANDARD, tenths).value for tenths in floors} == floors


class TestRule7:
    @given(
        st.lists(st.sampled_from(DEFECTS), max_size=60), st.lists(st.sampled_from(CHOICES), unique_by=lambda code: code[:-1], max_size=60)
    )
    def test_rule_7_area_deductions_never_exceed_the_maxima(self, defects: list[str], choices: list[str]) -> None:
        score = _score(*defects, *choices)
        most = {Area.EXTERIOR: 200, Area.ENGINE_BAY: 200, Area.CABIN: 100, Area.START: 200, Area.ROAD_TEST: 150, Area.CHASSIS: 150}
        assert all(0 <= score.areas[area] <= most[area] for area in SCORED)
        assert score.score_tenths == sum(score.areas.values())
        assert 0 <= score.score_tenths <= 1_000


class TestRule8:
    @given(
        price=st.integers(100, 10**9),
        fee=st.integers(0, 10**6),
        age=st.integers(0, 180),
        score=st.integers(0, 1_000),
        alpha=st.integers(0, 10_000),
    )
    def test_rule_8_value_is_cost_times_weighted_ratio(self, price: int, fee: int, age: int, score: int, alpha: int) -> None:
        found = compute_replacement_value(ReplacementCost(price, fee, age, 180, score, alpha))
        cost = price + (Decimal(price) / Decimal("1.13") / 10).quantize(Decimal(1), rounding="ROUND_HALF_UP") + fee
        exact = (1 - Decimal(age) / 180) * alpha / 10_000 + Decimal(score) / 1_000 * (10_000 - alpha) / 10_000
        assert found.replacement_cost_minor == cost
        assert abs(found.combined_ratio_bps - exact * 10_000) <= 1
        assert abs(found.value_minor - cost * Decimal(found.combined_ratio_bps) / 10_000) <= Decimal("0.5")

    def test_rule_8_a_value_is_computed_again_from_what_was_stored(self, quick_api: Market) -> None:
        owner, (first, _) = sign_up(quick_api, "李车主"), appraisers(quick_api)
        appraisal_id = requested(quick_api, owner, UUID(register_car(quick_api, owner)["id"]), first.organization_id)
        accepted(quick_api, first, appraisal_id, owner)
        inspected(quick_api, first, appraisal_id)
        body = {"method": "replacement_cost", "new_price_minor": 18_000_000, "new_price_source": "指导价", "alpha_bps": 6_000}
        answer = quick_api.put(f"{BASE}/appraisals/{appraisal_id}/value", json=body, headers=first.headers)
        assert answer.status_code == 200, answer.text
        with quick_api.database.reading() as session:
            stored = queries.get_appraisal(session, appraisal_id=appraisal_id)
        assert compute_replacement_value(ReplacementCost(**stored.valuation["inputs"])).value_minor == stored.value_minor


class TestRule9:
    def test_rule_9_valid_only_with_two_signatures_and_the_seal(self, api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        owner, (first, second) = sign_up(api, "李车主"), appraisers(api)
        appraisal_id = requested(api, owner, UUID(register_car(api, owner)["id"]), first.organization_id)
        accepted(api, first, appraisal_id, owner)
        inspected(api, first, appraisal_id)
        once = signed(api, first, appraisal_id)
        assert api.get(f"{BASE}/reports/{once['report_hash']}").status_code == 404
        issued = signed(api, second, appraisal_id)
        address = f"{BASE}/reports/{issued['report_hash']}"
        found = api.get(address).json()
        assert (found["is_intact"], len(found["signers"]), found["seal_is_sandbox"]) == (True, 2, True)
        real = accounts.check_seal

        def of_another_hash(session: Any, *, seal_id: UUID, content_hash: str) -> Any:
            return real(session, seal_id=seal_id, content_hash="0" * 64)

        monkeypatch.setattr("valuation.appraisal.service.verifying.accounts.check_seal", of_another_hash)
        assert api.get(address).json()["is_intact"] is False

    def test_rule_9_nobody_deletes_or_changes_it_for_fifteen_years(self, api: Market) -> None:
        owner = sign_up(api, "李车主")
        issued = signed_appraisal(api, owner, UUID(register_car(api, owner)["id"]))
        with api.database.reading() as session:
            kept = session.get_one(IssuedReport, issued["report_hash"])
            years = kept.keep_until.year - kept.issued_at.year
        assert years == 15
        with pytest.raises(DBAPIError, match="issued_report_append_only"), api.database.writing() as session:
            session.delete(session.get_one(IssuedReport, issued["report_hash"]))
        with pytest.raises(DBAPIError, match="issued_report_append_only"), api.database.writing() as session:
            session.get_one(IssuedReport, issued["report_hash"]).valid_until = date(2030, 1, 1)
        with pytest.raises(DBAPIError), api.database.writing() as session:
            session.delete(session.get_one(Appraisal, UUID(issued["id"])))
        assert api.get(f"{BASE}/reports/{issued['report_hash']}").json()["is_intact"] is True

    def test_rule_9_the_clients_text_has_the_reports_hash(self, api: Market) -> None:
        owner = sign_up(api, "李车主")
        issued = signed_appraisal(api, owner, UUID(register_car(api, owner)["id"]))
        text = api.get(f"{BASE}/appraisals/{issued['id']}/report", headers=owner.headers)
        assert crypto.sha256_hex(text.content) == issued["report_hash"]
        assert api.get(f"{BASE}/appraisals/{issued['id']}/report", headers=sign_up(api).headers).status_code == 404
