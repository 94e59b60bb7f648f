"""Every route of the whole market, sockets included. ``app.routes`` is a tree: the walk goes down into included routers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from marketplace.app import create_app
from marketplace.core.db import Database
from marketplace.core.security import Authorization
from marketplace.core.settings import Settings


@dataclass(frozen=True)
class Found:
    """One route. ``dependant`` is None where FastAPI keeps none: a plain Starlette route."""

    path: str
    methods: frozenset[str]
    dependant: Dependant | None
    route: BaseRoute

    @property
    def is_socket(self) -> bool:
        return "WebSocket" in type(self.route).__name__

    @property
    def label(self) -> str:
        return f"{'SOCKET' if self.is_socket else ','.join(sorted(self.methods))} {self.path}"

    def authorizations(self) -> list[Authorization]:
        """The distinct declarations in the route's dependency tree."""
        return list({id(one): one for one in _authorizations(self.dependant)}.values()) if self.dependant else []


def _authorizations(dependant: Dependant) -> Iterator[Authorization]:
    if isinstance(dependant.call, Authorization):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _authorizations(inner)


def walk(app: FastAPI) -> list[Found]:
    """All routes of ``app``, those of included routers with their prefix and inherited dependencies."""
    found = []
    for context in iter_route_contexts(app.router.routes):
        route = getattr(context, "starlette_route", None) or context.original_route
        dependant = getattr(context, "dependant", None) or getattr(route, "dependant", None)
        path = str(getattr(context, "path", "") or getattr(route, "path", ""))
        methods = frozenset(getattr(context, "methods", None) or getattr(route, "methods", None) or ())
        found.append(Found(path, methods, dependant, route))
    return found


@lru_cache(maxsize=1)
def whole_market() -> FastAPI:
    """The composed application; its database is never touched."""
    settings = Settings(database_url="sqlite:///var/never-opened.db", demo=True)
    return create_app(settings, database=Database(settings.database_url), background=False)
