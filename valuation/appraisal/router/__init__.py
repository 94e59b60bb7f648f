"""HTTP of appraisal, under ``/valuation/v1``."""

from fastapi import APIRouter

from valuation.appraisal.pages import router as pages_router
from valuation.appraisal.router.engagements import router as engagements_router
from valuation.appraisal.router.photos import router as photos_router
from valuation.appraisal.router.reports import router as reports_router

ROUTERS: list[APIRouter] = [engagements_router, photos_router, reports_router, pages_router]
