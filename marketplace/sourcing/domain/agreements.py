"""Enterprise sources 企业车源: one framework agreement, under which an organization brings in lots of cars."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule
from marketplace.core.money import share_bps


class SourceOrigin(StrEnum):
    """Where a car of a batch comes from; each wants its own proof of the right of disposal."""

    FLEET = "fleet"
    OFFICIAL = "official"
    TRADE_IN = "trade_in"
    REPOSSESSED = "repossessed"
    JUDICIAL = "judicial"


class ProofKind(StrEnum):
    ASSET_DISPOSAL_PROOF = "asset_disposal_proof"
    PURCHASE_CONTRACT = "purchase_contract"
    COURT_RULING = "court_ruling"
    ENFORCEMENT_NOTICE = "enforcement_notice"
    MORTGAGE_CONTRACT = "mortgage_contract"
    OWNER_CONSENT = "owner_consent"


PROOF_NAMES: Mapping[ProofKind, str] = {
    ProofKind.ASSET_DISPOSAL_PROOF: "资产处理证明",
    ProofKind.PURCHASE_CONTRACT: "收购合同",
    ProofKind.COURT_RULING: "法院裁定书",
    ProofKind.ENFORCEMENT_NOTICE: "协助执行通知书",
    ProofKind.MORTGAGE_CONTRACT: "抵押合同",
    ProofKind.OWNER_CONSENT: "抵押人同意处分书",
}


class SourceChannel(StrEnum):
    """Where the cars of an agreement may go. ``auction``: registered and ready for a lot. ``acquisition``: dealers are asked at once."""

    ACQUISITION = "acquisition"
    CONSIGNMENT = "consignment"
    AUCTION = "auction"


class AgreementState(StrEnum):
    OFFERED = "offered"
    ACTIVE = "active"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"


class AgreementSide(StrEnum):
    SOURCE = "source"
    MARKET = "market"


class BatchState(StrEnum):
    RECEIVED = "received"
    DONE = "done"


class CarOutcome(StrEnum):
    """``ready``: registered, held by the source, waits for its lot or a signature."""

    WAITING = "waiting"
    READY = "ready"
    ASKED = "asked"
    CONSIGNED = "consigned"
    REFUSED = "refused"


class AgreementNotFound(NotFound):
    zh = "未找到该合作协议"
    en = "No such agreement, or it is not yours."


class BatchNotFound(NotFound):
    zh = "未找到该批次"
    en = "No such batch, or it is not yours."


class AgreementStateRefused(Refusal):
    zh = "协议当前状态不允许此操作({state})"
    en = "The agreement is {state}; this is not possible now."


class AgreementNotInForce(Refusal):
    zh = "协议尚未生效或已到期({valid_from} 至 {valid_to})"
    en = "The agreement is in force from {valid_from} to {valid_to} only."


class AgreementSigned(Refusal):
    zh = "该方已签署"
    en = "This side has signed already."


class AgreementChanged(Refusal):
    zh = "协议内容已变更,请重新阅读后签署"
    en = "The agreement is not the one you read."


class NotASource(Refusal):
    zh = "该主体不能作为企业车源"
    en = "Only fleets, lenders and dealers supply cars under an agreement."


class AgreementTermsOutOfBounds(Malformed):
    zh = "协议条款超出范围:{field}"
    en = "A term is out of bounds: {field} must be from {minimum} to {maximum}."


class ChannelNotAgreed(Refusal):
    zh = "协议未约定该渠道({channel})"
    en = "The agreement does not allow the channel {channel}."


class DisposalProofMissing(Refusal):
    """``missing`` names the papers of the cheapest complete set."""

    zh = "缺少处分权证明:{missing}"
    en = "Proof of the right of disposal is missing: {missing}."
    rule = Rule("二手车交易规范 第六条; 民法典 第四百零一条、第四百一十条", "Used-Car Trading Code, art. 6; Civil Code, arts. 401 and 410")


class PriceMissing(Malformed):
    zh = "该渠道须填写底价和标价"
    en = "This channel needs a floor and an asking price."


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTerms:
    """``commission_bps`` of the price and ``car_fee_minor`` a car are what the market earns from the source by a sale."""

    origins: tuple[SourceOrigin, ...]
    channels: tuple[SourceChannel, ...]
    valid_from: date
    valid_to: date
    commission_bps: int
    car_fee_minor: int


def check_agreement(terms: AgreementTerms, values: Mapping[str, Any]) -> None:
    """Raises ``AgreementTermsOutOfBounds``."""
    for field, value, low, high in (
        ("days", (terms.valid_to - terms.valid_from).days + 1, 1, values["days_max"]),
        ("commission_bps", terms.commission_bps, 0, values["commission_max_bps"]),
        ("car_fee_minor", terms.car_fee_minor, 0, values["car_fee_max_minor"]),
        ("origins", len(terms.origins), 1, len(SourceOrigin)),
        ("channels", len(terms.channels), 1, len(SourceChannel)),
    ):
        if not low <= value <= high:
            raise AgreementTermsOutOfBounds(field=field, minimum=low, maximum=high)


def check_in_force(state: AgreementState, *, valid_from: date, valid_to: date, on: date) -> None:
    """``valid_to`` is the last day. Raises ``AgreementStateRefused``, ``AgreementNotInForce``."""
    if state is not AgreementState.ACTIVE:
        raise AgreementStateRefused(state=state.value)
    if not valid_from <= on <= valid_to:
        raise AgreementNotInForce(valid_from=valid_from.isoformat(), valid_to=valid_to.isoformat())


def check_proofs(given: Collection[ProofKind], sets: Sequence[Sequence[str]]) -> None:
    """One of the sets has to be complete. Raises ``DisposalProofMissing`` with what the nearest one lacks."""
    missing = [[ProofKind(kind) for kind in wanted if ProofKind(kind) not in given] for wanted in sets]
    nearest = min(missing, key=len)
    if nearest:
        raise DisposalProofMissing(missing=[PROOF_NAMES[kind] for kind in nearest], codes=[kind.value for kind in nearest])


def compute_agreed_fee(price_minor: int, *, commission_bps: int, car_fee_minor: int) -> int:
    """Fen the market earns from the source by one sale, never above the price."""
    return min(share_bps(price_minor, commission_bps) + car_fee_minor, price_minor)


def agreement_number(day: date, serial: int) -> str:
    return f"QY{day:%Y%m%d}-{serial:08d}"


def build_agreement(
    *, number: str, source: Mapping[str, str], market: Mapping[str, str], terms: AgreementTerms, offered_at: str
) -> dict[str, Any]:
    """The agreement as plain values for canonical JSON: its hash is what both sides sign."""
    return {
        "document": "supply_agreement",
        "version": 1,
        "title": "企业车源合作框架协议",
        "number": number,
        "offered_at": offered_at,
        "source": dict(source),
        "market": dict(market),
        "terms": {
            "origins": [one.value for one in terms.origins],
            "channels": [one.value for one in terms.channels],
            "valid_from": terms.valid_from.isoformat(),
            "valid_to": terms.valid_to.isoformat(),
            "currency": "CNY",
            "commission_bps": terms.commission_bps,
            "car_fee_minor": terms.car_fee_minor,
        },
        "clauses": [
            "车源方保证对所提供的每辆车享有处分权,并逐车提交处分权证明(二手车交易规范第六条)。",
            "债权人处置抵押车辆的,应当取得抵押人同意或者法院裁定,不得以事先约定归其所有(民法典第四百零一条、第四百一十条)。",
            "除约定佣金和单车服务费外,市场不向车源方收取其他费用;未成交的不收取佣金。",
            "协议到期或解除的,已进入渠道的车辆按原条款完成。",
        ],
    }
