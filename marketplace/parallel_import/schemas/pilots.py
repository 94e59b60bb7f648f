"""Bodies of pilots and their assessments."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from marketplace.parallel_import.domain.pilots import AssessmentState, PilotKind, PilotState

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"
Code = Annotated[str, Field(min_length=1, max_length=60)]
Answer = StrictBool | Annotated[int, Field(ge=0, le=10**12)]
_STATED = {"registered_capital_wan": 2000, "paid_in_capital_wan": 1000, "car_sales_wan": 30000, "risk_guarantee": True}


class ApplicationIn(BaseModel):
    """What the applicant states of each condition; amounts in 万元."""

    model_config = ConfigDict(extra="forbid")

    kind: PilotKind = Field(examples=["enterprise"])
    zone: str = Field(default="", max_length=80, examples=["天津港保税区"])
    stated: dict[Code, Answer] = Field(max_length=40, examples=[_STATED])


class DecisionIn(BaseModel):
    """``waived``: exactly the unmet conditions that do not stand in the way, by name."""

    model_config = ConfigDict(extra="forbid")

    verified: bool = Field(examples=[True])
    waived: list[Code] = Field(default=[], max_length=40)
    note: str = Field(default="", max_length=500, examples=["批复原件已核验"])


class ReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=500, examples=["召回备案未完成"])


class CriterionBody(BaseModel):
    code: str = Field(examples=["registered_capital_wan"])
    zh: str = Field(examples=["注册资本(万元)"])
    en: str = Field(examples=["registered capital"])
    asked: str = Field(examples=["≥ 2000"])
    stated: int | bool | None = Field(examples=[2000])
    is_met: bool


class PilotBody(BaseModel):
    """A pilot as itself and the operators see it."""

    party_id: UUID = Field(examples=[_ID])
    kind: PilotKind
    state: PilotState
    zone: str = Field(examples=["天津港保税区"])
    state_reason: str = Field(examples=["召回备案未完成"])
    state_changed_at: datetime
    applied_at: datetime
    verified_on: date | None = Field(examples=["2026-11-25"])
    next_assessment_on: date | None = Field(examples=["2027-11-25"])
    waived: list[str] = Field(examples=[[]])
    criteria: list[CriterionBody]


class RegisteredBody(BaseModel):
    """The public register: who may sell parallel imports here."""

    party_id: UUID = Field(examples=[_ID])
    name: str = Field(examples=["天津某某国际贸易有限公司"])
    kind: PilotKind
    state: PilotState
    zone: str = Field(examples=["天津港保税区"])


class StatementIn(BaseModel):
    """What the pilot states of the year; what the market counts itself is not stated."""

    model_config = ConfigDict(extra="forbid")

    stated: dict[Code, Answer] = Field(max_length=40, examples=[{"recalls_filed": True, "penalties": 0}])


class FindingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    passed: bool = Field(examples=[True])
    note: str = Field(min_length=2, max_length=500, examples=["资料齐全"])


class AssessmentBody(BaseModel):
    """``suggests_pass``: what the criteria say; the finding is an operator's."""

    id: UUID = Field(examples=[_ID])
    pilot_id: UUID = Field(examples=[_ID])
    year: int = Field(examples=[2027])
    due_on: date = Field(examples=["2027-11-25"])
    state: AssessmentState
    results: list[dict[str, Any]] = Field(examples=[[]])
    suggests_pass: bool | None
    submitted_at: datetime | None
    decided_at: datetime | None
    note: str = Field(examples=["资料齐全"])
