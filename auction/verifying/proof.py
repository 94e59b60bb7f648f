"""The proof file of a lot: JSON Lines, each line canonical JSON, so that a changed byte is always a changed meaning or a broken form.

Lines, in this order: ``header``; ``key`` (the market's public keys); ``entry`` by seq; ``opening`` wherever a maximum that set the price
is opened; ``head`` (signed heads); ``seal`` (the market's signature over the SHA-256 of all lines before it).
"""

import base64
import binascii
import hashlib
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from auction.bidding.log import Entry
from auction.verifying.findings import Finding
from auction.verifying.statements import Signed, key_id_of
from marketplace.core.crypto import canonical_json

FORMAT = "henanroad.lot_proof"
VERSION = 1
_KINDS = ("header", "key", "entry", "opening", "head", "seal")


@dataclass(frozen=True, slots=True)
class Opening:
    """An opened commitment of the entry ``seq``: its maximum, or (``field`` ``reserve_commitment``) the reserve. Fen."""

    seq: int
    amount_minor: int
    salt: str
    field: str = "commitment"


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the file has it. ``document`` is the canonical JSON of ``content``, ``hash`` what the file says its SHA-256 is."""

    seq: int
    content: dict[str, Any]
    document: bytes
    hash: str

    @property
    def true_hash(self) -> str:
        return hashlib.sha256(self.document).hexdigest()


@dataclass(slots=True)
class Proof:
    """A proof file as it was read; ``findings`` are its broken forms."""

    lot: str = ""
    header: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    openings: dict[tuple[int, str], Opening] = field(default_factory=dict)
    heads: list[Signed] = field(default_factory=list)
    seal: Signed | None = None
    sealed_sha256: str = ""
    sealed_lines: int = 0
    findings: list[Finding] = field(default_factory=list)


# --- writing ---------------------------------------------------------------------------------------------------------------


def header_line(*, lot: str, market: str, number: int, title: str, session: str) -> bytes:
    content = {"format": FORMAT, "kind": "header", "lot": lot, "market": market, "number": number, "session": session, "title": title}
    return canonical_json(content | {"version": VERSION})


def key_line(public_key: bytes) -> bytes:
    return canonical_json({"id": key_id_of(public_key), "kind": "key", "public_key": base64.b64encode(public_key).decode()})


def entry_line(entry: Entry) -> bytes:
    """The entry's own document inside, byte for byte."""
    return f'{{"entry":{entry.document},"hash":"{entry.hash}","kind":"entry","seq":{entry.seq}}}'.encode()


def opening_line(opening: Opening) -> bytes:
    content = {"amount_minor": opening.amount_minor, "field": opening.field, "kind": "opening", "salt": opening.salt, "seq": opening.seq}
    return canonical_json(content)


def signed_line(kind: str, signed: Signed) -> bytes:
    return canonical_json(signed.to_json() | {"kind": kind})


# --- reading ---------------------------------------------------------------------------------------------------------------


def read_proof(content: bytes) -> Proof:
    """Every line by its kind; what is not as it must be becomes a finding with its line and, where it can be told, its seq."""
    proof = Proof()
    digest = hashlib.sha256()
    raw_lines = content.split(b"\n")
    if raw_lines and raw_lines[-1] == b"":
        raw_lines.pop()
    else:
        proof.findings.append(Finding("文件末尾不完整", "The file's end is cut off", line=len(raw_lines)))
    stage = 0
    for number, raw in enumerate(raw_lines, start=1):
        parsed = _parse(raw)
        if parsed is None:
            proof.findings.append(_broken(proof, number))
        else:
            stage = _take(proof, parsed, number, stage)
        if parsed is not None and parsed["kind"] == "seal":
            proof.sealed_sha256, proof.sealed_lines = digest.hexdigest(), number - 1
        digest.update(raw + b"\n")
    return proof


def _parse(raw: bytes) -> dict[str, Any] | None:
    """A line's content; None when it is not the canonical JSON of a known kind."""
    try:
        found = orjson.loads(raw)
        canonical = isinstance(found, dict) and found.get("kind") in _KINDS and canonical_json(found) == raw
    except (orjson.JSONDecodeError, TypeError, RecursionError):
        return None
    return found if canonical else None


def _broken(proof: Proof, number: int) -> Finding:
    """The line of an entry is told by its place: behind the last one that was read."""
    seq = None
    if proof.header and not proof.heads:
        seq = proof.lines[-1].seq + 1 if proof.lines else 1
    return Finding(
        "本行不是规范格式,有字节被改动", "This line is not in its canonical form: a byte of it was changed", seq=seq, line=number
    )


def _take(proof: Proof, found: dict[str, Any], number: int, stage: int) -> int:
    kind = found["kind"]
    try:
        _TAKERS[kind](proof, found)
    except (KeyError, TypeError, ValueError, binascii.Error):
        seq = found.get("seq")
        due = proof.lines[-1].seq + 1 if proof.lines else 1
        named = due if kind == "entry" else seq if isinstance(seq, int) else None
        proof.findings.append(
            Finding(f"{kind} 行缺少内容或内容有误", f"this {kind} line lacks something or has it wrong", seq=named, line=number)
        )
    place = {"header": 0, "key": 1, "entry": 2, "opening": 2, "head": 3, "seal": 4}[kind]
    if place < stage or (stage == 4) or (kind == "header") != (number == 1):
        proof.findings.append(Finding(f"{kind} 行位置不对", f"This {kind} line is out of place", line=number))
    return max(place, stage)


def _header(proof: Proof, found: dict[str, Any]) -> None:
    if found["format"] != FORMAT or found["version"] != VERSION:
        raise ValueError("another format")
    proof.lot, proof.header = _text(found["lot"]), found


def _key(proof: Proof, found: dict[str, Any]) -> None:
    public = base64.b64decode(_text(found["public_key"]), validate=True)
    if key_id_of(public) != found["id"]:
        raise ValueError("the id is not this key's")
    proof.keys[found["id"]] = public


def _entry(proof: Proof, found: dict[str, Any]) -> None:
    content = found["entry"]
    if not isinstance(content, dict):
        raise TypeError("an entry is an object")
    proof.lines.append(Line(_whole(found["seq"]), content, canonical_json(content), _text(found["hash"])))


def _opening(proof: Proof, found: dict[str, Any]) -> None:
    opening = opening_from_json(found)
    proof.openings[opening.seq, opening.field] = opening


def _head(proof: Proof, found: dict[str, Any]) -> None:
    proof.heads.append(Signed.from_json(found))


def _seal(proof: Proof, found: dict[str, Any]) -> None:
    proof.seal = Signed.from_json(found)


_TAKERS = {"header": _header, "key": _key, "entry": _entry, "opening": _opening, "head": _head, "seal": _seal}


def opening_from_json(found: Mapping[str, Any]) -> Opening:
    """Raises ``KeyError``, ``TypeError``, ``ValueError`` for what is none."""
    return Opening(_whole(found["seq"]), _whole(found["amount_minor"]), _text(found["salt"]), _text(found.get("field", "commitment")))


def read_keys(text: str) -> dict[str, bytes]:
    """Public keys the reader trusts: base64 or hex of 32 bytes, or the JSON that the market publishes. Raises ``ValueError``."""
    text = text.strip()
    if text.startswith(("{", "[")):
        found = orjson.loads(text)
        listed = found["keys"] if isinstance(found, dict) and "keys" in found else found if isinstance(found, list) else [found]
        encoded = [str(one["public_key"]) for one in listed]
    else:
        encoded = text.split()
    keys = [_public_key(one) for one in encoded]
    return {key_id_of(key): key for key in keys}


def _public_key(text: str) -> bytes:
    is_hex = len(text) == 64 and set(text) <= set(string.hexdigits)
    key = bytes.fromhex(text) if is_hex else base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError("a public key has 32 bytes")
    return key


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is wanted")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is wanted")
    return value


# --- what is opened at the close ----------------------------------------------------------------------------------------------


class Lead:
    """Who leads as the log is read once, and whose maximum is to be opened at the close: one that did not lead when it was bid, and that of
    a leader when he is overtaken. These set the price; what the last leader bid since he took the lead stays closed.
    """

    def __init__(self) -> None:
        self.seq: int | None = None
        self._leader: str | None = None

    def take(self, content: Mapping[str, Any]) -> int | None:
        """The seq whose maximum this entry opens."""
        if content.get("kind") != "bid" or "leader" not in content:
            return None
        if content["leader"] != content["bidder"]:
            return int(content["seq"])
        taken_away = content.get("act") == "buy_now"  # at a fixed price that no maximum set
        overtaken = self.seq if self._leader != content["leader"] and not taken_away else None
        self.seq, self._leader = content["seq"], content["leader"]
        return overtaken


def opened_seqs(contents: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """The bids whose maxima set the price of an open ascending lot."""
    lead = Lead()
    for content in contents:
        if (seq := lead.take(content)) is not None:
            yield seq
