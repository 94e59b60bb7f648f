"""Field encryption, look-up hashes, rotation on both databases; canonical JSON, signatures, masks."""

import base64
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import crypto
from marketplace.core.crypto import CannotDecrypt, Encrypted, KeyRing, canonical_json
from marketplace.core.db import Database, metadata
from marketplace.core.settings import Settings

OLD, NEW = "o" * 32, "n" * 32
KEY = base64.b64encode(b"k" * 32).decode()
CONFIGURED = f"2026:{KEY}"


def ring(secret: str = OLD, previous: str = "", keys: str = "") -> KeyRing:
    return KeyRing(Settings.model_validate({"secret_key": secret, "secret_keys_previous": previous, "encryption_keys": keys}))


class TestKeyRing:
    @given(st.text())
    def test_opens_what_it_sealed(self, text: str) -> None:
        one = ring()
        assert one.decrypt(one.encrypt(text, "phone"), "phone") == text

    def test_two_ciphertexts_of_one_value_differ(self) -> None:
        one = ring()
        assert one.encrypt("13800000000") != one.encrypt("13800000000")

    def test_a_value_moved_to_another_column_does_not_open(self) -> None:
        one = ring()
        with pytest.raises(CannotDecrypt) as refused:
            one.decrypt(one.encrypt("13800000000", "phone"), "resident_id")
        assert "138" not in str(refused.value)

    def test_a_changed_byte_does_not_open(self) -> None:
        one = ring()
        stored = one.encrypt("13800000000", "phone")
        key_id, _, body = stored.partition(".")
        raw = bytearray(base64.urlsafe_b64decode(body))
        for place in range(len(raw)):
            raw[place] ^= 1
            with pytest.raises(CannotDecrypt):
                one.decrypt(f"{key_id}.{base64.urlsafe_b64encode(raw).decode()}", "phone")
            raw[place] ^= 1

    @given(st.text(max_size=80))
    def test_no_text_breaks_it(self, text: str) -> None:
        with pytest.raises(CannotDecrypt):
            ring().decrypt(text, "phone")

    def test_a_former_secret_still_opens_and_no_longer_seals(self) -> None:
        old, both, new = ring(OLD), ring(NEW, OLD), ring(NEW)
        stored = old.encrypt("x", "p")
        assert both.decrypt(stored, "p") == "x"
        assert new.decrypt(both.encrypt("x", "p"), "p") == "x"
        with pytest.raises(CannotDecrypt, match="no key"):
            new.decrypt(stored, "p")

    def test_configured_keys_come_before_derived_ones(self) -> None:
        stored = ring(OLD).encrypt("x", "p")
        configured = ring(OLD, keys=CONFIGURED)
        assert configured.encrypt("x", "p").startswith("2026.")
        assert configured.decrypt(stored, "p") == "x"

    @pytest.mark.parametrize("keys", ["2026:c2hvcnQ=", f":{KEY}", f"a.b:{KEY}"])
    def test_a_key_of_the_wrong_form_stops_the_start(self, keys: str) -> None:
        with pytest.raises(ValueError, match="ENCRYPTION_KEYS"):
            ring(keys=keys)


class TestLookup:
    def test_equal_values_have_equal_hashes_within_a_purpose_only(self) -> None:
        assert crypto.keyed_hash("phone", "1") == crypto.keyed_hash("phone", "1")
        assert crypto.keyed_hash("phone", "1") != crypto.keyed_hash("vin", "1")
        assert crypto.keyed_hash("phone", "1") in crypto.keyed_hashes("phone", "1")

    def test_needs_the_key(self) -> None:
        hashes = {one.hash_with(one.hash_keys[0], "phone", "13800000000").partition(".")[2] for one in (ring(OLD), ring(NEW))}
        assert len(hashes) == 2


notes = sa.Table(
    "test_note",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("phone", Encrypted("phone", lookup="phone_hash")),
    sa.Column("phone_hash", sa.Text),
)


@pytest.fixture
def note_db(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    notes.drop(db.engine, checkfirst=True)
    notes.create(db.engine)
    monkeypatch.setattr(crypto, "encrypted_columns", lambda: iter([(notes, notes.c.phone, notes.c.phone.type)]))
    use(monkeypatch, ring(OLD))
    yield db
    notes.drop(db.engine)


def use(monkeypatch: pytest.MonkeyPatch, one: KeyRing) -> None:
    monkeypatch.setattr(crypto, "key_ring", lambda: one)


class TestReencrypt:
    def test_rotates_values_and_their_hashes_and_may_be_repeated(self, note_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        with note_db.writing() as session:
            session.connection().execute(
                notes.insert(),
                [{"id": n, "phone": f"138{n:08}", "phone_hash": crypto.keyed_hash("phone", f"138{n:08}")} for n in range(25)]
                + [{"id": 99, "phone": None, "phone_hash": None}],
            )
        use(monkeypatch, ring(NEW, OLD))
        with note_db.reading() as session:  # amid the rotation both are found
            found = sa.select(notes.c.phone).where(notes.c.phone_hash.in_(crypto.keyed_hashes("phone", "13800000003")))
            assert session.connection().execute(found).scalar_one() == "13800000003"
        assert crypto.reencrypt(note_db, batch=10) == {"test_note.phone": 25}
        assert crypto.reencrypt(note_db) == {"test_note.phone": 0}
        use(monkeypatch, ring(NEW))  # the old secret is gone
        with note_db.reading() as session:
            rows = session.connection().execute(sa.select(notes).where(notes.c.id < 99).order_by(notes.c.id)).all()
        assert [row.phone for row in rows] == [f"138{n:08}" for n in range(25)]
        assert all(row.phone_hash == crypto.keyed_hash("phone", row.phone) for row in rows)

    def test_nothing_readable_is_stored(self, note_db: Database) -> None:
        with note_db.writing() as session:
            session.connection().execute(notes.insert(), [{"id": 1, "phone": "13812345678"}])
            raw = session.connection().exec_driver_sql("SELECT phone FROM test_note").scalar_one()
        assert "1381234" not in raw


def test_every_lookup_column_of_the_product_exists() -> None:
    for table, column, kind in crypto.encrypted_columns():
        assert kind.purpose, f"{table.name}.{column.name} binds no purpose"
        if kind.lookup is not None:
            assert kind.lookup in table.columns, f"{table.name}.{kind.lookup}"
    assert metadata.tables


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=12,
)


class TestCanonicalJson:
    @given(st.dictionaries(st.text(), plain))
    def test_the_order_of_writing_does_not_matter(self, value: dict[str, object]) -> None:
        assert canonical_json(value) == canonical_json(dict(reversed(list(value.items()))))

    @pytest.mark.parametrize("value", [1.0, {"a": 1.5}, [1.5], {"a": [{"b": 2.0}]}, b"x", {"a": {1, 2}}])
    def test_has_no_form_for_floats_and_other_things(self, value: object) -> None:
        with pytest.raises(TypeError):
            canonical_json(value)

    def test_chinese_is_kept_as_it_is(self) -> None:
        assert canonical_json({"名": "宝马", "a": [1, None, True]}) == '{"a":[1,null,true],"名":"宝马"}'.encode()


class TestSignatures:
    def test_only_the_key_over_that_content_verifies(self) -> None:
        key = crypto.new_signing_key()
        public, signature = crypto.public_key_of(key), crypto.sign(key, b"contract")
        assert crypto.verify(public, b"contract", signature)
        assert not crypto.verify(public, b"contracts", signature)
        assert not crypto.verify(crypto.public_key_of(crypto.new_signing_key()), b"contract", signature)
        assert not crypto.verify(public, b"contract", signature[:-1])
        assert not crypto.verify(b"short", b"contract", signature)


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        (crypto.mask_name, "张三丰", "张**"),
        (crypto.mask_name, "李", "李*"),
        (crypto.mask_phone, "13812341234", "138****1234"),
        (crypto.mask_phone, "110", "****"),
        (crypto.mask_resident_id, "11010519491231002X", "1****************X"),
        (crypto.mask_plate, "津A12345", "津A***"),
        (crypto.mask_vin, "LSVAA49J132047371", "LSVAA49J132****71"),
        (crypto.mask_vin, "LX12", "LX1****"),
        (crypto.mask_card, "6222020200112230", "****2230"),
        (crypto.mask_card, "12", "****"),
    ],
)
def test_masks(mask: object, value: str, shown: str) -> None:
    assert callable(mask)
    assert mask(value) == shown
