"""Enquiries, views and a listing's numbers over HTTP, on both databases."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from marketplace.core.outbox import use_database
from marketplace.listings import tasks
from marketplace.listings.domain.leads import LeadStage, advance, median
from marketplace.listings.domain.views import device_of, is_robot, visitor_digest
from marketplace.listings.models import LeadMessage, ListingVisitor, VisitorSalt
from tests.market import Market
from tests.people import Person, member, operator, payout_account, sign_up
from tests.purchases import buy, get, money, post, purchase
from tests.racing import at_once
from tests.stock import BASE, consigned_car, dealer, listed_car

BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/605.1.15"


def look(api: Market, listing_id: UUID, *, agent: str = BROWSER, who: Person | None = None) -> int:
    headers = {"User-Agent": agent} | (who.headers if who else {})
    status: int = api.post(f"{BASE}/listings/{listing_id}/views", headers=headers).status_code
    return status


def numbers(api: Market, seller: Person, listing_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = get(api, f"/listings/{listing_id}/statistics", seller)
    return found


class TestRules:
    def test_robots_name_themselves_or_nothing(self) -> None:
        assert not is_robot(BROWSER)
        for name in ("", "  ", "Googlebot/2.1", "Baiduspider", "curl/8.5", "python-requests/2.32", "HeadlessChrome", "YandexCrawler"):
            assert is_robot(name), name

    def test_a_digest_tells_listings_days_and_visitors_apart(self) -> None:
        one = visitor_digest(b"salt", listing_id=b"a", visitor="10.0.0.1", device="x")
        assert one == visitor_digest(b"salt", listing_id=b"a", visitor="10.0.0.1", device="x")
        others = {
            visitor_digest(b"tomorrow", listing_id=b"a", visitor="10.0.0.1", device="x"),
            visitor_digest(b"salt", listing_id=b"b", visitor="10.0.0.1", device="x"),
            visitor_digest(b"salt", listing_id=b"a", visitor="10.0.0.2", device="x"),
            visitor_digest(b"salt", listing_id=b"a", visitor="10.0.0.1", device="y"),
        }
        assert len(others | {one}) == 5

    def test_inventing_devices_brings_a_handful_of_visitors(self) -> None:
        assert device_of(BROWSER) == "iphone/safari"
        assert len({device_of(f"Mozilla/5.0 (Windows) Chrome/{n}.0 invented-{n}") for n in range(500)}) == 1

    @given(st.sampled_from(LeadStage), st.sampled_from(LeadStage))
    def test_a_lead_never_goes_back(self, stage: LeadStage, to: LeadStage) -> None:
        order = list(LeadStage)
        assert order.index(advance(stage, to)) >= order.index(stage)
        assert advance(LeadStage.LOST, to) is LeadStage.LOST

    def test_median(self) -> None:
        assert (median([]), median([7]), median([9, 1, 5]), median([4, 2])) == (None, 7, 5, 2)


class TestViews:
    def test_a_visitor_counts_once_a_day_robots_and_the_seller_never(self, api: Market) -> None:
        listed = listed_car(api)
        buyer = sign_up(api, "王五")
        for _ in range(3):
            assert look(api, listed.listing_id) == 204
        assert look(api, listed.listing_id, agent="Googlebot/2.1") == 204
        assert look(api, listed.listing_id, who=listed.seller) == 204
        assert look(api, listed.listing_id, who=buyer) == 204
        assert look(api, listed.listing_id, who=buyer, agent=BROWSER + " other device") == 204
        assert numbers(api, listed.seller, listed.listing_id)["numbers"]["views_total"] == 2
        api.advance(timedelta(days=1))
        listed.seller.sign_in(api)
        assert look(api, listed.listing_id) == 204
        found = numbers(api, listed.seller, listed.listing_id)
        assert [day["visitors"] for day in found["views_by_day"]] == [2, 1]
        assert (found["numbers"]["views_recent"], found["numbers"]["views_total"]) == (3, 3)

    def test_who_visited_is_forgotten_with_the_day_the_count_stays(self, api: Market) -> None:
        listed = listed_car(api)
        look(api, listed.listing_id)
        with api.database.reading() as session:
            kept = session.exec(select(ListingVisitor)).all()
            assert len(kept) == 1
            assert "testclient" not in kept[0].digest
        api.advance(timedelta(days=1))
        with use_database(api.database):
            tasks.forget_visitors()
        with api.database.reading() as session:
            assert session.exec(select(ListingVisitor)).all() == []
            assert session.exec(select(VisitorSalt)).all() == []
        assert numbers(api, listed.seller.sign_in(api), listed.listing_id)["numbers"]["views_total"] == 1

    def test_the_same_visitor_twenty_times_at_once_is_one(self, postgres: Any) -> None:
        with Market(postgres) as api:
            listed = listed_car(api)
            assert set(at_once([lambda: look(api, listed.listing_id)] * 20)) == {204}
            assert numbers(api, listed.seller, listed.listing_id)["numbers"]["views_total"] == 1

    def test_the_numbers_are_the_sellers_and_his_agents(self, quick_api: Market) -> None:
        listed = consigned_car(quick_api)
        assert listed.agent is not None
        path = f"{BASE}/listings/{listed.listing_id}/statistics"
        for one, status in ((listed.seller, 200), (listed.agent, 200), (sign_up(quick_api, "路人"), 404)):
            assert quick_api.get(path, headers=one.headers).status_code == status
        assert look(quick_api, UUID("0192f0c1-2345-7abc-8def-0123456789ab")) == 404


class TestEnquiries:
    def test_asked_answered_assigned_and_timed(self, api: Market) -> None:
        clerk = operator(api)
        seller = dealer(api, by=clerk)
        listed = listed_car(api, seller)
        sales = member(api, seller, "sales")
        visitor = sign_up(api, "王五")
        asked = post(api, f"/listings/{listed.listing_id}/enquiries", visitor, {"text": "有保养记录吗?"})
        assert (asked["stage"], asked["side"], asked["assigned_to"], asked["first_reply_s"]) == ("new", "visitor", None, None)
        again = post(api, f"/listings/{listed.listing_id}/enquiries", visitor, {"text": "能看车吗?"})
        assert again["id"] == asked["id"]  # one lead a visitor and listing
        waiting = get(api, "/leads?waiting=true", seller)["items"]
        assert [(one["id"], one["visitor_name"]) for one in waiting] == [(asked["id"], "王*")]
        given = post(api, f"/leads/{asked['id']}/assignment", seller, {"person_id": str(sales.id)}, status=200)
        assert (given["assigned_to"], given["assignee_name"]) == (str(sales.id), "孙**")
        api.advance(timedelta(minutes=9))
        answered = post(api, f"/leads/{asked['id']}/messages", sales, {"text": "有,全程4S店。"})
        assert answered["stage"] == "answered"
        assert 540 <= answered["first_reply_s"] < 600
        assert answered["waiting_since_at"] is None
        assert [one["text"] for one in answered["messages"]] == ["有保养记录吗?", "能看车吗?", "有,全程4S店。"]
        assert answered["messages"][2]["reply_s"] == answered["first_reply_s"]
        mine = get(api, f"/leads?assigned_to={sales.id}", seller)["items"]
        assert [one["id"] for one in mine] == [asked["id"]]
        found = numbers(api, seller, listed.listing_id)
        assert found["numbers"]["reply_s"] == answered["first_reply_s"]
        assert (found["numbers"]["leads_open"], found["numbers"]["leads_waiting"]) == (1, 0)
        shown = get(api, f"/leads/{asked['id']}", visitor)
        assert (shown["assigned_to"], len(shown["messages"])) == (None, 3)
        with api.database.reading() as session:
            connection = session.connection()
            stored = connection.exec_driver_sql("SELECT text FROM lead_message").scalars().all()
            assert all("保养" not in one for one in stored)
            assert len(session.exec(select(LeadMessage)).all()) == 3

    def test_only_staff_of_the_house_is_assigned_and_only_who_may_answers(self, api: Market) -> None:
        seller = dealer(api)
        listed = listed_car(api, seller)
        finance, stranger, visitor = member(api, seller, "finance"), sign_up(api, "路人"), sign_up(api, "王五")
        asked = post(api, f"/listings/{listed.listing_id}/enquiries", visitor, {"text": "?"})
        path = f"{BASE}/leads/{asked['id']}"
        foreign = api.post(f"{path}/assignment", json={"person_id": str(stranger.id)}, headers=seller.headers)
        assert (foreign.status_code, foreign.json()["code"]) == (409, "not_of_the_staff")
        theirs = api.post(f"{path}/messages", json={"text": "x"}, headers=finance.headers)
        assert (theirs.status_code, theirs.json()["code"]) == (403, "answering_not_allowed")
        assert api.get(path, headers=stranger.headers).status_code == 404
        own = api.post(f"{BASE}/listings/{listed.listing_id}/enquiries", json={"text": "x"}, headers=seller.headers)
        assert (own.status_code, own.json()["code"]) == (409, "own_listing")
        assert len(get(api, f"/leads/{asked['id']}", visitor)["messages"]) == 1

    def test_a_virtual_consignments_owner_answers_himself(self, api: Market) -> None:
        listed = consigned_car(api)
        asked = post(api, f"/listings/{listed.listing_id}/enquiries", sign_up(api, "王五"), {"text": "在哪里看车?"})
        answered = post(api, f"/leads/{asked['id']}/messages", listed.seller, {"text": "在小区。"})
        assert (answered["side"], answered["stage"], answered["assigned_to"]) == ("host", "answered", None)

    def test_a_lead_becomes_an_order_and_a_sale_the_others_end(self, api: Market) -> None:
        clerk = operator(api)
        seller = dealer(api, by=clerk)
        payout_account(api, seller)
        listed = listed_car(api, seller)
        buyer, other = sign_up(api, "王五"), sign_up(api, "赵六")
        money(api, buyer, 20_000_000)
        won = post(api, f"/listings/{listed.listing_id}/enquiries", buyer, {"text": "要了"})
        lost = post(api, f"/listings/{listed.listing_id}/enquiries", other, {"text": "还在吗?"})
        order = buy(api, buyer, str(listed.listing_id))
        api.relay()
        assert get(api, f"/leads/{won['id']}", buyer)["stage"] == "ordered"
        post(api, f"/orders/{order['id']}/cancellation", buyer, {"reason": "再想想"})
        purchase(api, listing_id=str(listed.listing_id), seller=seller, buyer=buyer, clerk=clerk)
        api.relay()
        assert get(api, f"/leads/{won['id']}", buyer)["stage"] == "won"
        closed = get(api, f"/leads/{lost['id']}", other)
        assert (closed["stage"], closed["close_reason"]) == ("lost", "sold")
        late = api.post(f"{BASE}/leads/{lost['id']}/messages", json={"text": "x"}, headers=other.headers)
        assert (late.status_code, late.json()["code"]) == (409, "lead_closed")

    def test_two_first_messages_at_once_are_one_lead(self, postgres: Any) -> None:
        with Market(postgres) as api:
            listed = listed_car(api)
            visitor = sign_up(api, "王五")

            def ask() -> Any:
                return api.post(f"{BASE}/listings/{listed.listing_id}/enquiries", json={"text": "?"}, headers=visitor.headers)

            answers = at_once([ask] * 6)
            assert {one.status_code for one in answers} == {201}
            assert len({one.json()["id"] for one in answers}) == 1
            assert len(get(api, "/enquiries", visitor)["items"]) == 1


class TestPersonalData:
    def test_what_a_visitor_wrote_is_exported_and_erased(self, quick_api: Market) -> None:
        from marketplace.listings.service.personal_data import PERSONAL_DATA

        listed = listed_car(quick_api)
        visitor = sign_up(quick_api, "王五")
        post(quick_api, f"/listings/{listed.listing_id}/enquiries", visitor, {"text": "我的电话是……"})
        with quick_api.database.writing() as session:
            found = PERSONAL_DATA.export(session, visitor.id)
            assert found["enquiries"][0]["messages"][0]["text"] == "我的电话是……"
            PERSONAL_DATA.erase(session, visitor.id)
        with quick_api.database.reading() as session:
            assert [one.text for one in session.exec(select(LeadMessage))] == [""]
            assert PERSONAL_DATA.export(session, visitor.id)["enquiries"][0]["stage"] == "lost"
