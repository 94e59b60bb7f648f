"""The stock feed, full VINs by consent, and feeds of many cars, over HTTP."""

import base64
import csv
import gzip
import hashlib
import io
import time
import tracemalloc
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from marketplace.core.crypto import verify
from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.core.settings import get_settings
from marketplace.feeds.domain import FeedForm, FeedName
from marketplace.feeds.models import FeedEntry, FeedHead
from marketplace.feeds.service import rendering
from tests import cars, purchases, stock
from tests.imports import publish_import, verified_pilot
from tests.market import Market
from tests.people import BASE, Person, api_key, operator, organization, sign_up

FEED = f"{BASE}/feeds/stock"


def feed(api: Market, **params: Any) -> dict[str, Any]:
    api.relay()
    answer = api.get(f"{FEED}.json", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestStock:
    def test_every_car_of_the_store_whoever_sells_it(self, api: Market) -> None:
        clerk = operator(api)
        dealer = organization(api, "dealer", by=clerk)
        listed = stock.listed_car(api, dealer, ask_minor=8_880_000)
        consigned = stock.consigned_car(api, sign_up(api), agent=stock.broker(api, by=clerk))
        imported = publish_import(api, verified_pilot(api, by=clerk))
        found = {car["id"]: car for car in feed(api)["cars"]}
        assert set(found) == {str(listed.listing_id), str(consigned.listing_id), imported["listing_id"]}
        car = found[str(listed.listing_id)]
        assert (car["price_minor"], car["channel"], car["availability"], car["condition"]) == (8_880_000, "b2c_store", "available", "used")
        assert (car["seller"], car["seller_id"]) == (dealer.organization_name, str(dealer.party_id))
        private = found[str(consigned.listing_id)]
        assert (private["seller"], private["seller_id"]) == ("个人车主", None)
        assert found[imported["listing_id"]]["channel"] == "parallel_import"

    def test_a_cursor_follows_price_claim_sale_and_withdrawal(self, api: Market) -> None:
        dealer, buyer = organization(api, "dealer"), sign_up(api)
        first, second = stock.listed_car(api, dealer), stock.listed_car(api, dealer)
        cursor = feed(api)["cursor"]
        assert feed(api, since=cursor)["cars"] == []
        purchases.buy(api, buyer, str(first.listing_id))
        news = feed(api, since=cursor)
        assert [(car["id"], car["availability"]) for car in news["cars"]] == [(str(first.listing_id), "reserved")]
        gone = api.post(f"{BASE}/listings/{second.listing_id}/withdrawal", json={"reason": "自留"}, headers=dealer.headers)
        assert gone.status_code == 200, gone.text
        last = feed(api, since=news["cursor"])
        assert (last["cars"], [one["id"] for one in last["removed"]]) == ([], [str(second.listing_id)])
        assert feed(api, since=last["cursor"])["cursor"] == last["cursor"] > cursor

    def test_same_content_same_bytes_signed_tagged_packed_in_every_form(self, api: Market) -> None:
        stock.listed_car(api)
        api.relay()
        key = api.get(f"{BASE}/feeds/keys").json()
        for form in FeedForm:
            plain = api.get(f"{FEED}.{form}", headers={"Accept-Encoding": "identity"})
            assert plain.content == api.get(f"{FEED}.{form}", headers={"Accept-Encoding": "identity"}).content
            digest = f"sha-256=:{base64.b64encode(hashlib.sha256(plain.content).digest()).decode()}:"
            text = f"{plain.headers['feed-cursor']} {digest}".encode()
            assert verify(base64.b64decode(key["public_key"]), text, base64.b64decode(plain.headers["feed-signature"]))
            packed = api.client.build_request("GET", f"{FEED}.{form}", headers={"Accept-Encoding": "gzip"})
            answer = api.client.send(packed, stream=True)
            raw = b"".join(answer.iter_raw())
            assert (answer.headers["content-encoding"], int(answer.headers["content-length"])) == ("gzip", len(raw))
            assert gzip.decompress(raw) == plain.content
            for tag in (plain.headers["etag"], answer.headers["etag"], f'W/{plain.headers["etag"]}, "x"', "*"):
                unchanged = api.get(f"{FEED}.{form}", headers={"If-None-Match": tag})
                assert (unchanged.status_code, unchanged.content) == (304, b"")

    def test_the_tag_changes_with_the_content_and_with_nothing_else(self, api: Market) -> None:
        listed = stock.listed_car(api)
        api.relay()
        before = api.get(f"{FEED}.json").headers["etag"]
        api.relay()
        assert api.get(f"{FEED}.json").headers["etag"] == before
        assert api.get(f"{FEED}.csv").headers["etag"] != before
        price = api.patch(f"{BASE}/listings/{listed.listing_id}", json={"ask_minor": 8_000_000}, headers=listed.seller.headers)
        assert price.status_code == 200, price.text
        api.relay()
        changed = api.get(f"{FEED}.json", headers={"If-None-Match": before})
        assert changed.status_code == 200
        assert changed.json()["cars"][0]["price_minor"] == 8_000_000

    def test_no_full_vin_plate_or_phone_and_no_formula_leaves(self, quick_api: Market) -> None:
        api = quick_api
        dealer = organization(api, "dealer", name="=cmd|'/c calc'!A1 有限公司")
        number = cars.vin()
        stock.listed_car(api, dealer, vin=number)
        api.relay()
        for form in FeedForm:
            text = api.get(f"{FEED}.{form}").text
            assert number not in text
            assert dealer.phone not in text
        rows = list(csv.DictReader(io.StringIO(api.get(f"{FEED}.csv").content.decode("utf-8-sig"))))
        assert rows[0]["seller"].startswith("'=cmd")
        assert rows[0]["vin_masked"] == f"{number[:11]}****{number[-2:]}"
        assert ET.fromstring(api.get(f"{FEED}.xml").content).findtext("car/seller") == "=cmd|'/c calc'!A1 有限公司"
        offer = api.get(f"{FEED}.jsonld").json()["itemListElement"][0]["item"]
        assert (offer["@type"], offer["offers"]["price"], offer["offers"]["priceCurrency"]) == ("Car", "88800.00", "CNY")

    def test_unknown_feeds_forms_and_cursors_are_refused(self, quick_api: Market) -> None:
        for path in (
            f"{BASE}/feeds/secrets.json",
            f"{FEED}.pdf",
            f"{FEED}.json?since=-1",
            f"{FEED}.json?limit=0",
            f"{FEED}.json?limit=10001",
        ):
            assert quick_api.get(path).status_code == 422


# --- full VINs


@pytest.fixture
def partner(api: Market) -> Person:
    return organization(api, "insurer")


def consent(api: Market, seller: Person, partner: Person, **changes: Any) -> Any:
    body = {"partner_id": str(partner.party_id), "purpose": "商业险报价", **changes}
    return api.post(f"{BASE}/vin-consents", json=body, headers=seller.headers)


def reveal(api: Market, headers: dict[str, str], **changes: Any) -> Any:
    return api.post(f"{BASE}/feed-vins", json={"feed": "stock", "reason": "商业险报价", **changes}, headers=headers)


class TestFullVins:
    def test_only_of_sellers_who_consented_only_to_that_partners_key_each_on_record(self, api: Market, partner: Person) -> None:
        clerk = operator(api)
        willing, other = stock.listed_car(api), stock.listed_car(api)
        api.relay()
        key = api_key(api, partner, "feeds.full_vin")
        assert reveal(api, key).json() == {"cars": [], "withheld": 2, "cursor": reveal(api, key).json()["cursor"], "has_more": False}
        given = consent(api, willing.seller, partner)
        assert given.status_code == 201, given.text
        answer = reveal(api, key)
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        [car] = answer.json()["cars"]
        assert (car["vehicle_id"], car["consent_id"], answer.json()["withheld"]) == (str(willing.car_id), given.json()["id"], 1)
        assert len(car["vin"]) == 17
        assert car["object_id"] == str(willing.listing_id)
        entries = api.get(f"{BASE}/operations/audit/vehicle/{willing.car_id}", headers=clerk.headers).json()["entries"]
        [entry] = [one for one in entries if one["act"] == "vehicle.reveal_vin"]
        assert entry["reason"] == f"feed stock, consent {car['consent_id']}: 商业险报价"
        assert car["vin"] not in str(entries)
        hidden = api.get(f"{BASE}/operations/audit/vehicle/{other.car_id}", headers=clerk.headers).json()["entries"]
        assert [one for one in hidden if one["act"] == "vehicle.reveal_vin"] == []
        foreign = api_key(api, organization(api, "lender"), "feeds.full_vin")
        assert (reveal(api, foreign).json()["cars"], reveal(api, foreign).json()["withheld"]) == ([], 2)

    def test_a_withdrawn_or_ended_consent_opens_nothing(self, api: Market, partner: Person) -> None:
        listed = stock.listed_car(api)
        api.relay()
        key = api_key(api, partner, "feeds.full_vin")
        given = consent(api, listed.seller, partner).json()
        twice = consent(api, listed.seller, partner)
        assert (twice.status_code, twice.json()["code"]) == (409, "consent_stands")
        assert len(reveal(api, key).json()["cars"]) == 1
        path = f"{BASE}/vin-consents/{given['id']}/revocation"
        stranger = stock.dealer(api)
        assert api.post(path, headers=stranger.headers).status_code == 404
        assert api.post(path, headers=listed.seller.headers).json()["revoked_at"]
        assert reveal(api, key).json()["cars"] == []
        again = api.post(path, headers=listed.seller.headers)
        assert (again.status_code, again.json()["code"]) == (409, "consent_ended")
        ends_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        assert consent(api, listed.seller, partner, ends_at=ends_at).status_code == 201
        assert len(reveal(api, key).json()["cars"]) == 1
        api.advance(timedelta(days=2))
        assert reveal(api, key).json()["cars"] == []
        assert len(api.get(f"{BASE}/vin-consents", headers=listed.seller.headers).json()["items"]) == 2

    def test_pages_of_vins_go_on_behind_the_cursor(self, api: Market, partner: Person) -> None:
        seller = stock.dealer(api)
        ids = [str(stock.listed_car(api, seller).listing_id) for _ in range(3)]
        api.relay()
        consent(api, seller, partner)
        key = api_key(api, partner, "feeds.full_vin")
        page = reveal(api, key, limit=2).json()
        rest = reveal(api, key, limit=2, since=page["cursor"]).json()
        assert [car["object_id"] for car in page["cars"] + rest["cars"]] == ids
        assert (page["has_more"], rest["has_more"]) == (True, False)

    def test_no_person_no_key_without_the_scope_and_no_dealer(self, quick_api: Market) -> None:
        insurer = organization(quick_api, "insurer")
        refused = reveal(quick_api, insurer.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "partner_key_only")
        assert refused.json()["rule"]["article"] == "个人信息保护法 第二十三条"
        assert reveal(quick_api, api_key(quick_api, insurer, "cases.open")).status_code == 403
        dealer = stock.dealer(quick_api)
        assert reveal(quick_api, dealer.headers).status_code == 403
        asked = {"name": "x", "scopes": ["feeds.full_vin"], "rate_per_minute": 10}
        assert quick_api.post(f"{BASE}/api-keys", json=asked, headers=dealer.headers).status_code == 422
        assert reveal(quick_api, {}).status_code == 401

    def test_consent_is_for_partners_only(self, quick_api: Market) -> None:
        seller = stock.dealer(quick_api)
        for body in (
            {"partner_id": str(uuid4())},
            {"partner_id": str(stock.dealer(quick_api).party_id)},
            {"partner_id": str(organization(quick_api, "insurer").party_id), "ends_at": "2020-01-01T00:00:00Z"},
        ):
            answer = quick_api.post(f"{BASE}/vin-consents", json={"purpose": "商业险报价", **body}, headers=seller.headers)
            assert (answer.status_code, answer.json()["code"]) == (409, "partner_unfit")


# --- many cars

CARS = 10_000


def fill(database: Database, count: int) -> None:
    """A feed of many cars as their subscriber leaves them."""
    document = {
        "title": "丰田 兰德酷路泽 LC300", "brand": "丰田", "series": "兰德酷路泽", "model": "LC300", "model_year": 2025,
        "colour": "white", "fuel": "petrol", "odometer_km": 60, "condition": "new", "price_minor": 79_800_000, "currency": "CNY",
        "url": "https://market.example/1", "photos": [], "seller": "甲", "differences": "收音频段不同;油品标号与中规车一致。" * 20,
    }  # fmt: skip
    with database.writing() as session:
        rows = [
            {
                "feed": FeedName.STOCK,
                "object_id": new_id(),
                "vehicle_id": new_id(),
                "seller_id": new_id(),
                "feed_no": n,
                "is_removed": n % 50 == 0,
                "content_hash": f"{n:064d}",
                "document": {**document, "id": str(n)} if n % 50 else {},
            }
            for n in range(1, count + 1)
        ]
        session.connection().execute(sa.insert(FeedEntry), rows)
        session.add(FeedHead(feed=FeedName.STOCK, last_no=count, chain=new_id().hex))


class TestManyCars:
    def test_ten_thousand_cars_are_written_in_the_memory_of_a_few(self, sqlite: Database) -> None:
        fill(sqlite, CARS)
        for form in FeedForm:
            with sqlite.reading() as session:
                asked = rendering.ask(session, feed=FeedName.STOCK, form=form, since=0, limit=10_000, settings=get_settings())
                tracemalloc.start()
                rendered, source, packed = rendering.render(session, asked=asked, settings=get_settings(), packed=True)
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            size = sum(len(piece) for piece in rendering.chunks(source))
            assert packed
            assert rendered.size > 8_000_000 or form in {FeedForm.CSV, FeedForm.JSONLD}
            assert size < rendered.size
            assert peak < 12_000_000, (form, peak)

    def test_a_feed_that_is_read_holds_up_no_writer(self, quick_api: Market) -> None:
        fill(quick_api.database, CARS)
        answer = quick_api.get(f"{FEED}.json?limit=10000")
        assert (answer.status_code, len(answer.json()["cars"])) == (200, CARS - CARS // 50)
        began = time.monotonic()
        again = quick_api.get(f"{FEED}.json?limit=10000", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        assert time.monotonic() - began < 0.2
        page = quick_api.get(f"{FEED}.json?limit=5000").json()
        rest = quick_api.get(f"{FEED}.json?limit=10000&since={page['cursor']}").json()
        assert len(page["cars"]) + len(rest["cars"]) == CARS - CARS // 50
