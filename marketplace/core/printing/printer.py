"""Lay template, values and pictures into a folder, let the press compile it, take the paper out."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from PIL import Image

from marketplace.core.settings import get_settings

_HERE = Path(__file__).parent
FONTS = _HERE / "fonts"
HOUSE = _HERE / "templates" / "house.typ"
GETA = "〓"
"""What printers set for a character they have no type for."""

_PICTURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.(png|jpg|svg)")


class PrintingFailed(RuntimeError):
    """The template did not compile within its limits: a mistake of ours or a machine too busy; the job tries again."""


class PictureRefused(ValueError):
    """A picture's name is not ``name.png|jpg|svg``, or its pixels do not open."""


@lru_cache(maxsize=1)
def _held() -> frozenset[int]:
    """Code points that the fonts have a glyph for, and the ends of lines."""
    ranges = orjson.loads((FONTS / "coverage.json").read_bytes())
    return frozenset({0x0A, *(point for first, last in ranges for point in range(first, last + 1))})


def printable(text: str) -> str:
    """``text`` as the fonts can print it: 〓 for every character they have no glyph for."""
    held, text = _held(), text.replace("\t", " ").replace("\r", "")
    return text if held.issuperset(map(ord, text)) else "".join(one if ord(one) in held else GETA for one in text)


def _printable_values(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {name: _printable_values(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable_values(part) for part in value]
    return value


def print_pdf(template: Path, values: Mapping[str, Any], *, created_at: datetime, pictures: Mapping[str, bytes] | None = None) -> bytes:
    """A PDF/A-2b; the same arguments give the same bytes. Raises ``PrintingFailed``, ``PictureRefused``."""
    with _pressed(template, values, created_at, pictures or {}, "pdf") as folder:
        return (folder / "out.pdf").read_bytes()


def print_pages(
    template: Path, values: Mapping[str, Any], *, created_at: datetime, pictures: Mapping[str, bytes] | None = None
) -> list[bytes]:
    """The same paper as pictures, one PNG a page, for previews and tests. Raises as ``print_pdf``."""
    with _pressed(template, values, created_at, pictures or {}, "png") as folder:
        return [page.read_bytes() for page in sorted(folder.glob("out-*.png"))]


@contextmanager
def _pressed(template: Path, values: Mapping[str, Any], created_at: datetime, pictures: Mapping[str, bytes], kind: str) -> Iterator[Path]:
    with TemporaryDirectory(prefix="henanroad-press-") as name:
        folder = Path(name)
        _lay_out(folder, template, values, pictures)
        _run(folder, kind, int(created_at.timestamp()))
        yield folder


def _lay_out(folder: Path, template: Path, values: Mapping[str, Any], pictures: Mapping[str, bytes]) -> None:
    for sibling in template.parent.glob("*.typ"):
        shutil.copyfile(sibling, folder / sibling.name)
    shutil.copyfile(HOUSE, folder / "house.typ")
    shutil.copyfile(template, folder / "main.typ")
    (folder / "data.json").write_bytes(orjson.dumps(_printable_values(values)))
    for picture, content in pictures.items():
        _check_picture(picture, content)
        (folder / picture).write_bytes(printable(content.decode()).encode() if picture.endswith(".svg") else content)


def _check_picture(name: str, content: bytes) -> None:
    if not _PICTURE.fullmatch(name):
        raise PictureRefused(f"{name!r} is no picture's name")
    if name.endswith(".svg"):
        return
    try:
        with Image.open(BytesIO(content), formats=["PNG", "JPEG"]) as picture:
            picture.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureRefused(f"{name} does not open") from error


def _run(folder: Path, kind: str, created_s: int) -> None:
    settings = get_settings()
    command = [sys.executable, "-I", str(_HERE / "press.py"), str(folder), str(FONTS), kind, str(created_s)]
    limits = [str(settings.printing_memory_mb), str(settings.printing_timeout_s)]
    environment = {"PATH": os.environ.get("PATH", ""), "RAYON_NUM_THREADS": "1", "HOME": str(folder)}
    try:
        done = subprocess.run(
            command + limits, env=environment, cwd=folder, capture_output=True, timeout=settings.printing_timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PrintingFailed(f"not printed within {settings.printing_timeout_s} s") from error
    if done.returncode != 0:
        raise PrintingFailed(done.stderr.decode(errors="replace")[-500:] or f"the press ended with {done.returncode}")
