"""Photos: type by content, bounded pixels, re-encoded without metadata, with a thumbnail."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID

from PIL import Image, ImageOps, UnidentifiedImageError

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.files import FileStore
from marketplace.core.ids import new_id
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.vehicles import queries
from marketplace.vehicles.domain import PhotoNotUsable, PhotoTooLarge, PhotoView, TooManyPhotos, VehicleNotFound
from marketplace.vehicles.events import PhotoRemoved, vehicle_key
from marketplace.vehicles.models import VehiclePhoto
from marketplace.vehicles.service.registration import announce_change
from marketplace.vehicles.service.views import photo_view

TYPES = ("JPEG", "PNG", "WEBP")
MIN_SIDE_PX = 320
QUALITY = 85


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo ready to store: JPEG bytes of both sizes."""

    content: bytes
    thumbnail: bytes
    sha256: str
    width_px: int
    height_px: int


def prepare(content: bytes, *, settings: Settings) -> Picture:
    """Decode and encode anew; whatever else was in the file (EXIF, GPS, trailing bytes) is gone.

    Raises ``PhotoTooLarge`` or ``PhotoNotUsable``. Slow: call it before the transaction.
    """
    if len(content) > settings.photo_limit_bytes:
        raise PhotoTooLarge(limit_bytes=settings.photo_limit_bytes)
    with _opened(content, settings.photo_pixels_max) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
        if min(upright.size) < MIN_SIDE_PX:
            raise PhotoNotUsable(reason="pixels", min_side_px=MIN_SIDE_PX)
        upright.thumbnail((settings.photo_side_max_px, settings.photo_side_max_px))
        large = _encoded(upright)
        width_px, height_px = upright.size
        upright.thumbnail((settings.photo_thumbnail_px, settings.photo_thumbnail_px))
        small = _encoded(upright)
    return Picture(large, small, hashlib.sha256(large).hexdigest(), width_px, height_px)


@contextmanager
def _opened(content: bytes, pixels_max: int) -> Iterator[Image.Image]:
    try:
        with Image.open(BytesIO(content), formats=TYPES) as image:
            if image.width * image.height > pixels_max:  # the header says so before a pixel is decoded
                raise PhotoNotUsable(reason="pixels", pixels_max=pixels_max)
            image.load()
            yield image
    except UnidentifiedImageError as error:
        raise PhotoNotUsable(reason="type", types=list(TYPES)) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PhotoNotUsable(reason="broken") from error


def _encoded(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def add_photo(
    session: Session, *, principal: Principal, vehicle_id: UUID, picture: Picture, caption: str, files: FileStore, limit: int
) -> PhotoView:
    """Store a prepared photo on the caller's holding; the same picture twice is one. Raises ``VehicleNotFound``, ``TooManyPhotos``."""
    row = queries.lock_row(session, vehicle_id)
    holding = queries.find_holding(session, vehicle_id, principal.party_id)
    if holding is None:
        raise VehicleNotFound
    same = queries.find_photo_by_hash(session, holding.id, picture.sha256)
    if same is not None:
        return photo_view(same)
    photos = queries.list_photos(session, [vehicle_id])
    if len(photos) >= limit:
        raise TooManyPhotos(limit=limit)
    photo_id = new_id()
    key = f"photos/{vehicle_id}/{photo_id}"
    stored = files.put(f"{key}.jpg", picture.content)
    files.put(f"{key}-s.jpg", picture.thumbnail)
    photo = VehiclePhoto(
        id=photo_id,
        vehicle_id=vehicle_id,
        holding_id=holding.id,
        position=photos[-1].position + 1 if photos else 1,
        caption=caption,
        sha256=picture.sha256,
        width_px=picture.width_px,
        height_px=picture.height_px,
        size_bytes=stored.size,
        file_key=f"{key}.jpg",
        thumbnail_key=f"{key}-s.jpg",
        created_at=clock.now(session),
    )
    session.add(photo)
    announce_change(session, row, changed=["photos"])
    audit.record(
        session,
        principal=principal,
        act="vehicle.add_photo",
        object_kind="vehicle",
        object_id=vehicle_id,
        facts={"photo_id": str(photo_id), "sha256": picture.sha256},
    )
    return photo_view(photo)


def remove_photo(session: Session, *, principal: Principal, vehicle_id: UUID, photo_id: UUID) -> None:
    """Take a photo of the caller's own holding off the car; its files go once this is committed. Raises ``VehicleNotFound``."""
    row = queries.lock_row(session, vehicle_id)
    holding = queries.find_holding(session, vehicle_id, principal.party_id)
    photo = queries.get_photo(session, vehicle_id, photo_id)
    if holding is None or photo.holding_id != holding.id:
        raise VehicleNotFound
    drop_photos(session, [photo])
    announce_change(session, row, changed=["photos"])
    audit.record(
        session,
        principal=principal,
        act="vehicle.remove_photo",
        object_kind="vehicle",
        object_id=vehicle_id,
        facts={"photo_id": str(photo_id)},
    )


def drop_photos(session: Session, photos: Sequence[VehiclePhoto]) -> None:
    """Delete the rows and ask for the files' deletion after the commit."""
    for photo in photos:
        session.delete(photo)
        event = PhotoRemoved(vehicle_id=photo.vehicle_id, photo_id=photo.id, file_keys=[photo.file_key, photo.thumbnail_key])
        append(session, event, key=vehicle_key(photo.vehicle_id))


def delete_files(files: FileStore, keys: Sequence[str]) -> None:
    """Remove a photo's files; those gone already are no error."""
    for key in keys:
        files.delete(key)


def read_photo(session: Session, *, vehicle_id: UUID, photo_id: UUID, thumbnail: bool, files: FileStore) -> tuple[bytes, str]:
    """JPEG bytes and their entity tag. Raises ``VehicleNotFound``."""
    photo = queries.get_photo(session, vehicle_id, photo_id)
    return files.get(photo.thumbnail_key if thumbnail else photo.file_key), f'"{photo.sha256[:32]}{"-s" if thumbnail else ""}"'
