"""Parallel import holds cars of organizations; of a person only who recorded a paper."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData
from marketplace.core.db import Session


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """Nothing of a person's own."""
    return {}


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """Nothing to erase."""
    return ErasureReport(erased=0, kept=[])


PERSONAL_DATA = PersonalData(feature="parallel_import", export=export_person, erase=erase_person)
