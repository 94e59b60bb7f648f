"""Photos of the working papers: taken by the institution until the first signature freezes them into the report by their hashes."""

from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.files import FileStore
from marketplace.core.ids import new_id
from marketplace.core.security import Principal
from marketplace.vehicles.api import Picture
from valuation.appraisal import queries
from valuation.appraisal.domain import AppraisalState, PhotoSlot, TooManyAppraisalPhotos, WrongStep
from valuation.appraisal.models import Appraisal, AppraisalPhoto
from valuation.appraisal.service.engagement import get_visible_appraisal, lock_own, require_appraiser

OPEN_FOR_PHOTOS = frozenset({AppraisalState.ENGAGED, AppraisalState.INSPECTED, AppraisalState.VALUED})


def add_photo(
    session: Session,
    *,
    principal: Principal,
    appraisal_id: UUID,
    picture: Picture,
    slot: PhotoSlot,
    item: int | None,
    caption: str,
    files: FileStore,
    limit: int,
) -> AppraisalPhoto:
    """Take a prepared picture into the file; the same one twice is one. Raises ``WrongStep``, ``TooManyAppraisalPhotos`` and what
    ``require_appraiser`` does.
    """
    appraisal = _lock_open(session, principal, appraisal_id)
    photos = queries.list_photos(session, appraisal_id=appraisal_id)
    same = next((one for one in photos if one.sha256 == picture.sha256), None)
    if same is not None:
        return same
    if len(photos) >= limit:
        raise TooManyAppraisalPhotos(limit=limit)
    photo_id = new_id()
    stored = files.put(f"appraisals/{appraisal_id}/{photo_id}.jpg", picture.content)
    photo = AppraisalPhoto(
        id=photo_id,
        appraisal_id=appraisal_id,
        slot=slot,
        item=item,
        caption=caption,
        sha256=picture.sha256,
        width_px=picture.width_px,
        height_px=picture.height_px,
        file_key=stored.key,
        created_at=clock.now(session),
    )
    session.add(photo)
    session.flush()
    _record(session, principal, appraisal, "appraisal.add_photo", photo)
    return photo


def remove_photo(session: Session, *, principal: Principal, appraisal_id: UUID, photo_id: UUID) -> None:
    """Take a photo out before anybody has signed. Raises as ``add_photo``."""
    appraisal = _lock_open(session, principal, appraisal_id)
    photo = queries.get_photo(session, appraisal_id=appraisal_id, photo_id=photo_id)
    session.delete(photo)
    session.flush()
    _record(session, principal, appraisal, "appraisal.remove_photo", photo)


def read_photo(session: Session, *, principal: Principal, appraisal_id: UUID, photo_id: UUID, files: FileStore) -> bytes:
    """JPEG bytes, for client and institution: a plate may be on it. Raises ``NotFound``."""
    get_visible_appraisal(session, principal=principal, appraisal_id=appraisal_id)
    photo = queries.get_photo(session, appraisal_id=appraisal_id, photo_id=photo_id)
    return files.get(photo.file_key)


def _lock_open(session: Session, principal: Principal, appraisal_id: UUID) -> Appraisal:
    appraisal = lock_own(session, principal=principal, appraisal_id=appraisal_id)
    require_appraiser(session, principal=principal, appraisal=appraisal)
    if appraisal.state not in OPEN_FOR_PHOTOS:
        raise WrongStep(state=appraisal.state.value, wanted="photos", next_states=[])
    return appraisal


def _record(session: Session, principal: Principal, appraisal: Appraisal, act: str, photo: AppraisalPhoto) -> None:
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="appraisal",
        object_id=appraisal.id,
        facts={"photo_id": str(photo.id), "sha256": photo.sha256},
    )
