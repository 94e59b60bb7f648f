"""Rules of a service case: which papers, who issues the invoice, when it may be handed in. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.errors import NotFound, Refusal, Rule


class CaseKind(StrEnum):
    """``move``: the new owner lives in another registration area 转籍."""

    TRANSFER = "transfer"
    MOVE = "move"


class CaseState(StrEnum):
    """``refused`` by the office: mend the papers and hand in again."""

    COLLECTING = "collecting"
    SUBMITTED = "submitted"
    REFUSED = "refused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({CaseState.COLLECTING, CaseState.REFUSED})


class PaperKind(StrEnum):
    REGISTRATION_CERTIFICATE = "registration_certificate"
    DRIVING_LICENCE = "driving_licence"
    BUYER_IDENTITY = "buyer_identity"
    VEHICLE_INSPECTED = "vehicle_inspected"
    VIOLATIONS_SETTLED = "violations_settled"
    INSPECTION_MARK = "inspection_mark"
    INSURANCE_POLICY = "insurance_policy"
    JOINT_APPLICATION = "joint_application"
    CUSTOMS_RELEASE = "customs_release"
    PLATE_QUOTA = "plate_quota"
    POWER_OF_ATTORNEY = "power_of_attorney"


PAPER_NAMES: Mapping[PaperKind, str] = {
    PaperKind.REGISTRATION_CERTIFICATE: "机动车登记证书",
    PaperKind.DRIVING_LICENCE: "机动车行驶证",
    PaperKind.BUYER_IDENTITY: "现机动车所有人身份证明",
    PaperKind.VEHICLE_INSPECTED: "机动车查验记录",
    PaperKind.VIOLATIONS_SETTLED: "违法和事故处理完毕证明",
    PaperKind.INSPECTION_MARK: "机动车安全技术检验合格标志",
    PaperKind.INSURANCE_POLICY: "机动车交通事故责任强制保险凭证",
    PaperKind.JOINT_APPLICATION: "抵押权人共同申请",
    PaperKind.CUSTOMS_RELEASE: "海关解除监管证明",
    PaperKind.PLATE_QUOTA: "小客车指标证明文件",
    PaperKind.POWER_OF_ATTORNEY: "委托书",
}


class PaperState(StrEnum):
    MISSING = "missing"
    PROVIDED = "provided"
    CHECKED = "checked"
    REJECTED = "rejected"


class IssuerKind(StrEnum):
    """Who issues 二手车销售统一发票."""

    DEALER = "dealer"
    AUCTION_HOUSE = "auction_house"
    MARKET_OPERATOR = "market_operator"


class CaseNotFound(NotFound):
    zh = "未找到该业务"
    en = "No such case, or it is not yours."


class CaseStateRefused(Refusal):
    zh = "该业务当前状态({state})不允许此操作"
    en = "The case is {state}; this is not possible now."


class PaperNotWanted(Refusal):
    status = 422
    zh = "该业务不需要此材料:{kind}"
    en = "This case does not want {kind}."


class PapersNotChecked(Refusal):
    """``open_papers`` are still missing, unchecked or rejected."""

    zh = "材料尚未齐备或核验:{open_papers}"
    en = "Papers are missing or not checked yet: {open_papers}."
    rule = Rule("机动车登记规定 第二十五条", "Motor Vehicle Registration Provisions, art. 25")


class InvoiceMissing(Refusal):
    zh = "尚未开具二手车销售统一发票"
    en = "The unified invoice of the sale has not been issued."
    rule = Rule("国家税务总局公告2013年第60号", "State Taxation Administration Announcement 60 of 2013")


class NotTheIssuer(Refusal):
    """``issuer`` is who issues the invoice of such a sale."""

    status = 403
    zh = "该发票应由 {issuer} 开具"
    en = "The invoice of this sale is issued by the {issuer}."
    rule = Rule("国家税务总局公告2013年第60号", "State Taxation Administration Announcement 60 of 2013")


def kind_of(*, car_city: str, buyer_city: str | None) -> CaseKind:
    """A move when the new owner registers the car elsewhere."""
    return CaseKind.MOVE if buyer_city is not None and buyer_city != car_city else CaseKind.TRANSFER


def required_papers(
    *, always: Sequence[str], by_finding: Mapping[str, Sequence[str]], findings: Collection[str], buys_for_stock: bool
) -> list[PaperKind]:
    """Papers in the table's order, then what findings add. A dealer's stock 待销售 uses no plate quota."""
    wanted = [PaperKind(code) for code in always]
    for code in sorted(findings):
        wanted += [PaperKind(paper) for paper in by_finding.get(code, ())]
    unique = list(dict.fromkeys(wanted))
    return [paper for paper in unique if not (buys_for_stock and paper is PaperKind.PLATE_QUOTA)]


def issuer_of(*, seller_is_dealer: bool, is_auctioned: bool, is_reverse: bool = False) -> IssuerKind:
    """The auction house for auctioned cars, the dealer for his own, the market operator for direct and brokered deals.

    ``is_reverse``: a filed dealer bought from a natural person and issues it himself 反向开具.
    """
    if is_auctioned:
        return IssuerKind.AUCTION_HOUSE
    return IssuerKind.DEALER if seller_is_dealer or is_reverse else IssuerKind.MARKET_OPERATOR


@dataclass(frozen=True, slots=True)
class Paper:
    kind: PaperKind
    state: PaperState


def check_submission(state: CaseState, *, papers: Sequence[Paper], has_invoice: bool) -> None:
    """Raises ``CaseStateRefused``, ``PapersNotChecked``, ``InvoiceMissing``."""
    if state not in OPEN_STATES:
        raise CaseStateRefused(state=state.value)
    open_papers = [paper.kind.value for paper in papers if paper.state is not PaperState.CHECKED]
    if open_papers:
        raise PapersNotChecked(open_papers=open_papers)
    if not has_invoice:
        raise InvoiceMissing


class StepState(StrEnum):
    DONE = "done"
    OPEN = "open"
    LATER = "later"


def compute_steps(state: CaseState, *, papers: Sequence[Paper], has_invoice: bool) -> list[tuple[str, StepState]]:
    """Where a case stands, for people: papers, check, invoice, office, registered."""
    provided = all(paper.state in {PaperState.PROVIDED, PaperState.CHECKED} for paper in papers)
    checked = all(paper.state is PaperState.CHECKED for paper in papers)
    done = state is CaseState.COMPLETED
    facts = [
        ("papers", provided),
        ("check", checked),
        ("invoice", has_invoice),
        ("submission", done or state is CaseState.SUBMITTED),
        ("registration", done),
    ]
    steps = []
    is_first_open = True
    for name, is_done in facts:
        steps.append((name, StepState.DONE if is_done else StepState.OPEN if is_first_open else StepState.LATER))
        is_first_open = is_first_open and is_done
    return steps


# --- what the registration office looks at -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Application:
    """A transfer as the office gets it. ``wants_quota``: the new owner's city rations plates for such a car."""

    papers: frozenset[PaperKind]
    required: frozenset[PaperKind]
    wants_quota: bool
    marks: frozenset[str]


def decide_application(application: Application) -> list[str]:
    """Reasons to refuse, empty when the car is registered in the new name (机动车登记规定 第十五条、第二十六条、第二十九条)."""
    reasons = [f"paper_missing:{paper.value}" for paper in sorted(application.required - application.papers)]
    if application.wants_quota and PaperKind.PLATE_QUOTA not in application.papers:
        reasons.append("plate_quota_missing")
    for mark in sorted(application.marks):
        if mark == "lien" and PaperKind.JOINT_APPLICATION in application.papers:
            continue
        reasons.append(f"{mark}_registered")
    return reasons
