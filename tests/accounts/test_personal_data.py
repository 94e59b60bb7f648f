"""Personal data: taken along, erased all at once or not at all, kept by the retention table, revealed on record."""

import importlib
import pkgutil
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from marketplace import subscriptions
from marketplace.accounts import api as accounts
from marketplace.accounts.api import ErasureReport, PersonalData, PrivacyHold
from marketplace.accounts.domain import MembershipState, PartyState
from marketplace.accounts.models import Device, Membership, Party, Person, RefreshToken, SignIn
from marketplace.accounts.tasks import sweep_credentials, sweep_identities
from marketplace.core import audit, rules
from marketplace.core.crypto import sha256_hex
from marketplace.core.db import Session
from marketplace.core.outbox import OutboxEvent, use_database
from marketplace.core.security import Principal, PrincipalKind
from marketplace.registry import PACKAGES
from tests import people
from tests.market import Market
from tests.people import BASE, PASSWORD
from tests.people import Person as Somebody


def _close(api: Market, person: Somebody, passphrase: str = PASSWORD) -> Any:
    return api.post(f"{BASE}/me/closure", json={"passphrase": passphrase}, headers=person.self_headers)


def _sign(api: Market, person: Somebody) -> accounts.SignatureView:
    with api.database.writing() as session:
        return accounts.sign(
            session,
            principal=Principal(id=person.id, kind=PrincipalKind.PERSON, party_id=person.id),
            passphrase=PASSWORD,
            document_kind="contract",
            document_id=uuid4(),
            content_hash=sha256_hex(b"contract"),
        )


class TestExport:
    def test_holds_everything_in_clear_by_feature(self, api: Market) -> None:
        clerk, person = people.operator(api), people.sign_up(api, "李四")
        people.licence(api, person, "auctioneer_certificate", by=clerk)
        people.payout_account(api, person)
        answer = api.get(f"{BASE}/me/personal-data", headers=person.headers)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        features = answer.json()["features"]
        own = features["accounts"]
        assert (own["person"]["phone"], own["person"]["name"]) == (person.phone, "李四")
        assert len(own["person"]["resident_id"]) == 18
        assert [one["kind"] for one in own["licences"]] == ["auctioneer_certificate"]
        assert own["payout_accounts"] == [{"bank": "中国建设银行天津分行", "number": "6217000010001234567"}]
        assert set(features) == {part.feature for part in subscriptions.PERSONAL_DATA}

    def test_a_password_alone_does_not_copy_a_life(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api)).sign_in(api)
        refused = api.get(f"{BASE}/me/personal-data", headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")


class TestRegistry:
    def test_every_feature_that_defines_a_part_is_listed_once(self) -> None:
        defined = set()
        for name in PACKAGES:
            package = importlib.import_module(name)
            for found in pkgutil.walk_packages(package.__path__, f"{name}."):
                if found.name.endswith(".api"):
                    parts = vars(importlib.import_module(found.name)).values()
                    defined |= {part.feature for part in parts if isinstance(part, PersonalData)}
        listed = [part.feature for part in subscriptions.PERSONAL_DATA]
        assert sorted(listed) == sorted(defined)

    def test_every_kept_record_has_years_and_an_article(self) -> None:
        from marketplace.accounts.service.personal_data import RETENTION

        for version in rules.versions(RETENTION):
            assert set(version.values["years"]) == set(version.values["articles"])
            assert set(version.values["certainty"]) <= set(version.values["years"])
        term = accounts.retention_term("trade_file", on=date(2026, 11, 24))
        assert (term.years, term.article) == (3, "二手车交易规范 第十一条")
        assert accounts.retention_term("auction_record_after_mandate", on=date(2026, 11, 24)).years == 5
        assert accounts.retention_term("appraisal_file", on=date(2026, 11, 24)).years == 15


class TestClosure:
    def test_of_somebody_who_never_traded_leaves_nothing(self, api: Market) -> None:
        person = people.sign_up(api)
        answer = _close(api, person)
        assert answer.status_code == 200
        assert "accounts" not in answer.json()["kept"]
        with api.database.reading() as session:
            row = session.get_one(Person, person.id)
            values = [row.phone, row.phone_hash, row.email, row.email_hash, row.name, row.resident_id, row.resident_id_hash]
            assert values == [None] * 7
            assert [row.password_hash, row.totp_secret, row.signing_key, row.identity_kept_to] == [None] * 4
            party = session.get_one(Party, person.id)
            assert (party.state, party.display_name) == (PartyState.CLOSED, "已注销用户")
            for table in (SignIn, Device, RefreshToken):
                assert session.exec(select(table)).all() == []
            event = session.exec(select(OutboxEvent).where(OutboxEvent.name == "accounts.party_closed")).one()
            assert event.payload == {"party_id": str(person.id)}
        refused = api.post(f"{BASE}/sign-ins/token", json={"username": person.phone, "password": PASSWORD})
        assert refused.json()["code"] == "sign_in_refused"
        assert people.sign_up(api, phone=person.phone).id != person.id

    def test_whoever_signed_keeps_his_identity_for_its_term_and_no_longer(self, api: Market) -> None:
        person = people.sign_up(api, "李四")
        signature = _sign(api, person)
        kept = _close(api, person).json()["kept"]["accounts"]
        assert any("二手车交易规范 第十一条" in one and "3 年" in one for one in kept)
        with api.database.reading() as session:
            row = session.get_one(Person, person.id)
            assert (row.name, row.phone, row.signing_key) == ("李四", None, None)
            assert row.identity_kept_to is not None
            assert accounts.verify_signature(
                accounts.list_signatures(session, document_kind="contract", document_id=signature.document_id)[0]
            )
            days = (row.identity_kept_to - datetime.now(UTC).date()).days
        assert 1_094 <= days <= 1_097
        self._sweep(api)
        assert self._name(api, person.id) == "李四"
        api.advance(timedelta(days=1_098))
        self._sweep(api)
        assert self._name(api, person.id) is None

    def test_staff_leaves_its_organizations(self, api: Market) -> None:
        owner = people.organization(api)
        seller = people.member(api, owner, "sales")
        assert _close(api, seller).status_code == 200
        with api.database.reading() as session:
            membership = session.exec(select(Membership).where(Membership.person_id == seller.id)).one()
        assert membership.state is MembershipState.LEFT

    def test_the_only_owner_is_held_with_the_reason_and_nothing_changes(self, api: Market) -> None:
        owner = people.organization(api, name="海河二手车")
        refused = _close(api, owner)
        assert (refused.status_code, refused.json()["code"]) == (409, "privacy_hold")
        assert any("海河二手车" in reason for reason in refused.json()["reasons"])
        assert self._name(api, owner.id) == "钱老板"
        assert owner.renew(api)

    def test_needs_the_password(self, api: Market) -> None:
        person = people.sign_up(api)
        assert _close(api, person, "wrong").json()["code"] == "wrong_passphrase"
        assert self._name(api, person.id) == "张三"

    def test_one_features_hold_undoes_what_the_others_erased(self, api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        """And every feature's reasons are told at once."""

        def hold(_session: Session, _party_id: UUID) -> ErasureReport:
            raise PrivacyHold(reasons=["订单 1 未完结", "订单 2 未完结"])

        unfinished = PersonalData("unfinished", lambda _session, _party_id: {}, hold)
        monkeypatch.setattr(subscriptions, "PERSONAL_DATA", (*subscriptions.PERSONAL_DATA, unfinished))
        person = people.sign_up(api)
        refused = _close(api, person)
        assert (refused.status_code, refused.json()["reasons"]) == (409, ["订单 1 未完结", "订单 2 未完结"])
        assert self._name(api, person.id) == "张三"
        assert person.renew(api)

    def _sweep(self, api: Market) -> None:
        with use_database(api.database):
            sweep_identities()

    def _name(self, api: Market, person_id: UUID) -> str | None:
        with api.database.reading() as session:
            return session.get_one(Person, person_id).name


class TestReveal:
    def test_gives_what_was_asked_and_stands_on_record(self, api: Market) -> None:
        clerk, person = people.operator(api), people.sign_up(api, "李四")
        body = {"reason": "买卖纠纷 2026-0113 联系卖方", "fields": ["phone", "name"]}
        answer = api.post(f"{BASE}/parties/{person.id}/reveals", json=body, headers=clerk.headers)
        assert (answer.status_code, answer.json()["values"]) == (201, {"phone": person.phone, "name": "李四"})
        with api.database.reading() as session:
            entry = audit.list_entries(session, object_kind="party", object_id=person.id)[-1]
        assert (entry.act, entry.actor_id, entry.reason) == ("personal_data.reveal", clerk.id, "买卖纠纷 2026-0113 联系卖方")
        assert entry.facts == {"fields": ["name", "phone"]}
        (seen,) = api.get(f"{BASE}/me/personal-data", headers=person.headers).json()["features"]["accounts"]["reveals"]
        assert (seen["reason"], seen["fields"]) == ("买卖纠纷 2026-0113 联系卖方", ["name", "phone"])

    def test_a_repeated_one_is_logged_again_and_stored_nowhere(self, api: Market) -> None:
        clerk, person = people.operator(api), people.sign_up(api)
        headers = {**clerk.headers, "Idempotency-Key": "one"}
        body = {"reason": "联系卖方", "fields": ["phone"]}
        for _ in range(2):
            assert api.post(f"{BASE}/parties/{person.id}/reveals", json=body, headers=headers).status_code == 201
        with api.database.reading() as session:
            trail = audit.list_entries(session, object_kind="party", object_id=person.id)
            stored = session.connection().exec_driver_sql("SELECT body FROM idempotency_answer").scalars().all()
        assert [one.act for one in trail].count("personal_data.reveal") == 2
        assert not any(person.phone.encode() in bytes(one) for one in stored)

    @pytest.mark.parametrize(
        "body", [{"fields": ["phone"]}, {"reason": "  ", "fields": ["phone"]}, {"reason": "because", "fields": ["password"]}]
    )
    def test_without_a_reason_or_of_something_else(self, quick_api: Market, body: dict[str, Any]) -> None:
        clerk, person = people.operator(quick_api), people.sign_up(quick_api)
        assert quick_api.post(f"{BASE}/parties/{person.id}/reveals", json=body, headers=clerk.headers).status_code == 422

    def test_auditors_and_owners_may_not(self, api: Market) -> None:
        clerk, person = people.operator(api), people.sign_up(api)
        auditor = people.member(api, clerk, "auditor")
        body = {"reason": "because I can", "fields": ["phone"]}
        for somebody in (auditor, person, people.organization(api, by=clerk)):
            assert api.post(f"{BASE}/parties/{person.id}/reveals", json=body, headers=somebody.headers).status_code == 403

    def test_without_the_second_factor_never(self, api: Market) -> None:
        clerk, person = people.operator(api), people.sign_up(api)
        clerk.sign_in(api)
        body = {"reason": "联系卖方", "fields": ["phone"]}
        answer = api.post(f"{BASE}/parties/{person.id}/reveals", json=body, headers=clerk.headers)
        assert answer.json()["code"] == "second_factor_required"


class TestSweeps:
    def test_old_sign_ins_and_failures_go(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        api.client.cookies.clear()
        api.post(f"{BASE}/sign-ins/token", json={"username": person.phone, "password": "wrong"})
        with api.database.writing() as session:
            for sign_in in session.exec(select(SignIn)):
                sign_in.ended_at = sign_in.created_at - timedelta(days=91)
                session.add(sign_in)
            session.connection().exec_driver_sql("UPDATE failure_count SET last_at = '2020-01-01 00:00:00'")
        with use_database(api.database):
            sweep_credentials()
        with api.database.reading() as session:
            for table in ("sign_in", "refresh_token", "failure_count"):
                assert session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
