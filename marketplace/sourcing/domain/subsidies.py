"""汽车以旧换新补贴: who gets it, how much, by when, with which proofs. Pure, over ``tables/subsidy.toml``."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Programme(StrEnum):
    """``replace`` 置换更新: the old car is sold. ``scrap`` 报废更新: it is scrapped."""

    REPLACE = "replace"
    SCRAP = "scrap"


class ProofKind(StrEnum):
    IDENTITY = "identity"
    OLD_SALE_INVOICE = "old_sale_invoice"
    OLD_REGISTRATION = "old_registration"
    SCRAPPING_CERTIFICATE = "scrapping_certificate"
    DEREGISTRATION = "deregistration"
    NEW_INVOICE = "new_invoice"
    NEW_REGISTRATION = "new_registration"
    BANK_CARD = "bank_card"


PROOF_NAMES: Mapping[ProofKind, tuple[str, str]] = {
    ProofKind.IDENTITY: ("申请人身份证", "The applicant's identity card"),
    ProofKind.OLD_SALE_INVOICE: ("旧车二手车销售统一发票", "Unified invoice of the old car's sale"),
    ProofKind.OLD_REGISTRATION: ("旧车机动车登记证书(含转让登记)", "The old car's certificate, with the transfer"),
    ProofKind.SCRAPPING_CERTIFICATE: ("报废机动车回收证明", "Certificate of recovery of the scrapped car"),
    ProofKind.DEREGISTRATION: ("机动车注销证明", "Proof of deregistration"),
    ProofKind.NEW_INVOICE: ("新车机动车销售统一发票", "Unified invoice of the new car"),
    ProofKind.NEW_REGISTRATION: ("新车机动车登记证书", "The new car's certificate"),
    ProofKind.BANK_CARD: ("申请人本人银行账户", "The applicant's own bank account"),
}


class SubsidySeverity(StrEnum):
    """``bars``: no subsidy. ``waits``: something has to happen by a day. ``warns``: to be told."""

    BARS = "bars"
    WAITS = "waits"
    WARNS = "warns"


@dataclass(frozen=True, slots=True)
class SubsidyFinding:
    code: str
    severity: SubsidySeverity
    article: str
    zh: str
    en: str
    clears: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsidyCase:
    """Everything the rules look at, on one legal day. Days None have not come. ``price_minor``: the new car's, VAT included, fen."""

    on: date
    programme: Programme
    applicant_is_person: bool
    old_owner_is_applicant: bool
    old_kind: str
    old_is_new_energy: bool
    old_is_petrol: bool
    old_registered_on: date | None
    old_gone_on: date | None
    new_buyer_is_applicant: bool
    new_is_new: bool
    new_kind: str
    new_is_new_energy: bool
    new_displacement_ml: int | None
    new_bought_on: date | None
    price_minor: int
    already_subsidized: bool
    proofs: Collection[ProofKind] = ()


@dataclass(frozen=True, slots=True)
class Subsidy:
    """``amount_minor``: what could be had, 0 when something bars it. ``proofs``: the whole list; ``missing`` of it not at hand."""

    programme: Programme
    amount_minor: int
    rate_bps: int
    max_minor: int
    findings: tuple[SubsidyFinding, ...]
    proofs: tuple[ProofKind, ...]
    missing: tuple[ProofKind, ...]
    apply_by: date

    @property
    def is_barred(self) -> bool:
        return any(one.severity is SubsidySeverity.BARS for one in self.findings)


Found = Iterator[tuple[str, dict[str, str]]]

_B, _W, _T = SubsidySeverity.BARS, SubsidySeverity.WAITS, SubsidySeverity.WARNS
_TEXTS: Mapping[str, tuple[SubsidySeverity, str, str, str]] = {
    "not_a_person": (_B, "补贴只发给个人消费者", "Only a natural person gets it.", "nothing"),
    "old_owner_differs": (_B, "旧车须登记在申请人本人名下", "The old car must be registered in the applicant's own name.", "nothing"),
    "new_buyer_differs": (_B, "新车购买人须为申请人本人", "The new car's buyer must be the applicant.", "nothing"),
    "old_not_passenger": (_B, "旧车不是乘用车", "The old car is no passenger car.", "nothing"),
    "new_not_passenger": (_B, "新车不是乘用车", "The new car is no passenger car.", "nothing"),
    "new_is_used": (_B, "须购买新车,二手车不享受补贴", "A new car has to be bought; a used one is not subsidized.", "new_car"),
    "displacement_too_large": (_B, "燃油乘用车排量须不超过{litres}升", "A fuel car's displacement may be {litres} l at most.", "new_car"),
    "displacement_unknown": (_W, "新车排量未知", "The new car's displacement is unknown.", "displacement"),
    "already_subsidized": (_B, "同一消费者在政策期内只享受一次", "One subsidy per person in the period.", "nothing"),
    "old_too_young": (_B, "报废旧车须于{by}(含)前注册登记", "The scrapped car must have been registered by {by}.", "nothing"),
    "old_registration_unknown": (_W, "旧车注册登记日期未知", "The old car's registration day is unknown.", "registration_day"),
    "old_gone_outside": (_B, "旧车转让或报废不在政策期内({on})", "The old car went outside the period ({on}).", "nothing"),
    "new_bought_outside": (_B, "新车购买不在政策期内({on})", "The new car was bought outside the period ({on}).", "nothing"),
    "old_still_there": (
        _W,
        "旧车须于{by}(含)前完成转让登记或注销",
        "The old car has to be transferred or deregistered by {by}.",
        "transfer",
    ),
    "new_not_bought": (_W, "新车须于{by}(含)前取得机动车销售统一发票", "The new car's invoice has to be issued by {by}.", "new_invoice"),
    "period_over": (_B, "政策期已于{by}结束", "The period ended on {by}.", "nothing"),
    "application_late": (_B, "申请期限已于{by}截止", "Applications closed on {by}.", "nothing"),
    "apply_by_doubtful": (_T, "申请截止日以当地通知为准", "The last day to apply is the city's to say.", "city_notice"),
}


def evaluate_subsidy(case: SubsidyCase, values: Mapping[str, Any]) -> Subsidy:
    """Findings, the gravest first, and the amount when nothing bars it."""
    rules = values[case.programme.value]
    found = [_finding(code, words, values) for question in _QUESTIONS for code, words in question(case, values)]
    order = list(SubsidySeverity)
    findings = tuple(sorted(found, key=lambda one: order.index(one.severity)))
    rate, most = (
        (rules["new_energy_bps"], rules["new_energy_max_minor"]) if case.new_is_new_energy else (rules["fuel_bps"], rules["fuel_max_minor"])
    )
    barred = any(one.severity is SubsidySeverity.BARS for one in findings)
    proofs = tuple(ProofKind(kind) for kind in rules["proofs"])
    return Subsidy(
        programme=case.programme,
        amount_minor=0 if barred else compute_subsidy(case.price_minor, rate_bps=rate, max_minor=most, step=values["round_up_to_minor"]),
        rate_bps=rate,
        max_minor=most,
        findings=findings,
        proofs=proofs,
        missing=tuple(kind for kind in proofs if kind not in case.proofs),
        apply_by=values["apply_by"],
    )


def compute_subsidy(price_minor: int, *, rate_bps: int, max_minor: int, step: int) -> int:
    """The share of the price, up to the next ``step`` fen, at most ``max_minor``."""
    exact = price_minor * rate_bps
    share = -(-exact // (10_000 * step)) * step
    return min(share, max_minor)


def _finding(code: str, words: Mapping[str, str], values: Mapping[str, Any]) -> SubsidyFinding:
    severity, zh, en, clears = _TEXTS[code]
    return SubsidyFinding(code, severity, values["article"], zh.format_map(words), en.format_map(words), clears)


def _people(case: SubsidyCase, _values: Mapping[str, Any]) -> Found:
    for code, is_bad in (
        ("not_a_person", not case.applicant_is_person),
        ("old_owner_differs", not case.old_owner_is_applicant),
        ("new_buyer_differs", not case.new_buyer_is_applicant),
        ("already_subsidized", case.already_subsidized),
    ):
        if is_bad:
            yield code, {}


def _cars(case: SubsidyCase, values: Mapping[str, Any]) -> Found:
    if case.old_kind not in values["passenger_kinds"]:
        yield "old_not_passenger", {}
    if case.new_kind not in values["passenger_kinds"]:
        yield "new_not_passenger", {}
    if not case.new_is_new:
        yield "new_is_used", {}
    if case.new_is_new_energy:
        return
    most = values["small_displacement_ml"]
    if case.new_displacement_ml is None:
        yield "displacement_unknown", {}
    elif case.new_displacement_ml > most:
        yield "displacement_too_large", {"litres": f"{most // 1000}.{most % 1000 // 100}"}


def _age(case: SubsidyCase, values: Mapping[str, Any]) -> Found:
    if case.programme is not Programme.SCRAP:
        return
    rules = values["scrap"]
    kind = "new_energy" if case.old_is_new_energy else "petrol" if case.old_is_petrol else "other"
    last = rules[f"{kind}_registered_by"]
    if case.old_registered_on is None:
        yield "old_registration_unknown", {}
    elif case.old_registered_on > last:
        yield "old_too_young", {"by": last.isoformat()}


def _days(case: SubsidyCase, values: Mapping[str, Any]) -> Found:
    first, last, apply_by = values["period_from"], values["period_to"], values["apply_by"]
    for day, outside, ahead in (
        (case.old_gone_on, "old_gone_outside", "old_still_there"),
        (case.new_bought_on, "new_bought_outside", "new_not_bought"),
    ):
        if day is not None and not first <= day <= last:
            yield outside, {"on": day.isoformat()}
        elif day is None and case.on <= last:
            yield ahead, {"by": last.isoformat()}
    if case.on > last and (case.old_gone_on is None or case.new_bought_on is None):
        yield "period_over", {"by": last.isoformat()}
    if case.on > apply_by:
        yield "application_late", {"by": apply_by.isoformat()}
    elif values.get("apply_by_certainty") == "doubtful":
        yield "apply_by_doubtful", {}


_QUESTIONS: tuple[Callable[[SubsidyCase, Mapping[str, Any]], Found], ...] = (_people, _cars, _age, _days)
