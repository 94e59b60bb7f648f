"""Field encryption, keyed look-up hashes, masking, signatures and canonical JSON.

Stored ciphertext: ``<key id>.<base64url(nonce ‖ AES-256-GCM)>``; the purpose is bound in, so a value moved to another column does
not open. A look-up hash is ``<key id>.<HMAC-SHA256 hex>`` in a column of its own: equality can be asked, nothing can be read.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Dialect

from marketplace.core.db import Database, metadata
from marketplace.core.settings import Settings, get_settings

NONCE_BYTES = 12


class CannotDecrypt(ValueError):
    """The ciphertext was changed, moved from another column, or its key is not in the ring. A mistake of ours."""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes


def _fingerprint(secret: bytes) -> str:
    return hashlib.sha256(b"key id" + secret).hexdigest()[:8]


class KeyRing:
    """Keys of field encryption and look-up: writes with the first, reads with any."""

    def __init__(self, settings: Settings) -> None:
        self.cipher_keys = [*_configured(settings), *_derived(settings, "field-encryption")]
        self.hash_keys = [*_hash_keys(_configured(settings)), *_derived(settings, "lookup-hash")]
        self._ciphers = {key.id: AESGCM(key.secret) for key in self.cipher_keys}

    def encrypt(self, text: str, purpose: str = "") -> str:
        key = self.cipher_keys[0]
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[key.id].encrypt(nonce, text.encode(), purpose.encode())
        return f"{key.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, stored: str, purpose: str = "") -> str:
        """Raises ``CannotDecrypt``; its text never holds the value."""
        key_id, _, body = stored.partition(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise CannotDecrypt(f"no key {key_id!r} in the ring")
        try:
            raw = base64.urlsafe_b64decode(body)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise CannotDecrypt(f"a value for {purpose!r} does not open") from error

    def file_cipher(self, key_id: str | None = None) -> tuple[str, AESGCM]:
        """The cipher of stored files under a key (the current one without an id). Raises ``CannotDecrypt`` for one not in the ring."""
        for key in self.cipher_keys:
            if key_id is None or key.id == key_id:
                return key.id, AESGCM(hashlib.blake2b(b"files", key=key.secret, digest_size=32).digest())
        raise CannotDecrypt(f"no key {key_id!r} in the ring")

    def hash_with(self, key: Key, purpose: str, value: str) -> str:
        content = f"{purpose}\0{value}".encode()
        return f"{key.id}.{hmac.new(key.secret, content, hashlib.sha256).hexdigest()}"


def _configured(settings: Settings) -> list[Key]:
    parts = [part.strip() for part in settings.encryption_keys.get_secret_value().split(",") if part.strip()]
    keys = []
    for part in parts:
        key_id, _, encoded = part.partition(":")
        secret = base64.b64decode(encoded)
        if len(secret) != 32 or not key_id or "." in key_id:
            raise ValueError("HENANROAD_ENCRYPTION_KEYS wants `id:base64 of 32 bytes`, comma-separated")
        keys.append(Key(key_id, secret))
    return keys


def _hash_keys(keys: list[Key]) -> list[Key]:
    return [Key(key.id, hashlib.blake2b(b"lookup-hash", key=key.secret, digest_size=32).digest()) for key in keys]


def _derived(settings: Settings, purpose: str) -> list[Key]:
    return [Key(f"s{_fingerprint(secret)}", secret) for secret in settings.derive_keys(purpose)]


@lru_cache(maxsize=1)
def key_ring() -> KeyRing:
    """The process's ring; ``key_ring.cache_clear()`` after settings change."""
    return KeyRing(get_settings())


def encrypt(text: str, purpose: str = "") -> str:
    return key_ring().encrypt(text, purpose)


def decrypt(stored: str, purpose: str = "") -> str:
    return key_ring().decrypt(stored, purpose)


def keyed_hash(purpose: str, value: str) -> str:
    """Look-up hash under the current key: what a new row stores. Normalize ``value`` (case, spaces) before."""
    ring = key_ring()
    return ring.hash_with(ring.hash_keys[0], purpose, value)


def keyed_hashes(purpose: str, value: str) -> list[str]:
    """The hash under every key of the ring: what a look-up asks for (``col.in_(…)``), so that it works amid a rotation."""
    ring = key_ring()
    return [ring.hash_with(key, purpose, value) for key in ring.hash_keys]


# --- columns ----------------------------------------------------------------------------------------------------------


class Encrypted(sa.types.TypeDecorator[str]):
    """Text kept encrypted. ``lookup`` names the column of the same table that holds ``keyed_hash(purpose, value)``."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, purpose: str = "", lookup: str | None = None) -> None:
        super().__init__()
        self.purpose = purpose
        self.lookup = lookup

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else encrypt(value, self.purpose)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else decrypt(value, self.purpose)


def encrypted(purpose: str, *, lookup: str | None = None) -> Any:  # Any: SQLModel types sa_type as a class
    """``Field(sa_type=encrypted("phone", lookup="phone_hash"))``: the ciphertext column of a value of that purpose."""
    return Encrypted(purpose, lookup)


def encrypted_columns() -> Iterator[tuple[sa.Table, sa.Column[Any], Encrypted]]:
    """Every encrypted column of every registered table."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Encrypted):
                yield table, column, column.type


def reencrypt(database: Database, *, batch: int = 200) -> dict[str, int]:
    """Rewrite every value not under the current keys, look-up hashes too; rows changed by ``table.column``.

    Short transactions of ``batch`` rows: a market that is open is not held up. It may be stopped and begun again.
    """
    return {
        f"{table.name}.{column.name}": _reencrypt_column(database, table, column, kind, batch)
        for table, column, kind in encrypted_columns()
    }


def _reencrypt_column(database: Database, table: sa.Table, column: sa.Column[Any], kind: Encrypted, batch: int) -> int:
    changed = 0
    raw = sa.type_coerce(column, sa.Text)
    stale = sa.and_(column.is_not(None), _stale(table, raw, kind))
    keys = list(table.primary_key.columns)
    while True:
        with database.writing() as session:
            connection = session.connection()
            rows = connection.execute(
                sa.select(*keys, raw.label("stored")).where(stale).limit(batch).with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                where = sa.and_(*[key == value for key, value in zip(keys, row[:-1], strict=True)])
                connection.execute(sa.update(table).where(where).values(_fresh(column, kind, row[-1])))
        changed += len(rows)
        if len(rows) < batch:
            return changed


def _stale(table: sa.Table, raw: Any, kind: Encrypted) -> Any:
    ring = key_ring()
    old = ~raw.startswith(f"{ring.cipher_keys[0].id}.", autoescape=True)
    if kind.lookup is None:
        return old
    hashed = table.columns[kind.lookup]
    return sa.or_(old, hashed.is_not(None) & ~hashed.startswith(f"{ring.hash_keys[0].id}.", autoescape=True))


def _fresh(column: sa.Column[Any], kind: Encrypted, stored: str) -> dict[str, str]:
    text = decrypt(stored, kind.purpose)
    values = {column.name: text}
    if kind.lookup is not None:
        values[kind.lookup] = keyed_hash(kind.purpose, text)
    return values


# --- masking ----------------------------------------------------------------------------------------------------------


def mask_name(name: str) -> str:
    """张三丰 → 张**."""
    return name[:1] + "*" * max(len(name) - 1, 1)


def mask_phone(phone: str) -> str:
    """13812341234 → 138****1234."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "****"


def mask_resident_id(number: str) -> str:
    """11010519491231002X → 1****************X: first and last only."""
    return f"{number[:1]}{'*' * (len(number) - 2)}{number[-1:]}" if len(number) > 2 else "**"


def mask_plate(plate: str) -> str:
    """津A12345 → 津A***."""
    return f"{plate[:2]}***"


def mask_vin(vin: str) -> str:
    """First eleven, four stars, last two."""
    return f"{vin[:11]}****{vin[-2:]}" if len(vin) == 17 else f"{vin[:3]}****"


def mask_card(number: str) -> str:
    """Last four only."""
    return f"****{number[-4:]}" if len(number) > 4 else "****"


# --- canonical JSON and signatures -------------------------------------------------------------------------------------


def canonical_json(value: Any) -> bytes:
    """One byte string for one value: sorted keys, no spaces, UTF-8. Strings, integers, booleans, None, lists, string-keyed dicts.

    Raises ``TypeError`` for anything else, floats above all: two languages print them differently.
    """
    _check_plain(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


_SCALARS = frozenset({str, int, bool, type(None)})


def _check_plain(value: Any) -> None:
    kind = type(value)
    if kind in _SCALARS:
        return
    if kind is dict:
        for part in value.values():
            if type(part) not in _SCALARS:
                _check_plain(part)
    elif kind is list or kind is tuple:
        for part in value:
            if type(part) not in _SCALARS:
                _check_plain(part)
    elif not isinstance(value, str):  # a StrEnum is its value
        raise TypeError(f"{kind.__name__} has no canonical form")


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def new_signing_key() -> bytes:
    """32 random bytes: an Ed25519 private key."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key_of(private_key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, content: bytes) -> bytes:
    """Ed25519 signature, 64 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private_key).sign(content)


def verify(public_key: bytes, content: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def market_signing_key(purpose: str) -> bytes:
    """The deployment's own Ed25519 key of a purpose, derived from its secret key."""
    return get_settings().derive_key(f"signing:{purpose}")
