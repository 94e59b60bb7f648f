"""What the market signs about a lot, and how a signature is checked. A statement is canonical JSON that names its kind, so that no
signature serves for anything else.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from auction.bidding.log import commitment
from auction.verifying.domain import HeadReason
from marketplace.core.crypto import canonical_json, verify


class StatementKind(StrEnum):
    """``auction_head``: up to here the log stands; ``bid_receipt``: this bid stands in it; ``proof_seal``: this file is as it left us."""

    HEAD = "auction_head"
    RECEIPT = "bid_receipt"
    SEAL = "proof_seal"


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement with the market's Ed25519 signature (base64) over its canonical JSON, and the id of the key."""

    statement: dict[str, Any]
    key: str
    signature: str

    def to_json(self) -> dict[str, Any]:
        return {"statement": self.statement, "key": self.key, "signature": self.signature}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Signed":
        """Raises ``KeyError``, ``TypeError`` for what is none."""
        statement, key, signature = found["statement"], found["key"], found["signature"]
        if not isinstance(statement, dict) or not isinstance(key, str) or not isinstance(signature, str):
            raise TypeError("a signed statement has a statement, a key and a signature")
        return cls(statement, key, signature)

    def is_signed_by(self, public_key: bytes) -> bool:
        try:
            content, signature = canonical_json(self.statement), base64.b64decode(self.signature, validate=True)
        except (TypeError, binascii.Error, ValueError):
            return False
        return verify(public_key, content, signature)


def key_id_of(public_key: bytes) -> str:
    """The first sixteen hex digits of the public key's SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def head_statement(*, lot: str, seq: int, head_hash: str, at: str, reason: HeadReason) -> dict[str, Any]:
    return {"at": at, "hash": head_hash, "kind": StatementKind.HEAD.value, "lot": lot, "reason": reason.value, "seq": seq}


def receipt_statement(*, entry: Mapping[str, Any], entry_hash: str, maximum_minor: int, salt: str) -> dict[str, Any]:
    """What a bidder may hold against the market: his bid of that maximum stands at that seq with that hash."""
    return {
        "at": entry["at"],
        "bidder": entry["bidder"],
        "hash": entry_hash,
        "kind": StatementKind.RECEIPT.value,
        "lot": entry["lot"],
        "maximum_minor": maximum_minor,
        "salt": salt,
        "seq": entry["seq"],
    }


def seal_statement(*, lot: str, lines: int, sha256: str) -> dict[str, Any]:
    return {"kind": StatementKind.SEAL.value, "lines": lines, "lot": lot, "sha256": sha256}


def opens(entry: Mapping[str, Any], *, amount_minor: int, salt: str, field: str = "commitment") -> bool:
    """Whether amount and salt are what the entry's commitment binds."""
    return bool(entry.get(field)) and commitment(str(entry["lot"]), int(entry["seq"]), amount_minor, salt) == entry[field]
