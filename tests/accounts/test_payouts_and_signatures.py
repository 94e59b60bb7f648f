"""Where a party is paid, and what a person signs: both need the password once more."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from marketplace.accounts import api as accounts
from marketplace.accounts.api import PayoutAccountMissing, PeopleOnly, SignatureView, WrongPassphrase
from marketplace.accounts.events import PayoutAccountChanged
from marketplace.accounts.models import PayoutAccount, Signature
from marketplace.accounts.service.passphrases import proofs
from marketplace.core import audit
from marketplace.core.crypto import sha256_hex
from marketplace.core.outbox import OutboxEvent
from marketplace.core.security import Principal, PrincipalKind
from tests import people
from tests.market import Market
from tests.people import BASE, PASSWORD, Person

HASH = sha256_hex(b"contract")


def _paid_to(api: Market, person: Person) -> str:
    with api.database.reading() as session:
        return accounts.payout_account(session, party_id=person.party_id).number_masked


class TestPayoutAccount:
    def _change(self, api: Market, person: Person, **change: str) -> tuple[int, dict[str, object]]:
        body = {
            "passphrase": PASSWORD,
            "bank": "建设银行",
            "holder": person.organization_name or person.name,
            "number": "6217 0000 1000 1234",
        }
        answer = api.post(f"{BASE}/payout-accounts", json={**body, **change}, headers=person.headers)
        return answer.status_code, answer.json()

    def test_the_first_serves_at_once_a_change_after_the_cooling_off(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        with pytest.raises(PayoutAccountMissing):
            _paid_to(api, person)
        assert self._change(api, person)[1]["in_use"] is True
        assert _paid_to(api, person) == "****1234"
        status, changed = self._change(api, person, number="6222000099998888")
        assert (status, changed["in_use"], changed["number_masked"]) == (201, False, "****8888")
        assert _paid_to(api, person) == "****1234"
        api.advance(timedelta(hours=24) - timedelta(seconds=5))
        assert _paid_to(api, person) == "****1234"
        api.advance(timedelta(seconds=5))
        assert _paid_to(api, person) == "****8888"

    def test_the_holder_can_object_in_time(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        self._change(api, person)
        _, thief = self._change(api, person, number="6222000099998888")
        assert api.delete(f"{BASE}/payout-accounts/{thief['id']}", headers=person.headers).status_code == 204
        assert api.delete(f"{BASE}/payout-accounts/{thief['id']}", headers=person.headers).status_code == 404
        api.advance(timedelta(hours=48))
        assert _paid_to(api, person) == "****1234"

    def test_is_told_by_event_and_stands_in_the_trail(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        account_id = self._change(api, person)[1]["id"]
        with api.database.reading() as session:
            event = session.exec(select(OutboxEvent).where(OutboxEvent.name == PayoutAccountChanged.name)).one()
            trail = audit.list_entries(session, object_kind="party", object_id=person.id)
            raw = session.connection().exec_driver_sql("SELECT number, holder FROM payout_account").one()
        assert (event.key, event.payload["payout_account_id"]) == (f"party:{person.id}", account_id)
        assert trail[-1].act == "payout_account.change"
        assert "621700" not in str(event.payload) + str(trail[-1].facts) + str(raw)
        assert "张三" not in str(raw)

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"passphrase": "wrong"}, 403, "wrong_passphrase"),
            ({"holder": "李四"}, 422, "payout_name_mismatch"),
            ({"number": "no digits at all"}, 422, "card_invalid"),
            ({"number": "1234567"}, 422, "malformed"),
        ],
    )
    def test_refuses_and_changes_nothing(self, api: Market, change: dict[str, str], status: int, code: str) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        answered, body = self._change(api, person, **change)
        assert (answered, body["code"]) == (status, code)
        with api.database.reading() as session:
            assert session.exec(select(PayoutAccount.id)).all() == []

    def test_needs_a_real_name(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api, real_name=False))
        assert self._change(api, person, holder="张三")[1]["code"] == "real_name_missing"

    def test_of_another_party_is_not_there(self, api: Market) -> None:
        ann, bob = (people.with_second_factor(api, people.sign_up(api)) for _ in range(2))
        account_id = self._change(api, ann)[1]["id"]
        assert api.delete(f"{BASE}/payout-accounts/{account_id}", headers=bob.headers).status_code == 404
        assert api.get(f"{BASE}/payout-accounts", headers=bob.headers).json()["items"] == []
        assert _paid_to(api, ann) == "****1234"


class TestSign:
    def _sign(self, api: Market, principal: Principal, passphrase: str = PASSWORD, content_hash: str = HASH) -> SignatureView:
        with api.database.writing() as session:
            return accounts.sign(
                session,
                principal=principal,
                passphrase=passphrase,
                document_kind="contract",
                document_id=uuid4(),
                content_hash=content_hash,
            )

    def _principal(self, person: Person, party_id: UUID | None = None) -> Principal:
        return Principal(id=person.id, kind=PrincipalKind.PERSON, party_id=party_id or person.id)

    def test_verifies_and_survives_the_database(self, api: Market) -> None:
        person = people.sign_up(api)
        view = self._sign(api, self._principal(person))
        assert accounts.verify_signature(view)
        with api.database.reading() as session:
            (stored,) = accounts.list_signatures(session, document_kind="contract", document_id=view.document_id)
        assert stored == view
        assert accounts.verify_signature(stored)

    @pytest.mark.parametrize(
        "member", ["person_id", "party_id", "document_id", "document_kind", "content_hash", "at", "public_key", "signature"]
    )
    def test_covers_document_hash_person_party_and_moment(self, quick_api: Market, member: str) -> None:
        view = self._sign(quick_api, self._principal(people.sign_up(quick_api)))
        changed = {
            "person_id": uuid4(),
            "party_id": uuid4(),
            "document_id": uuid4(),
            "document_kind": "report",
            "content_hash": sha256_hex(b"another"),
            "at": view.at + timedelta(microseconds=1),
            "public_key": "00" * 32,
            "signature": "zz",
        }[member]
        members = {name: getattr(view, name) for name in SignatureView.__dataclass_fields__}
        assert not accounts.verify_signature(SignatureView(**{**members, member: changed}))

    def test_needs_the_password_and_leaves_nothing_without(self, api: Market) -> None:
        person = people.sign_up(api)
        with pytest.raises(WrongPassphrase):
            self._sign(api, self._principal(person), passphrase="wrong")
        with api.database.reading() as session:
            assert session.exec(select(Signature.id)).all() == []

    def test_no_machine_signs(self, api: Market) -> None:
        with pytest.raises(PeopleOnly):
            self._sign(api, Principal(id=uuid4(), kind=PrincipalKind.MACHINE, party_id=uuid4()))

    def test_each_person_has_a_key_of_his_own(self, api: Market) -> None:
        keys = {self._sign(api, self._principal(people.sign_up(api))).public_key for _ in range(2)}
        assert len(keys) == 2

    def test_for_an_organization_names_person_and_party(self, api: Market) -> None:
        owner = people.organization(api)
        view = self._sign(api, self._principal(owner, owner.party_id))
        assert (view.person_id, view.party_id) == (owner.id, owner.organization_id)
        assert accounts.verify_signature(view)

    def test_the_database_refuses_to_change_one(self, api: Market) -> None:
        self._sign(api, self._principal(people.sign_up(api)))
        for statement in ("UPDATE signature SET content_hash = ''", "DELETE FROM signature"):
            with pytest.raises(DBAPIError, match="signature_append_only"), api.database.writing() as session:
                session.connection().exec_driver_sql(statement)

    def test_a_fifth_wrong_password_waits(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        body = {"passphrase": "wrong", "password": "another long sentence"}
        codes = [api.post(f"{BASE}/me/password", json=body, headers=person.headers).json()["code"] for _ in range(4)]
        assert codes == ["wrong_passphrase"] * 3 + ["sign_in_delayed"]

    def test_the_password_is_verified_before_the_transaction(self, api: Market) -> None:
        """The route's proof is what the service finds: no hashing while locks are held."""
        person = people.with_second_factor(api, people.sign_up(api))
        people.payout_account(api, person)
        with api.database.reading() as session:
            stored = session.connection().exec_driver_sql("SELECT password_hash FROM person").scalar_one()
        assert proofs.has(stored, PASSWORD)
        assert not proofs.has(stored, "another")
