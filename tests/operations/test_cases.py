"""Cases: a question in one queue, taken, decided and closed by the market's people; whose it is not, sees nothing of it."""

from typing import Any
from uuid import UUID

import pytest

from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.operations import api as operations
from marketplace.operations.api import CaseKind, CaseState, Outcome
from marketplace.operations.domain import CaseStateRefused, CaseTakenByAnother, check_close, check_take, check_undecided, check_worked
from tests.market import Market
from tests.people import Person, operator, sign_up

CASES = "/marketplace/v1/cases"
QUEUE = "/marketplace/v1/operations/cases"


def report(api: Market, by: Person, subject_id: UUID | None = None, statement: str = "里程与保养记录不符") -> dict[str, Any]:
    body = {"subject_kind": "vehicle", "subject_id": str(subject_id or new_id()), "statement": statement}
    answer = api.post(CASES, json=body, headers=by.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def act(api: Market, by: Person, case: dict[str, Any], what: str, **body: Any) -> Any:
    return api.post(f"{QUEUE}/{case['id']}/{what}", json=body or None, headers=by.headers)


class TestStates:
    def test_take_decide_and_close_in_this_order_only(self) -> None:
        me, other = new_id(), new_id()
        assert check_take(CaseState.OPEN, taken_by=None, by=me)
        assert not check_take(CaseState.TAKEN, taken_by=me, by=me)
        check_worked(CaseState.TAKEN, taken_by=me, by=me)
        check_close(CaseState.DECIDED)
        for call, error in (
            (lambda: check_take(CaseState.TAKEN, taken_by=other, by=me), CaseTakenByAnother),
            (lambda: check_take(CaseState.DECIDED, taken_by=me, by=me), CaseStateRefused),
            (lambda: check_worked(CaseState.TAKEN, taken_by=other, by=me), CaseTakenByAnother),
            (lambda: check_worked(CaseState.OPEN, taken_by=None, by=me), CaseStateRefused),
            (lambda: check_close(CaseState.TAKEN), CaseStateRefused),
            (lambda: check_close(CaseState.CLOSED), CaseStateRefused),
            (lambda: check_undecided(CaseState.DECIDED), CaseStateRefused),
        ):
            with pytest.raises(error):
                call()


class TestQueue:
    def test_a_report_is_taken_decided_and_closed(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        case = report(api, owner)
        assert (case["kind"], case["state"]) == ("report", "open")
        queue = api.get(QUEUE, headers=clerk.headers).json()["items"]
        assert [one["id"] for one in queue] == [case["id"]]
        assert act(api, clerk, case, "decision", granted=True, note="属实").json()["code"] == "case_state_refused"
        assert act(api, clerk, case, "taking").json()["state"] == "taken"
        assert act(api, clerk, case, "taking").status_code == 200
        decided = act(api, clerk, case, "decision", granted=True, note="属实").json()
        assert (decided["state"], decided["outcome"], decided["decision_note"]) == ("decided", "granted", "属实")
        closed = act(api, clerk, case, "closing").json()
        assert (closed["state"], closed["closed_at"] is not None) == ("closed", True)
        assert api.get(QUEUE, headers=clerk.headers).json()["items"] == []
        assert len(api.get(QUEUE, params={"state": "closed", "kind": "report"}, headers=clerk.headers).json()["items"]) == 1
        assert api.get(QUEUE, params={"state": "closed", "kind": "title"}, headers=clerk.headers).json()["items"] == []

    def test_two_operators_do_not_work_one_case(self, api: Market) -> None:
        owner, first = sign_up(api), operator(api)
        second = operator(api)
        case = report(api, owner)
        assert act(api, first, case, "taking").status_code == 200
        for what, body in (("taking", {}), ("decision", {"granted": False, "note": "不属实"}), ("return", {})):
            answer = act(api, second, case, what, **body)
            assert (answer.status_code, answer.json()["code"]) == (409, "case_taken_by_another")
        assert act(api, first, case, "return").json()["state"] == "open"
        assert act(api, second, case, "taking").json()["state"] == "taken"

    def test_nobody_works_his_own_case(self, api: Market) -> None:
        clerk = operator(api)
        with api.database.writing() as session:
            opened = operations.open_case(
                session, principal=None, kind=CaseKind.TITLE, subject_kind="vehicle", subject_id=new_id(), opened_by=clerk.party_id
            )
        answer = act(api, clerk, {"id": str(opened.id)}, "taking")
        assert (answer.status_code, answer.json()["code"]) == (403, "own_case")

    def test_only_operators_see_the_queue(self, api: Market) -> None:
        owner = sign_up(api)
        case = report(api, owner)
        assert api.get(QUEUE, headers=owner.headers).status_code == 403
        assert act(api, owner, case, "taking").status_code == 403


class TestParties:
    def test_the_same_question_twice_is_one_case(self, api: Market) -> None:
        owner, subject = sign_up(api), new_id()
        first, again = report(api, owner, subject), report(api, owner, subject, "另有照片")
        assert first["id"] == again["id"]
        said = api.get(f"{CASES}/{first['id']}", headers=owner.headers).json()
        assert [(one["by"], one["text"]) for one in said["statements"]] == [("you", "里程与保养记录不符"), ("you", "另有照片")]
        assert (said["opened_by"], said["respondent_id"], said["facts"]) == (None, None, {})

    def test_a_party_reads_its_own_words_and_the_markets_not_the_others(self, api: Market) -> None:
        claimant, holder, clerk, stranger = sign_up(api), sign_up(api, "李四"), operator(api), sign_up(api, "王五")
        with api.database.writing() as session:
            opened = operations.open_case(
                session,
                principal=None,
                kind=CaseKind.TITLE,
                subject_kind="vehicle",
                subject_id=new_id(),
                opened_by=claimant.party_id,
                respondent_id=holder.party_id,
                statement="我有登记证书",
            )
        path = f"{CASES}/{opened.id}"
        assert api.post(f"{path}/statements", json={"text": "车是我的"}, headers=holder.headers).status_code == 201
        assert api.post(f"{path}/statements", json={"text": "请补充证书"}, headers=clerk.headers).status_code == 201
        texts = {
            who: [(one["by"], one["text"]) for one in api.get(path, headers=person.headers).json()["statements"]]
            for who, person in (("claimant", claimant), ("holder", holder), ("clerk", clerk))
        }
        assert texts["claimant"] == [("you", "我有登记证书"), ("market", "请补充证书")]
        assert texts["holder"] == [("you", "车是我的"), ("market", "请补充证书")]
        assert [one[0] for one in texts["clerk"]] == ["party", "party", "market"]
        assert [one["id"] for one in api.get(CASES, headers=holder.headers).json()["items"]] == [str(opened.id)]
        assert api.get(path, headers=stranger.headers).status_code == 404
        assert api.post(f"{path}/statements", json={"text": "我也有话说"}, headers=stranger.headers).status_code == 404
        assert api.post(f"{path}/withdrawal", headers=holder.headers).status_code == 404

    def test_what_was_asked_is_taken_back_and_asked_anew(self, api: Market) -> None:
        owner, subject = sign_up(api), new_id()
        case = report(api, owner, subject)
        back = api.post(f"{CASES}/{case['id']}/withdrawal", headers=owner.headers).json()
        assert (back["state"], back["outcome"]) == ("closed", "withdrawn")
        late = api.post(f"{CASES}/{case['id']}/statements", json={"text": "再补充"}, headers=owner.headers)
        assert (late.status_code, late.json()["code"]) == (409, "case_state_refused")
        assert report(api, owner, subject)["id"] != case["id"]


class TestOpenCase:
    def test_the_markets_own_question_is_asked_once(self, db: Database) -> None:
        subject = new_id()
        ids = []
        for _ in range(2):
            with db.writing() as session:
                opened = operations.open_case(
                    session, principal=None, kind=CaseKind.ODOMETER, subject_kind="vehicle", subject_id=subject, facts={"km": 1}
                )
                ids.append(opened.id)
        assert ids[0] == ids[1]
        assert (opened.state, opened.outcome, opened.opened_by) == (CaseState.OPEN, None, None)


class TestPersonalData:
    def test_a_persons_words_are_given_to_him_and_erased_once_the_case_is_over(self, api: Market) -> None:
        owner = sign_up(api)
        case, other = report(api, owner), report(api, owner, statement="另一件事情")
        api.post(f"{CASES}/{case['id']}/withdrawal", headers=owner.headers)
        with api.database.writing() as session:
            exported = operations.PERSONAL_DATA.export(session, owner.party_id)
            report_ = operations.PERSONAL_DATA.erase(session, owner.party_id)
        assert {one["id"]: one["outcome"] for one in exported["cases"]} == {case["id"]: Outcome.WITHDRAWN.value, other["id"]: None}
        assert [one["text"] for one in exported["case_statements"]] == ["里程与保养记录不符", "另一件事情"]
        assert (report_.erased, len(report_.kept)) == (1, 1)
        assert api.get(f"{CASES}/{case['id']}", headers=owner.headers).json()["statements"][0]["text"] is None
