"""Bodies of papers."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.papers.domain import PaperKind

_ID = "01990b7e-0000-7000-8000-000000000001"


class PaperBody(BaseModel):
    """Which of a session's papers: notice, catalogue or minutes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kind": "notice"}]})

    kind: PaperKind


class PaperAnswer(BaseModel):
    """A paper that is being printed; fetch it at ``href``."""

    kind: PaperKind = Field(examples=[PaperKind.NOTICE])
    subject_id: UUID = Field(examples=[_ID])
    href: str = Field(examples=[f"/auction/v1/sessions/{_ID}/papers/notice"])
