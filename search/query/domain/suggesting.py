"""What a half-typed text may become: brands and series by name, English, pinyin or initials. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from search.query.domain.understanding import key_of


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``text`` is what to search for; ``series`` None for a whole brand. ``keys`` are the texts it is found by."""

    text: str
    brand: str
    series: str | None
    keys: tuple[str, ...]


def make_suggestion(*, text: str, brand: str, series: str | None, texts: Iterable[str]) -> Suggestion:
    keys = tuple(dict.fromkeys(key for one in texts if (key := key_of(one))))
    return Suggestion(text, brand, series, keys)


def suggest(typed: str, known: Sequence[Suggestion], *, limit: int) -> list[Suggestion]:
    """Whole matches first, then beginnings, then beginnings of a series behind its brand; brands before series, else as known."""
    wanted = key_of(typed)
    if not wanted:
        return []
    ranked = [(rank, place) for place, one in enumerate(known) if (rank := _rank(wanted, one)) is not None]
    return [known[place] for _rank_, place in sorted(ranked)[:limit]]


def _rank(wanted: str, one: Suggestion) -> int | None:
    kind = 0 if one.series is None else 1
    if wanted in one.keys:
        return kind
    return 2 + kind if any(key.startswith(wanted) for key in one.keys) else None
