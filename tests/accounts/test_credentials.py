"""Pure rules of signing in: the growing delay and whom it hits, refresh tokens, passwords."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.domain import (
    Attempt,
    DelayRule,
    Failures,
    PasswordTooWeak,
    RefreshVerdict,
    SubjectKind,
    check_password,
    compute_wait_s,
    count_failure,
    decide_refresh,
    forgiven_by_success,
    subjects_of,
)

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = DelayRule(free=3, base_s=1, max_s=900, forget_s=86_400)


class TestDelay:
    @pytest.mark.parametrize(
        ("failures", "wait_s"),
        [(0, 0), (2, 0), (3, 1), (4, 2), (5, 4), (12, 512), (13, 900), (14, 900), (10_000, 900)],
    )
    def test_doubles_up_to_the_longest(self, failures: int, wait_s: int) -> None:
        assert compute_wait_s(Failures(failures, AT), RULE, AT) == wait_s

    def test_counts_down_in_whole_seconds_and_ends(self) -> None:
        row = Failures(5, AT)
        assert compute_wait_s(row, RULE, AT + timedelta(milliseconds=1)) == 4
        assert compute_wait_s(row, RULE, AT + timedelta(seconds=1)) == 3
        assert compute_wait_s(row, RULE, AT + timedelta(seconds=4)) == 0
        assert compute_wait_s(row, RULE, AT + timedelta(seconds=400)) == 0

    def test_a_day_without_failures_forgets(self) -> None:
        row = Failures(50, AT)
        assert count_failure(row, RULE, AT + timedelta(seconds=86_399)) == Failures(51, AT + timedelta(seconds=86_399))
        assert count_failure(row, RULE, AT + timedelta(seconds=86_400)) == Failures(1, AT + timedelta(seconds=86_400))

    @given(st.integers(0, 200), st.integers(0, 100_000))
    def test_never_negative_never_above_the_longest_and_monotone(self, failures: int, elapsed_s: int) -> None:
        now = AT + timedelta(seconds=elapsed_s)
        wait_s = compute_wait_s(Failures(failures, AT), RULE, now)
        assert 0 <= wait_s <= RULE.max_s
        assert wait_s <= compute_wait_s(Failures(failures + 1, AT), RULE, now)
        assert wait_s >= compute_wait_s(Failures(failures, AT), RULE, now + timedelta(seconds=1))

    def test_nobody_tries_a_thousand_passwords_in_a_day(self) -> None:
        """The naive twin: an attacker who always comes as soon as he may."""
        now, row, tries = AT, None, 0
        while now < AT + timedelta(days=1):
            now += timedelta(seconds=compute_wait_s(row, RULE, now))
            row = count_failure(row, RULE, now)
            tries += 1
        assert tries <= 110


class _Market:
    """Counters as the database keeps them, for attacks told in the domain's own words."""

    def __init__(self) -> None:
        self.rows: dict[tuple[SubjectKind, str], Failures] = {}

    def wait_s(self, attempt: Attempt, now: datetime) -> int:
        return max(compute_wait_s(self.rows.get(subject), RULE, now) for subject in subjects_of(attempt))

    def fail(self, attempt: Attempt, now: datetime) -> None:
        for subject in subjects_of(attempt):
            self.rows[subject] = count_failure(self.rows.get(subject), RULE, now)

    def succeed(self, attempt: Attempt) -> None:
        for subject in forgiven_by_success(attempt):
            self.rows.pop(subject, None)


BIDDER_AT_HOME = Attempt("bidder", "home", "laptop")
RIVAL = Attempt("bidder", "rival's office", None)
RIVAL_NEXT_DOOR = Attempt("bidder", "home", None)


class TestAttackAtTheBell:
    @given(st.lists(st.sampled_from([RIVAL, RIVAL_NEXT_DOOR]), min_size=1, max_size=300))
    def test_no_storm_of_failures_makes_a_known_device_wait(self, storm: list[Attempt]) -> None:
        market = _Market()
        for attempt in storm:
            market.fail(attempt, AT)
        assert market.wait_s(BIDDER_AT_HOME, AT) == 0

    def test_the_rival_himself_waits_from_anywhere(self) -> None:
        market = _Market()
        for place in range(20):
            market.fail(Attempt("bidder", f"address {place}", None), AT)
        assert market.wait_s(Attempt("bidder", "a fresh address", None), AT) == 900

    def test_one_address_that_tries_many_accounts_waits(self) -> None:
        market = _Market()
        for account in range(10):
            market.fail(Attempt(f"account {account}", "office", None), AT)
        assert market.wait_s(Attempt("another account", "office", None), AT) == 128

    def test_the_bidders_own_sign_ins_give_the_rival_no_fresh_tries(self) -> None:
        market = _Market()
        for _ in range(10):
            market.fail(RIVAL, AT)
        market.succeed(BIDDER_AT_HOME)
        assert market.wait_s(RIVAL, AT) == 128

    def test_an_attackers_own_success_does_not_clear_his_address(self) -> None:
        market = _Market()
        for account in range(10):
            market.fail(Attempt(f"account {account}", "office", None), AT)
        market.succeed(Attempt("his own account", "office", None))
        assert market.wait_s(Attempt("the next account", "office", None), AT) == 128

    def test_a_stolen_device_answers_for_its_own_failures(self) -> None:
        market = _Market()
        for _ in range(5):
            market.fail(BIDDER_AT_HOME, AT)
        assert market.wait_s(BIDDER_AT_HOME, AT) == 4
        assert market.wait_s(Attempt("bidder", "home", "phone"), AT) == 0


class TestRefresh:
    @pytest.mark.parametrize(
        ("used_s_ago", "successor_used", "verdict"),
        [
            (None, False, RefreshVerdict.ROTATE),
            (0, False, RefreshVerdict.REPEAT),
            (9, False, RefreshVerdict.REPEAT),
            (10, False, RefreshVerdict.REUSE),
            (0, True, RefreshVerdict.REUSE),
            (3_600, True, RefreshVerdict.REUSE),
        ],
    )
    def test_first_use_lost_answer_or_theft(self, used_s_ago: int | None, successor_used: bool, verdict: RefreshVerdict) -> None:
        used_at = None if used_s_ago is None else AT - timedelta(seconds=used_s_ago)
        assert decide_refresh(used_at, successor_used, AT, 10) is verdict

    def test_without_grace_a_second_use_is_always_theft(self) -> None:
        assert decide_refresh(AT, False, AT, 0) is RefreshVerdict.REUSE


class TestPassword:
    @pytest.mark.parametrize("password", ["correct horse", "河南路二手车市场的密码", "x7Kq2!vP0z", "1357924680"])
    def test_accepts(self, password: str) -> None:
        check_password(password, own="13800138000")

    @pytest.mark.parametrize(
        "password", ["", "short", "123456789", "password123", "PASSWORD123", "aaaaaaaaaaaaaaa", "ababababab", "my13800138000!", "x" * 129]
    )
    def test_refuses(self, password: str) -> None:
        with pytest.raises(PasswordTooWeak):
            check_password(password, own="13800138000")
