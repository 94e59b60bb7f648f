"""What a listing tells its reader besides the car: the lines the law wants beside an offer of this kind. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.listings.domain.listings import Channel


@dataclass(frozen=True, slots=True)
class Notice:
    """One line, with the article it rests on."""

    code: str
    article: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What decides which lines stand beside an offer."""

    channel: Channel
    seller_is_business: bool
    is_market_own: bool
    has_comparison: bool
    warranty_owed: bool


def list_notices(offer: Offer, lines: Sequence[Mapping[str, Any]]) -> list[Notice]:
    """Lines of ``tables/notices.toml`` that apply, in the table's order: each names its channels and its conditions."""
    return [Notice(line["code"], line["article"], line["zh"], line["en"]) for line in lines if _applies(offer, line)]


def _applies(offer: Offer, line: Mapping[str, Any]) -> bool:
    channels = line.get("channels")
    if channels is not None and offer.channel.value not in channels:
        return False
    return all(getattr(offer, name) is wanted for name, wanted in line.get("when", {}).items())
