"""Personal data of every feature: each registers how it exports and how it erases; the retention table decides what stays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.accounts.domain.views import ErasureReport
from marketplace.core.db import Session


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One feature's part. ``erase`` raises ``PrivacyHold(reasons=…)`` while something unfinished needs the person."""

    feature: str
    export: Callable[[Session, UUID], dict[str, Any]]
    erase: Callable[[Session, UUID], ErasureReport]
