"""Licences as records: claimed, decided once, asked for on a legal day; their lapse stops new acts."""

from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from marketplace.accounts import api as accounts
from marketplace.accounts.api import LicenceKind, LicenceLapsed, LicenceMissing
from marketplace.accounts.models import Licence
from marketplace.core import audit, clock
from marketplace.core.db import Database
from tests import people
from tests.market import Market
from tests.people import BASE, Person
from tests.racing import at_once


def _claim(api: Market, holder: Person, **change: Any) -> Any:
    body = {"kind": "dealer_filing", "number": "津商备2026001", "issuer": "天津市商务局", "valid_from": "2026-01-01", **change}
    return api.post(f"{BASE}/licences", json=body, headers=holder.headers)


def _decide(api: Market, clerk: Person, licence_id: str, approve: bool = True, note: str = "") -> Any:
    return api.post(f"{BASE}/licences/{licence_id}/decision", json={"approve": approve, "note": note}, headers=clerk.headers)


def _require(api: Market, party_id: UUID, on: date, kind: LicenceKind = LicenceKind.DEALER_FILING) -> Any:
    with api.database.reading() as session:
        return accounts.require_licence(session, party_id=party_id, kind=kind, on=on)


class TestLife:
    def test_counts_only_once_checked(self, api: Market) -> None:
        clerk = people.operator(api)
        dealer = people.organization(api, by=clerk, licences=())
        claimed = _claim(api, dealer, valid_to="2027-05-31", scope="二手车经销", evidence_key="licences/1.pdf", evidence_hash="0" * 64)
        assert claimed.status_code == 201
        licence = claimed.json()
        assert (licence["state"], licence["decided_by"], licence["party_id"]) == ("claimed", None, str(dealer.organization_id))
        with pytest.raises(LicenceMissing) as missing:
            _require(api, dealer.party_id, date(2026, 11, 24))
        assert missing.value.fields == {"kind": "dealer_filing"}
        assert missing.value.rule is not None
        (waiting,) = api.get(f"{BASE}/licence-claims", headers=clerk.headers).json()["items"]
        assert waiting["id"] == licence["id"]
        checked = _decide(api, clerk, licence["id"], note="原件已核对").json()
        assert (checked["state"], checked["decided_by"], checked["decision_note"]) == ("checked", str(clerk.id), "原件已核对")
        view = _require(api, dealer.party_id, date(2026, 11, 24))
        assert (view.number, view.valid_from, view.valid_to, view.scope) == (
            "津商备2026001",
            date(2026, 1, 1),
            date(2027, 5, 31),
            "二手车经销",
        )
        with api.database.reading() as session:
            trail = audit.list_entries(session, object_kind="licence", object_id=UUID(licence["id"]))
        assert [one.act for one in trail] == ["licence.claim", "licence.checked"]

    def test_lapse_stops_new_acts_on_the_day_after_the_printed_one(self, api: Market) -> None:
        clerk = people.operator(api)
        dealer = people.organization(api, by=clerk, licences=())
        people.licence(api, dealer, "dealer_filing", by=clerk, valid_from=date(2026, 1, 1), valid_to=date(2027, 5, 31))
        assert _require(api, dealer.party_id, date(2026, 1, 1))
        assert _require(api, dealer.party_id, date(2027, 5, 31))
        for day in (date(2027, 6, 1), date(2025, 12, 31)):
            with pytest.raises(LicenceLapsed) as lapsed:
                _require(api, dealer.party_id, day)
            assert lapsed.value.fields == {"kind": "dealer_filing", "valid_from": "2026-01-01", "valid_to": "2027-05-31"}
            assert lapsed.value.status == 403

    def test_the_legal_day_is_shanghais(self, api: Market) -> None:
        with api.database.reading() as session:
            now = clock.now(session)
        assert clock.shanghai_day(now) == (now + timedelta(hours=8)).date()

    def test_a_renewed_one_takes_over(self, api: Market) -> None:
        clerk = people.operator(api)
        dealer = people.organization(api, by=clerk, licences=())
        people.licence(api, dealer, "dealer_filing", by=clerk, valid_from=date(2024, 1, 1), valid_to=date(2025, 12, 31))
        renewed = people.licence(api, dealer, "dealer_filing", by=clerk, valid_from=date(2026, 1, 1), valid_to=date(2027, 12, 31))
        assert _require(api, dealer.party_id, date(2026, 11, 24)).id == renewed
        assert _require(api, dealer.party_id, date(2025, 11, 24)).id != renewed

    def test_rejected_and_revoked_ones_do_not_count(self, api: Market) -> None:
        clerk = people.operator(api)
        dealer = people.organization(api, by=clerk, licences=())
        rejected = _claim(api, dealer).json()["id"]
        assert _decide(api, clerk, rejected, approve=False, note="号码不符").json()["state"] == "rejected"
        checked = people.licence(api, dealer, "dealer_filing", by=clerk)
        path = f"{BASE}/licences/{checked}/revocation"
        assert api.post(path, json={"note": "许可被吊销"}, headers=clerk.headers).json()["state"] == "revoked"
        again = api.post(path, json={"note": "许可被吊销"}, headers=clerk.headers)
        assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "already_decided", "revoked")
        with pytest.raises(LicenceMissing):
            _require(api, dealer.party_id, date(2026, 11, 24))


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"kind": "appraiser_certificate"}, 422, "licence_of_another_kind"),
            ({"kind": "fishing"}, 422, "malformed"),
            ({"valid_from": "2026-02-30"}, 422, "malformed"),
            ({"valid_to": "2025-12-31"}, 409, "ck_licence_validity"),
            ({"evidence_hash": "no hash"}, 422, "malformed"),
            ({"state": "checked"}, 422, "malformed"),
        ],
    )
    def test_change_nothing(self, api: Market, change: dict[str, Any], status: int, code: str) -> None:
        dealer = people.organization(api, licences=())
        answer = _claim(api, dealer, **change)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        with api.database.reading() as session:
            assert session.exec(select(Licence.id)).all() == []

    def test_a_persons_certificate_is_his_own(self, api: Market) -> None:
        clerk = people.operator(api)
        first, second = people.appraisers(api, by=clerk)
        assert _require(api, first.id, date(2026, 11, 24), LicenceKind.APPRAISER_CERTIFICATE)
        with pytest.raises(LicenceMissing):
            _require(api, first.party_id, date(2026, 11, 24), LicenceKind.APPRAISER_CERTIFICATE)
        body = {"kind": "business_licence", "number": "1", "issuer": "x", "valid_from": "2026-01-01"}
        refused = api.post(f"{BASE}/licences", json=body, headers=second.self_headers)
        assert refused.json()["code"] == "licence_of_another_kind"

    def test_one_number_is_one_holders(self, api: Market) -> None:
        clerk = people.operator(api)
        first, second = (people.organization(api, by=clerk, licences=()) for _ in range(2))
        ids = [_claim(api, one).json()["id"] for one in (first, second)]
        assert _decide(api, clerk, ids[0]).status_code == 200
        taken = _decide(api, clerk, ids[1])
        assert (taken.status_code, taken.json()["code"]) == (409, "licence_number_taken")
        assert api.get(f"{BASE}/licences/{ids[1]}", headers=second.headers).json()["state"] == "claimed"

    def test_nobody_checks_his_own_paper(self, api: Market) -> None:
        dealer = people.organization(api, licences=())
        licence_id = _claim(api, dealer).json()["id"]
        assert _decide(api, dealer, licence_id).json()["code"] == "capability_missing"


class TestRaces:
    def test_two_operators_deciding_at_once(self, postgres: Database) -> None:
        with Market(postgres) as api:
            clerks = [people.operator(api), people.operator(api)]
            dealer = people.organization(api, by=clerks[0], licences=())
            for turn in range(4):
                licence_id = _claim(api, dealer, number=f"津商备{turn}").json()["id"]
                answers = at_once([partial(_decide, api, clerk, licence_id, yes) for clerk, yes in zip(clerks, (True, False), strict=True)])
                assert sorted(answer.status_code for answer in answers) == [200, 409]
                winner = next(answer for answer in answers if answer.status_code == 200).json()
                assert api.get(f"{BASE}/licences/{licence_id}", headers=dealer.headers).json()["state"] == winner["state"]
                with postgres.reading() as session:
                    acts = [one.act for one in audit.list_entries(session, object_kind="licence", object_id=UUID(licence_id))]
                assert acts == ["licence.claim", f"licence.{winner['state']}"]

    def test_one_number_checked_for_two_holders_at_once(self, postgres: Database) -> None:
        with Market(postgres) as api:
            clerk = people.operator(api)
            holders = [people.organization(api, by=clerk, licences=()) for _ in range(2)]
            ids = [_claim(api, one).json()["id"] for one in holders]
            answers = at_once([partial(_decide, api, clerk, one) for one in ids])
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"licence_number_taken"}
