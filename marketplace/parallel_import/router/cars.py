"""HTTP of a pilot's cars: their dossiers, and what a listing must show."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from marketplace.accounts.api import LicenceLapsed, LicenceMissing
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, Viewer, require
from marketplace.listings.api import AlreadyListed, PriceOutOfBounds, VehicleClaimed
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain import VERSION_NAMES, BadDay, EmissionTooLow, ImportNotFound, NotOnSale, PapersMissing, StepNotNext
from marketplace.parallel_import.domain.pilots import PilotNotVerified
from marketplace.parallel_import.schemas import cars as schemas
from marketplace.parallel_import.service import cars
from marketplace.vehicles.api import AlreadyRegistered, BadFacts, BadVin, HeldByAnother, NotEligible, UnknownBrand

router = Router(prefix="/marketplace/v1", tags=["parallel import 平行进口"])

Importer = Annotated[Principal, Depends(require("imports.manage"))]
Publisher = Annotated[Principal, Depends(require("imports.publish"))]
ImportId = Annotated[UUID, Path(description="平行进口车辆编号 Id of the import.")]


def _own(found: cars.ImportView) -> schemas.ImportBody:
    row = found.row
    return schemas.ImportBody(
        id=row.id,
        vehicle_id=row.vehicle_id,
        listing_id=row.listing_id,
        state=row.state,
        title=found.car.title,
        vin_masked=found.car.vin_masked,
        cleared_on=row.cleared_on,
        shown=_disclosure(found),
    )


def _disclosure(found: cars.ImportView) -> schemas.DisclosureBody:
    row = found.row
    stated = {name: getattr(row, name) for name in (*cars.SHOWN_FIELDS, "pilot_no", "arrived_on")}
    return schemas.DisclosureBody(
        **stated,
        import_channel="平行进口",
        import_version_zh=VERSION_NAMES[row.import_version],
        emission_stage=found.car.emission_stage,
        ccc_no=found.ccc_no,
        customs=cars.customs_status(row),
        bonded_until=cars.bonded_until_of(row),
        registration_status=cars.registration_status(found),
        reminder=cars.reminder(row),
        papers=[schemas.CheckBody.model_validate(one) for one in found.checks],
    )


@router.post(
    "/imports",
    status_code=201,
    summary="登记平行进口车辆 Register an import",
    responses=refusals(
        BadVin, BadFacts, UnknownBrand, BadDay, HeldByAnother, AlreadyRegistered, LicenceMissing, LicenceLapsed, PilotNotVerified
    ),
)
def register_import(body: schemas.ImportIn, principal: Importer, _key: Idempotency, session: WriteSession) -> schemas.ImportBody:
    found = cars.register(
        session,
        principal=principal,
        facts=body.car.facts(),
        import_version=body.import_version,
        shown=body.stated(),
        arrived_on=body.arrived_on,
    )
    return _own(found)


@router.get("/imports", summary="我的平行进口车辆 Own imports")
def list_import_cars(principal: Importer, session: ReadSession, paging: Paging) -> Page[schemas.ImportBody]:
    rows = queries.list_of_pilot(session, principal.party_id, paging=paging)
    return paging.page(rows, lambda row: [row.id], lambda row: _own(cars.view(session, row)))


@router.get("/imports/{import_id}", summary="一辆平行进口车 One of the caller's imports", responses=refusals(ImportNotFound))
def get_import_car(import_id: ImportId, principal: Importer, session: ReadSession) -> schemas.ImportBody:
    return _own(cars.get_own(session, principal=principal, import_id=import_id))


@router.patch("/imports/{import_id}", summary="更正进口说明 Change what is stated", responses=refusals(ImportNotFound, PapersMissing))
def describe_import_car(
    import_id: ImportId, body: schemas.ImportChange, principal: Importer, _key: Idempotency, session: WriteSession
) -> schemas.ImportBody:
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    return _own(cars.describe(session, principal=principal, import_id=import_id, changes=changes))


@router.post(
    "/imports/{import_id}/papers", status_code=201, summary="登记随车单证 Put a paper on file", responses=refusals(ImportNotFound, BadDay)
)
def record_import_paper(
    import_id: ImportId, body: schemas.PaperIn, principal: Importer, _key: Idempotency, session: WriteSession
) -> schemas.PaperBody:
    paper = cars.record_paper(session, principal=principal, import_id=import_id, **body.model_dump())
    return schemas.PaperBody.model_validate(paper)


@router.post(
    "/imports/{import_id}/steps",
    summary="到港、清关、确认合规 Arrival, clearance, certification",
    responses=refusals(ImportNotFound, PapersMissing, EmissionTooLow, StepNotNext, BadDay, LicenceMissing, LicenceLapsed, PilotNotVerified),
)
def take_import_step(
    import_id: ImportId, body: schemas.StepIn, principal: Importer, _key: Idempotency, session: WriteSession
) -> schemas.ImportBody:
    return _own(cars.take_step(session, principal=principal, import_id=import_id, step=body.step, on=body.on))


@router.post(
    "/imports/{import_id}/publication",
    status_code=201,
    summary="上架 Publish",
    responses=refusals(
        ImportNotFound,
        PapersMissing,
        EmissionTooLow,
        StepNotNext,
        NotEligible,
        AlreadyListed,
        VehicleClaimed,
        PriceOutOfBounds,
        LicenceMissing,
        LicenceLapsed,
        PilotNotVerified,
    ),
)
def publish_import(
    import_id: ImportId, body: schemas.PublicationIn, principal: Publisher, _key: Idempotency, session: WriteSession
) -> schemas.ImportBody:
    found = cars.publish(session, principal=principal, import_id=import_id, ask_minor=body.ask_minor, description=body.description)
    return _own(found)


@router.post("/imports/{import_id}/withdrawal", summary="下架 Take off sale", responses=refusals(ImportNotFound, NotOnSale))
def withdraw_import(
    import_id: ImportId, body: schemas.WithdrawalIn, principal: Publisher, _key: Idempotency, session: WriteSession
) -> schemas.ImportBody:
    return _own(cars.withdraw(session, principal=principal, import_id=import_id, note=body.note))


@router.get(
    "/vehicles/{vehicle_id}/import-disclosure",
    summary="平行进口信息公示 What must be shown of an import on sale",
    responses=refusals(ImportNotFound),
)
def get_import_disclosure(
    vehicle_id: Annotated[UUID, Path(description="车辆编号 Id of the vehicle.")], _viewer: Viewer, session: ReadSession
) -> schemas.DisclosureBody:
    return _disclosure(cars.get_disclosure(session, vehicle_id=vehicle_id))
