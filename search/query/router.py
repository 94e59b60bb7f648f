"""HTTP of searches: public, limited by caller."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, Query

from marketplace.api import listings, vehicles
from marketplace.core.db import ReadSession
from marketplace.core.errors import TooManyRequests
from marketplace.core.idempotency import Router
from marketplace.core.limits import RateLimit
from marketplace.core.pagination import BadCursor, Paging, encode_cursor
from marketplace.core.problem import refusals
from marketplace.core.security import Viewer
from search.documents.domain import Filters, Sort
from search.engines import SearchUnavailable
from search.query import service
from search.query.domain import Understanding
from search.query.schemas import CarHit, FacetValue, PartBody, RankingBody, SearchBody, SuggestionBody, SuggestionsBody, UnderstoodBody

router = Router(prefix="/search/v1", tags=["search 搜索"])

_AMOUNT_MAX = 100_000_000_000
Limited = Annotated[None, Depends(RateLimit("searches", setting="limit_searches"))]


def _filters(
    brand: Annotated[list[str], Query(max_length=20, description="Any of a brand's names, repeatable.", examples=["宝马"])] = [],  # noqa: B006  # FastAPI copies it
    series: Annotated[list[str], Query(max_length=20, description="Repeatable.", examples=["3系"])] = [],  # noqa: B006  # as above
    city: Annotated[list[str], Query(max_length=20, examples=["天津"])] = [],  # noqa: B006  # as above
    channel: Annotated[list[listings.Channel], Query(max_length=5)] = [],  # noqa: B006  # as above
    fuel: Annotated[list[vehicles.Fuel], Query(max_length=12)] = [],  # noqa: B006  # as above
    gearbox: Annotated[list[vehicles.Gearbox], Query(max_length=8)] = [],  # noqa: B006  # as above
    body_style: Annotated[list[vehicles.BodyStyle], Query(max_length=14)] = [],  # noqa: B006  # as above
    colour: Annotated[list[vehicles.Colour], Query(max_length=16)] = [],  # noqa: B006  # as above
    emission: Annotated[list[vehicles.EmissionStage], Query(max_length=10)] = [],  # noqa: B006  # as above
    drivetrain: Annotated[list[vehicles.Drivetrain], Query(max_length=6)] = [],  # noqa: B006  # as above
    price_min: Annotated[int | None, Query(ge=0, le=_AMOUNT_MAX, description="Fen, inclusive.")] = None,
    price_max: Annotated[int | None, Query(ge=0, le=_AMOUNT_MAX, description="Fen, inclusive.")] = None,
    year_min: Annotated[int | None, Query(ge=1950, le=2100, description="Model year, inclusive.")] = None,
    year_max: Annotated[int | None, Query(ge=1950, le=2100, description="Model year, inclusive.")] = None,
    mileage_max: Annotated[int | None, Query(ge=0, le=5_000_000, description="Kilometres, inclusive.")] = None,
) -> Filters:
    return Filters(
        brand=tuple(text[:40] for text in brand),
        series=tuple(text[:40] for text in series),
        city=tuple(text[:40] for text in city),
        channel=tuple(channel),
        fuel=tuple(fuel),
        gearbox=tuple(gearbox),
        body_style=tuple(body_style),
        colour=tuple(colour),
        emission=tuple(emission),
        drivetrain=tuple(drivetrain),
        price_min=price_min,
        price_max=price_max,
        year_min=year_min,
        year_max=year_max,
        mileage_max=mileage_max,
    )


@router.get(
    "/vehicles",
    summary="搜索在售车辆 Search cars on offer",
    responses=refusals(BadCursor, SearchUnavailable, TooManyRequests),
)
def search_vehicles(
    viewer: Viewer,
    _limit: Limited,
    session: ReadSession,
    paging: Paging,
    filters: Annotated[Filters, Depends(_filters)],
    q: Annotated[str, Query(max_length=100, description="Chinese, English or pinyin.", examples=["宝马3系 20万以下 自动挡 天津"])] = "",
    sort: Annotated[Sort, Query(description="Never by payment.")] = Sort.RELEVANCE,
    facets: Annotated[bool, Query(description="Count the values of each filter.")] = True,
) -> SearchBody:
    found = service.search(session, text=q, chosen=filters, sort=sort, limit=paging.limit, after=paging.after, with_facets=facets)
    return SearchBody(
        items=[CarHit.model_validate(asdict(hit.document)) for hit in found.hits.hits[: paging.limit]],
        next=encode_cursor(found.next_after) if found.next_after is not None else None,
        total=found.hits.total,
        facets={
            facet: [FacetValue(value=value, label=name, count=count) for value, name, count in values]
            for facet, values in service.labels(found.hits.facets).items()
        },
        understood=_understood(found.understanding),
        ranking=RankingBody(sort=sort, applied=found.order),
    )


def _understood(understanding: Understanding) -> UnderstoodBody:
    parts = [PartBody(kind=one.kind, text=one.text, start=one.start, end=one.end, meaning=one.meaning) for one in understanding.parts]
    return UnderstoodBody(parts=parts, words=understanding.rest)


@router.get("/suggest", summary="输入提示 Suggest brands and series", responses=refusals(TooManyRequests))
def suggest(
    viewer: Viewer,
    _limit: Limited,
    q: Annotated[str, Query(min_length=1, max_length=40, description="A beginning: name, English, pinyin or initials.", examples=["bm"])],
    limit: Annotated[int, Query(ge=1, le=20)] = 10,
) -> SuggestionsBody:
    found = service.suggestions(q, limit=limit)
    return SuggestionsBody(
        items=[
            SuggestionBody(text=one.text, kind="brand" if one.series is None else "series", brand=one.brand, series=one.series)
            for one in found
        ]
    )
