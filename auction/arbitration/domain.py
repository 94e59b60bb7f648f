"""Arbitration: which defects, until which day, from which amount, and what is decided. Pure; fen; days of Asia/Shanghai."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from marketplace.core.errors import NotFound, Refusal, Rule

EVIDENCE_LIMIT_BYTES = 10 * 1_048_576
_FLAWS = Rule("拍卖法 第六十一条", "Auction Law, art. 61")


class DefectClass(StrEnum):
    """``title``: the seller had not all of it. ``structural_accident``, ``flood_fire``, ``odometer``: not disclosed."""

    TITLE = "title"
    STRUCTURAL_ACCIDENT = "structural_accident"
    FLOOD_FIRE = "flood_fire"
    ODOMETER = "odometer"
    MAJOR_MECHANICAL = "major_mechanical"
    EQUIPMENT = "equipment"


class Light(StrEnum):
    """What a lot is sold with. ``green``: every class may be claimed; ``yellow``: some; ``red``: only what nobody can exclude."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Remedy(StrEnum):
    PRICE_ADJUSTMENT = "price_adjustment"
    UNWINDING = "unwinding"


class ClaimState(StrEnum):
    """``answering``: the seller's clock runs. ``ready``: he answered, or was silent; the market decides."""

    ANSWERING = "answering"
    READY = "ready"
    REJECTED = "rejected"
    ADJUSTED = "adjusted"
    UNWOUND = "unwound"
    WITHDRAWN = "withdrawn"


UNDECIDED = frozenset({ClaimState.ANSWERING, ClaimState.READY})


class Verdict(StrEnum):
    REJECTED = "rejected"
    PRICE_ADJUSTMENT = "price_adjustment"
    UNWINDING = "unwinding"


class Part(StrEnum):
    """Who somebody is in a claim."""

    BUYER = "buyer"
    SELLER = "seller"
    HOUSE = "house"
    MARKET = "market"


class ClaimUnknown(NotFound):
    zh = "未找到该仲裁申请"
    en = "No such claim."


class NotYetHandedOver(Refusal):
    """``state`` is the order's."""

    zh = "订单尚未交付({state}),不能提出瑕疵仲裁"
    en = "The order is {state}: a claim needs a car that was handed over."


class WindowClosed(Refusal):
    """``last_day`` was the last one."""

    zh = "该类瑕疵的仲裁期限已于 {last_day} 届满"
    en = "The window for this class of defect closed at the end of {last_day}."


class FlawPeriodOver(WindowClosed):
    """The same, of a statutory auction."""

    rule = _FLAWS


class LossTooSmall(Refusal):
    """``min_minor`` is the least loss of the class, in fen."""

    status = 422
    zh = "该类瑕疵的最低主张金额为 {min_minor} 分"
    en = "The least loss claimed in this class is {min_minor} fen."


class LossAbovePrice(Refusal):
    status = 422
    zh = "主张金额不得超过成交价({price_minor} 分)"
    en = "The loss claimed is more than the price ({price_minor} fen)."


class UnwindingNotOffered(Refusal):
    status = 422
    zh = "该类瑕疵只能主张减价"
    en = "For this class of defect the price can be adjusted, the sale is not undone."


class FlawExcluded(Refusal):
    """Declared before the auction; not against who says that the seller knew of it and hid it (民法典 618)."""

    zh = "拍卖前已声明不保证该类瑕疵;如主张卖方故意隐瞒,请注明"
    en = "Before the auction it was declared that this class is not guaranteed; say so if the seller is said to have hidden it."
    rule = _FLAWS


class NotExcludable(Refusal):
    """``classes`` cannot be excluded."""

    status = 422
    zh = "以下类别不得声明排除:{classes}"
    en = "These classes cannot be excluded: {classes}."
    rule = Rule("民法典 第六百一十八条", "Civil Code, art. 618")


class ClassClaimed(Refusal):
    zh = "该订单已有同类或未结的仲裁申请"
    en = "This order has an open claim, or had one of this class."


class ClaimOver(Refusal):
    """``state`` is the claim's."""

    zh = "该仲裁申请已结({state})"
    en = "The claim is over ({state})."


class AnswerLate(Refusal):
    """Silence: it is decided on what is there."""

    zh = "答辩期限已于 {answer_by} 届满"
    en = "The time to answer was over at {answer_by}."


class AlreadyAnswered(Refusal):
    zh = "已提交答辩"
    en = "This side has answered already."


class ClaimNotReady(Refusal):
    """The seller may answer until ``answer_by``."""

    zh = "卖方答辩期限({answer_by})未届满,尚不能裁决"
    en = "The seller may answer until {answer_by}; it is not decided before."


class DecisionMismatch(Refusal):
    """An adjustment names its amount, at most the price; nothing else does."""

    status = 422
    zh = "减价裁决须注明金额且不超过成交价,其他裁决不注明"
    en = "A price adjustment names an amount up to the price; other decisions name none."


class EvidenceNotUsable(Refusal):
    status = 422
    zh = "证据须为 JPEG、PNG、WebP 图片或 PDF 文件"
    en = "Evidence is a JPEG, PNG or WebP picture, or a PDF."


class EvidenceFull(Refusal):
    zh = "每方最多提交 {limit} 份证据"
    en = "Each side may hand in {limit} pieces of evidence."


class EvidenceUnknown(NotFound):
    zh = "未找到该证据"
    en = "No such piece of evidence."


class LotAnnounced(Refusal):
    zh = "拍卖公告已发布,不得再声明瑕疵免责"
    en = "The notice is published: nothing can be excluded any more."
    rule = _FLAWS


# --- terms ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClassTerms:
    """One class's line of the table: ``days`` or ``years`` from the handover, the least loss in fen."""

    days: int
    years: int
    min_minor: int
    may_unwind: bool
    may_exclude: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """One legal mode's classes, and what is common to all."""

    is_statutory: bool
    classes: Mapping[DefectClass, ClassTerms]
    answer_hours: int
    evidence_a_party: int
    evidence_keep_years: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any], *, is_statutory: bool) -> "Terms":
        lines = values["statutory_auction" if is_statutory else "agreed_bidding"]
        classes = {
            one: ClassTerms(
                lines[one.value].get("days", 0),
                lines[one.value].get("years", 0),
                lines[one.value]["min_minor"],
                lines[one.value]["may_unwind"],
                lines[one.value]["may_exclude"],
            )
            for one in DefectClass
        }
        return cls(is_statutory, classes, values["answer_hours"], values["evidence_a_party"], values["evidence_keep_years"])


def last_day(handed_over_on: date, terms: ClassTerms) -> date:
    """The window's last day, counted to its end. The day of the handover is not counted; a year ends on the same date (民法典 201, 202)."""
    end = handed_over_on + timedelta(days=terms.days)
    if not terms.years:
        return end
    return add_years(end, terms.years)


def add_years(day: date, years: int) -> date:
    """The same date; 29 February becomes the 28th where there is none (民法典 202)."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def light_of(excluded: Collection[DefectClass], terms: Terms) -> Light:
    """What the declared exclusions make of a lot."""
    if not excluded:
        return Light.GREEN
    excludable = {one for one, line in terms.classes.items() if line.may_exclude}
    return Light.RED if excludable <= set(excluded) else Light.YELLOW


def check_exclusion(classes: Collection[DefectClass], terms: Terms) -> None:
    """Raises ``NotExcludable``."""
    fixed = sorted(one.value for one in set(classes) if not terms.classes[one].may_exclude)
    if fixed:
        raise NotExcludable(classes=fixed)


# --- filing and deciding ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filing:
    """What a buyer claims. ``conceals``: he says the seller knew of it."""

    defect: DefectClass
    wants: Remedy
    loss_minor: int
    conceals: bool = False


def check_filing(
    filing: Filing, *, terms: Terms, handed_over_on: date, today: date, price_minor: int, excluded: Collection[DefectClass]
) -> date:
    """The window's last day. Raises ``WindowClosed``, ``FlawExcluded``, ``LossTooSmall``, ``LossAbovePrice``, ``UnwindingNotOffered``."""
    line = terms.classes[filing.defect]
    end = last_day(handed_over_on, line)
    if today > end:
        raise (FlawPeriodOver if terms.is_statutory else WindowClosed)(last_day=end.isoformat())
    if filing.defect in excluded and not filing.conceals:
        raise FlawExcluded
    if filing.loss_minor < max(line.min_minor, 1):
        raise LossTooSmall(min_minor=max(line.min_minor, 1))
    if filing.loss_minor > price_minor:
        raise LossAbovePrice(price_minor=price_minor)
    if filing.wants is Remedy.UNWINDING and not line.may_unwind:
        raise UnwindingNotOffered
    return end


def check_undecided(state: ClaimState) -> None:
    """Raises ``ClaimOver``."""
    if state not in UNDECIDED:
        raise ClaimOver(state=state.value)


def check_answer(state: ClaimState, *, answer_by: datetime, now: datetime) -> None:
    """Raises ``ClaimOver``, ``AnswerLate``."""
    check_undecided(state)
    if now >= answer_by:
        raise AnswerLate(answer_by=answer_by.isoformat())


def check_decision(
    state: ClaimState, verdict: Verdict, *, amount_minor: int | None, price_minor: int, may_unwind: bool, answer_by: datetime, now: datetime
) -> None:
    """Raises ``ClaimOver``, ``ClaimNotReady``, ``DecisionMismatch``, ``UnwindingNotOffered``."""
    check_undecided(state)
    if state is ClaimState.ANSWERING and now < answer_by:
        raise ClaimNotReady(answer_by=answer_by.isoformat())
    if (verdict is Verdict.PRICE_ADJUSTMENT) != (amount_minor is not None):
        raise DecisionMismatch
    if amount_minor is not None and not 0 < amount_minor <= price_minor:
        raise DecisionMismatch
    if verdict is Verdict.UNWINDING and not may_unwind:
        raise UnwindingNotOffered


STATE_OF: Mapping[Verdict, ClaimState] = {
    Verdict.REJECTED: ClaimState.REJECTED,
    Verdict.PRICE_ADJUSTMENT: ClaimState.ADJUSTED,
    Verdict.UNWINDING: ClaimState.UNWOUND,
}

_MARKS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf"))


def media_type_of(content: bytes) -> str:
    """By the file's first bytes, never by its name. Raises ``EvidenceNotUsable``."""
    for mark, kind in _MARKS:
        if content.startswith(mark):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise EvidenceNotUsable
