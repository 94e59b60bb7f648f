"""Enterprise sources 企业车源: one agreement, lots of cars, each with its own result."""

from datetime import timedelta
from typing import Any

import pytest

from tests.market import Market
from tests.people import BASE, operator, organization, payout_account, sign_up
from tests.purchases import balance, get, hand_over_and_accept, money, pay, sign_both, transfer
from tests.sourcing.acquiring import PRICE, accept, acquirer, inspect, offer_id, shown
from tests.sourcing.supplying import PATH, RULING, Source, car_line


class TestAgreement:
    def test_stands_when_both_sides_have_signed_what_they_read(self, api: Market) -> None:
        clerk = operator(api)
        source = Source(api, clerk, sign=False)
        assert source.bring(car_line()).json()["code"] == "agreement_state_refused"
        stale = source.sign(source.staff, content_hash="0" * 64)
        assert (stale.status_code, stale.json()["code"]) == (409, "agreement_changed")
        first = source.sign(source.staff, content_hash=source.agreement["content_hash"])
        assert (first.json()["state"], first.json()["signed_sides"]) == ("offered", ["source"])
        assert source.sign(source.staff).json()["code"] == "agreement_signed"
        assert source.sign(clerk).json()["state"] == "active"
        text = api.get(f"{PATH}/{source.agreement['id']}/document", headers=source.staff.headers).json()
        assert text["is_intact"]
        assert [one["is_valid"] for one in text["signatures"]] == [True, True]
        assert text["document"]["number"] == source.agreement["number"]

    def test_two_agreements_never_share_a_number_and_are_nobody_elses(self, api: Market) -> None:
        clerk = operator(api)
        first, second = Source(api, clerk), Source(api, clerk, kind="fleet")
        assert first.agreement["number"] != second.agreement["number"]
        path = f"{PATH}/{first.agreement['id']}"
        for person in (second.staff, sign_up(api, "王五")):
            assert api.get(path, headers=person.headers).status_code == 404
        listed = api.get(PATH, headers=second.staff.headers).json()["items"]
        assert [one["id"] for one in listed] == [second.agreement["id"]]

    @pytest.mark.parametrize(
        ("terms", "field"),
        [
            ({"commission_bps": 1_001}, "commission_bps"),
            ({"car_fee_minor": 1_000_001}, "car_fee_minor"),
            ({"valid_to": "2020-01-01"}, "days"),
        ],
    )
    def test_terms_have_bounds(self, api: Market, terms: dict[str, Any], field: str) -> None:
        clerk = operator(api)
        good = Source(api, clerk)
        body = {
            "source_id": str(good.staff.organization_id),
            "origins": ["fleet"],
            "channels": ["auction"],
            "valid_from": "2026-01-01",
            "valid_to": "2026-12-31",
            "commission_bps": 0,
        }
        refused = api.post(PATH, json=body | terms, headers=clerk.headers)
        assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "agreement_terms_out_of_bounds", field)

    def test_brokers_are_no_source(self, api: Market) -> None:
        clerk = operator(api)
        broker = organization(api, "broker", by=clerk)
        body = {
            "source_id": str(broker.organization_id),
            "origins": ["fleet"],
            "channels": ["auction"],
            "valid_from": "2026-01-01",
            "valid_to": "2026-12-31",
            "commission_bps": 0,
        }
        assert api.post(PATH, json=body, headers=clerk.headers).json()["code"] == "not_a_source"


class TestBatch:
    def test_each_car_has_its_own_result(self, api: Market) -> None:
        source = Source(api, operator(api), channels=["acquisition", "auction"])
        bad_vin = car_line()
        bad_vin["facts"]["vin"] = "LSVCZ2A40MN000000"
        lines = source.brought(
            car_line(reference="GZ-1"),
            car_line(channel="auction"),
            car_line(channel="consignment", floor_minor=8_000_000, ask_minor=8_800_000),
            car_line(proofs=[]),
            car_line(proofs=[{"kind": "mortgage_contract", "number": "DY-9"}]),
            car_line(origin="judicial", proofs=RULING),
            bad_vin,
        )
        assert [(line["n"], line["outcome"], line["problem_code"]) for line in lines] == [
            (1, "asked", None),
            (2, "ready", None),
            (3, "refused", "channel_not_agreed"),
            (4, "refused", "disposal_proof_missing"),
            (5, "refused", "disposal_proof_missing"),
            (6, "refused", "disposal_proof_missing"),
            (7, "refused", "bad_vin"),
        ]
        assert lines[0]["reference"] == "GZ-1"
        assert lines[4]["problem"]["zh"] == "缺少处分权证明:法院裁定书"
        assert lines[5]["problem"]["zh"] == "缺少处分权证明:协助执行通知书"
        assert lines[3]["problem"]["rule"].startswith("二手车交易规范 第六条")
        assert [line["vehicle_id"] is None for line in lines] == [False, False, True, True, True, True, True]

    def test_a_consigned_car_is_offered_at_the_agreements_commission(self, api: Market) -> None:
        source = Source(api, operator(api))
        (line,) = source.brought(car_line(channel="consignment", floor_minor=8_000_000, ask_minor=8_800_000))
        assert (line["outcome"], line["problem_code"]) == ("consigned", None)
        found = api.get(f"{BASE}/consignments/{line['consignment_id']}", headers=source.staff.headers).json()
        assert (found["commission_bps"], found["state"]) == (200, "offered")

    def test_the_same_car_twice_is_refused_the_second_time_only(self, api: Market) -> None:
        source = Source(api, operator(api))
        line = car_line()
        results = source.brought(line, line)
        assert [one["outcome"] for one in results] == ["asked", "refused"]

    def test_comes_in_only_while_the_agreement_is_in_force(self, api: Market) -> None:
        clerk = operator(api)
        source = Source(api, clerk)
        api.advance(timedelta(days=31))
        source.staff.sign_in(api)
        late = source.bring(car_line())
        assert (late.status_code, late.json()["code"]) == (409, "agreement_not_in_force")
        body = {"reason": "合作结束"}
        ended = api.post(f"{PATH}/{source.agreement['id']}/termination", json=body, headers=source.staff.headers)
        assert (ended.status_code, ended.json()["state"]) == (200, "terminated")
        assert source.bring(car_line()).json()["code"] == "agreement_state_refused"

    def test_numbers_stay_within_the_market(self, api: Market) -> None:
        source = Source(api, operator(api))
        line = car_line()
        answer = source.bring(line)
        api.relay()
        found = api.get(f"{PATH}/{source.agreement['id']}/batches/{answer.json()['id']}", headers=source.staff.headers)
        assert line["facts"]["vin"] not in found.text
        assert RULING[0]["number"] not in found.text


def test_a_repossessed_car_is_sold_at_the_agreements_fees(api: Market) -> None:
    clerk = operator(api)
    dealer = acquirer(api, by=clerk)
    source = Source(api, clerk)
    money(api, source.staff, 0)
    payout_account(api, source.staff)
    deal = source.asked_car()
    taken = accept(api, deal, offer_id(api, dealer, deal))
    assert taken.status_code == 200, taken.text
    order_id = inspect(api, dealer, deal).json()["order_id"]
    sign_both(api, source.staff, dealer, order_id)
    pay(api, dealer, order_id)
    hand_over_and_accept(api, source.staff, dealer, order_id)
    case = transfer(api, clerk, dealer, order_id)
    assert case["state"] == "completed", case
    for _ in range(4):
        api.relay()
    assert get(api, f"/orders/{order_id}", source.staff)["proceeds_minor"] == PRICE - PRICE * 2 // 100 - 30_000
    assert balance(api, source.staff) == PRICE - 164_000 - 30_000
    assert shown(api, source.staff, deal)["state"] == "completed"
