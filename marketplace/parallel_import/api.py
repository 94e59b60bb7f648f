"""What others may ask of parallel import."""

from marketplace.parallel_import.domain import ImportState, ImportVersion, PaperKind, PapersMissing
from marketplace.parallel_import.service.disclosing import shown_lines
from marketplace.parallel_import.service.personal_data import PERSONAL_DATA

__all__ = ["PERSONAL_DATA", "ImportState", "ImportVersion", "PaperKind", "PapersMissing", "shown_lines"]
