"""Photos of the working papers over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, File, Form, Request, Response, UploadFile

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import Forbidden, Malformed, NotFound, Unauthenticated
from marketplace.core.files import Files
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.core.settings import Settings
from marketplace.vehicles.api import PhotoNotUsable, PhotoTooLarge, Picture, prepare_photo
from valuation.appraisal import queries, service
from valuation.appraisal.domain import AppraiserNotIndependent, PhotoSlot, TooManyAppraisalPhotos, WrongStep
from valuation.appraisal.schemas import PhotoBody, photo_body

router = Router(prefix="/valuation/v1", tags=["鉴定评估 appraisal"])
_UPLOAD_MAX_BYTES = 16_777_216  # the multipart wrapping of a photo, whose own limit is a setting
_APPRAISER = (Unauthenticated, Forbidden, NotFound, Malformed, LicenceMissing, LicenceLapsed, PartySuspended, AppraiserNotIndependent)
Performer = Annotated[Principal, Depends(require("appraisals.perform"))]


def _picture(
    request: Request, photo: Annotated[UploadFile, File(description="JPEG, PNG or WebP.", examples=["@left-front.jpg"])]
) -> Picture:
    """Decoded and encoded anew before the transaction begins."""
    settings: Settings = request.app.state.settings
    return prepare_photo(photo.file.read(settings.photo_limit_bytes + 1), settings=settings)


@router.post(
    "/appraisals/{appraisal_id}/photos",
    status_code=201,
    max_body_size=_UPLOAD_MAX_BYTES,
    summary="上传鉴定照片 Take a photo into the file",
    responses=refusals(*_APPRAISER, WrongStep, TooManyAppraisalPhotos, PhotoTooLarge, PhotoNotUsable),
)
def add_appraisal_photo(
    request: Request,
    appraisal_id: UUID,
    principal: Performer,
    picture: Annotated[Picture, Depends(_picture)],
    files: Files,
    session: WriteSession,
    _key: Idempotency,
    slot: Annotated[PhotoSlot, Form(examples=["defect"])] = PhotoSlot.OTHER,
    item: Annotated[int | None, Form(ge=1, le=113, examples=[21], description="Item of the standard a defect photo shows.")] = None,
    caption: Annotated[str, Form(max_length=100, examples=["左后车门锈蚀"])] = "",
) -> PhotoBody:
    """Before the first signature; the report then names each photo by its hash. Only client and institution see them."""
    settings: Settings = request.app.state.settings
    photo = service.add_photo(
        session,
        principal=principal,
        appraisal_id=appraisal_id,
        picture=picture,
        slot=slot,
        item=item,
        caption=caption,
        files=files,
        limit=settings.appraisal_photos_max,
    )
    return photo_body(photo)


@router.get(
    "/appraisals/{appraisal_id}/photos", summary="鉴定照片 Photos of the file", responses=refusals(Unauthenticated, NotFound, Malformed)
)
def list_appraisal_photos(appraisal_id: UUID, principal: SignedIn, session: ReadSession) -> list[PhotoBody]:
    service.get_visible_appraisal(session, principal=principal, appraisal_id=appraisal_id)
    return [photo_body(one) for one in queries.list_photos(session, appraisal_id=appraisal_id)]


@router.get(
    "/appraisals/{appraisal_id}/photos/{photo_id}",
    summary="一张鉴定照片 One photo",
    response_class=Response,
    responses=refusals(Unauthenticated, NotFound, Malformed),
)
def get_appraisal_photo(appraisal_id: UUID, photo_id: UUID, principal: SignedIn, session: ReadSession, files: Files) -> Response:
    content = service.read_photo(session, principal=principal, appraisal_id=appraisal_id, photo_id=photo_id, files=files)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.delete(
    "/appraisals/{appraisal_id}/photos/{photo_id}",
    status_code=204,
    summary="移除鉴定照片 Take a photo out of the file",
    responses=refusals(*_APPRAISER, WrongStep),
)
def remove_appraisal_photo(appraisal_id: UUID, photo_id: UUID, principal: Performer, session: WriteSession, _key: Idempotency) -> None:
    service.remove_photo(session, principal=principal, appraisal_id=appraisal_id, photo_id=photo_id)
