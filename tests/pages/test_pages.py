"""Pages show what the services say, to whom they may; forms carry the page's token; nothing a user wrote becomes markup."""

import re

import pytest

from tests.auctions import AuctionHouse
from tests.cars import register_car
from tests.listings.test_viewings import book, slots
from tests.market import Market
from tests.people import PASSWORD, Person, sign_up
from tests.purchases import buy
from tests.stock import Listed, dealer, list_car, listed_car

SIGN_IN = "/marketplace/v1/sign-ins/page"


@pytest.fixture
def listed(quick_api: Market) -> Listed:
    return listed_car(quick_api, ask_minor=8_880_000)


def sign_page_in(api: Market, person: Person) -> str:
    """The cookies are in the client afterwards; the page's form token."""
    answer = api.post(SIGN_IN, data={"username": person.phone, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["csrf_token"]
    return token


class TestHome:
    def test_shows_cars_and_the_demo_sign_ins_of_a_demo_market(self, quick_api: Market, listed: Listed) -> None:
        page = quick_api.get("/")
        assert page.status_code == 200
        assert f'href="/store/{listed.listing_id}"' in page.text
        assert "8.88万" in page.text
        assert "13000000001" in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]

    def test_static_files_are_two_and_no_other(self, quick_api: Market) -> None:
        assert quick_api.get("/static/market.css").headers["content-type"].startswith("text/css")
        assert quick_api.get("/static/market.js").status_code == 200
        assert quick_api.get("/static/..%2Fview.py").status_code == 404
        assert quick_api.get("/static/view.py").status_code == 404


class TestStore:
    def test_searches_and_says_what_it_understood(self, quick_api: Market, listed: Listed) -> None:
        quick_api.relay()
        page = quick_api.get("/store", params={"q": "大众 10万以下", "sort": "price"})
        assert f'href="/store/{listed.listing_id}"' in page.text
        assert "价格 ≤ 10万" in page.text
        assert f'href="/store/{listed.listing_id}"' not in quick_api.get("/store", params={"q": "大众 5万以下"}).text

    def test_an_unknown_sort_is_the_usual_one(self, quick_api: Market, listed: Listed) -> None:
        assert quick_api.get("/store", params={"sort": "paid"}).status_code == 200

    def test_a_car_is_shown_masked_and_escaped(self, quick_api: Market) -> None:
        seller = dealer(quick_api)
        car = register_car(quick_api, seller)
        listing = list_car(quick_api, seller, car["id"], description="<script>alert(1)</script>").json()
        page = quick_api.get(f"/store/{listing['id']}")
        assert page.status_code == 200
        assert car["vin_masked"] in page.text
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text

    def test_price_history_warranty_notices_and_viewing(self, quick_api: Market, listed: Listed) -> None:
        path = f"/store/{listed.listing_id}"
        quick_api.patch(f"/marketplace/v1/listings/{listed.listing_id}", json={"ask_minor": 8_580_000}, headers=listed.seller.headers)
        slots(quick_api, listed, listed.seller, n=2, place="A-017 车位")
        page = quick_api.get(path).text
        assert '<s class="facts">¥88,800.00</s>' in page
        assert "▼ ¥3,000.00" in page
        assert "3 个月或 5,000 公里" in page
        assert "消费者权益保护法 第五十五条" in page
        assert "登录后预约" in page
        assert "A-017" not in page
        visitor = sign_up(quick_api, "王买家")
        sign_page_in(quick_api, visitor)
        page = quick_api.get(path).text
        assert f'data-json="/marketplace/v1/listings/{listed.listing_id}/viewings"' in page
        slot_id = re.findall(r'<option value="([0-9a-f-]+)">', page)[0]
        assert book(quick_api, listed, visitor, slot_id).status_code == 201
        page = quick_api.get(path).text
        assert "待确认" in page
        assert "A-017 车位" in page

    def test_a_dealer_sees_his_stock_at_a_glance_and_nobody_else_does(self, quick_api: Market, listed: Listed) -> None:
        assert quick_api.get("/my-store").status_code == 401
        sign_page_in(quick_api, sign_up(quick_api, "王买家"))
        assert quick_api.get("/my-store").status_code == 404

    def test_a_visitor_is_led_to_sign_in_and_a_buyer_gets_the_form(self, quick_api: Market, listed: Listed) -> None:
        path = f"/store/{listed.listing_id}"
        assert f"/sign-in?next={path}" in quick_api.get(path).text
        sign_page_in(quick_api, sign_up(quick_api, "王买家"))
        page = quick_api.get(path).text
        assert f'data-order="{listed.listing_id}"' in page
        assert re.findall(r'name="confirmations" value="(\w+)"', page) == ["seven_day_return_excluded", "condition_read"]
        assert 'type="checkbox" name="confirmations" value="condition_read" required' in page
        assert "checked" not in page

    def test_what_is_not_there_is_404_without_a_hint(self, quick_api: Market) -> None:
        assert quick_api.get("/store/0192f0c1-2345-7abc-8def-0123456789ab").status_code == 404
        assert quick_api.get("/lots/0192f0c1-2345-7abc-8def-0123456789ab").status_code == 404


class TestOrdering:
    def test_the_cookie_alone_orders_nothing_the_form_token_does(self, quick_api: Market, listed: Listed) -> None:
        csrf = sign_page_in(quick_api, sign_up(quick_api, "王买家"))
        body = {"listing_id": str(listed.listing_id), "confirmations": ["seven_day_return_excluded", "condition_read"]}
        bare = quick_api.post("/marketplace/v1/orders", json=body)
        assert (bare.status_code, bare.json()["code"]) == (403, "csrf_token_missing")
        ordered = quick_api.post("/marketplace/v1/orders", json=body, headers={"X-CSRF-Token": csrf})
        assert ordered.status_code == 201, ordered.text
        page = quick_api.get(f"/orders/{ordered.json()['id']}")
        assert ordered.json()["number"] in page.text
        assert "签署合同" in page.text

    def test_an_order_is_its_parties_own(self, quick_api: Market, listed: Listed) -> None:
        buyer = sign_up(quick_api, "王买家")
        order = buy(quick_api, buyer, str(listed.listing_id))
        assert quick_api.get(f"/orders/{order['id']}").status_code == 401
        sign_page_in(quick_api, sign_up(quick_api, "别人"))
        assert quick_api.get(f"/orders/{order['id']}").status_code == 404
        assert order["number"] not in quick_api.get("/orders").text


class TestLots:
    def test_an_open_lot_shows_price_and_bids_by_pseudonym(self, quick_api: Market) -> None:
        house = AuctionHouse(quick_api, mode="c2c_auction")
        bidder = sign_up(quick_api, "张三丰")
        lot_id = house.open_lot_for([bidder])
        house.bid(bidder, lot_id, 8_100_000)
        page = quick_api.get(f"/lots/{lot_id}").text
        assert "¥80,000.00" in page
        assert "张三丰" not in page
        assert f"/auction/v1/lots/{lot_id}/stream" in page
        assert f'href="/lots/{lot_id}"' in quick_api.get("/lots").text


class TestSignIn:
    def test_leads_back_only_into_the_market(self, quick_api: Market) -> None:
        assert 'data-next="/orders"' in quick_api.get("/sign-in?next=/orders").text
        for elsewhere in ("//evil.example", "https://evil.example", "javascript:alert(1)"):
            assert 'data-next="/"' in quick_api.get("/sign-in", params={"next": elsewhere}).text
