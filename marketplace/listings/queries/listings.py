"""Every SELECT of listings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session, id_list
from marketplace.core.pagination import PageQuery
from marketplace.listings.domain import OPEN_STATES, STORE_CHANNELS, Channel, ListingState, PricePoint
from marketplace.listings.models import Listing, ListingPrice, VehicleClaim


def find_listing(session: Session, *, listing_id: UUID) -> Listing | None:
    return session.get(Listing, listing_id)


def lock_listing(session: Session, *, listing_id: UUID) -> Listing | None:
    return session.exec(select(Listing).where(Listing.id == listing_id).with_for_update().execution_options(populate_existing=True)).first()


def lock_open_of_vehicles(session: Session, *, vehicle_ids: Sequence[UUID]) -> list[Listing]:
    """Open listings of these cars, locked in the order of their ids."""
    return list(
        session.exec(
            select(Listing)
            .where(col(Listing.vehicle_id).in_(vehicle_ids), col(Listing.state).in_(OPEN_STATES))
            .order_by(col(Listing.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_open_of_vehicle(session: Session, *, vehicle_id: UUID) -> list[Listing]:
    return list(
        session.exec(
            select(Listing)
            .where(Listing.vehicle_id == vehicle_id, col(Listing.state).in_(OPEN_STATES))
            .order_by(col(Listing.published_at), col(Listing.id))
        )
    )


def list_open_ids(session: Session, *, after: UUID | None, limit: int) -> list[UUID]:
    """Ids of open listings, in order: for an index rebuilt from nothing."""
    statement = select(Listing.id).where(col(Listing.state).in_(OPEN_STATES)).order_by(col(Listing.id)).limit(limit)
    return list(session.exec(statement.where(col(Listing.id) > after) if after else statement))


def find_claim(session: Session, *, vehicle_id: UUID) -> VehicleClaim | None:
    return session.get(VehicleClaim, vehicle_id, populate_existing=True)


def list_claims(session: Session, *, vehicle_ids: Sequence[UUID]) -> dict[UUID, VehicleClaim]:
    rows = session.exec(select(VehicleClaim).where(col(VehicleClaim.vehicle_id).in_(id_list(list(vehicle_ids)))))
    return {row.vehicle_id: row for row in rows}


def list_prices(session: Session, *, listing_id: UUID) -> list[PricePoint]:
    rows = session.exec(select(ListingPrice).where(ListingPrice.listing_id == listing_id).order_by(col(ListingPrice.seq)))
    return [PricePoint(row.ask_minor, row.at) for row in rows]


def count_prices(session: Session, *, listing_id: UUID) -> int:
    return session.exec(select(sa.func.count()).select_from(ListingPrice).where(ListingPrice.listing_id == listing_id)).one()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFilter:
    """What the store page narrows by; search does the rest. Amounts in fen."""

    channel: Channel | None = None
    city: str | None = None
    brand: str | None = None
    price_min_minor: int | None = None
    price_max_minor: int | None = None
    seller_id: UUID | None = None


def list_store(session: Session, *, paging: PageQuery, wanted: StoreFilter) -> list[Listing]:
    """Live listings, newest first; up to ``limit + 1``."""
    conditions: list[Any] = [Listing.state == ListingState.LIVE, col(Listing.channel).in_(STORE_CHANNELS)]
    if wanted.channel is not None:
        conditions.append(Listing.channel == wanted.channel)
    if wanted.city is not None:
        conditions.append(Listing.city == wanted.city)
    if wanted.brand is not None:
        conditions.append(Listing.brand == wanted.brand)
    if wanted.seller_id is not None:
        conditions.append(Listing.seller_id == wanted.seller_id)
    if wanted.price_min_minor is not None:
        conditions.append(Listing.ask_minor >= wanted.price_min_minor)
    if wanted.price_max_minor is not None:
        conditions.append(Listing.ask_minor <= wanted.price_max_minor)
    return list(
        session.exec(
            select(Listing)
            .where(*conditions, paging.where_after(col(Listing.id), descending=True))
            .order_by(col(Listing.id).desc())
            .limit(paging.limit + 1)
        )
    )


def list_of_seller(session: Session, *, seller_id: UUID, state: ListingState | None, paging: PageQuery) -> list[Listing]:
    """A seller's own listings in every state, newest first; up to ``limit + 1``."""
    conditions: list[Any] = [Listing.seller_id == seller_id]
    if state is not None:
        conditions.append(Listing.state == state)
    return list(
        session.exec(
            select(Listing)
            .where(*conditions, paging.where_after(col(Listing.id), descending=True))
            .order_by(col(Listing.id).desc())
            .limit(paging.limit + 1)
        )
    )


def find_first_published_at(session: Session, *, vehicle_id: UUID, seller_id: UUID) -> datetime | None:
    """When this seller first showed the car, in any channel."""
    return session.exec(
        select(Listing.published_at)
        .where(Listing.vehicle_id == vehicle_id, Listing.seller_id == seller_id)
        .order_by(col(Listing.published_at))
        .limit(1)
    ).first()


def list_open_of_source(session: Session, *, source_kind: str, source_id: UUID) -> list[UUID]:
    """Ids of the open listings a contract, dossier or lot published."""
    return list(
        session.exec(
            select(Listing.id)
            .where(Listing.source_kind == source_kind, Listing.source_id == source_id, col(Listing.state).in_(OPEN_STATES))
            .order_by(col(Listing.id))
        )
    )


def list_all_of_seller(session: Session, *, seller_id: UUID) -> list[Listing]:
    return list(session.exec(select(Listing).where(Listing.seller_id == seller_id).order_by(col(Listing.id))))


def list_open_of_seller(session: Session, *, vehicle_ids: Sequence[UUID], seller_id: UUID) -> list[Listing]:
    return list(
        session.exec(
            select(Listing).where(
                col(Listing.vehicle_id).in_(vehicle_ids), Listing.seller_id == seller_id, col(Listing.state).in_(OPEN_STATES)
            )
        )
    )


def list_titles(session: Session, *, listing_ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = session.exec(select(Listing.id, Listing.title).where(col(Listing.id).in_(id_list(list(listing_ids)))))
    return dict(rows.all())


def list_open_vehicle_ids(session: Session, *, seller_id: UUID, channel: Channel, before: UUID | None, limit: int) -> list[UUID]:
    """Cars a seller shows in a channel, by vehicle id downwards."""
    statement = (
        select(Listing.vehicle_id)
        .where(Listing.seller_id == seller_id, Listing.channel == channel, col(Listing.state).in_(OPEN_STATES))
        .order_by(col(Listing.vehicle_id).desc())
        .limit(limit)
    )
    return list(session.exec(statement.where(col(Listing.vehicle_id) < before) if before else statement))


def find_sold_price(session: Session, *, vehicle_id: UUID, seller_id: UUID) -> int | None:
    """What a seller last got for a car, fen."""
    return session.exec(
        select(Listing.sold_price_minor)
        .where(Listing.vehicle_id == vehicle_id, Listing.seller_id == seller_id, Listing.state == ListingState.SOLD)
        .order_by(col(Listing.id).desc())
        .limit(1)
    ).first()
