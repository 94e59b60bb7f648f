"""What a session decides before it opens: the ladder, the frozen rules, the order of its times, notice and viewing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auction.sessions.domain import (
    AgreedNoticeTooShort,
    BidRules,
    ExtendOn,
    Ladder,
    LegalMode,
    NoticeTerms,
    NoticeTooShort,
    Schedule,
    SessionTimesOutOfOrder,
    ViewingTooShort,
    check_notice,
    check_order,
    default_extend_on,
)

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
TERMS = NoticeTerms(statutory_notice_days=7, statutory_viewing_days=2, agreed_notice_s=60)
SCHEDULE = Schedule(viewing_from_at=NOW + 4 * DAY, viewing_to_at=NOW + 6 * DAY, opens_at=NOW + 7 * DAY)
RULES = BidRules(Ladder((0, 2_000_000), (20_000, 30_000)), ExtendOn.CHANGE_OF_LEAD, 30, 31, 4, 3_600, self_raise=True)


class TestModes:
    def test_a_statutory_session_extends_on_any_bid(self) -> None:
        assert default_extend_on(LegalMode.STATUTORY_AUCTION) is ExtendOn.ACCEPTED_BID
        assert default_extend_on(LegalMode.AGREED_BIDDING) is ExtendOn.CHANGE_OF_LEAD


class TestLadder:
    @pytest.mark.parametrize(("price", "step"), [(0, 10), (99, 10), (100, 20), (101, 20), (199, 20), (200, 50), (10**12, 50)])
    def test_a_step_holds_from_its_floor(self, price: int, step: int) -> None:
        assert Ladder((0, 100, 200), (10, 20, 50)).increment(price) == step

    @pytest.mark.parametrize(
        ("floors", "steps"),
        [((), ()), ((1, 100), (10, 20)), ((0, 100, 100), (10, 20, 30)), ((0, 200, 100), (10, 20, 30)), ((0,), (10, 20)), ((0, 1), (10,))],
    )
    def test_refuses_crooked_floors(self, floors: tuple[int, ...], steps: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"^a ladder has rising floors from 0 and one step each$"):
            Ladder(floors, steps)

    @pytest.mark.parametrize("steps", [(0, 20), (10, 0), (10, -1)])
    def test_refuses_a_step_of_nothing(self, steps: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"^a step is above zero$"):
            Ladder((0, 100), steps)

    def test_one_fen_is_a_step(self) -> None:
        assert Ladder((0,), (1,)).increment(5) == 1


class TestFrozenRules:
    STORED = {
        "ladder": {"floors_minor": [0, 2_000_000], "steps_minor": [20_000, 30_000]},
        "extend_on": "change_of_lead",
        "window_s": 30,
        "extension_s": 31,
        "max_extensions": 4,
        "hard_end_s": 3_600,
        "self_raise": True,
        "format": "open_ascending",
        "confirm_above_bps": None,
        "buy_now_until": "first_bid",
        "fall_step_minor": 0,
        "fall_interval_s": 0,
        "warning_s": 0,
    }

    def test_are_stored_as_plain_values_and_read_back(self) -> None:
        assert RULES.to_json() == self.STORED
        assert BidRules.from_json(self.STORED) == RULES

    def test_the_hard_end_counts_from_the_scheduled_end(self) -> None:
        assert RULES.hard_end(NOW) == datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
        assert replace(RULES, hard_end_s=0).hard_end(NOW) == NOW
        assert replace(RULES, hard_end_s=None).hard_end(NOW) is None


class TestOrder:
    def test_times_may_touch(self) -> None:
        check_order(Schedule(NOW, NOW, NOW))
        check_order(SCHEDULE)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"viewing_from_at": SCHEDULE.viewing_to_at + SECOND}, "viewing_to_at"),
            ({"opens_at": SCHEDULE.viewing_to_at - SECOND}, "opens_at"),
        ],
    )
    def test_names_the_time_that_comes_too_early(self, change: dict[str, datetime], field: str) -> None:
        with pytest.raises(SessionTimesOutOfOrder) as refused:
            check_order(replace(SCHEDULE, **change))
        assert refused.value.fields["field"] == field


class TestNotice:
    """拍卖法 45: seven days of notice; 拍卖法 48: two days on view."""

    def test_seven_days_and_two_are_enough(self) -> None:
        check_notice(LegalMode.STATUTORY_AUCTION, SCHEDULE, TERMS, NOW)

    def test_a_second_less_than_seven_days_is_too_short(self) -> None:
        with pytest.raises(NoticeTooShort) as refused:
            check_notice(LegalMode.STATUTORY_AUCTION, SCHEDULE, TERMS, NOW + SECOND)
        assert refused.value.fields == {"required_days": 7, "earliest_at": "2026-12-01T02:00:01+00:00"}

    def test_a_second_less_than_two_days_on_view_is_too_short(self) -> None:
        with pytest.raises(ViewingTooShort) as refused:
            check_notice(LegalMode.STATUTORY_AUCTION, replace(SCHEDULE, viewing_from_at=NOW + 4 * DAY + SECOND), TERMS, NOW)
        assert refused.value.fields == {"required_days": 2}

    def test_nobody_views_before_the_notice(self) -> None:
        long_ago = replace(SCHEDULE, viewing_from_at=NOW - 30 * DAY, viewing_to_at=NOW + 2 * DAY)
        check_notice(LegalMode.STATUTORY_AUCTION, long_ago, TERMS, NOW)
        with pytest.raises(ViewingTooShort):
            check_notice(LegalMode.STATUTORY_AUCTION, replace(long_ago, viewing_to_at=NOW + 2 * DAY - SECOND), TERMS, NOW)

    def test_agreed_bidding_has_a_notice_in_seconds_and_no_viewing(self) -> None:
        at_once = Schedule(NOW, NOW, NOW + 60 * SECOND)
        check_notice(LegalMode.AGREED_BIDDING, at_once, TERMS, NOW)
        with pytest.raises(AgreedNoticeTooShort) as refused:
            check_notice(LegalMode.AGREED_BIDDING, at_once, TERMS, NOW + SECOND)
        assert refused.value.fields == {"required_s": 60, "earliest_at": "2026-11-24T02:01:01+00:00"}
