"""``henanroad auction verify FILE|URL``: reads what it is given, checks it, tells it. Needs no server, no database, no account."""

import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import orjson

from auction.verifying.account import complain, tell
from auction.verifying.proof import Opening, opening_from_json, read_keys
from auction.verifying.statements import Signed
from auction.verifying.verify import check_proof
from marketplace.core import http
from marketplace.core.settings import get_settings

PROVED, NOT_PROVED, UNREADABLE = 0, 1, 2


def verify(source: str, *, key: str | None = None, receipts: Sequence[Path] = (), openings: Sequence[Path] = ()) -> int:
    """Print the account; 0 when everything holds, 1 when something does not, 2 when what was given cannot be read."""
    try:
        content = read_source(source)
        keys = read_keys(_text_or_file(key)) if key is not None else None
        signed = [one for path in receipts for one in read_receipts(path)]
        opened = [one for path in openings for one in read_openings(path)]
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError) as error:
        sys.stdout.write(complain([f"无法读取 cannot be read: {type(error).__name__}: {error}"]) + "\n")
        return UNREADABLE
    verdict = check_proof(content, keys=keys, receipts=signed, openings=opened)
    sys.stdout.write(tell(verdict) + "\n")
    return PROVED if verdict.ok else NOT_PROVED


def read_source(source: str) -> bytes:
    """A file's content, ``-`` for standard input, or what a market answers: a lot's address or its proof's."""
    if source == "-":
        return sys.stdin.buffer.read()
    if not source.startswith(("http://", "https://")):
        return Path(source).read_bytes()
    url = source.rstrip("/")
    url = url if url.endswith("/proof") else f"{url}/proof"
    with http.trusted(get_settings()) as client:
        answer = client.get(url)
        answer.raise_for_status()
        return answer.content


def read_receipts(path: Path) -> list[Signed]:
    """One receipt or a list of them, as the market answers."""
    return [Signed.from_json(one) for one in _listed(path)]


def read_openings(path: Path) -> list[Opening]:
    """One opening or a list of them, as the market answers their holder or an auditor."""
    return [opening_from_json(one) for one in _listed(path)]


def _listed(path: Path) -> list[dict[str, object]]:
    found = orjson.loads(path.read_bytes())
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in listed):
        raise ValueError(f"{path} holds no such thing")
    return listed


def _text_or_file(key: str) -> str:
    path = Path(key)
    return path.read_text(encoding="utf-8") if len(key) < 1_000 and path.is_file() else key
