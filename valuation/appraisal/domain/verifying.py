"""What anybody learns who checks a report by its hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SignerCheck:
    """One signature as anybody can check it. Key and signature are hexadecimal."""

    seq: int
    certificate_number: str
    public_key: str
    signature: str
    signed_at: datetime
    is_valid: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """``is_intact``: the stored text still has this hash, both signatures and the seal are good. ``is_current``: neither superseded nor
    past its validity. ``report`` is the text without the client's id.
    """

    report_hash: str
    number: str
    institution: str
    report: Mapping[str, Any]
    signers: tuple[SignerCheck, ...]
    seal_authority: str
    seal_is_sandbox: bool
    seal_serial: str
    seal_signature: str
    seal_certificate: str
    is_sealed: bool
    is_intact: bool
    is_current: bool
    superseded_by: UUID | None
    issued_at: datetime
    valid_until: date
    kept_until: date
