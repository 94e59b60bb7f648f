"""Pictures that a stock file names, fetched by a job: public addresses only, bounded, encoded anew, tried again with growing waits."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx

from marketplace.core import clock, http
from marketplace.core.db import Database, Session
from marketplace.core.errors import Refusal
from marketplace.core.files import FileStore
from marketplace.core.settings import Settings
from marketplace.sourcing.domain import ImageState
from marketplace.sourcing.models.stock import StockImage
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.staging import acting_for
from marketplace.vehicles import api as vehicles

LEASE_S = 300
"""A picture taken up and not done by then is taken up again."""
FINAL = frozenset({400, 401, 403, 404, 405, 410, 414, 415, 451})
"""Answers that another try does not change."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    id: UUID
    dealer_id: UUID
    vehicle_id: UUID
    import_id: UUID
    url: str
    attempts: int


class _Failed(Exception):
    """``problem`` says why; ``is_final``: another try would not help."""

    def __init__(self, problem: str, *, is_final: bool) -> None:
        self.problem = problem
        self.is_final = is_final
        super().__init__(problem)


def fetch_due(database: Database, files: FileStore, *, settings: Settings) -> int:
    """One turn: the pictures whose time has come. No transaction is open while one is fetched. Returns how many."""
    with database.writing() as session:
        wanted = _take_up(session, limit=settings.stock_images_a_turn)
    if not wanted:
        return 0
    bounded = settings.model_copy(update={"http_response_limit_bytes": settings.stock_image_limit_bytes, "http_retries": 0})
    with http.outbound(bounded) as client:
        for one in wanted:
            _fetch(database, files, client, one, settings=settings)
    return len(wanted)


def _take_up(session: Session, *, limit: int) -> list[_Wanted]:
    at = clock.now(session)
    wanted = []
    for row in queries.list_due_images(session, now=at, limit=limit):
        row.attempts += 1
        row.next_try_at = at + timedelta(seconds=LEASE_S)
        session.add(row)
        wanted.append(_Wanted(row.id, row.dealer_id, row.vehicle_id, row.import_id, row.url, row.attempts))
    return wanted


def _fetch(database: Database, files: FileStore, client: httpx.Client, one: _Wanted, *, settings: Settings) -> None:
    try:
        picture = _picture(client, one.url, settings=settings)
        with database.writing() as session:
            _keep(session, files, one, picture, settings=settings)
    except _Failed as failed:
        with database.writing() as session:
            _note(session, one, failed, attempts_max=settings.stock_image_attempts)


def _picture(client: httpx.Client, url: str, *, settings: Settings) -> vehicles.Picture:
    try:
        answer = client.get(url)
    except http.UrlRefused as refused:
        raise _Failed(refused.code, is_final=True) from refused
    except http.AnswerTooLarge as large:
        raise _Failed("too_large", is_final=True) from large
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _Failed("unreachable", is_final=isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError))) from error
    if answer.status_code != 200:
        raise _Failed(f"http_{answer.status_code}", is_final=answer.status_code in FINAL)
    try:
        return vehicles.prepare_photo(answer.content, settings=settings)
    except Refusal as refusal:
        raise _Failed(refusal.code, is_final=True) from refusal


def _keep(session: Session, files: FileStore, one: _Wanted, picture: vehicles.Picture, *, settings: Settings) -> None:
    row = queries.lock_image(session, one.id)
    if row is None or row.state is not ImageState.WAITING:
        return
    upload = queries.find_import(session, one.import_id)
    assert upload is not None
    try:
        with session.begin_nested():
            photo = vehicles.add_photo(
                session,
                principal=acting_for(upload.uploaded_by, one.dealer_id),
                vehicle_id=one.vehicle_id,
                picture=picture,
                caption="",
                files=files,
                limit=settings.photos_a_car_max,
            )
    except Refusal as refusal:
        row.state, row.problem = ImageState.FAILED, refusal.code
    else:
        row.state, row.problem, row.photo_id = ImageState.FETCHED, None, photo.id
    session.add(row)


def _note(session: Session, one: _Wanted, failed: _Failed, *, attempts_max: int) -> None:
    row: StockImage | None = queries.lock_image(session, one.id)
    if row is None or row.state is not ImageState.WAITING:
        return
    row.problem = failed.problem[:60]
    if failed.is_final or one.attempts >= attempts_max:
        row.state = ImageState.FAILED
    else:
        row.next_try_at = clock.now(session) + timedelta(seconds=min(30 * 4**one.attempts, 21_600))
    session.add(row)
