"""Signatures, filters and waits of webhooks, by exact values."""

from datetime import UTC, datetime, timedelta

import pytest

from marketplace.notifications.domain import RETRY_AFTER_S, Filter, new_secret, next_try, sign, thin

AT = datetime(2026, 11, 25, tzinfo=UTC)


class TestSign:
    def test_is_the_specifications_own_example(self) -> None:
        """The example of the Standard Webhooks specification and its libraries."""
        signature = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp_s=1_614_265_330,
            body=b'{"test": 2432232314}',
        )
        assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def test_a_secret_is_base64_behind_its_prefix(self) -> None:
        assert new_secret(b"\x00" * 24) == "whsec_" + "A" * 32


class TestFilter:
    @pytest.mark.parametrize(
        ("kinds", "subjects", "taken"),
        [(set(), set(), True), ({"a"}, set(), True), ({"b"}, set(), False), (set(), {"lot"}, True), (set(), {"session"}, True),
         (set(), {"other"}, False), ({"a"}, {"other"}, False), ({"a", "b"}, {"other", "lot"}, True)],
    )  # fmt: skip
    def test_empty_means_everything(self, kinds: set[str], subjects: set[str], taken: bool) -> None:
        assert Filter(frozenset(kinds), frozenset(subjects)).takes("a", ["lot", "session"]) is taken


class TestNextTry:
    def test_waits_grow_from_seconds_to_a_day_and_end(self) -> None:
        waits = [next_try(attempts, at=AT) for attempts in range(1, len(RETRY_AFTER_S) + 2)]
        assert waits == [AT + timedelta(seconds=one) for one in (5, 30, 120, 600, 3_600, 21_600, 86_400)] + [None]

    @pytest.mark.parametrize(("asked", "wait"), [(0, 5), (4, 5), (60, 60), (10**9, 86_400)])
    def test_an_endpoint_may_ask_for_a_longer_wait_up_to_a_day(self, asked: int, wait: int) -> None:
        assert next_try(1, at=AT, retry_after_s=asked) == AT + timedelta(seconds=wait)


class TestThin:
    def test_tells_only_the_named_fields(self) -> None:
        payload = {"lot_id": "x", "price_minor": 5, "winner_id": "secret"}
        assert thin("auction.lot_closed", occurred_at="now", number=7, payload=payload, fields=("lot_id", "session_id")) == {
            "type": "auction.lot_closed",
            "timestamp": "now",
            "number": 7,
            "data": {"lot_id": "x"},
        }
