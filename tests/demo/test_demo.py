"""The demo market's inventions are valid, its clock is the operator's alone, and it exists only where the setting says so."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select
from starlette.routing import NoMatchFound

from marketplace.accounts import queries
from marketplace.accounts.domain import normalize_credit_code, normalize_resident_id
from marketplace.app import create_app
from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.settings import Settings
from marketplace.demo import seed
from marketplace.demo.cars import PATTERNS, demo_cars
from marketplace.demo.people import OPERATOR, PEOPLE, credit_code
from marketplace.listings.models import Listing
from marketplace.vehicles.api import check_stated
from tests.market import Market
from tests.people import operator, sign_up

TODAY = date(2026, 11, 24)


class TestInventions:
    def test_every_car_is_one_that_may_be_registered_and_no_two_are_the_same(self) -> None:
        cars = list(demo_cars(400, today=TODAY))
        for car in cars:
            check_stated(car.facts, today=TODAY)
            assert 800_000 <= car.ask_minor <= 60_000_000
        assert len({car.facts.vin for car in cars}) == 400
        assert {car.facts.series for car in cars} == {pattern.series for pattern in PATTERNS}

    def test_the_same_cars_every_time(self) -> None:
        assert list(demo_cars(20, today=TODAY)) == list(demo_cars(20, today=TODAY))

    def test_people_and_organizations_have_right_numbers(self) -> None:
        assert len({person.phone for person in PEOPLE}) == len(PEOPLE)
        for person in PEOPLE:
            assert normalize_resident_id(person.resident_id) == person.resident_id
            assert normalize_credit_code(credit_code(person.serial)) == credit_code(person.serial)


class TestLoading:
    def test_a_market_is_loaded_once(self, db: Database) -> None:
        settings = Settings(demo=True)
        told: list[str] = []
        for _ in range(2):
            seed.load_market(db, settings=settings, cars=12, tell=told.append)
        with db.reading() as session:
            assert queries.find_person_by_phone(session, OPERATOR.phone) is not None
            assert len(session.exec(select(Listing)).all()) == 12
        assert told[-1] == "  12/12 辆 cars"

    def test_only_a_demo_market_is_loaded(self, sqlite: Database) -> None:
        with pytest.raises(RuntimeError, match="HENANROAD_DEMO"):
            seed.load_market(sqlite, settings=Settings(demo=False), cars=1, tell=print)
        with sqlite.reading() as session:
            assert session.exec(select(Listing)).all() == []


class TestClock:
    PATH = "/marketplace/v1/demo/clock"

    def test_the_operator_moves_it_forward(self, quick_api: Market) -> None:
        clerk = operator(quick_api)
        answer = quick_api.post(self.PATH, json={"advance_s": 86_400}, headers=clerk.headers)
        assert answer.status_code == 200
        ahead = datetime.fromisoformat(answer.json()["now"]) - datetime.now(UTC)
        assert timedelta(hours=23, minutes=59) < ahead <= timedelta(days=1)
        assert quick_api.post(self.PATH, json={"advance_s": -1}, headers=clerk.headers).status_code == 422

    def test_nobody_else_does(self, quick_api: Market) -> None:
        person = sign_up(quick_api, "路人")
        refused = quick_api.post(self.PATH, json={"advance_s": 60}, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "capability_missing")
        with quick_api.database.reading() as session:
            assert clock.get_offset(session) == timedelta()

    def test_there_is_none_outside_a_demo(self, sqlite: Database) -> None:
        plain = create_app(Settings(demo=False), database=sqlite, background=False)
        demo = create_app(Settings(demo=True), database=sqlite, background=False)
        assert plain.url_path_for("show_home") == "/"
        assert demo.url_path_for("advance_clock") == self.PATH
        with pytest.raises(NoMatchFound):
            plain.url_path_for("advance_clock")
