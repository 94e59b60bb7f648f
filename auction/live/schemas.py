"""Messages of the socket, both ways as text frames of JSON. ``id`` is the client's own and comes back with the answer."""

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

AMOUNT_MAX = 10**13
KEY_MAX = 200
MessageId: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: MessageId | None = None


class Authenticate(_Message):
    """The first message; sent again with a fresh token of the same caller it lets the socket live on."""

    type: Literal["authenticate"]
    token: str = Field(min_length=1, max_length=8_000)
    acting_for: str | None = Field(None, max_length=40)


class Subscribe(_Message):
    """Everything of a lot behind ``after_seq``, then what happens."""

    type: Literal["subscribe"]
    lot_id: UUID
    after_seq: int = Field(0, ge=0, le=2**62)


class Unsubscribe(_Message):
    type: Literal["unsubscribe"]
    lot_id: UUID


class Bid(_Message):
    """A bid as by POST; ``key`` is its idempotency key."""

    type: Literal["bid"]
    lot_id: UUID
    maximum_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True)
    key: str | None = Field(None, min_length=1, max_length=KEY_MAX)
    confirmed: bool = Field(False, strict=True)
    buy_now: bool = Field(False, strict=True)


Incoming: TypeAlias = Authenticate | Subscribe | Unsubscribe | Bid
INCOMING: TypeAdapter[Incoming] = TypeAdapter(Annotated[Incoming, Field(discriminator="type")])
