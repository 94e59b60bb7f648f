"""Feeds that pilots push: signed, read whole before anything is written, every row answered, on both databases."""

import csv
import gzip
import io
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.core.settings import get_settings
from tests.imports import BASE as IMPORTS
from tests.imports import verified_pilot
from tests.market import Market
from tests.parallel_import.feeds import BASE, SECRET, car, document, get, push, rows_of, run_of, settle, signed, source
from tests.people import Person, operator, sign_up


@pytest.fixture
def pilot(api: Market) -> Person:
    return verified_pilot(api)


def states(api: Market, pilot: Person) -> dict[str, str]:
    """Every import of the pilot: masked VIN's end and state."""
    return {one["vin_masked"][-2:]: one["state"] for one in get(api, pilot, "/imports")["items"]}


def on_sale(api: Market) -> list[int]:
    settle(api)
    return sorted(one["price_minor"] for one in api.get(f"{BASE}/feeds/parallel-import.json").json()["cars"])


def counts(run: dict[str, Any]) -> dict[str, int]:
    return {name.removeprefix("rows_"): value for name, value in run.items() if name.startswith("rows_") and value}


class TestPush:
    def test_cars_go_from_a_feed_to_sale_and_the_same_feed_again_costs_nothing(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        content = document(car(1), car(2, state="arrived", ask_minor=None), generator="erp 1")
        answer = push(api, pilot, source_id, content, 1)
        assert answer.status_code == 201, answer.text
        assert answer.json()["state"] == "received"
        run = run_of(api, pilot, source_id)
        assert (run["state"], counts(run)) == ("applied", {"total": 2, "done": 2, "added": 2})
        assert on_sale(api) == [79_900_000]
        assert sorted(states(api, pilot).values()) == ["arrived", "on_sale"]
        again = push(api, pilot, source_id, content, 1)
        assert (again.status_code, again.json()["id"]) == (201, run["id"])
        assert push(api, pilot, source_id, content + b" ", 2).status_code == 201
        run = run_of(api, pilot, source_id)
        assert (run["state"], counts(run)) == ("applied", {"total": 2, "done": 2, "unchanged": 2})
        assert rows_of(api, pilot, run) == []

    def test_a_row_is_changed_held_back_or_bad_each_with_its_reason(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        push(api, pilot, source_id, document(car(1), car(2)), 1)
        run_of(api, pilot, source_id)
        without = [one for one in car(3)["papers"] if one["kind"] != "conformity_certificate"]
        feed = document(
            car(1, ask_minor=70_000_000, differences="收音频段不同"),
            car(2, state="sold"),
            car(3, papers=without),
            car(4, model_year="soon"),
            car(5, vin="JTM"),
            car(1),
        )
        push(api, pilot, source_id, feed, 2)
        run = run_of(api, pilot, source_id)
        assert counts(run) == {"total": 6, "done": 6, "changed": 2, "held_back": 1, "bad": 3}
        found = {row["n"]: (row["outcome"], [one["code"] for one in row["findings"]]) for row in rows_of(api, pilot, run)}
        assert found == {
            1: ("changed", []),
            2: ("changed", []),
            3: ("held_back", ["papers_missing"]),
            4: ("bad", ["int_parsing"]),
            5: ("bad", ["string_too_short"]),
            6: ("bad", ["duplicate"]),
        }
        [held] = [row for row in rows_of(api, pilot, run) if row["n"] == 3]
        assert "车辆一致性证书" in held["findings"][0]["zh"]
        assert on_sale(api) == [70_000_000]
        assert sorted(states(api, pilot).values()) == ["cleared", "on_sale", "sold"]

    def test_a_held_back_row_is_tried_again_and_goes_on(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        stale = car(1, emission_stage="cn5")
        push(api, pilot, source_id, document(stale), 1)
        run = run_of(api, pilot, source_id)
        [row] = rows_of(api, pilot, run)
        assert (row["outcome"], row["findings"][0]["code"]) == ("held_back", "emission_too_low")
        assert "大气污染防治法" in row["findings"][0]["hint"]
        push(api, pilot, source_id, document(car(1)), 2)
        assert counts(run_of(api, pilot, source_id)) == {"total": 1, "done": 1, "changed": 1}
        assert len(on_sale(api)) == 1

    def test_a_car_back_from_sale_keeps_its_dossier(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        push(api, pilot, source_id, document(car(1)), 1)
        run_of(api, pilot, source_id)
        push(api, pilot, source_id, document(car(1, state="certified")), 2)
        assert counts(run_of(api, pilot, source_id))["changed"] == 1
        assert on_sale(api) == []
        push(api, pilot, source_id, document(car(1)), 3)
        run_of(api, pilot, source_id)
        assert len(on_sale(api)) == 1

    def test_the_number_of_a_car_never_becomes_another_cars(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        push(api, pilot, source_id, document(car(1)), 1)
        run_of(api, pilot, source_id)
        push(api, pilot, source_id, document(car(2, ref="PI-1")), 2)
        run = run_of(api, pilot, source_id)
        assert [row["findings"][0]["code"] for row in rows_of(api, pilot, run)] == ["vin_differs"]

    def test_a_car_registered_by_hand_is_taken_over_but_never_another_pilots(self, api: Market, pilot: Person) -> None:
        body = {name: value for name, value in car(1).items() if name in {"vin", "brand", "series", "model", "model_year", "city"}}
        registered = api.post(IMPORTS, json={"car": body, "import_version": "gcc"}, headers=pilot.headers)
        assert registered.status_code == 201, registered.text
        source_id = source(api, pilot)["id"]
        push(api, pilot, source_id, document(car(1)), 1)
        run = run_of(api, pilot, source_id)
        assert [row["outcome"] for row in rows_of(api, pilot, run)] == ["changed"]
        assert [one["id"] for one in get(api, pilot, "/imports")["items"]] == [registered.json()["id"]]
        other = verified_pilot(api)
        foreign = source(api, other)["id"]
        push(api, other, foreign, document(car(1)), 1)
        run = run_of(api, other, foreign)
        assert [row["findings"][0]["code"] for row in rows_of(api, other, run)] == ["held_by_another"]

    @pytest.mark.parametrize("form", ["csv", "xml"])
    def test_a_table_or_xml_packed_says_the_same(self, quick_api: Market, form: str) -> None:
        api, pilot = quick_api, verified_pilot(quick_api)
        source_id = source(api, pilot, form=form, signing="ed25519")["id"]
        plain = {name: value for name, value in car(1).items() if name != "papers"}
        numbers = {f"paper_{one['kind']}": one["number"] for one in car(1)["papers"]}
        if form == "csv":
            out = io.StringIO()
            csv.writer(out).writerows([[*plain, *numbers], [*plain.values(), *numbers.values()]])
            text = out.getvalue().encode("gb18030")
        else:
            papers = "".join(f'<paper kind="{one["kind"]}" number="{one["number"]}"/>' for one in car(1)["papers"])
            members = "".join(f"<{name}>{value}</{name}>" for name, value in plain.items())
            text = f"<feed><car>{members}<papers>{papers}</papers></car></feed>".encode()
        content = gzip.compress(text)
        answer = push(api, pilot, source_id, content, 1, **signed(content, 1, secret=None))
        assert answer.status_code == 201, answer.text
        run = run_of(api, pilot, source_id)
        assert (run["state"], counts(run)) == ("applied", {"total": 1, "done": 1, "added": 1})
        assert on_sale(api) == [79_900_000]


class TestRefused:
    def test_a_feed_not_signed_for_its_sequence_is_not_read(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        content = document(car(1))
        for headers in ({"Feed-Signature": ""}, {"Feed-Signature": "AAAA"}, {"Feed-Sequence": "2"}, signed(content, 1, secret="x" * 20)):
            refused = push(api, pilot, source_id, content, 1, **headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "signature_wrong"), headers
        assert get(api, pilot, f"/import-sources/{source_id}/runs")["items"] == []

    def test_an_older_feed_cannot_be_played_again(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        push(api, pilot, source_id, document(car(1)), 5)
        run_of(api, pilot, source_id)
        refused = push(api, pilot, source_id, document(car(2)), 4)
        assert (refused.status_code, refused.json()["code"], refused.json()["last"]) == (409, "feed_outdated", 5)

    def test_one_feed_at_a_time(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot)["id"]
        assert push(api, pilot, source_id, document(car(1)), 1).status_code == 201
        refused = push(api, pilot, source_id, document(car(2)), 2)
        assert (refused.status_code, refused.json()["code"]) == (409, "run_under_way")
        run_of(api, pilot, source_id)
        assert push(api, pilot, source_id, document(car(2)), 2).status_code == 201

    def test_a_feed_that_breaks_in_the_middle_changes_nothing(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot, scope="full")["id"]
        push(api, pilot, source_id, document(car(1)), 1)
        run_of(api, pilot, source_id)
        push(api, pilot, source_id, document(car(2), car(3))[:-40], 2)
        run = run_of(api, pilot, source_id)
        assert (run["state"], run["problem_code"]) == ("refused", "feed_unreadable")
        assert len(get(api, pilot, "/imports")["items"]) == 1
        assert len(on_sale(api)) == 1
        found = get(api, pilot, f"/import-sources/{source_id}")
        assert (found["problem_code"], found["failures"]) == ("feed_unreadable", 0)

    def test_too_large_unpacked_or_sent(self, quick_api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        pilot = verified_pilot(quick_api)
        source_id = source(quick_api, pilot)["id"]
        monkeypatch.setattr(get_settings(), "feed_file_limit_bytes", 50_000)
        bomb = gzip.compress(b"[" + b" " * 900_000 + b"]")
        refused = push(quick_api, pilot, source_id, bomb, 1)
        assert (refused.status_code, refused.json()["code"]) == (413, "feed_too_large")
        monkeypatch.setattr(get_settings(), "feed_body_limit_bytes", 10)
        assert push(quick_api, pilot, source_id, document(car(1)), 1).status_code == 413

    def test_another_pilots_source_stays_closed(self, api: Market, pilot: Person) -> None:
        found = source(api, pilot)
        other = verified_pilot(api)
        assert push(api, other, found["id"], document(car(1)), 1).status_code == 404
        assert api.get(f"{BASE}/import-sources/{found['id']}", headers=other.headers).status_code == 404
        push(api, pilot, found["id"], document(car(1)), 1)
        run = run_of(api, pilot, found["id"])
        for path in (f"/import-runs/{run['id']}", f"/import-runs/{run['id']}/rows", f"/import-sources/{found['id']}/runs"):
            assert api.get(f"{BASE}{path}", headers=other.headers).status_code == 404

    def test_a_suspended_pilots_feed_is_refused_at_the_door_and_in_the_queue(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        source_id = source(api, pilot)["id"]
        push(api, pilot, source_id, document(car(1)), 1)
        stop = api.post(f"{BASE}/import-pilots/{pilot.party_id}/suspension", json={"reason": "核查"}, headers=clerk.headers)
        assert stop.status_code == 200
        run = run_of(api, pilot, source_id)
        assert (run["state"], run["problem_code"]) == ("refused", "pilot_not_verified")
        assert get(api, pilot, "/imports")["items"] == []
        refused = push(api, pilot, source_id, document(car(1)), 2)
        assert (refused.status_code, refused.json()["code"]) == (403, "pilot_not_verified")

    def test_who_is_no_pilot_sets_up_no_source(self, quick_api: Market) -> None:
        body = {"name": "x", "mode": "push", "form": "json", "signing": "hmac_sha256", "secret": SECRET}
        person = sign_up(quick_api)
        assert quick_api.post(f"{BASE}/import-sources", json=body, headers=person.headers).status_code == 403

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"secret": None}, "secret"),
            ({"signing": "ed25519"}, "public_key"),
            ({"signing": "ed25519", "public_key": "A" * 44}, "public_key"),
            ({"mode": "pull"}, "url"),
            ({"url": "https://example.com/x"}, "url"),
        ],
    )
    def test_settings_that_do_not_fit(self, quick_api: Market, change: dict[str, Any], field: str) -> None:
        pilot = verified_pilot(quick_api)
        body = {"name": "x", "mode": "push", "form": "json", "signing": "hmac_sha256", "secret": SECRET, **change}
        refused = quick_api.post(f"{BASE}/import-sources", json=body, headers=pilot.headers)
        assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "source_incomplete", field)

    def test_secrets_and_addresses_never_come_out(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        url = "https://203-0-113-9.example.invalid/feed?token=t0p-secret"
        found = source(quick_api, pilot, mode="pull", url=url)
        shown = quick_api.get(f"{BASE}/import-sources", headers=pilot.headers).text
        for text in (SECRET, "t0p-secret"):
            assert text not in shown + str(found)
            with quick_api.database.reading() as session:
                rows = session.connection().execute(sa.text("SELECT secret, url FROM import_source")).all()
                assert text not in str(rows)
        assert found["host"] == "203-0-113-9.example.invalid"


class TestFull:
    def test_a_full_feed_takes_out_what_it_no_longer_names(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot, scope="full")["id"]
        push(api, pilot, source_id, document(*(car(n) for n in range(4))), 1)
        run_of(api, pilot, source_id)
        bad = car(1, model_year="x")
        push(api, pilot, source_id, document(car(0), bad), 2)
        run = run_of(api, pilot, source_id)
        assert (run["state"], counts(run)) == ("applied", {"total": 2, "done": 2, "unchanged": 1, "removed": 2, "bad": 1})
        assert on_sale(api) == [79_800_000, 79_900_000]
        push(api, pilot, source_id, document(car(0), car(1), car(2)), 3)
        assert counts(run_of(api, pilot, source_id))["changed"] == 1
        assert len(on_sale(api)) == 3

    def test_a_car_moves_to_another_source_only_when_its_own_let_go_of_it(self, api: Market, pilot: Person) -> None:
        first, second = source(api, pilot, scope="full")["id"], source(api, pilot)["id"]
        push(api, pilot, first, document(car(1)), 1)
        run_of(api, pilot, first)
        push(api, pilot, second, document(car(1)), 1)
        run = run_of(api, pilot, second)
        assert [row["findings"][0]["code"] for row in rows_of(api, pilot, run)] == ["other_source"]
        push(api, pilot, first, document(), 2)
        assert run_of(api, pilot, first)["rows_removed"] == 1
        assert on_sale(api) == []
        push(api, pilot, second, document(car(1)), 2)
        assert run_of(api, pilot, second)["rows_changed"] == 1
        assert len(on_sale(api)) == 1

    def test_trap_8_an_empty_feed_stops_and_asks(self, api: Market, pilot: Person) -> None:
        source_id = source(api, pilot, scope="full")["id"]
        push(api, pilot, source_id, document(*(car(n) for n in range(5))), 1)
        run_of(api, pilot, source_id)
        push(api, pilot, source_id, document(), 2)
        run = run_of(api, pilot, source_id)
        assert (run["state"], run["problem_code"], run["rows_removed"]) == ("stopped", "feed_breaker", 5)
        assert len(on_sale(api)) == 5
        sure = api.post(f"{BASE}/import-runs/{run['id']}/confirmation", headers=pilot.headers)
        assert sure.status_code == 200, sure.text
        run = run_of(api, pilot, source_id)
        assert (run["state"], run["rows_removed"]) == ("applied", 5)
        assert on_sale(api) == []
        refused = api.post(f"{BASE}/import-runs/{run['id']}/confirmation", headers=pilot.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_confirm")


class TestInterrupted:
    def test_a_run_whose_reader_died_is_read_again_to_the_same_end(self, api: Market, pilot: Person) -> None:
        from datetime import timedelta

        from marketplace.core.outbox import use_database
        from marketplace.parallel_import.domain.inbound import RunState
        from marketplace.parallel_import.models import FeedRun
        from marketplace.parallel_import.tasks import sweep_runs

        source_id = source(api, pilot)["id"]
        push(api, pilot, source_id, document(car(1)), 1)
        run = run_of(api, pilot, source_id)
        with api.database.writing() as session:
            row = session.get(FeedRun, UUID(run["id"]))
            assert row is not None
            row.state, row.finished_at, row.leased_until = RunState.RUNNING, None, row.received_at
            session.add(row)
        api.advance(timedelta(minutes=3))
        with use_database(api.database):
            sweep_runs()
        run = run_of(api, pilot, source_id)
        assert (run["state"], counts(run)) == ("applied", {"total": 1, "done": 1, "unchanged": 1})


class TestSoup:
    @given(st.binary(max_size=300), st.sampled_from(["json", "csv", "xml"]))
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_byte_soup_gives_diagnostics_never_a_500(self, quick_api: Market, soup: bytes, form: str) -> None:
        known = getattr(quick_api, "soup", None)
        if known is None:
            pilot = verified_pilot(quick_api)
            known = (pilot, {one: source(quick_api, pilot, form=one)["id"] for one in ("json", "csv", "xml")}, iter(range(1, 10_000)))
            quick_api.soup = known  # type: ignore[attr-defined]
        pilot, sources, numbers = known
        answer = push(quick_api, pilot, sources[form], soup, next(numbers))
        assert answer.status_code in {201, 422}, answer.text
        if answer.status_code == 201:
            run = run_of(quick_api, pilot, sources[form])
            assert run["state"] == "applied" or (run["state"], run["problem_code"]) == ("refused", "feed_unreadable")
            assert run["rows_bad"] == run["rows_total"]
