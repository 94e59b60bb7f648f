"""HTTP of vehicles."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, File, Form, Path, Query, Request, Response, UploadFile

from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.files import Files
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, Viewer, require
from marketplace.vehicles import schemas
from marketplace.vehicles.domain import (
    VOCABULARY,
    AlreadyRegistered,
    BadFacts,
    BadPlate,
    BadVin,
    Capacity,
    DocumentChecked,
    OwnPaper,
    PhotoNotUsable,
    PhotoTooLarge,
    RestrictionMissing,
    RestrictionNotOpen,
    TooManyPhotos,
    TradeMode,
    UnknownBrand,
    UnknownSeries,
    VehicleNotFound,
    VehicleView,
)
from marketplace.vehicles.service import eligibility, holdings, photos, reading, records, registration, tables, titles

router = Router(prefix="/marketplace/v1", tags=["vehicles 车辆"])

Registrar = Annotated[Principal, Depends(require("vehicles.register"))]
Editor = Annotated[Principal, Depends(require("vehicles.edit"))]
Reader = Annotated[Principal, Depends(require("vehicles.read"))]
Operator = Annotated[Principal, Depends(require("vehicles.restrict"))]
VehicleId = Annotated[UUID, Path(description="车辆编号 Id of the vehicle.")]
PHOTO_BODY_BYTES = 16_777_216

_CAPACITY = {"dealer": Capacity.DEALER_STOCK, "import_pilot": Capacity.PILOT}


@router.get("/vehicle-vocabulary", summary="车辆用语与车型库 Enumerations, brands and series")
def get_vocabulary(_viewer: Viewer) -> schemas.VocabularyBody:
    terms = {
        kind.__name__: [schemas.TermBody(value=value, zh=names.zh, en=names.en) for value, names in found.items()]
        for kind, found in VOCABULARY.items()
    }
    brands = [schemas.BrandBody.model_validate(brand) for brand in tables.brands()]
    return schemas.VocabularyBody(terms=terms, brands=brands)


@router.get(
    "/vehicle-catalogue/{brand}/{series}/models",
    summary="车系的车型 Models of a series; any name of brand and series",
    responses=refusals(UnknownBrand, UnknownSeries),
)
def list_models(
    brand: Annotated[str, Path(max_length=40, examples=["BMW"])],
    series: Annotated[str, Path(max_length=60, examples=["3系"])],
    _viewer: Viewer,
    session: ReadSession,
) -> schemas.SeriesModelsBody:
    found, line, rows = reading.list_models(session, brand=brand, series=series)
    models = [schemas.ModelBody(name=name, model_year=year, cars=cars) for name, year, cars in rows]
    return schemas.SeriesModelsBody(brand=found.name, series=line.name, models=models)


@router.post(
    "/vehicles",
    status_code=201,
    summary="登记车辆 Register a car",
    responses=refusals(BadVin, BadPlate, BadFacts, UnknownBrand, AlreadyRegistered)
    | {202: {"model": schemas.TitleCaseBody, "description": "由他人持有,已提交权属核查 Another party holds it: a title case is open"}},
)
def register_vehicle(
    body: schemas.Registration, principal: Registrar, _key: Idempotency, session: WriteSession, response: Response
) -> schemas.OwnVehicleBody | schemas.TitleCaseBody:
    found = titles.register_or_claim(
        session,
        principal=principal,
        facts=body.facts(),
        capacity=body.capacity or _CAPACITY.get(principal.organization_kind or "", Capacity.OWNER),
        acquired_on=body.acquired_on,
        statement=body.statement,
    )
    if not isinstance(found, VehicleView):
        response.status_code = 202
        return schemas.TitleCaseBody(case_id=found.id)
    holding = holdings.require_holding(session, vehicle_id=found.id, party_id=principal.party_id)
    return schemas.own_body(found, holding)


@router.get("/vehicles", summary="我持有的车辆 Cars the caller holds")
def list_own_vehicles(principal: Reader, session: ReadSession, paging: Paging) -> Page[schemas.OwnVehicleBody]:
    found = reading.list_own(session, principal=principal, paging=paging)
    return paging.page(found, lambda row: [row[2]], lambda row: schemas.own_body(row[0], row[1]))


@router.get("/vehicles/{vehicle_id}", summary="车辆公开信息 Public facts of a car", responses=refusals(VehicleNotFound))
def get_vehicle(vehicle_id: VehicleId, _viewer: Viewer, session: ReadSession) -> schemas.VehicleBody:
    return schemas.VehicleBody.of(reading.get_vehicle(session, vehicle_id=vehicle_id))


@router.get("/vehicles/{vehicle_id}/holding", summary="我持有的一辆车 One of the caller's cars", responses=refusals(VehicleNotFound))
def get_own_vehicle(vehicle_id: VehicleId, principal: Reader, session: ReadSession) -> schemas.OwnVehicleBody:
    return schemas.own_body(*reading.get_own(session, principal=principal, vehicle_id=vehicle_id))


@router.patch(
    "/vehicles/{vehicle_id}",
    summary="更正车辆信息 Correct facts",
    responses=refusals(VehicleNotFound, BadFacts, BadPlate, BadVin, UnknownBrand),
)
def correct_vehicle(
    vehicle_id: VehicleId, body: schemas.Correction, principal: Editor, _key: Idempotency, session: WriteSession
) -> schemas.VehicleBody:
    view = registration.update_facts(session, principal=principal, vehicle_id=vehicle_id, changes=body.changes())
    return schemas.VehicleBody.of(view)


@router.put("/vehicles/{vehicle_id}/note", status_code=204, summary="私有备注 Private note", responses=refusals(VehicleNotFound))
def note_privately(vehicle_id: VehicleId, body: schemas.NoteIn, principal: Editor, _key: Idempotency, session: WriteSession) -> None:
    holdings.note_privately(session, principal=principal, vehicle_id=vehicle_id, **body.model_dump())


@router.post(
    "/vehicles/{vehicle_id}/vin-reveals", summary="查看完整车架号 Reveal the full VIN, logged", responses=refusals(VehicleNotFound)
)
def reveal_vin(
    vehicle_id: VehicleId, body: schemas.RevealIn, principal: Reader, _key: Idempotency, session: WriteSession
) -> schemas.RevealBody:
    if not principal.can("personal_data.reveal"):
        holdings.require_holding(session, vehicle_id=vehicle_id, party_id=principal.party_id)
    return schemas.RevealBody(vin=reading.reveal_vin(session, principal=principal, vehicle_id=vehicle_id, reason=body.reason))


# --- eligibility


@router.get("/vehicles/{vehicle_id}/eligibility", summary="可交易性 May the car be traded this way", responses=refusals(VehicleNotFound))
def get_eligibility(
    vehicle_id: VehicleId,
    mode: Annotated[TradeMode, Query(description="交易方式 How it is to be traded.")],
    principal: SignedIn,
    session: ReadSession,
    buyer_city: Annotated[str | None, Query(max_length=30, description="买方所在城市 City where the buyer will register.")] = None,
    buyer_has_quota: Annotated[bool, Query(description="买方已有指标 The buyer has a plate quota.")] = False,
    buyer_quota_until: Annotated[date | None, Query(description="指标有效期至 Until when the quota is valid.")] = None,
) -> schemas.EligibilityBody:
    reading.require_answer(session, principal=principal, vehicle_id=vehicle_id)
    seller_id = holdings.seller_of(session, vehicle_id=vehicle_id, party_id=principal.party_id)
    found = eligibility.evaluate(
        session,
        vehicle_id=vehicle_id,
        mode=mode,
        seller_id=seller_id,
        buyer_city=buyer_city,
        buyer_has_quota=buyer_has_quota,
        buyer_quota_until=buyer_quota_until,
    )
    questions = [schemas.QuestionBody.model_validate(one) for one in found.answers]
    findings = [schemas.FindingBody.model_validate(one) for one in found.findings]
    return schemas.EligibilityBody(
        vehicle_id=vehicle_id,
        mode=mode,
        tradable=found.tradable,
        is_complete=found.is_complete,
        questions=questions,
        findings=findings,
    )


# --- records


@router.get("/vehicles/{vehicle_id}/odometer", summary="里程记录 Odometer history", responses=refusals(VehicleNotFound))
def list_odometer(vehicle_id: VehicleId, _viewer: Viewer, session: ReadSession) -> schemas.OdometerBody:
    rows, rolled_back = reading.list_readings(session, vehicle_id=vehicle_id)
    return schemas.OdometerBody(readings=[schemas.ReadingBody.model_validate(row) for row in rows], rolled_back=rolled_back)


@router.post(
    "/vehicles/{vehicle_id}/odometer",
    status_code=201,
    summary="填报里程 Record an odometer reading",
    responses=refusals(VehicleNotFound, BadFacts),
)
def record_reading(
    vehicle_id: VehicleId, body: schemas.ReadingIn, principal: Editor, _key: Idempotency, session: WriteSession
) -> schemas.ReadingBody:
    row = records.record_own_reading(
        session, principal=principal, vehicle_id=vehicle_id, odometer_km=body.odometer_km, read_on=body.read_on
    )
    return schemas.ReadingBody.model_validate(row)


@router.get("/vehicles/{vehicle_id}/documents", summary="车辆手续 Papers on file", responses=refusals(VehicleNotFound))
def list_documents(vehicle_id: VehicleId, principal: Reader, session: ReadSession) -> list[schemas.DocumentBody]:
    rows = reading.list_documents(session, principal=principal, vehicle_id=vehicle_id)
    return [schemas.DocumentBody.model_validate(row) for row in rows]


@router.post(
    "/vehicles/{vehicle_id}/documents",
    status_code=201,
    summary="登记手续 Put a paper on file",
    responses=refusals(VehicleNotFound, RestrictionMissing),
)
def record_document(
    vehicle_id: VehicleId, body: schemas.DocumentIn, principal: Reader, _key: Idempotency, session: WriteSession
) -> schemas.DocumentBody:
    row = records.record_document(session, principal=principal, vehicle_id=vehicle_id, **body.model_dump())
    return schemas.DocumentBody.model_validate(row)


@router.post(
    "/vehicles/{vehicle_id}/documents/{document_id}/check",
    summary="核验手续 Check a paper",
    responses=refusals(VehicleNotFound, DocumentChecked, OwnPaper),
)
def check_document(
    vehicle_id: VehicleId,
    document_id: UUID,
    body: schemas.DocumentCheck,
    principal: Operator,
    _key: Idempotency,
    session: WriteSession,
) -> schemas.DocumentBody:
    row = records.check_document(
        session, principal=principal, vehicle_id=vehicle_id, document_id=document_id, accepted=body.accepted, note=body.note
    )
    return schemas.DocumentBody.model_validate(row)


@router.get("/vehicles/{vehicle_id}/history", summary="维修保养与出险记录 Service and claim history", responses=refusals(VehicleNotFound))
def get_history(vehicle_id: VehicleId, _viewer: Viewer, session: ReadSession) -> schemas.HistoryBody:
    return schemas.HistoryBody.model_validate(reading.get_history(session, vehicle_id=vehicle_id))


@router.post(
    "/vehicles/{vehicle_id}/history",
    status_code=201,
    summary="登记维修保养或出险 Record a workshop visit or a claim",
    responses=refusals(VehicleNotFound, BadFacts),
)
def record_history(
    vehicle_id: VehicleId, body: schemas.HistoryIn, principal: Reader, _key: Idempotency, session: WriteSession
) -> schemas.HistoryEntryBody:
    row = records.record_history(session, principal=principal, vehicle_id=vehicle_id, **body.model_dump())
    return schemas.HistoryEntryBody.model_validate(row)


@router.get(
    "/vehicles/{vehicle_id}/restrictions", summary="抵押查封等限制 Liens, seals and other restrictions", responses=refusals(VehicleNotFound)
)
def list_restrictions(vehicle_id: VehicleId, principal: Reader, session: ReadSession) -> list[schemas.RestrictionBody]:
    rows = reading.list_restrictions(session, principal=principal, vehicle_id=vehicle_id)
    return [schemas.RestrictionBody.model_validate(row) for row in rows]


@router.post(
    "/vehicles/{vehicle_id}/restrictions",
    status_code=201,
    summary="登记限制 Record a lien, seal or other restriction",
    responses=refusals(VehicleNotFound),
)
def record_restriction(
    vehicle_id: VehicleId, body: schemas.RestrictionIn, principal: Reader, _key: Idempotency, session: WriteSession
) -> schemas.RestrictionBody:
    row = records.record_restriction(session, principal=principal, vehicle_id=vehicle_id, **body.model_dump())
    return schemas.RestrictionBody.model_validate(row)


@router.post(
    "/vehicles/{vehicle_id}/restrictions/{restriction_id}/decision",
    summary="解除或同意 Release a restriction, or record a consent",
    responses=refusals(VehicleNotFound, RestrictionNotOpen, BadFacts),
)
def decide_restriction(
    vehicle_id: VehicleId,
    restriction_id: UUID,
    body: schemas.RestrictionDecision,
    principal: Operator,
    _key: Idempotency,
    session: WriteSession,
) -> schemas.RestrictionBody:
    row = records.decide_restriction(
        session, principal=principal, vehicle_id=vehicle_id, restriction_id=restriction_id, state=body.state, reference=body.reference
    )
    return schemas.RestrictionBody.model_validate(row)


# --- photos


def _picture(
    request: Request,
    photo: Annotated[UploadFile, File(description="JPEG, PNG or WebP.", examples=["@front-left.jpg"])],
    caption: Annotated[str, Form(max_length=60)] = "",
) -> tuple[photos.Picture, str]:
    """Decoded before the transaction begins."""
    settings = request.app.state.settings
    return photos.prepare(photo.file.read(settings.photo_limit_bytes + 1), settings=settings), caption


@router.post(
    "/vehicles/{vehicle_id}/photos",
    status_code=201,
    max_body_size=PHOTO_BODY_BYTES,
    summary="上传照片 Add a photo",
    responses=refusals(VehicleNotFound, PhotoNotUsable, PhotoTooLarge, TooManyPhotos),
)
def add_photo(
    request: Request,
    vehicle_id: VehicleId,
    principal: Editor,
    sent: Annotated[tuple[photos.Picture, str], Depends(_picture)],
    _key: Idempotency,
    session: WriteSession,
    files: Files,
) -> schemas.PhotoBody:
    view = photos.add_photo(
        session,
        principal=principal,
        vehicle_id=vehicle_id,
        picture=sent[0],
        caption=sent[1],
        files=files,
        limit=request.app.state.settings.photos_a_car_max,
    )
    return schemas.photo_body(vehicle_id, view)


@router.delete(
    "/vehicles/{vehicle_id}/photos/{photo_id}", status_code=204, summary="删除照片 Remove a photo", responses=refusals(VehicleNotFound)
)
def remove_photo(vehicle_id: VehicleId, photo_id: UUID, principal: Editor, _key: Idempotency, session: WriteSession) -> None:
    photos.remove_photo(session, principal=principal, vehicle_id=vehicle_id, photo_id=photo_id)


def _jpeg(request: Request, content: bytes, tag: str) -> Response:
    headers = {"ETag": tag, "Cache-Control": "public, max-age=31536000, immutable"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="image/jpeg", headers=headers)


@router.get(
    "/vehicles/{vehicle_id}/photos/{photo_id}", summary="照片 A photo", responses=refusals(VehicleNotFound), response_class=Response
)
def get_photo(request: Request, vehicle_id: VehicleId, photo_id: UUID, _viewer: Viewer, session: ReadSession, files: Files) -> Response:
    return _jpeg(request, *photos.read_photo(session, vehicle_id=vehicle_id, photo_id=photo_id, thumbnail=False, files=files))


@router.get(
    "/vehicles/{vehicle_id}/photos/{photo_id}/thumbnail",
    summary="缩略图 A thumbnail",
    responses=refusals(VehicleNotFound),
    response_class=Response,
)
def get_thumbnail(request: Request, vehicle_id: VehicleId, photo_id: UUID, _viewer: Viewer, session: ReadSession, files: Files) -> Response:
    return _jpeg(request, *photos.read_photo(session, vehicle_id=vehicle_id, photo_id=photo_id, thumbnail=True, files=files))
