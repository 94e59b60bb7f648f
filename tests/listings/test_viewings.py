"""Viewings: slots, bookings, both told, no double booking; over HTTP on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.listings.domain.viewings import BadSlot, TooManyNoShows, ViewingRules, check_no_shows, check_slot
from tests.market import Market
from tests.people import Person, sign_up
from tests.purchases import get, post
from tests.racing import at_once
from tests.stock import BASE, Listed, consigned_car, listed_car, viewing_slots

RULES = ViewingRules(slot_minutes=30, notice_minutes=60, ahead_days=30, reschedules_max=3, no_show_max=3, no_show_days=90)
NOW = datetime(2026, 11, 25, 2, 10, tzinfo=UTC)


class TestRules:
    @pytest.mark.parametrize(
        ("starts_at", "wrong"),
        [
            (datetime(2026, 11, 25, 4, 15, tzinfo=UTC), "grid"),
            (datetime(2026, 11, 25, 4, 0, 1, tzinfo=UTC), "grid"),
            (datetime(2026, 11, 25, 3, 0, tzinfo=UTC), "notice"),
            (datetime(2026, 12, 25, 2, 30, tzinfo=UTC), "ahead"),
        ],
    )
    def test_slots_lie_on_the_grid_not_too_soon_not_too_far(self, starts_at: datetime, wrong: str) -> None:
        with pytest.raises(BadSlot) as refused:
            check_slot(starts_at, now=NOW, rules=RULES)
        assert refused.value.fields == {"wrong": wrong}

    def test_a_slot_lasts_half_an_hour(self) -> None:
        start = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
        assert check_slot(start, now=NOW, rules=RULES) == start + timedelta(minutes=30)

    @given(first=st.integers(0, 400), second=st.integers(0, 400))
    def test_two_different_slots_never_overlap(self, first: int, second: int) -> None:
        base = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
        starts = [base + timedelta(minutes=30 * n) for n in (first, second)]
        ends = [check_slot(one, now=NOW, rules=RULES) for one in starts]
        assert starts[0] == starts[1] or ends[0] <= starts[1] or ends[1] <= starts[0]

    def test_three_no_shows_within_the_term_bar_until_the_oldest_is_forgotten(self) -> None:
        days = [NOW - timedelta(days=n) for n in (80, 40, 10)]
        check_no_shows(days[:2], now=NOW, rules=RULES)
        check_no_shows([NOW - timedelta(days=90), *days[1:]], now=NOW, rules=RULES)
        with pytest.raises(TooManyNoShows) as refused:
            check_no_shows(days, now=NOW, rules=RULES)
        assert refused.value.fields == {"until": "2026-12-05"}


def slots(api: Market, listed: Listed, host: Person, *, n: int = 3, place: str = "河南路 1 号") -> list[dict[str, Any]]:
    return viewing_slots(api, listed.listing_id, host, n=n, place=place)


def book(api: Market, listed: Listed, visitor: Person, slot_id: str) -> Any:
    return api.post(f"{BASE}/listings/{listed.listing_id}/viewings", json={"slot_id": slot_id}, headers=visitor.headers)


def act(api: Market, who: Person, viewing_id: str, verb: str, body: dict[str, Any] | None = None) -> Any:
    return api.post(f"{BASE}/viewings/{viewing_id}/{verb}", json=body or {}, headers=who.headers)


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def acts(api: Market, who: Person) -> list[str]:
    return [one["act"] for one in reversed(get(api, "/viewing-notices", who)["items"])]


class TestBooking:
    def test_the_owner_of_a_virtual_consignment_shows_his_car_and_both_are_told(self, api: Market) -> None:
        listed = consigned_car(api)
        assert listed.agent is not None
        owner, visitor = listed.seller, sign_up(api, "王五")
        first, second, _ = slots(api, listed, owner)
        free = api.get(f"{BASE}/listings/{listed.listing_id}/viewing-slots").json()
        assert [one["id"] for one in free][:1] == [first["id"]]
        assert "河南路" not in str(free)
        booked = book(api, listed, visitor, first["id"])
        assert booked.status_code == 201, booked.text
        viewing = booked.json()
        assert (viewing["state"], viewing["place"], viewing["proposed_by"]) == ("requested", "河南路 1 号", "visitor")
        refused(act(api, visitor, viewing["id"], "confirmation"), 409, "not_yours_to_confirm")
        assert act(api, owner, viewing["id"], "confirmation").json()["state"] == "confirmed"
        moved = act(api, owner, viewing["id"], "rescheduling", {"slot_id": second["id"]}).json()
        assert (moved["state"], moved["proposed_by"], moved["slot_id"]) == ("requested", "host", second["id"])
        refused(act(api, owner, viewing["id"], "confirmation"), 409, "not_yours_to_confirm")
        assert act(api, visitor, viewing["id"], "confirmation").json()["state"] == "confirmed"
        told = ["requested", "confirmed", "rescheduled", "confirmed"]
        assert [acts(api, one) for one in (visitor, owner, listed.agent)] == [told, told, told]
        free = [one["id"] for one in api.get(f"{BASE}/listings/{listed.listing_id}/viewing-slots").json()]
        assert first["id"] in free
        assert second["id"] not in free
        lead = get(api, "/leads", owner)["items"][0]
        assert (lead["id"], lead["stage"]) == (viewing["lead_id"], "viewing")

    def test_a_slot_is_booked_once_and_a_visitor_books_one(self, api: Market) -> None:
        listed = listed_car(api)
        first, second, _ = slots(api, listed, listed.seller)
        one, other = sign_up(api, "王五"), sign_up(api, "赵六")
        assert book(api, listed, one, first["id"]).status_code == 201
        refused(book(api, listed, other, first["id"]), 409, "slot_taken")
        refused(book(api, listed, one, second["id"]), 409, "viewing_booked")
        closing = api.post(f"{BASE}/viewing-slots/{first['id']}/closing", headers=listed.seller.headers)
        refused(closing, 409, "slot_taken")
        assert api.post(f"{BASE}/viewing-slots/{second['id']}/closing", headers=listed.seller.headers).json()["is_closed"]
        refused(book(api, listed, other, second["id"]), 404, "slot_not_found")
        refused(book(api, listed, listed.seller, second["id"]), 409, "own_listing")
        assert get(api, "/viewings", other)["items"] == []

    def test_two_viewers_one_slot(self, postgres: Any) -> None:
        with Market(postgres) as api:
            listed = listed_car(api)
            slot = slots(api, listed, listed.seller)[0]
            visitors = [sign_up(api, f"客{n}") for n in range(6)]
            answers = at_once([lambda one=one: book(api, listed, one, slot["id"]) for one in visitors])  # type: ignore[misc]
            assert sorted(one.status_code for one in answers) == [201, 409, 409, 409, 409, 409]
            assert {one.json()["code"] for one in answers if one.status_code == 409} == {"slot_taken"}
            assert len(get(api, "/viewings", listed.seller)["items"]) == 1

    def test_moving_into_a_slot_another_books_at_the_same_moment(self, postgres: Any) -> None:
        with Market(postgres) as api:
            listed = listed_car(api)
            first, second, _ = slots(api, listed, listed.seller)
            one, other = sign_up(api, "王五"), sign_up(api, "赵六")
            viewing = book(api, listed, one, first["id"]).json()
            answers = at_once(
                [
                    lambda: act(api, one, viewing["id"], "rescheduling", {"slot_id": second["id"]}),
                    lambda: book(api, listed, other, second["id"]),
                ]
            )
            assert sorted(answer.status_code // 100 for answer in answers) == [2, 4]
            assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}

    def test_the_same_time_twice_and_a_stranger(self, api: Market) -> None:
        listed = listed_car(api)
        slots(api, listed, listed.seller, n=1)
        path = f"{BASE}/listings/{listed.listing_id}/viewing-slots"
        start = api.get(path).json()[0]["starts_at"]
        refused(api.post(path, json={"starts_at": [start]}, headers=listed.seller.headers), 409, "slot_offered")
        stranger = sign_up(api, "路人")
        refused(api.post(path, json={"starts_at": [start]}, headers=stranger.headers), 404, "listing_not_found")
        assert api.post(path, json={"starts_at": ["2026-11-28T10:00:00"]}, headers=listed.seller.headers).status_code == 422


class TestOutcome:
    def test_who_does_not_come_three_times_waits(self, api: Market) -> None:
        visitor = sign_up(api, "王五")
        for n in range(3):
            listed = consigned_car(api)
            slot = slots(api, listed, listed.seller, n=1)[0]
            viewing = book(api, listed, visitor, slot["id"]).json()
            assert act(api, listed.seller, viewing["id"], "confirmation").status_code == 200
            refused(act(api, listed.seller, viewing["id"], "outcome", {"kept": False}), 409, "viewing_not_yet_over")
            api.advance(timedelta(days=3))
            owner = listed.seller.sign_in(api)
            visitor.sign_in(api)
            missed = act(api, owner, viewing["id"], "outcome", {"kept": False}).json()
            assert (missed["state"], missed["no_show_side"]) == ("no_show", "visitor"), n
        listed = consigned_car(api)
        slot = slots(api, listed, listed.seller, n=1)[0]
        refused(book(api, listed, visitor, slot["id"]), 409, "too_many_no_shows")

    def test_a_visitor_says_that_nobody_was_there(self, api: Market) -> None:
        listed, visitor = listed_car(api), sign_up(api, "王五")
        viewing = book(api, listed, visitor, slots(api, listed, listed.seller, n=1)[0]["id"]).json()
        act(api, listed.seller, viewing["id"], "confirmation")
        api.advance(timedelta(days=3))
        missed = act(api, visitor.sign_in(api), viewing["id"], "outcome", {"kept": False}).json()
        assert (missed["state"], missed["no_show_side"]) == ("no_show", "host")
        refused(act(api, listed.seller.sign_in(api), viewing["id"], "cancellation"), 409, "viewing_state_refused")

    def test_the_listings_end_cancels_and_tells(self, api: Market) -> None:
        listed, visitor = listed_car(api), sign_up(api, "王五")
        viewing = book(api, listed, visitor, slots(api, listed, listed.seller, n=1)[0]["id"]).json()
        post(api, f"/listings/{listed.listing_id}/withdrawal", listed.seller, {"reason": "自留"}, status=200)
        found = get(api, f"/viewings/{viewing['id']}", visitor)
        assert (found["state"], found["end_reason"]) == ("cancelled", "withdrawn")
        assert acts(api, visitor) == ["requested", "cancelled"]
        assert acts(api, listed.seller) == ["requested", "cancelled"]
