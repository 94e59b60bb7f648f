"""Bodies of the quick self-appraisal. Scores are tenths of a point."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from valuation.appraisal.domain import UNKNOWN, Area, Grade, Provisional, SelfCheck

Answer = Annotated[str, Field(default=UNKNOWN, max_length=20, pattern="^[a-z_]+$", examples=["none"])]
CAVEAT = (
    "自评仅供参考,不是鉴定评估报告;结果为区间,实际等级以持证评估师的鉴定为准。 "
    "Provisional: a range from the owner's own answers, no appraisal; only certified appraisers grade a car."
)


class SelfAppraisalAnswers(BaseModel):
    """One answer a question (`/self-appraisals/questions`); `unknown` where the owner does not know."""

    model_config = ConfigDict(extra="forbid")

    accident: Answer
    flood: Answer
    fire: Answer
    scratches: Answer
    dents: Answer
    repaint: Answer
    rust: Answer
    tyres: Answer
    engine_leak: Answer
    engine_ageing: Answer
    interior: Answer
    warning_lights: Answer
    start_noise: Answer
    driving: Answer
    underbody: Answer

    def answered(self) -> dict[str, str]:
        return {name: answer for name, answer in self.model_dump().items() if answer != UNKNOWN}


class RangeBody(BaseModel):
    area: Area
    low_tenths: int = Field(examples=[175])
    high_tenths: int = Field(examples=[200])


class SelfAppraisalBody(BaseModel):
    """``grades`` are all that are possible, best first; ``grade`` is that of the range's middle."""

    score_low_tenths: int = Field(examples=[810])
    score_high_tenths: int = Field(examples=[1000])
    grade: Grade
    grades: list[Grade]
    areas: list[RangeBody]
    may_be_accident: bool
    may_be_flood: bool
    may_be_fire: bool
    unknown: list[str] = Field(description="Answering these narrows the range.")
    provisional: bool = Field(default=True, description="Always: nobody has looked at the car.")
    caveat: str = Field(default=CAVEAT)


class OptionBody(BaseModel):
    code: str = Field(examples=["few"])
    zh: str = Field(examples=["一两处、巴掌大以内"])
    en: str = Field(examples=["one or two, palm-sized"])
    low_tenths: int = Field(examples=[5], description="The least it costs.")
    high_tenths: int = Field(examples=[20], description="The most it costs.")


class QuestionBody(BaseModel):
    code: str = Field(examples=["scratches"])
    zh: str = Field(examples=["车身划痕、掉漆"])
    en: str = Field(examples=["Scratches and chips"])
    area: Area | None
    options: list[OptionBody]


class SelfCheckBody(BaseModel):
    """The questionnaire with what each answer costs, and what each area may lose unseen."""

    version: int = Field(examples=[1])
    source: str = Field(examples=["Ranges derived from the deductions of GB/T 30323-2013"])
    questions: list[QuestionBody]
    unseen_tenths: dict[str, int]


def self_appraisal_body(found: Provisional) -> SelfAppraisalBody:
    return SelfAppraisalBody(
        score_low_tenths=found.score_low,
        score_high_tenths=found.score_high,
        grade=found.grade,
        grades=list(found.grades),
        areas=[RangeBody(area=area, low_tenths=low, high_tenths=high) for area, (low, high) in found.areas.items()],
        may_be_accident=found.may_be_accident,
        may_be_flood=found.may_be_flood,
        may_be_fire=found.may_be_fire,
        unknown=list(found.unknown),
    )


def self_check_body(check: SelfCheck) -> SelfCheckBody:
    questions = [
        QuestionBody(
            code=one.code,
            zh=one.zh,
            en=one.en,
            area=one.area,
            options=[
                OptionBody(code=option.code, zh=option.zh, en=option.en, low_tenths=option.low, high_tenths=option.high)
                for option in one.options
            ],
        )
        for one in check.questions
    ]
    unseen = {area.value: high for area, high in check.unseen.items()}
    return SelfCheckBody(version=check.number, source=check.source, questions=questions, unseen_tenths=unseen)
