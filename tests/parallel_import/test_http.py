"""Parallel import over HTTP, on both databases."""

import base64
import csv
import gzip
import hashlib
import io
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketplace.core.crypto import verify
from tests.imports import BASE, PAPERS, add_papers, clear, import_facts, publish_import, register_import, verified_pilot
from tests.market import Market
from tests.people import Person, operator, organization, sign_up

FEED = "/marketplace/v1/feeds/parallel-import"


@pytest.fixture
def pilot(api: Market) -> Person:
    return verified_pilot(api)


def feed(api: Market, **params: Any) -> dict[str, Any]:
    api.relay()
    answer = api.get(f"{FEED}.json", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def publish(api: Market, pilot: Person, import_id: str, ask_minor: int = 79_800_000) -> Any:
    return api.post(f"{BASE}/{import_id}/publication", json={"ask_minor": ask_minor}, headers=pilot.headers)


class TestDossier:
    def test_rule_20_a_car_is_refused_for_its_missing_conformity_certificate_completed_published_and_stands_in_the_feed(
        self, api: Market, pilot: Person
    ) -> None:
        found = register_import(api, pilot)
        assert (found["state"], found["shown"]["customs"]) == ("arrived", "bonded")
        add_papers(api, pilot, found["id"], *[kind for kind in PAPERS if kind != "conformity_certificate"])
        clear(api, pilot, found["id"])
        refused = publish(api, pilot, found["id"])
        assert (refused.status_code, refused.json()["code"]) == (409, "papers_missing")
        [missing] = refused.json()["missing"]
        assert (missing["code"], missing["zh"]) == ("conformity_certificate", "车辆一致性证书")
        assert missing["article"].startswith("机动车登记规定")
        assert "车辆一致性证书" in refused.json()["title"]
        assert refused.json()["rule"]["article"]
        assert feed(api)["cars"] == []
        add_papers(api, pilot, found["id"], "conformity_certificate")
        published = publish(api, pilot, found["id"])
        assert published.status_code == 201, published.text
        assert published.json()["state"] == "on_sale"
        [car] = feed(api)["cars"]
        assert (car["id"], car["price_minor"], car["import_version"]) == (found["id"], 79_800_000, "中东版")
        assert car["pilot_no"]
        assert car["ccc_no"].startswith("ccc_certificate-")
        assert car["vin_masked"] == found["vin_masked"]
        shown = api.get(f"/marketplace/v1/vehicles/{found['vehicle_id']}/import-disclosure").json()
        assert shown["warranty_giver"] == "天津某某国际贸易有限公司"
        assert all(one["is_there"] for one in shown["papers"] if one["needed_for"])

    def test_everything_missing_is_listed_at_once(self, api: Market, pilot: Person) -> None:
        found = register_import(api, pilot, car={"emission_stage": None}, shown={"warranty_giver": "", "recall_contact": ""})
        refused = publish(api, pilot, found["id"]).json()
        assert [one["code"] for one in refused["missing"]] == [
            "import_certificate",
            "import_licence",
            "inspection_sheet",
            "conformity_certificate",
            "ccc_certificate",
            "emission_disclosure",
            "three_guarantees",
            "emission_stage",
            "warranty_giver",
            "recall_contact",
        ]
        assert all(one["article"] for one in refused["missing"])

    def test_a_bonded_car_is_not_sold(self, api: Market, pilot: Person) -> None:
        found = register_import(api, pilot)
        add_papers(api, pilot, found["id"], *PAPERS)
        refused = publish(api, pilot, found["id"])
        assert (refused.status_code, refused.json()["code"], refused.json()["next"]) == (409, "step_not_next", "cleared")

    @pytest.mark.parametrize(
        ("arrived_on", "stage", "good"),
        [
            ("2023-06-30", "cn6a", True),
            ("2023-07-01", "cn6a", False),
            ("2023-07-01", "cn6b", True),
            ("2020-06-30", "cn5", True),
            ("2020-07-01", "cn5", False),
        ],
    )
    def test_the_day_of_arrival_decides_the_emission_stage(self, quick_api: Market, arrived_on: str, stage: str, good: bool) -> None:
        pilot = verified_pilot(quick_api)
        found = register_import(quick_api, pilot, arrived_on=arrived_on, car={"emission_stage": stage})
        add_papers(quick_api, pilot, found["id"], *PAPERS)
        answer = quick_api.post(f"{BASE}/{found['id']}/steps", json={"step": "cleared"}, headers=pilot.headers)
        assert answer.status_code == (200 if good else 409), answer.text
        if not good:
            assert answer.json()["code"] == "emission_too_low"
            assert answer.json()["rule"]["article"] == "大气污染防治法 第五十一条"

    def test_the_way_has_its_order(self, api: Market, pilot: Person) -> None:
        found = register_import(api, pilot, arrived_on=None)
        path = f"{BASE}/{found['id']}/steps"
        assert found["state"] == "ordered"
        add_papers(api, pilot, found["id"], *PAPERS)
        skipped = api.post(path, json={"step": "certified"}, headers=pilot.headers)
        assert skipped.json()["code"] == "step_not_next"
        for step in ("arrived", "cleared", "certified"):
            assert api.post(path, json={"step": step}, headers=pilot.headers).json()["state"] == step
        assert api.post(path, json={"step": "arrived"}, headers=pilot.headers).status_code == 409
        assert publish(api, pilot, found["id"]).status_code == 201


class TestPilots:
    def test_only_a_pilot_with_a_checked_licence(self, quick_api: Market) -> None:
        body = import_facts()
        clerk = operator(quick_api)
        person = sign_up(quick_api)
        assert quick_api.post(BASE, json=body, headers=person.headers).status_code == 403
        dealer = organization(quick_api, "dealer", by=clerk)
        assert quick_api.post(BASE, json=body, headers=dealer.headers).status_code == 403
        without = organization(quick_api, "import_pilot", by=clerk, licences=("business_licence",))
        refused = quick_api.post(BASE, json=body, headers=without.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "licence_missing")

    def test_another_pilots_car_stays_closed(self, api: Market, pilot: Person) -> None:
        other = verified_pilot(api)
        found = register_import(api, pilot)
        path = f"{BASE}/{found['id']}"
        paper = {"kind": "ccc_certificate", "number": "x"}
        assert api.get(path, headers=other.headers).status_code == 404
        assert api.post(f"{path}/papers", json=paper, headers=other.headers).status_code == 404
        assert publish(api, other, found["id"]).status_code == 404
        assert api.get(BASE, headers=other.headers).json()["items"] == []
        assert [one["id"] for one in api.get(BASE, headers=pilot.headers).json()["items"]] == [found["id"]]


class TestFeed:
    def test_a_cursor_tells_what_changed_and_what_went(self, api: Market, pilot: Person) -> None:
        first, second = publish_import(api, pilot), publish_import(api, pilot)
        whole = feed(api)
        assert [car["id"] for car in whole["cars"]] == [first["id"], second["id"]]
        since = whole["cursor"]
        nothing = feed(api, since=since)
        assert (nothing["cars"], nothing["removed"], nothing["cursor"]) == ([], [], since)
        changed = api.patch(f"{BASE}/{first['id']}", json={"differences": "收音频段不同"}, headers=pilot.headers)
        assert changed.status_code == 200
        gone = api.post(f"{BASE}/{second['id']}/withdrawal", json={"note": "已订"}, headers=pilot.headers)
        assert gone.json()["state"] == "certified"
        news = feed(api, since=since)
        assert [(car["id"], car["differences"]) for car in news["cars"]] == [(first["id"], "收音频段不同")]
        assert [one["id"] for one in news["removed"]] == [second["id"]]
        assert news["cursor"] > since
        assert [car["id"] for car in feed(api)["cars"]] == [first["id"]]
        again = publish(api, pilot, second["id"], 78_000_000)
        assert again.status_code == 201, again.text
        assert [car["price_minor"] for car in feed(api, since=news["cursor"])["cars"]] == [78_000_000]

    def test_pages_join_without_a_gap(self, api: Market, pilot: Person) -> None:
        ids = [publish_import(api, pilot)["id"] for _ in range(3)]
        page = feed(api, limit=2)
        assert page["has_more"]
        rest = feed(api, since=page["cursor"], limit=2)
        assert not rest["has_more"]
        assert [car["id"] for car in page["cars"] + rest["cars"]] == ids
        assert rest["cursor"] == feed(api)["cursor"]

    def test_same_content_same_bytes_tag_and_signature(self, api: Market, pilot: Person) -> None:
        publish_import(api, pilot)
        api.relay()
        key = api.get("/marketplace/v1/feeds/keys").json()
        for form in ("json", "csv", "xml", "jsonld"):
            plain = api.get(f"{FEED}.{form}", headers={"Accept-Encoding": "identity"})
            again = api.get(f"{FEED}.{form}", headers={"Accept-Encoding": "identity"})
            assert plain.content == again.content
            assert plain.headers["etag"] == again.headers["etag"]
            assert plain.headers["feed-key-id"] == key["key_id"]
            signature = base64.b64decode(plain.headers["feed-signature"])
            digest = f"sha-256=:{base64.b64encode(hashlib.sha256(plain.content).digest()).decode()}:"
            assert plain.headers["feed-digest"] == digest
            signed = f"{plain.headers['feed-cursor']} {digest}".encode()
            assert verify(base64.b64decode(key["public_key"]), signed, signature)
            packed = api.client.build_request("GET", f"{FEED}.{form}", headers={"Accept-Encoding": "gzip"})
            answer = api.client.send(packed, stream=True)
            raw = b"".join(answer.iter_raw())
            assert answer.headers["content-encoding"] == "gzip"
            assert gzip.decompress(raw) == plain.content
            for tag in (plain.headers["etag"], answer.headers["etag"], f"W/{plain.headers['etag']}"):
                unchanged = api.get(f"{FEED}.{form}", headers={"If-None-Match": tag})
                assert (unchanged.status_code, unchanged.content) == (304, b"")

    def test_no_full_vin_leaves(self, api: Market, pilot: Person) -> None:
        body = import_facts()
        found = register_import(api, pilot, **body)
        add_papers(api, pilot, found["id"], *PAPERS)
        clear(api, pilot, found["id"])
        assert publish(api, pilot, found["id"]).status_code == 201
        api.relay()
        for form in ("json", "csv", "xml", "jsonld"):
            text = api.get(f"{FEED}.{form}").text
            assert body["car"]["vin"] not in text
            assert "import_certificate-" not in text

    def test_cells_that_begin_a_formula_are_neutralized(self, api: Market, pilot: Person) -> None:
        evil = '=HYPERLINK("http://evil","x")'
        publish_import(api, pilot, shown={"differences": evil, "rectifications": "</feed>\x0b<&", "recall_contact": "+86 400"})
        api.relay()
        rows = list(csv.DictReader(io.StringIO(api.get(f"{FEED}.csv").content.decode("utf-8-sig"))))
        assert (rows[0]["differences"], rows[0]["recall_contact"]) == ("'" + evil, "'+86 400")
        root = ET.fromstring(api.get(f"{FEED}.xml").content)
        assert root.findtext("car/rectifications") == "</feed><&"
        linked = api.get(f"{FEED}.jsonld").json()
        assert linked["itemListElement"][0]["item"]["offers"]["price"] == "798000.00"

    def test_a_bar_takes_the_car_out(self, api: Market, pilot: Person) -> None:
        found = publish_import(api, pilot)
        since = feed(api)["cursor"]
        clerk = operator(api)
        seal = {"kind": "customs_supervision", "authority": "天津海关"}
        assert api.post(f"/marketplace/v1/vehicles/{found['vehicle_id']}/restrictions", json=seal, headers=clerk.headers).status_code == 201
        assert [one["id"] for one in feed(api, since=since)["removed"]] == [found["id"]]
        assert api.get(f"{BASE}/{found['id']}", headers=pilot.headers).json()["state"] == "certified"

    def test_a_bad_cursor_or_form_is_refused(self, quick_api: Market) -> None:
        assert quick_api.get(f"{FEED}.json", params={"since": -1}).status_code == 422
        assert quick_api.get(f"{FEED}.pdf").status_code == 422
        assert quick_api.get(f"{FEED}.json").json()["cursor"] == 0


class TestLapse:
    def test_a_lapsed_approval_stops_new_acts(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk, valid_to=(datetime.now(UTC) + timedelta(days=2)).date())
        found = register_import(api, pilot)
        add_papers(api, pilot, found["id"], *PAPERS)
        clear(api, pilot, found["id"])
        api.advance(timedelta(days=5))
        refused = publish(api, pilot, found["id"])
        assert (refused.status_code, refused.json()["code"]) == (403, "licence_lapsed")
