"""From entries to signed bytes, in bounded memory: rendered once a state into a file of its own, then sent from there.

The tag is of the feed's last number and of everything else the bytes depend on; so an unchanged feed is answered without being written.
"""

import base64
import gzip
import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from marketplace.core.crypto import canonical_json, market_signing_key, public_key_of, sha256_hex, sign
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings
from marketplace.feeds import queries
from marketplace.feeds.domain import (
    FORMAT_VERSION,
    MEDIA_TYPES,
    SHAPES,
    Document,
    FeedForm,
    FeedName,
    FeedPage,
    signed_text,
    write_csv,
    write_json,
    write_linked,
    write_xml,
)

SIGNING_PURPOSE = "feeds"
_CHUNK = 65_536
GZIP_FROM_BYTES = 512


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asked for."""

    feed: FeedName
    form: FeedForm
    since: int | None
    limit: int
    tag: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A feed's bytes with what proves them. ``digest`` is SHA-256 of ``plain``, before any content coding."""

    plain: Path
    packed: Path
    size: int
    media_type: str
    tag: str
    digest: str
    signature: str
    key_id: str
    cursor: int


def one_snapshot(session: Session) -> None:
    """Call it first: everything this session reads is of one moment, on PostgreSQL too."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def ask(session: Session, *, feed: FeedName, form: FeedForm, since: int | None, limit: int, settings: Settings) -> Asked:
    """The tag of what would be answered now."""
    head = queries.find_head(session, feed)
    state = [head.last_no, head.chain] if head else [0, ""]
    facts = [FORMAT_VERSION, feed.value, form.value, since, limit, state, settings.market_name, key_id()]
    return Asked(feed, form, since, limit, sha256_hex(canonical_json(facts))[:32])


def read_page(session: Session, *, feed: FeedName, since: int | None, limit: int, settings: Settings) -> FeedPage:
    """The whole feed (``since`` None: what is on sale, and the cursor to go on from), or what changed after a cursor.

    The head is read first: what changes meanwhile is told again at the next call, never missed.
    """
    head = queries.find_head(session, feed)
    last_no = head.last_no if head else 0
    numbers = queries.list_numbers(session, feed, since=since, limit=limit)
    has_more = len(numbers) > limit
    shown = numbers[:limit]
    cursor = shown[-1][0] if has_more else max([last_no, *(number for number, _ in shown if since is not None)])
    count = sum(not is_removed for _, is_removed in shown)
    return FeedPage(market=settings.market_name, since=since, cursor=cursor, has_more=has_more, count=count)


def documents(session: Session, *, feed: FeedName, page: FeedPage, removed: bool) -> Iterator[Document]:
    """The page's cars (or what was removed), a few rows at a time."""
    if removed and page.since is None:
        return
    after = page.since or 0
    while rows := queries.list_entries(session, feed, after=after, up_to=page.cursor, removed=removed):
        for row in rows:
            after = row.feed_no
            if removed:
                yield {"id": str(row.object_id), "state": "removed", "feed_no": row.feed_no}
            else:
                yield {**row.document, "feed_no": row.feed_no}


def write(session: Session, *, feed: FeedName, page: FeedPage, form: FeedForm) -> Iterator[bytes]:
    """The feed's bytes, piece by piece: the same for the same content."""
    shape = SHAPES[feed]
    cars = documents(session, feed=feed, page=page, removed=False)
    removed = documents(session, feed=feed, page=page, removed=True)
    if form is FeedForm.CSV:
        return write_csv(shape, cars, removed)
    if form is FeedForm.XML:
        return write_xml(shape, page, cars, removed)
    if form is FeedForm.JSONLD:
        return write_linked(shape, page, cars, canonical_json)
    return write_json(shape, page, cars, removed, canonical_json)


def render(session: Session, *, asked: Asked, settings: Settings, packed: bool) -> tuple[Rendered, BinaryIO, bool]:
    """What was asked, opened, and whether it is packed (a small one never is); kept for whoever asks the same of the same state."""
    return _shelf(settings.feed_renderings).get(session, asked, settings, packed)


class _Shelf:
    """Rendered feeds as files; the one not asked for longest goes first. Whoever still reads a file that went reads it to its end."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._folder = TemporaryDirectory(prefix="henanroad-feeds-")
        self._kept: OrderedDict[str, Rendered] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, session: Session, asked: Asked, settings: Settings, packed: bool) -> tuple[Rendered, BinaryIO, bool]:
        with self._lock:  # one rendering at a time: the same question of many costs one answer
            found = self._kept.get(asked.tag)
            if found is None:
                found = self._kept[asked.tag] = _render(session, asked, settings, Path(self._folder.name))
            self._kept.move_to_end(asked.tag)
            while len(self._kept) > self._places:
                _, gone = self._kept.popitem(last=False)
                gone.plain.unlink(missing_ok=True)
                gone.packed.unlink(missing_ok=True)
            packed = packed and found.size >= GZIP_FROM_BYTES
            return found, (found.packed if packed else found.plain).open("rb"), packed


@lru_cache(maxsize=1)
def _shelf(places: int) -> _Shelf:
    return _Shelf(places)


def _render(session: Session, asked: Asked, settings: Settings, folder: Path) -> Rendered:
    page = read_page(session, feed=asked.feed, since=asked.since, limit=asked.limit, settings=settings)
    plain = folder / new_id().hex
    packed = plain.with_suffix(".gz")
    hasher, size = hashlib.sha256(), 0
    with plain.open("wb") as out:
        for piece in write(session, feed=asked.feed, page=page, form=asked.form):
            hasher.update(piece)
            size += len(piece)
            out.write(piece)
    with plain.open("rb") as source, packed.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out_packed:
        shutil.copyfileobj(source, out_packed, _CHUNK)
    digest = digest_text(hasher.digest())
    return Rendered(
        plain=plain,
        packed=packed,
        size=size,
        media_type=MEDIA_TYPES[asked.form],
        tag=asked.tag,
        digest=digest,
        signature=base64.b64encode(sign(market_signing_key(SIGNING_PURPOSE), signed_text(page.cursor, digest))).decode(),
        key_id=key_id(),
        cursor=page.cursor,
    )


def digest_text(digest: bytes) -> str:
    """``sha-256=:…:`` as RFC 9530 writes digests."""
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def chunks(source: BinaryIO) -> Iterator[bytes]:
    """An open file's content; it is closed at the end."""
    with source:
        while piece := source.read(_CHUNK):
            yield piece


def public_key() -> bytes:
    """The 32 bytes that verify feed signatures."""
    return public_key_of(market_signing_key(SIGNING_PURPOSE))


def key_id() -> str:
    return f"feeds-{sha256_hex(public_key())[:8]}"
