"""Use cases of appraisal. Callers hold the transaction."""

from valuation.appraisal.service.copies import list_papers, public_page, read_public_paper, read_report_text, reveal_page, reveal_paper
from valuation.appraisal.service.engagement import (
    accept_appraisal,
    end_appraisal,
    get_visible_appraisal,
    request_appraisal,
    sign_letter,
)
from valuation.appraisal.service.inspection import get_standard, record_inspection
from valuation.appraisal.service.photos import add_photo, read_photo, remove_photo
from valuation.appraisal.service.reporting import sign_report
from valuation.appraisal.service.self_checking import appraise_oneself, get_self_check
from valuation.appraisal.service.valuing import record_market_value, record_replacement_value, record_stated_value
from valuation.appraisal.service.verifying import verify_report

__all__ = [
    "accept_appraisal",
    "add_photo",
    "appraise_oneself",
    "end_appraisal",
    "get_self_check",
    "get_standard",
    "get_visible_appraisal",
    "list_papers",
    "public_page",
    "read_photo",
    "read_public_paper",
    "read_report_text",
    "record_inspection",
    "record_market_value",
    "record_replacement_value",
    "record_stated_value",
    "remove_photo",
    "request_appraisal",
    "reveal_page",
    "reveal_paper",
    "sign_letter",
    "sign_report",
    "verify_report",
]
