"""Bodies of outbound feeds."""

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from marketplace.feeds.domain import FeedName

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"


class FeedKeyBody(BaseModel):
    """Verifies ``Feed-Signature``: Ed25519 over the text ``<Feed-Cursor> <Feed-Digest>``, both as in the answer's headers."""

    key_id: str = Field(examples=["feeds-0a1b2c3d"])
    algorithm: str = Field(examples=["Ed25519"])
    public_key: str = Field(examples=["base64 of 32 bytes"])


class ConsentIn(BaseModel):
    """Who receives the full VINs of the caller's cars on sale, for what, until when (left out: until withdrawn)."""

    model_config = ConfigDict(extra="forbid")

    partner_id: UUID = Field(examples=[_ID])
    purpose: str = Field(min_length=4, max_length=200, examples=["为在售车辆提供保险报价"])
    ends_at: AwareDatetime | None = Field(default=None, examples=["2027-11-25T00:00:00Z"])


class ConsentBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    partner_id: UUID = Field(examples=[_ID])
    purpose: str = Field(examples=["为在售车辆提供保险报价"])
    granted_at: datetime
    ends_at: datetime | None
    revoked_at: datetime | None


class VinsIn(BaseModel):
    """Cars of a feed behind a cursor. The reason stands in each car's audit trail."""

    model_config = ConfigDict(extra="forbid")

    feed: FeedName = Field(examples=["stock"])
    since: int = Field(default=0, ge=0, le=2**62, examples=[0])
    limit: int = Field(default=100, ge=1, le=200)
    reason: str = Field(min_length=4, max_length=200, examples=["商业险报价"])


class VinBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    object_id: UUID = Field(examples=[_ID], description="`id` of the car in the feed.")
    vehicle_id: UUID = Field(examples=[_ID])
    feed_no: int = Field(examples=[4711])
    vin: str = Field(examples=["LSGPC54U2NH123456"])
    consent_id: UUID = Field(examples=[_ID])


class VinsBody(BaseModel):
    """``withheld``: cars looked at whose sellers gave no consent. Go on with ``since`` = ``cursor``."""

    model_config = ConfigDict(from_attributes=True)

    cars: list[VinBody]
    withheld: int = Field(examples=[3])
    cursor: int = Field(examples=[4711])
    has_more: bool
