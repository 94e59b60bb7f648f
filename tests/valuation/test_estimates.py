"""The pricing API over HTTP: scopes, answers, refusals, quotas."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.outbox import append
from marketplace.core.settings import get_settings
from marketplace.listings.domain import Availability, Channel, ListingState
from marketplace.listings.events import ListingChanged, ListingEvent, ListingPublished, listing_key
from tests.appraisals import signed_appraisal
from tests.cars import register_car
from tests.market import Market
from tests.people import api_key, organization, sign_up
from valuation.api import CarFacts, OutsideModel, PricePurpose, estimate
from valuation.partners import queries
from valuation.partners.api import PERSONAL_DATA
from valuation.pricing.models import ShownVehicle
from valuation.pricing.queries import is_shown
from valuation.pricing.service import load_artefact

URL = "/valuation/v1/estimates"
BMW: dict[str, Any] = {
    "brand": "BMW", "series": "3系", "model": "325Li M运动套装", "model_year": 2021, "first_registration_on": "2021-05-18",
    "mileage_km": 46_000, "city": "天津", "fuel": "petrol", "gearbox": "at", "displacement_ml": 1_998, "emission_stage": "cn6b",
}  # fmt: skip


def asked(purpose: str = "retail_ask", **changes: Any) -> dict[str, Any]:
    return {"purpose": purpose, "facts": {name: value for name, value in (BMW | changes).items() if value is not None}}


def partner(api: Market, *scopes: str) -> dict[str, str]:
    """Headers of a partner's machine."""
    return api_key(api, organization(api, "valuation_partner", roles=("pricing",)), *scopes)


def tell(api: Market, kind: type[ListingEvent], listing_id: UUID, vehicle_id: UUID, state: ListingState) -> None:
    """A listing's event, delivered."""
    event = kind(
        listing_id=listing_id, vehicle_id=vehicle_id, channel=Channel.B2C_STORE, seller_id=uuid4(), state=state,
        availability=Availability.AVAILABLE, ask_minor=1, brand="大众", city="天津", title="", facts_version=1, listing_version=1,
    )  # fmt: skip
    with api.database.writing() as session:
        append(session, event, key=listing_key(listing_id))
    api.relay()


class TestByKey:
    def test_a_range_with_its_interval(self, api: Market) -> None:
        headers = partner(api, "prices.quote")
        answer = api.post(URL, json=asked(), headers=headers)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert body["low_minor"] < body["price_minor"] < body["high_minor"]
        assert (body["coverage_bps"], body["level"], body["model_version"]) == (8_000, "trim", load_artefact()[1]["version"])
        assert 7_000 < body["measured_coverage_bps"] < 9_000
        assert body["as_of"] == "2026-04-30"
        assert [one["name"] for one in body["factors"]][:3] == ["base", "age", "mileage"]
        product = float(body["new_price_minor"])
        for one in body["factors"]:
            product *= one["factor_bps"] / 10_000
        assert product == pytest.approx(body["price_minor"], rel=0.01)
        assert api.get(f"{URL}/{body['id']}", headers=headers).json() == body

    def test_refused_without_the_scope(self, api: Market) -> None:
        refused = api.post(URL, json=asked(), headers=partner(api, "vehicles.price"))
        assert (refused.status_code, refused.json()["code"], refused.json()["capability"]) == (403, "capability_missing", "prices.quote")
        batch = api.post(f"{URL}/batch", json={"estimates": [asked()]}, headers=partner(api, "vehicles.price"))
        assert batch.status_code == 403

    def test_refused_without_a_credential(self, quick_api: Market) -> None:
        assert quick_api.post(URL, json=asked()).status_code == 401

    def test_the_same_key_gives_the_same_answer_and_counts_once(self, api: Market) -> None:
        headers = partner(api, "prices.quote")
        keyed = headers | {"Idempotency-Key": "one"}
        first, second = (api.post(URL, json=asked(), headers=keyed) for _ in range(2))
        assert first.json() == second.json()
        assert [one["used"] for one in api.get("/valuation/v1/usage", headers=headers).json()] == [1]

    def test_a_batch_answers_line_by_line(self, api: Market) -> None:
        headers = partner(api, "prices.quote")
        lines = [asked(), asked(brand="无此品牌"), {"purpose": "retail_ask", "vehicle_id": str(uuid4())}, asked("trade_in")]
        answers = api.post(f"{URL}/batch", json={"estimates": lines}, headers=headers).json()["answers"]
        assert [bool(one["estimate"]) for one in answers] == [True, False, False, True]
        assert [one["problem"]["code"] for one in answers[1:3]] == ["outside_model", answers[2]["problem"]["code"]]
        assert api.get("/valuation/v1/usage", headers=headers).json()[0]["used"] == 2
        assert len(api.get(URL, headers=headers).json()["items"]) == 2

    def test_another_partners_estimate_is_not_found(self, quick_api: Market) -> None:
        made = quick_api.post(URL, json=asked(), headers=partner(quick_api, "prices.quote")).json()
        assert quick_api.get(f"{URL}/{made['id']}", headers=partner(quick_api, "prices.quote")).status_code == 404


class TestPurposes:
    def test_one_car_has_many_prices(self, quick_api: Market) -> None:
        headers = partner(quick_api, "prices.quote")
        retail, trade_in, hammer = (
            quick_api.post(URL, json=asked(purpose), headers=headers).json() for purpose in ("retail_ask", "trade_in", "auction_hammer")
        )
        assert hammer["price_minor"] < trade_in["price_minor"] < retail["price_minor"]
        assert (trade_in["coverage_bps"], hammer["coverage_bps"]) == (None, None)
        assert "to be fitted" in hammer["basis"]

    def test_the_purpose_must_be_said(self, quick_api: Market) -> None:
        body = asked()
        body.pop("purpose")
        assert quick_api.post(URL, json=body, headers=partner(quick_api, "prices.quote")).status_code == 422


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"brand": "无此品牌"}, "unknown_brand"),
            ({"series": "不存在的车系", "model": None}, "unknown_series"),
            ({"first_registration_on": "2005-01-01", "model_year": 2005}, "too_old"),
            ({"first_registration_on": "2027-01-01", "model_year": 2027}, "not_registered_yet"),
            ({"model_year": 2012}, "model_year_contradicts_registration"),
            ({"mileage_km": 900_000}, "mileage_out_of_range"),
            ({"use_type": "taxi"}, "commercial_use"),
        ],
    )
    def test_outside_the_data_there_is_no_price(self, quick_api: Market, changes: dict[str, Any], reason: str) -> None:
        headers = partner(quick_api, "prices.quote")
        refused = quick_api.post(URL, json=asked(**changes), headers=headers)
        assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (422, "outside_model", reason)
        assert quick_api.get("/valuation/v1/usage", headers=headers).json() == []

    def test_a_guide_price_helps_an_unknown_series(self, quick_api: Market) -> None:
        body = asked(series="不存在的车系", model=None, guide_price_minor=34_990_000)
        answer = quick_api.post(URL, json=body, headers=partner(quick_api, "prices.quote"))
        assert answer.status_code == 201, answer.text
        assert (answer.json()["level"], answer.json()["new_price_known"]) == ("brand", True)

    def test_either_a_car_or_facts(self, quick_api: Market) -> None:
        headers = partner(quick_api, "prices.quote")
        for body in ({"purpose": "retail_ask"}, asked() | {"vehicle_id": str(uuid4())}):
            assert quick_api.post(URL, json=body, headers=headers).status_code == 422

    def test_electric_cars_say_that_their_index_is_not_measured(self, quick_api: Market) -> None:
        facts = asked(brand="特斯拉", series="Model 3", model=None, fuel=None, gearbox=None, displacement_ml=None, emission_stage=None)
        body = quick_api.post(URL, json=facts, headers=partner(quick_api, "prices.quote")).json()
        assert (body["index_measured"], body["confidence"] >= "C") == (False, True)


class TestRegisteredCars:
    def test_the_holder_prices_his_own_car(self, api: Market) -> None:
        owner = sign_up(api, "李车主")
        car = register_car(api, owner)
        answer = api.post(URL, json={"purpose": "retail_ask", "vehicle_id": car["id"]}, headers=owner.headers)
        assert answer.status_code == 201, answer.text
        assert (answer.json()["vehicle_id"], answer.json()["new_price_known"]) == (car["id"], True)

    def test_others_do_not_see_that_it_exists(self, api: Market) -> None:
        car = register_car(api, sign_up(api, "李车主"))
        for headers in (sign_up(api, "王路人").headers, partner(api, "prices.quote")):
            refused = api.post(URL, json={"purpose": "retail_ask", "vehicle_id": car["id"]}, headers=headers)
            assert refused.status_code == 404

    def test_a_commercial_car_is_refused(self, quick_api: Market) -> None:
        owner = sign_up(quick_api, "李车主")
        car = register_car(quick_api, owner, use_type="rental")
        refused = quick_api.post(URL, json={"purpose": "retail_ask", "vehicle_id": car["id"]}, headers=owner.headers)
        assert refused.json()["reason"] == "commercial_use"

    def test_a_car_with_an_accident_on_record_is_refused(self, quick_api: Market) -> None:
        owner = sign_up(quick_api, "李车主")
        car = register_car(quick_api, owner)
        signed_appraisal(quick_api, owner, UUID(car["id"]), worksheet={"records": [{"code": "8BX"}], "remaining_sound": True})
        refused = quick_api.post(URL, json={"purpose": "retail_ask", "vehicle_id": car["id"]}, headers=owner.headers)
        assert refused.json()["reason"] == "damage_on_record"

    def test_a_shown_car_may_be_priced_by_anyone_until_it_is_gone(self, api: Market) -> None:
        car = register_car(api, sign_up(api, "李车主"))
        headers = partner(api, "prices.quote")
        body = {"purpose": "retail_ask", "vehicle_id": car["id"]}
        listing_id = uuid4()
        tell(api, ListingPublished, listing_id, UUID(car["id"]), ListingState.LIVE)
        assert api.post(URL, json=body, headers=headers).status_code == 201
        tell(api, ListingChanged, listing_id, UUID(car["id"]), ListingState.PAUSED)
        assert api.post(URL, json=body, headers=headers).status_code == 404

    def test_an_older_event_changes_nothing(self, api: Market) -> None:
        car, listing_id = UUID(register_car(api, sign_up(api, "李车主"))["id"]), uuid4()
        with api.database.writing() as session:
            session.add(ShownVehicle(listing_id=listing_id, vehicle_id=car, key_seq=7, is_shown=False))
        tell(api, ListingPublished, listing_id, car, ListingState.LIVE)
        with api.database.reading() as session:
            assert not is_shown(session, vehicle_id=car)


class TestQuota:
    def test_a_persons_day_ends_and_begins_again(self, quick_api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(get_settings(), "estimates_a_day_person", 2)
        owner = sign_up(quick_api, "李车主")
        assert [quick_api.post(URL, json=asked(), headers=owner.headers).status_code for _ in range(3)] == [201, 201, 429]
        refused = quick_api.post(URL, json=asked(), headers=owner.headers)
        assert refused.json()["code"] == "quota_used_up"
        assert 0 < int(refused.headers["Retry-After"]) <= 86_400
        quick_api.advance(timedelta(days=1))
        assert quick_api.post(URL, json=asked(), headers=owner.headers).status_code == 201

    def test_calls_at_once_are_all_counted(self, postgres: Database) -> None:
        caller, party = uuid4(), uuid4()

        def call(_: int) -> None:
            with postgres.writing() as session:
                today = clock.shanghai_day(clock.now(session))
                usage = queries.lock_usage(session, caller_id=caller, party_id=party, used_on=today)
                usage.used += 1
                session.add(usage)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(call, range(40)))
        with postgres.reading() as session:
            today = clock.shanghai_day(clock.now(session))
            assert [one.used for one in queries.list_usage(session, party_id=party, since=today)] == [40]


class TestDoor:
    def test_a_lower_call_prices_without_storing(self, quick_api: Market) -> None:
        facts = CarFacts(**(BMW | {"first_registration_on": date(2021, 5, 18)}))
        with quick_api.database.reading() as session:
            found = estimate(session, facts=facts, purpose=PricePurpose.AUCTION_HAMMER)
            assert found.low_minor < found.price_minor < found.high_minor
            with pytest.raises(OutsideModel):
                estimate(session, facts=CarFacts(**(BMW | {"brand": "无", "first_registration_on": facts.first_registration_on})))

    def test_the_model_card_is_open(self, quick_api: Market) -> None:
        body = quick_api.get("/valuation/v1/model").json()
        assert body["validation"]["with_new_price"]["by_source"]
        assert body["training_rows"]["cn_che168_nation@2024-06"] > 11_000

    def test_a_persons_estimates_are_exported_and_erased(self, api: Market) -> None:
        owner = sign_up(api, "李车主")
        api.post(URL, json=asked(), headers=owner.headers)
        with api.database.writing() as session:
            exported = PERSONAL_DATA.export(session, owner.id)
            report = PERSONAL_DATA.erase(session, owner.id)
        assert len(exported["estimates"]) == 1
        assert (report.erased, report.kept) == (2, [])
        assert api.get(URL, headers=owner.headers).json()["items"] == []
