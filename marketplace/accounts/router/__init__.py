"""HTTP of accounts, under ``/marketplace/v1``."""

from fastapi import APIRouter

from marketplace.accounts.router.me import router as me_router
from marketplace.accounts.router.organizations import router as organizations_router
from marketplace.accounts.router.parties import router as parties_router
from marketplace.accounts.router.sign_ins import router as sign_ins_router

ROUTERS: list[APIRouter] = [sign_ins_router, me_router, organizations_router, parties_router]
