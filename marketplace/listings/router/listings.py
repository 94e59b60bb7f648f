"""HTTP of the shop window. The store and each listing are public; changes are their seller's."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended
from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.money import format_wan
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, Viewer, require
from marketplace.listings.domain import (
    AlreadyListed,
    BelowFloor,
    Channel,
    ChannelNotOpen,
    EndReason,
    ListingNotFound,
    ListingNotOpen,
    ListingOfContract,
    ListingState,
    ListingView,
    PriceOutOfBounds,
    PricePoint,
    SellerKindNotAllowed,
    VehicleClaimed,
    Warranty,
    WrongHolding,
)
from marketplace.listings.queries import StoreFilter
from marketplace.listings.schemas import (
    AMOUNT_MAX,
    AppraisalBody,
    CarBody,
    CardBody,
    ChangeRequest,
    FindingBody,
    ListingBody,
    NoticeBody,
    PartyBody,
    PhotoBody,
    PriceBody,
    PublishRequest,
    WarrantyBody,
    WindowBody,
    WithdrawRequest,
)
from marketplace.listings.service import ending, publishing, reading
from marketplace.listings.service.tables import warranty_parts
from marketplace.vehicles.api import NotEligible, VehicleNotFound, VehicleView

router = Router(prefix="/marketplace/v1", tags=["listings 挂牌"])
Publisher = Annotated[Principal, Depends(require("listings.publish"))]
Moderator = Annotated[Principal, Depends(require("listings.moderate"))]

_OPENED_BY = {
    Channel.C2C_CONSIGNMENT: "consignments",
    Channel.C2C_VIRTUAL: "consignments",
    Channel.AUCTION: "auction lots",
    Channel.PARALLEL_IMPORT: "parallel-import dossiers",
}


@router.post(
    "/listings",
    status_code=201,
    summary="卖场挂牌 List a stock car in the store",
    responses=refusals(
        NotEligible,
        VehicleClaimed,
        AlreadyListed,
        PriceOutOfBounds,
        LicenceMissing,
        LicenceLapsed,
        PartySuspended,
        SellerKindNotAllowed,
        WrongHolding,
        VehicleNotFound,
        ChannelNotOpen,
    ),
)
def publish_listing(body: PublishRequest, principal: Publisher, session: WriteSession, _key: Idempotency) -> ListingBody:
    """By a dealer with a checked filing, for a car of his stock that may be traded. Other channels are published by their own contract."""
    if body.channel in _OPENED_BY:
        raise ChannelNotOpen(opened_by=_OPENED_BY[body.channel])
    listing = publishing.publish(
        session,
        principal=principal,
        vehicle_id=body.vehicle_id,
        seller_id=principal.party_id,
        channel=body.channel,
        ask_minor=body.ask_minor,
        description=body.description,
    )
    return listing_body(listing)


@router.get("/listings", summary="我的挂牌 My listings")
def list_my_listings(
    principal: SignedIn,
    session: ReadSession,
    page: Paging,
    state: Annotated[ListingState | None, Query(description="Only these.")] = None,
) -> Page[ListingBody]:
    """The caller's own, newest first."""
    found = reading.list_own(session, principal=principal, state=state, paging=page)
    return page.page(found, lambda card: [card.listing.id], lambda card: listing_body(card.listing))


@router.get("/listings/{listing_id}", summary="车辆详情 One listing", responses=refusals(ListingNotFound))
def get_listing(listing_id: UUID, viewer: Viewer, session: ReadSession) -> WindowBody:
    """Public: masked VIN, facts, photos, appraisal, marked price and its history, warranty, what a buyer is to be told."""
    window = reading.get_window(session, listing_id=listing_id, viewer=viewer)
    return _window_body(window, today=clock.shanghai_day(clock.now(session)))


@router.patch(
    "/listings/{listing_id}",
    summary="修改价格、说明或暂停 Change price, text, or pause",
    responses=refusals(ListingNotFound, ListingNotOpen, ListingOfContract, PriceOutOfBounds, BelowFloor, NotEligible),
)
def change_listing(listing_id: UUID, body: ChangeRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> ListingBody:
    publishing.require_own(session, principal=principal, listing_id=listing_id)
    if body.ask_minor is not None:
        publishing.change_price(session, principal=principal, listing_id=listing_id, ask_minor=body.ask_minor)
    if body.description is not None:
        publishing.describe(session, principal=principal, listing_id=listing_id, description=body.description)
    if body.paused is not None:
        publishing.set_paused(session, principal=principal, listing_id=listing_id, paused=body.paused)
    return listing_body(reading.get_listing(session, listing_id=listing_id))


@router.post(
    "/listings/{listing_id}/withdrawal",
    summary="下架 Withdraw my listing",
    responses=refusals(ListingNotFound, ListingNotOpen, ListingOfContract),
)
def withdraw_listing(listing_id: UUID, body: WithdrawRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> ListingBody:
    publishing.require_own(session, principal=principal, listing_id=listing_id)
    listing = ending.withdraw(session, principal=principal, listing_id=listing_id, reason=EndReason.SELLER, note=body.reason)
    return listing_body(listing)


@router.post(
    "/listings/{listing_id}/takedown",
    summary="市场下架 The market takes a listing down",
    responses=refusals(ListingNotFound, ListingNotOpen),
)
def take_down_listing(
    listing_id: UUID, body: WithdrawRequest, principal: Moderator, session: WriteSession, _key: Idempotency
) -> ListingBody:
    """By an operator, with the reason; the seller sees it."""
    listing = ending.withdraw(session, principal=principal, listing_id=listing_id, reason=EndReason.MODERATED, note=body.reason)
    return listing_body(listing)


@router.get("/store", summary="卖场 The store")
def list_store(
    _viewer: Viewer,
    session: ReadSession,
    page: Paging,
    channel: Channel | None = None,
    city: Annotated[str | None, Query(max_length=30)] = None,
    brand: Annotated[str | None, Query(max_length=40)] = None,
    seller_id: UUID | None = None,
    price_min_minor: Annotated[int | None, Query(ge=0, le=AMOUNT_MAX)] = None,
    price_max_minor: Annotated[int | None, Query(ge=0, le=AMOUNT_MAX)] = None,
) -> Page[CardBody]:
    """Live listings at an asking price, newest first; everything richer is the search's."""
    wanted = StoreFilter(
        channel=channel,
        city=city,
        brand=brand,
        seller_id=seller_id,
        price_min_minor=price_min_minor,
        price_max_minor=price_max_minor,
    )
    found = reading.list_store(session, paging=page, wanted=wanted)
    return page.page(found, lambda card: [card.listing.id], _card_body)


# --- bodies ----------------------------------------------------------------------------------------------------------------


def listing_body(listing: ListingView) -> ListingBody:
    """The seller's view; floor and commission stay with the contract."""
    return ListingBody(**{name: getattr(listing, name) for name in ListingBody.model_fields})


def _card_body(card: reading.CardView) -> CardBody:
    listing, car = card.listing, card.car
    return CardBody(
        id=listing.id,
        vehicle_id=listing.vehicle_id,
        channel=listing.channel,
        availability=listing.availability,
        title=listing.title,
        brand=car.brand,
        series=car.series,
        model_year=car.model_year,
        first_registration_on=car.first_registration_on,
        odometer_km=car.odometer_km,
        city=listing.city,
        price_minor=listing.ask_minor,
        price_text=format_wan(listing.ask_minor),
        photo_id=car.photos[0].id if car.photos else None,
        seller_name=card.seller_name,
        published_at=listing.published_at,
    )


def _window_body(window: reading.WindowView, *, today: date) -> WindowBody:
    listing = window.listing
    return WindowBody(
        id=listing.id,
        vehicle_id=listing.vehicle_id,
        channel=listing.channel,
        state=listing.state,
        availability=listing.availability,
        title=listing.title,
        description=listing.description,
        city=listing.city,
        car=_car_body(window.car),
        price_minor=listing.ask_minor,
        price_text=format_wan(listing.ask_minor),
        fees_included=True,
        comparison_minor=window.comparison_minor,
        prices=price_bodies(window.prices),
        warranty=_warranty_body(window.warranty, today) if window.warranty else None,
        appraisal=_appraisal_body(window),
        findings=[FindingBody(**_finding(found)) for found in window.findings],
        notices=[NoticeBody(code=one.code, article=one.article, zh=one.zh, en=one.en) for one in window.notices],
        seller=_party_body(window.seller),
        agent=_party_body(window.agent) if window.agent else None,
        published_at=listing.published_at,
        ended_at=listing.ended_at,
        days_listed=window.days_listed,
        version=listing.version,
    )


def price_bodies(prices: Sequence[PricePoint]) -> list[PriceBody]:
    """Every price the car was marked with, oldest first, each with its step."""
    before = [None, *prices]
    return [
        PriceBody(price_minor=point.ask_minor, change_minor=point.ask_minor - former.ask_minor if former else None, at=point.at)
        for former, point in zip(before, prices, strict=False)
    ]


def _finding(found: Any) -> dict[str, str]:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "article": found.article,
        "zh": found.zh,
        "en": found.en,
    }


def _party_body(party: Any) -> PartyBody:
    return PartyBody(
        id=party.id,
        kind=party.kind.value,
        organization_kind=party.organization_kind.value if party.organization_kind else None,
        name=party.display_name,
    )


def _car_body(car: VehicleView) -> CarBody:
    values = {name: getattr(car, name) for name in CarBody.model_fields if name != "photos"}
    photos = [PhotoBody(id=photo.id, position=photo.position, caption=photo.caption) for photo in car.photos]
    return CarBody(**values, photos=photos)


def _warranty_body(warranty: Warranty, today: date) -> WarrantyBody:
    return WarrantyBody(
        months=warranty.months,
        km=warranty.km,
        parts=warranty_parts(today),
        text=f"质量保证:{warranty.months}个月或{warranty.km:,}公里(以先到者为准)",
        article="二手车交易规范 第十六条",
    )


def _appraisal_body(window: reading.WindowView) -> AppraisalBody | None:
    found = window.appraisal
    if found is None:
        return None
    return AppraisalBody(
        id=found.id,
        grade=found.grade.value,
        score=found.score,
        is_accident_car=found.is_collision_accident,
        is_flood=found.is_flood,
        is_fire=found.is_fire,
        signed_at=found.signed_at,
        valid_until=found.valid_until,
        report_hash=found.report_hash,
    )
