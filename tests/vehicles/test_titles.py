"""A car that another party holds: a case in the market's queue, which blocks nobody and whose answer moves the title or leaves it."""

from typing import Any
from uuid import UUID

from marketplace.vehicles.api import Capacity, move_holding
from tests.cars import BASE, car_facts, plate, register_car
from tests.market import Market
from tests.people import Person, operator, organization, sign_up

CASES = "/marketplace/v1/cases"
QUEUE = "/marketplace/v1/operations/cases"


def claimed(api: Market, owner: Person, other: Person) -> tuple[dict[str, Any], str]:
    """A car of ``owner`` that ``other`` registers too: the car, and the case's id."""
    body = car_facts()
    car = api.post(BASE, json=body, headers=owner.headers).json()
    answer = api.post(BASE, json=body | {"statement": "本人持有登记证书"}, headers=other.headers)
    assert answer.status_code == 202, answer.text
    return car, answer.json()["case_id"]


def decide(api: Market, clerk: Person, case_id: str, *, granted: bool) -> None:
    assert api.post(f"{QUEUE}/{case_id}/taking", headers=clerk.headers).status_code == 200
    body = {"granted": granted, "note": "已核对登记证书"}
    assert api.post(f"{QUEUE}/{case_id}/decision", json=body, headers=clerk.headers).status_code == 200
    api.relay()


def holder_of(api: Market, car: dict[str, Any], *people: Person) -> list[bool]:
    return [api.get(f"{BASE}/{car['id']}/holding", headers=one.headers).status_code == 200 for one in people]


class TestTitleCase:
    def test_it_blocks_nobody(self, api: Market) -> None:
        dealer, other = organization(api, "dealer"), sign_up(api, "李四")
        body = car_facts()
        car = register_car(api, dealer, **body)
        assert api.post(BASE, json=body, headers=other.headers).status_code == 202
        found = api.get(f"{BASE}/{car['id']}/eligibility", params={"mode": "b2c_store"}, headers=dealer.headers).json()
        assert (found["tradable"], found["findings"]) == (True, [])
        assert api.post(BASE, json=car_facts(), headers=other.headers).status_code == 201

    def test_asked_again_it_is_the_same_case(self, api: Market) -> None:
        owner, other, clerk = sign_up(api), sign_up(api, "李四"), operator(api)
        body = car_facts()
        assert api.post(BASE, json=body, headers=owner.headers).status_code == 201
        ids = {api.post(BASE, json=body, headers=other.headers).json()["case_id"] for _ in range(2)}
        assert len(ids) == 1
        queue = api.get(QUEUE, params={"kind": "title"}, headers=clerk.headers).json()["items"]
        assert [one["id"] for one in queue] == list(ids)

    def test_granted_the_car_is_his_who_asked(self, api: Market) -> None:
        owner, other, clerk = sign_up(api), sign_up(api, "李四"), operator(api)
        car, case_id = claimed(api, owner, other)
        decide(api, clerk, case_id, granted=True)
        assert holder_of(api, car, owner, other) == [False, True]
        mine = api.get(f"{BASE}/{car['id']}/holding", headers=other.headers).json()
        assert (mine["holding"]["proof"], mine["transfer_count"], mine["plate_region"]) == (f"case:{case_id}", 0, "津A")

    def test_refused_nothing_changes(self, api: Market) -> None:
        owner, other, clerk = sign_up(api), sign_up(api, "李四"), operator(api)
        car, case_id = claimed(api, owner, other)
        decide(api, clerk, case_id, granted=False)
        assert holder_of(api, car, owner, other) == [True, False]
        assert api.get(f"{CASES}/{case_id}", headers=other.headers).json()["outcome"] == "refused"

    def test_the_present_holder_is_heard_and_not_told_who_asks(self, api: Market) -> None:
        owner, other = sign_up(api), sign_up(api, "李四")
        _, case_id = claimed(api, owner, other)
        answer = api.get(f"{CASES}/{case_id}", headers=owner.headers)
        assert (answer.status_code, answer.json()["statements"]) == (200, [])
        assert str(other.party_id) not in answer.text

    def test_a_title_that_moved_on_is_not_taken_from_its_buyer(self, api: Market) -> None:
        owner, other, buyer, clerk = sign_up(api), sign_up(api, "李四"), sign_up(api, "王五"), operator(api)
        car, case_id = claimed(api, owner, other)
        with api.database.writing() as session:
            move_holding(session, vehicle_id=UUID(car["id"]), to_party_id=buyer.party_id, capacity=Capacity.OWNER, proof="order:1")
        decide(api, clerk, case_id, granted=True)
        assert holder_of(api, car, owner, other, buyer) == [False, False, True]

    def test_a_chassis_number_is_claimed_like_a_vin(self, quick_api: Market) -> None:
        owner, other = sign_up(quick_api), sign_up(quick_api, "李四")
        old = car_facts(
            vin="BJ212-00777",
            identity_kind="chassis",
            model_year=1996,
            first_registration_on="1996-05-01",
            plate=plate(),
            emission_stage=None,
        )
        assert quick_api.post(BASE, json=old, headers=owner.headers).status_code == 201
        assert quick_api.post(BASE, json=old, headers=other.headers).status_code == 202
