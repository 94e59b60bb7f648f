"""Tables of pricing."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class ShownVehicle(SQLModel, table=True):
    """A car some channel shows to everybody, copied from the listings' events: its public facts may be priced by anyone."""

    __tablename__ = "shown_vehicle"

    listing_id: UUID = Field(primary_key=True)
    vehicle_id: UUID = Field(index=True)
    key_seq: int = Field(sa_type=sa.BigInteger)
    is_shown: bool
