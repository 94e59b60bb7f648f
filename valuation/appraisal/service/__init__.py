"""Use cases of appraisal. Callers hold the transaction."""

from valuation.appraisal.service.engagement import accept_appraisal, end_appraisal, get_visible_appraisal, request_appraisal
from valuation.appraisal.service.inspection import get_standard, record_inspection
from valuation.appraisal.service.reporting import sign_report, verify_report
from valuation.appraisal.service.valuing import record_replacement_value, record_stated_value

__all__ = [
    "accept_appraisal",
    "end_appraisal",
    "get_standard",
    "get_visible_appraisal",
    "record_inspection",
    "record_replacement_value",
    "record_stated_value",
    "request_appraisal",
    "sign_report",
    "verify_report",
]
