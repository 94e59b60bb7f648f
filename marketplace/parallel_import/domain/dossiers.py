"""A parallel-import car's way from order to sale, its papers, and what must be shown of it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule


class ImportState(StrEnum):
    """``arrived`` is bonded 保税; ``cleared`` 已清关; ``certified`` has its conformity papers."""

    ORDERED = "ordered"
    ARRIVED = "arrived"
    CLEARED = "cleared"
    CERTIFIED = "certified"
    ON_SALE = "on_sale"
    SOLD = "sold"


class ImportVersion(StrEnum):
    """版别: for which market the maker built it."""

    US = "us"
    CA = "ca"
    MX = "mx"
    EU = "eu"
    GCC = "gcc"
    DE = "de"
    JP = "jp"
    OTHER = "other"


VERSION_NAMES: Mapping[ImportVersion, str] = {
    ImportVersion.US: "美规",
    ImportVersion.CA: "加规",
    ImportVersion.MX: "墨规",
    ImportVersion.EU: "欧规",
    ImportVersion.GCC: "中东版",
    ImportVersion.DE: "德规",
    ImportVersion.JP: "日规",
    ImportVersion.OTHER: "其他",
}


class PaperKind(StrEnum):
    IMPORT_CERTIFICATE = "import_certificate"
    INSPECTION_SHEET = "inspection_sheet"
    CONFORMITY_CERTIFICATE = "conformity_certificate"
    CCC_CERTIFICATE = "ccc_certificate"
    EMISSION_DISCLOSURE = "emission_disclosure"
    ENERGY_LABEL = "energy_label"
    CHINESE_MANUAL = "chinese_manual"
    THREE_GUARANTEES = "three_guarantees"
    MAINTENANCE_BOOK = "maintenance_book"
    IMPORT_LICENCE = "import_licence"
    DUTY_RECEIPTS = "duty_receipts"
    ELECTRONIC_SHEET = "electronic_sheet"


@dataclass(frozen=True, slots=True)
class PaperRule:
    """A paper's names, who issues it, the rule that asks for it, and from which step on it must be there."""

    zh: str
    en: str
    issuer: str
    article: str
    needed_for: ImportState | None


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing without which a step is refused."""

    code: str
    zh: str
    en: str
    article: str

    def document(self) -> dict[str, str]:
        return {"code": self.code, "zh": self.zh, "en": self.en, "article": self.article}


@dataclass(frozen=True, slots=True)
class EmissionCutOff:
    """From ``arrived_from`` on a car needs at least ``stage``."""

    arrived_from: date
    stage: str
    rank: int


@dataclass(frozen=True, slots=True)
class ImportRules:
    """The tables as valid on the day."""

    papers: Mapping[PaperKind, PaperRule]
    cut_offs: tuple[EmissionCutOff, ...]
    disclosures: Mapping[str, tuple[str, str, str]]
    """Fields a listing must show: name → (Chinese, English, article)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What the rules look at. ``emission_rank`` None: no stage stated."""

    state: ImportState
    arrived_on: date | None
    is_electric: bool
    emission_stage: str | None
    emission_rank: int | None
    papers: frozenset[PaperKind]
    shown: Mapping[str, str]
    """Texts of the disclosures, empty where not stated."""


# --- refusals ----------------------------------------------------------------------------------------------------------


class ImportNotFound(NotFound):
    zh = "未找到该平行进口车辆"
    en = "No such parallel-import car, or it is not yours."


class PapersMissing(Refusal):
    """``missing`` lists each with its names and its article."""

    zh = "随车单证不全,不能{step_zh}:缺 {missing_zh}"
    en = "The dossier is incomplete for {step}."
    rule = Rule(
        "商建发〔2016〕50号; 认证认可条例 第二十七条", "MOFCOM notice 2016/50; Certification and Accreditation Regulations, art. 27"
    )


class EmissionTooLow(Refusal):
    zh = "到港日期 {arrived_on} 的车辆须达到 {needed},该车为 {stage}"
    en = "A car that arrived on {arrived_on} needs {needed}; this one has {stage}."
    rule = Rule("大气污染防治法 第五十一条", "Air Pollution Law, art. 51")


class StepNotNext(Refusal):
    """``state`` is the car's, ``next`` what it may do now."""

    zh = "当前状态为 {state},不能执行该步骤"
    en = "The car is {state}; the next step is {next}."


class NotOnSale(Refusal):
    zh = "该车未在售"
    en = "The car is not on sale."


class BadDay(Malformed):
    """``field`` names the day that cannot be."""

    zh = "日期有误:{field}"
    en = "The day cannot be right: {field}."


# --- rules -------------------------------------------------------------------------------------------------------------

STEPS = (ImportState.ORDERED, ImportState.ARRIVED, ImportState.CLEARED, ImportState.CERTIFIED, ImportState.ON_SALE, ImportState.SOLD)
STEP_NAMES: Mapping[ImportState, str] = {
    ImportState.ORDERED: "订购",
    ImportState.ARRIVED: "到港",
    ImportState.CLEARED: "清关",
    ImportState.CERTIFIED: "确认合规",
    ImportState.ON_SALE: "上架",
    ImportState.SOLD: "售出",
}


def missing_papers(papers: Iterable[PaperKind], step: ImportState, rules: ImportRules) -> tuple[Missing, ...]:
    """Papers wanted for this or an earlier step that are not there, in the order of the table."""
    there = frozenset(papers)
    return tuple(
        Missing(kind.value, rule.zh, rule.en, rule.article)
        for kind, rule in rules.papers.items()
        if rule.needed_for is not None and STEPS.index(rule.needed_for) <= STEPS.index(step) and kind not in there
    )


def missing_disclosures(shown: Mapping[str, str], rules: ImportRules) -> tuple[Missing, ...]:
    """What a listing must show and does not."""
    return tuple(Missing(name, zh, en, article) for name, (zh, en, article) in rules.disclosures.items() if not shown.get(name, "").strip())


def needed_stage(arrived_on: date, rules: ImportRules) -> EmissionCutOff | None:
    """The strictest cut-off at or before the day of arrival (货物进口证明书)."""
    reached = [one for one in rules.cut_offs if one.arrived_from <= arrived_on]
    return max(reached, key=lambda one: one.rank, default=None)


def check_emission(dossier: Dossier, rules: ImportRules) -> None:
    """Raises ``EmissionTooLow``. An electric car has none; without a day of arrival nothing can be said yet."""
    if dossier.is_electric or dossier.arrived_on is None or dossier.emission_rank is None:
        return
    needed = needed_stage(dossier.arrived_on, rules)
    if needed is not None and dossier.emission_rank < needed.rank:
        raise EmissionTooLow(arrived_on=dossier.arrived_on.isoformat(), needed=needed.stage, stage=dossier.emission_stage or "")


def check_set(dossier: Dossier, step: ImportState, rules: ImportRules) -> None:
    """What a step wants on file and stated. Raises ``PapersMissing`` (every missing one) or ``EmissionTooLow``."""
    missing = list(missing_papers(dossier.papers, step, rules))
    if step is ImportState.ON_SALE:
        if dossier.emission_rank is None and not dossier.is_electric:
            missing.append(Missing("emission_stage", "排放标准", "emission stage", "商建发〔2016〕50号; 大气污染防治法 第五十五条"))
        missing.extend(missing_disclosures(dossier.shown, rules))
    if missing:
        raise PapersMissing(
            step=step.value,
            step_zh=STEP_NAMES[step],
            missing_zh="、".join(one.zh for one in missing),
            missing=[one.document() for one in missing],
        )
    check_emission(dossier, rules)


def check_publishable(dossier: Dossier, rules: ImportRules) -> None:
    """Whether a car on sale may stay there. Raises as ``check_set``."""
    check_set(dossier, ImportState.ON_SALE, rules)


def check_step(dossier: Dossier, step: ImportState, rules: ImportRules) -> None:
    """Whether the car may go to ``step`` now. Raises ``PapersMissing`` (every missing one), ``EmissionTooLow`` or ``StepNotNext``.

    The papers are looked at first: who publishes too early learns everything that is missing, not only the next step. A cleared
    car with all its papers may be published at once.
    """
    check_set(dossier, step, rules)
    allowed = {STEPS.index(step) - 1} | ({STEPS.index(ImportState.CLEARED)} if step is ImportState.ON_SALE else set())
    if STEPS.index(dossier.state) not in allowed:
        following = STEPS[min(STEPS.index(dossier.state) + 1, len(STEPS) - 1)]
        raise StepNotNext(state=dossier.state.value, next=following.value)


@dataclass(frozen=True, slots=True)
class Checked:
    """One line of the checklist."""

    kind: PaperKind
    zh: str
    en: str
    issuer: str
    article: str
    needed_for: ImportState | None
    is_there: bool


def checklist(papers: Iterable[PaperKind], rules: ImportRules) -> tuple[Checked, ...]:
    """Every paper of the set, there or not."""
    there = frozenset(papers)
    return tuple(
        Checked(kind, rule.zh, rule.en, rule.issuer, rule.article, rule.needed_for, kind in there) for kind, rule in rules.papers.items()
    )
