"""Who sells to whom, under which law, by which format: one table says what is allowed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from marketplace.core.errors import Refusal, Rule


class LegalMode(StrEnum):
    """``statutory_auction``: 拍卖法 in full, a licensed house and auctioneer. ``agreed_bidding``: 竞价 by contract."""

    STATUTORY_AUCTION = "statutory_auction"
    AGREED_BIDDING = "agreed_bidding"


class SessionMode(StrEnum):
    """Who sells to whom; ``tables/modes.toml`` says who may consign, who may bid, with which documents, for which fees."""

    C2B_AUCTION = "c2b_auction"
    B2B_AUCTION = "b2b_auction"
    B2C_AUCTION = "b2c_auction"
    C2C_AUCTION = "c2c_auction"


class Format(StrEnum):
    """How bids make a price. All run on one engine; only open ascending and the live lane are statutory auctions."""

    OPEN_ASCENDING = "open_ascending"
    SEALED_FIRST_PRICE = "sealed_first_price"
    SEALED_SECOND_PRICE = "sealed_second_price"
    BUY_NOW = "buy_now"
    DUTCH = "dutch"
    LIVE_LANE = "live_lane"

    @property
    def is_sealed(self) -> bool:
        """Nothing about amounts is told before the close."""
        return self in (Format.SEALED_FIRST_PRICE, Format.SEALED_SECOND_PRICE)


class Ruling(StrEnum):
    """``private_offer``: not as a bid; it would be a contract of its own, outside of the session."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    PRIVATE_OFFER = "private_offer"


@dataclass(frozen=True, slots=True)
class FormatRuling:
    """What one cell says. ``rule`` is the article where the answer is not ``allowed``."""

    ruling: Ruling
    rule: Rule | None = None


def decide_format(table: Mapping[str, Any], *, mode: SessionMode, legal_mode: LegalMode, sale_format: Format) -> FormatRuling:
    """One cell of ``tables/formats.toml``."""
    ruling = Ruling(table[legal_mode.value][mode.value][sale_format.value])
    if ruling is Ruling.ALLOWED:
        return FormatRuling(ruling)
    article = table["articles"][sale_format.value]
    return FormatRuling(ruling, Rule(article["zh"], article["en"]))


@dataclass(frozen=True, slots=True)
class ModeTerms:
    """What a mode asks of its people: kinds of parties (``person`` or an organization's kind), licences and papers by their codes."""

    consignors: frozenset[str]
    bidders: frozenset[str]
    bidder_licence: str | None
    bidder_real_name: bool
    documents: tuple[str, ...]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        return cls(
            consignors=frozenset(values["consignors"]),
            bidders=frozenset(values["bidders"]),
            bidder_licence=values.get("bidder_licence"),
            bidder_real_name=values["bidder_real_name"],
            documents=tuple(values["documents"]),
        )


class SealedNotStatutory(Refusal):
    zh = "法定拍卖须公开竞价,不得采用密封报价"
    en = "A statutory auction is held by open bidding: no sealed bids."
    rule = Rule("拍卖法 第三条", "Auction Law, art. 3")


class DutchNotStatutory(Refusal):
    zh = "法定拍卖须由最高应价者竞得,不得采用降价竞价"
    en = "A statutory auction goes to the highest bid: no falling price."
    rule = Rule("拍卖法 第三条、第五十一条", "Auction Law, arts. 3 and 51")


class FixedPriceIsPrivateOffer(Refusal):
    zh = "法定拍卖不设一口价;可另行协商,单独订立合同"
    en = "A statutory auction has no fixed price: negotiate it as a contract of its own."
    rule = Rule("拍卖法 第三条、第五十条", "Auction Law, arts. 3 and 50")


class ApprovalNotStatutory(Refusal):
    zh = "法定拍卖中,达到保留价的最高应价即成交,委托人不得事后确认"
    en = "In a statutory auction the highest bid at the reserve is the sale: the consignor does not approve it afterwards."
    rule = Rule("拍卖法 第五十条、第五十一条", "Auction Law, arts. 50 and 51")


_REFUSALS: dict[Format, type[Refusal]] = {
    Format.SEALED_FIRST_PRICE: SealedNotStatutory,
    Format.SEALED_SECOND_PRICE: SealedNotStatutory,
    Format.DUTCH: DutchNotStatutory,
    Format.BUY_NOW: FixedPriceIsPrivateOffer,
}


def check_format(table: Mapping[str, Any], *, mode: SessionMode, legal_mode: LegalMode, sale_format: Format) -> None:
    """Raises ``SealedNotStatutory``, ``DutchNotStatutory``, ``FixedPriceIsPrivateOffer`` where the cell is not ``allowed``."""
    if decide_format(table, mode=mode, legal_mode=legal_mode, sale_format=sale_format).ruling is not Ruling.ALLOWED:
        raise _REFUSALS[sale_format]
