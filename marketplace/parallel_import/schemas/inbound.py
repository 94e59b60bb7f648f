"""Bodies of inbound feeds. Secrets and addresses come in, and never out."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.parallel_import.domain.inbound import (
    Circuit,
    RowOutcome,
    RunState,
    Signing,
    SourceForm,
    SourceMode,
    SourceScope,
    SourceState,
)

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"
_KEY = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7"
Url = Annotated[str, Field(min_length=8, max_length=500)]
Secret = Annotated[str, Field(min_length=16, max_length=200)]
PublicKey = Annotated[str, Field(min_length=40, max_length=60)]
EverySeconds = Annotated[int, Field(ge=60, le=86_400)]


class SourceIn(BaseModel):
    """``signing`` ed25519 wants ``public_key`` (base64 of 32 bytes), hmac_sha256 a ``secret`` of the pilot's own making."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=80, examples=["ERP 车源"])
    mode: SourceMode = Field(examples=["push"])
    form: SourceForm = Field(examples=["json"])
    scope: SourceScope = Field(default=SourceScope.DELTA, examples=["delta"])
    signing: Signing = Field(examples=["hmac_sha256"])
    secret: Secret | None = Field(default=None, examples=["a-secret-of-the-pilots-own-making"])
    public_key: PublicKey | None = Field(default=None, examples=[None])
    url: Url | None = Field(default=None, examples=[None])
    every_s: EverySeconds = Field(default=900, examples=[900])


class SourceChange(BaseModel):
    """Only the fields sent are touched."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, json_schema_extra={"examples": [{"every_s": 3600}]})

    name: str | None = Field(default=None, min_length=1, max_length=80)
    form: SourceForm | None = None
    scope: SourceScope | None = None
    state: SourceState | None = None
    signing: Signing | None = None
    secret: Secret | None = None
    public_key: PublicKey | None = None
    url: Url | None = None
    every_s: EverySeconds | None = None


class SourceBody(BaseModel):
    """``circuit`` open: too many failures in a row, the source rests until ``next_pull_at``. ``host`` is all
    that is told of the address."""

    id: UUID = Field(examples=[_ID])
    name: str = Field(examples=["ERP 车源"])
    mode: SourceMode
    form: SourceForm
    scope: SourceScope
    state: SourceState
    signing: Signing
    host: str | None = Field(examples=["feeds.example.cn"])
    every_s: int = Field(examples=[900])
    last_sequence: int = Field(examples=[17])
    failures: int = Field(examples=[0])
    circuit: Circuit
    problem_code: str | None = Field(examples=[None])
    problem: str = Field(examples=[""])
    next_pull_at: datetime | None
    last_checked_at: datetime | None
    last_run: "RunBody | None"


class RunBody(BaseModel):
    """A feed that came. While ``received`` or ``running`` ask again: ``rows_done`` of ``rows_total`` grows."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    source_id: UUID = Field(examples=[_ID])
    state: RunState
    scope: SourceScope
    is_pulled: bool
    sequence: int = Field(examples=[17])
    size_bytes: int = Field(examples=[81_234])
    rows_total: int = Field(examples=[40])
    rows_done: int = Field(examples=[40])
    rows_added: int = Field(examples=[2])
    rows_changed: int = Field(examples=[3])
    rows_unchanged: int = Field(examples=[33])
    rows_held_back: int = Field(examples=[1])
    rows_removed: int = Field(examples=[0])
    rows_bad: int = Field(examples=[1])
    unknown_fields: list[str] = Field(examples=[["dealer_note"]])
    problem_code: str | None = Field(examples=[None])
    problem: str = Field(examples=[""])
    received_at: datetime
    finished_at: datetime | None


class FeedFindingBody(BaseModel):
    field: str = Field(examples=["vin"])
    code: str = Field(examples=["bad_vin"])
    severity: str = Field(examples=["error"])
    zh: str = Field(examples=["车架号有误"])
    hint: str = Field(examples=["对照行驶证逐位核对"])


class FeedRowBody(BaseModel):
    """Row ``n`` is the n-th car of the feed, from one."""

    model_config = ConfigDict(from_attributes=True)

    n: int = Field(examples=[7])
    ref: str = Field(examples=["PI-0007"])
    outcome: RowOutcome
    import_id: UUID | None = Field(examples=[_ID])
    findings: list[FeedFindingBody]


def host_of(url: str | None) -> str | None:
    """The host alone: paths and queries hold tokens."""
    return urlsplit(url).hostname if url else None
