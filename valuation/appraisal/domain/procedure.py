"""The nine steps of the procedure (作业流程) as a state machine, and every refusal of an appraisal."""

from enum import StrEnum

from marketplace.core.errors import Forbidden, Malformed, Refusal, Rule

STANDARD = Rule("GB/T 30323-2013 二手车鉴定评估技术规范", "GB/T 30323-2013, Technical specification for used-car appraisal")


class AppraisalState(StrEnum):
    """Where an appraisal stands. ``step_of`` gives the step of the national procedure it has completed."""

    REQUESTED = "requested"  # the client asks an institution
    DECLINED = "declined"  # the institution does not take it, or the client withdrew
    NOT_TRADABLE = "not_tradable"  # step 2 failed: terminal
    ACCEPTED = "accepted"  # steps 1-2: accepted and tradable; the engagement letter waits for the client's signature
    ENGAGED = "engaged"  # steps 3-4: the client signed the engagement letter, basic data are written down
    INSPECTED = "inspected"  # steps 5-6: accident check and technical scoring
    VALUED = "valued"  # step 7
    SIGNING = "signing"  # the report is frozen, one appraiser has signed
    ISSUED = "issued"  # steps 8-9: two signatures, report issued and filed
    SUPERSEDED = "superseded"  # a newer report of the same institution replaced it


class Purpose(StrEnum):
    """What the appraisal is for; the report says so."""

    SALE = "sale"
    AUCTION = "auction"
    CONSIGNMENT = "consignment"
    MORTGAGE = "mortgage"
    DISPUTE = "dispute"


class ReportKind(StrEnum):
    """With a value it is the full report, without one the technical status table."""

    APPRAISAL_REPORT = "appraisal_report"  # 鉴定评估报告
    TECHNICAL_STATUS = "technical_status"  # 技术状况表


_STEPS = {
    AppraisalState.REQUESTED: 0,
    AppraisalState.DECLINED: 0,
    AppraisalState.NOT_TRADABLE: 2,
    AppraisalState.ACCEPTED: 2,
    AppraisalState.ENGAGED: 4,
    AppraisalState.INSPECTED: 6,
    AppraisalState.VALUED: 7,
    AppraisalState.SIGNING: 7,
    AppraisalState.ISSUED: 9,
    AppraisalState.SUPERSEDED: 9,
}
STEP_NAMES = (
    "受理鉴定评估 accept",
    "查验可交易车辆 tradability check",
    "签订委托书 engagement letter",
    "登记基本信息 basic data",
    "判别事故车 accident check",
    "鉴定技术状况 technical scoring",
    "评估车辆价值 valuation",
    "撰写并出具鉴定评估报告 report",
    "归档工作底稿 file",
)

_TRANSITIONS: dict[AppraisalState, frozenset[AppraisalState]] = {
    AppraisalState.REQUESTED: frozenset({AppraisalState.ACCEPTED, AppraisalState.NOT_TRADABLE, AppraisalState.DECLINED}),
    AppraisalState.ACCEPTED: frozenset({AppraisalState.ENGAGED, AppraisalState.NOT_TRADABLE, AppraisalState.DECLINED}),
    AppraisalState.ENGAGED: frozenset({AppraisalState.INSPECTED, AppraisalState.NOT_TRADABLE, AppraisalState.DECLINED}),
    AppraisalState.INSPECTED: frozenset({AppraisalState.INSPECTED, AppraisalState.VALUED, AppraisalState.SIGNING, AppraisalState.DECLINED}),
    AppraisalState.VALUED: frozenset({AppraisalState.INSPECTED, AppraisalState.VALUED, AppraisalState.SIGNING, AppraisalState.DECLINED}),
    AppraisalState.SIGNING: frozenset({AppraisalState.ISSUED}),
    AppraisalState.ISSUED: frozenset({AppraisalState.SUPERSEDED}),
    AppraisalState.DECLINED: frozenset(),
    AppraisalState.NOT_TRADABLE: frozenset(),
    AppraisalState.SUPERSEDED: frozenset(),
}


OPEN_STATES = frozenset(state for state, following in _TRANSITIONS.items() if following and state is not AppraisalState.ISSUED)
"""States in which work is still to be done."""


def step_of(state: AppraisalState) -> int:
    """The last completed step, 0-9."""
    return _STEPS[state]


def decide_transition(state: AppraisalState, to: AppraisalState) -> AppraisalState:
    """``to`` when the procedure allows it; raises ``WrongStep``."""
    if to not in _TRANSITIONS[state]:
        raise WrongStep(state=state.value, wanted=to.value, next_states=sorted(one.value for one in _TRANSITIONS[state]))
    return to


class WrongStep(Refusal):
    zh = "鉴定评估处于「{state}」阶段,不能进入「{wanted}」"
    en = "The appraisal is {state}; it cannot become {wanted} from there."
    rule = STANDARD


class NotAnAppraisalInstitution(Malformed):
    zh = "该机构不是鉴定评估机构"
    en = "The party named is not an appraisal institution."


class AppraiserNotIndependent(Forbidden):
    """Who has an interest in the car may not appraise it."""

    zh = "评估人员与委托人或车辆存在利害关系,应当回避"
    en = "An appraiser with an interest in the client or the car must step aside."
    rule = Rule("资产评估法 第十三条第六项", "Asset Appraisal Law, art. 13(6)")


class AlreadySigned(Refusal):
    """The same person cannot be both of the two."""

    zh = "同一评估师不能重复签名,报告须由两名评估师签名"
    en = "You have signed; the law wants two different appraisers."
    rule = Rule("资产评估法 第二十七条", "Asset Appraisal Law, art. 27")


class AppraisalOpen(Refusal):
    """One open appraisal of a car at one institution."""

    zh = "该车在此机构已有进行中的鉴定评估"
    en = "This institution has an open appraisal of this car."


class BadRecord(Malformed):
    """An inspection record that the standard does not know; ``records`` names each with the reason."""

    zh = "检查记录不符合国家标准"
    en = "An inspection record is not one of the standard's."
    rule = STANDARD


class InspectionIncomplete(Malformed):
    """An item without an answer is not sound, it is unknown."""

    zh = "尚有项目未检查"
    en = "Items were not checked: answer them or declare the remaining ones sound."
    rule = STANDARD


class CauseMissing(Malformed):
    zh = "须说明原因或缺陷内容的项目缺少说明"
    en = "These items need a note on what was found and why."
    rule = STANDARD


class AccidentNeedsMarketMethod(Refusal):
    """A score-based technical ratio means nothing for 五级."""

    zh = "事故车(五级)不适用重置成本法的技术成新率,请改用其他方法并说明理由"
    en = "An accident car has no score-based ratio; state the value by another method, with its reason."
    rule = STANDARD


class TooFewComparables(Malformed):
    """现行市价法 averages at least three."""

    zh = "现行市价法至少需要 {needed} 台参照车辆"
    en = "The market comparison needs at least {needed} comparables."
    rule = STANDARD


class FactorMissing(Malformed):
    """A factor that the table cannot give must be stated by the appraiser."""

    zh = "参照车辆缺少修正系数:{factors}"
    en = "A comparable needs these factors stated: {factors}."
    rule = STANDARD


class TooManyAppraisalPhotos(Refusal):
    zh = "鉴定照片已达上限 {limit} 张"
    en = "The appraisal has its {limit} photos."


class PaperNotReady(Refusal):
    """The job that prints and seals it has not run yet."""

    zh = "文件正在生成,请稍后再取"
    en = "The paper is being printed; come again shortly."


class AnswersIncomplete(Malformed):
    zh = "自评问卷的回答不完整或有误:{questions}"
    en = "Answers of the self-appraisal are missing or unknown: {questions}."
