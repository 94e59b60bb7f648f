"""Pages for people: check a report, read it, take the client's copy, appraise one's own car. They work without a script."""

import re
import secrets
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.printing import qr_svg
from marketplace.core.security import CSRF_FIELD, Gate, Principal, SignedIn, Viewer
from marketplace.core.settings import Settings
from valuation.appraisal import service
from valuation.appraisal.domain import AnswersIncomplete, PaperKind
from valuation.appraisal.service import wording

router = APIRouter(prefix="/valuation/v1", include_in_schema=False)
TEMPLATES = Path(__file__).parent / "templates"
_templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
_HASH = re.compile(r"[0-9a-f]{64}")
_POLICY = "img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_NO_HASH = "哈希应为 64 位十六进制字符 The hash has 64 hexadecimal digits."
_NO_REPORT = "没有此报告 There is no such report."
ReportHash = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]


def _render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    settings: Settings = request.app.state.settings
    nonce = secrets.token_urlsafe(16)
    market = {"name": settings.market_name, "name_en": settings.market_name_en, "demo": settings.demo}
    text = _templates.get_template(template).render(market=market, nonce=nonce, **values)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(text, status_code=status, headers=headers)


@router.get("/report-check", response_class=HTMLResponse)
def check_report(
    request: Request, session: ReadSession, _viewer: Viewer, report_hash: Annotated[str, Query(alias="hash", max_length=200)] = ""
) -> HTMLResponse:
    """A field for the hash on the paper; nothing is uploaded."""
    wanted = "".join(report_hash.split()).lower()
    if not wanted:
        return _render(request, "check.html", wanted="", found=None)
    if not _HASH.fullmatch(wanted):
        return _render(
            request,
            "check.html",
            status=422,
            wanted=wanted,
            found=None,
            problem="哈希应为 64 位十六进制字符 The hash has 64 hexadecimal digits.",
        )
    try:
        found = service.verify_report(session, report_hash=wanted)
    except NotFound:
        return _render(request, "check.html", status=404, wanted=wanted, found=None, problem=_NO_REPORT)
    return _render(request, "check.html", wanted=wanted, found=found)


@router.get("/reports/{report_hash}/page", response_class=HTMLResponse)
def show_report(
    request: Request, report_hash: ReportHash, session: ReadSession, _viewer: Viewer, kind: PaperKind | None = None
) -> HTMLResponse:
    """The report as anybody may see it: masked, with the outcome of the check at its head."""
    found = service.verify_report(session, report_hash=report_hash)
    wanted = kind or PaperKind(str(_kind_of(found.report)))
    values = service.public_page(session, report_hash=report_hash, kind=wanted)
    papers = [one for one in service.list_papers(session, report_hash=report_hash) if one.audience.value == "public"]
    return _render(request, "report.html", data=_safe(values), check=found, papers=papers)


def _kind_of(report: Any) -> str:
    return PaperKind.REPORT.value if report["value"] else PaperKind.STATUS_TABLE.value


@router.get("/appraisals/{appraisal_id}/page", response_class=HTMLResponse)
def ask_for_copy(request: Request, appraisal_id: UUID, principal: SignedIn, session: ReadSession) -> HTMLResponse:
    """Client and institution ask for their copy here, with a reason."""
    appraisal = service.get_visible_appraisal(session, principal=principal, appraisal_id=appraisal_id)
    if appraisal.issued_at is None:
        raise NotFound
    kinds = [PaperKind.REPORT, PaperKind.STATUS_TABLE] if appraisal.value_minor else [PaperKind.STATUS_TABLE]
    token = _csrf(request, principal)
    return _render(request, "copy.html", appraisal=appraisal, kinds=kinds, csrf_field=CSRF_FIELD, csrf_token=token)


@router.post("/appraisals/{appraisal_id}/page", response_class=HTMLResponse)
def show_copy(
    request: Request,
    appraisal_id: UUID,
    principal: SignedIn,
    session: WriteSession,
    reason: Annotated[str, Form(min_length=2, max_length=200)],
    kind: Annotated[PaperKind, Form()] = PaperKind.STATUS_TABLE,
) -> HTMLResponse:
    """The client's copy as a page, full numbers and photos; each time on record, so it takes no idempotency key."""
    values = service.reveal_page(session, principal=principal, appraisal_id=appraisal_id, kind=kind, reason=reason)
    return _render(request, "report.html", data=_safe(values), check=None, papers=[])


def _csrf(request: Request, principal: Principal) -> str:
    gate: Gate = request.app.state.gate
    return gate.csrf_token(principal.sign_in_id) if principal.sign_in_id else ""


def _safe(values: dict[str, Any]) -> dict[str, Any]:
    """Our own drawings are markup; everything else is escaped."""
    drawn = {name: Markup(values[name]) for name in ("body_svg", "frame_svg")}  # noqa: S704  # drawn by us, texts in it escaped
    return {**values, **drawn, "qr_svg": Markup(qr_svg(values["address"]))}  # noqa: S704


@router.get("/self-appraisal", response_class=HTMLResponse)
def show_self_appraisal(request: Request, session: ReadSession, _viewer: Viewer) -> HTMLResponse:
    """Questions, and the range when some are answered."""
    check = service.get_self_check(clock.shanghai_day(clock.now(session)))
    given = {name: value for name, value in request.query_params.items() if name != "shown"}
    result, problem = None, ""
    if given:
        try:
            result = service.appraise_oneself(session, answers=given)
        except AnswersIncomplete as error:
            problem = f"{error.title()} {error.title('en')}"
    return _render(
        request,
        "self_appraisal.html",
        status=422 if problem else 200,
        check=check,
        given=given,
        result=result,
        problem=problem,
        grade_names=wording.GRADE_NAMES,
        area_names=wording.AREA_NAMES,
    )
