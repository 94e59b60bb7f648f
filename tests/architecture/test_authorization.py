"""Deny by default: every route, sockets included, declares exactly one authorization, and the declared one is kept."""

from typing import Annotated
from uuid import uuid4

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient

from marketplace.accounts.domain.roles import CAPABILITIES
from marketplace.core import problem
from marketplace.core.security import Access, Gate, Membership, SignedIn, SocketGate, public, require, socket_auth
from marketplace.core.settings import Settings
from tests.architecture.routes import Found, walk, whole_market
from tests.market import Market

ROUTES = walk(whole_market())
DOCUMENTATION = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
"""Served by the framework: what the interface is, nothing of what is in it."""

GUARDED = [route for route in ROUTES if route.path not in DOCUMENTATION]
PUBLIC_WRITES = frozenset(
    {
        "/marketplace/v1/sign-ups",
        "/marketplace/v1/sign-ins/token",
        "/marketplace/v1/sign-ins/page",
        "/marketplace/v1/sign-ins/page/refresh",
        "/marketplace/v1/sign-ins/page/end",
        "/marketplace/v1/listings/{listing_id}/views",  # a visitor counts, whoever he is; limited by address
        "/marketplace/v1/webhooks/stripe",  # proves itself by its signature
    }
)


class TestWalk:
    def test_goes_down_into_routers_of_routers_and_sockets(self) -> None:
        inner, outer, app = APIRouter(prefix="/inner"), APIRouter(prefix="/outer"), FastAPI()

        @inner.get("/open")
        def read() -> None: ...

        @inner.get("/closed")
        def read_closed(principal: SignedIn) -> None: ...

        @inner.websocket("/live")
        async def live(socket: WebSocket, gate: Annotated[SocketGate, Depends(socket_auth())]) -> None: ...

        outer.include_router(inner)
        app.include_router(outer, prefix="/v1")
        found = {route.path: [one.access for one in route.authorizations()] for route in walk(app) if route.path not in DOCUMENTATION}
        assert found["/v1/outer/inner/open"] == []
        assert found["/v1/outer/inner/closed"] == [Access.SIGNED_IN]
        assert found["/v1/outer/inner/live"] == [Access.SOCKET]

    def test_sees_a_guard_given_to_the_whole_router(self) -> None:
        router, app = APIRouter(dependencies=[Depends(public())]), FastAPI()

        @router.get("/open")
        def read() -> None: ...

        app.include_router(router)
        assert [one.access for route in walk(app) if route.path == "/open" for one in route.authorizations()] == [Access.PUBLIC]

    def test_finds_the_whole_market(self) -> None:
        prefixes = {route.path.split("/")[1] for route in GUARDED}
        assert {"marketplace", "auction", "valuation", "search", "healthz", "readyz", "metrics"} <= prefixes


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.label)
class TestEveryRoute:
    def test_declares_exactly_one_authorization(self, route: Found) -> None:
        assert len(route.authorizations()) == 1

    def test_names_a_capability_that_some_role_has(self, route: Found) -> None:
        named = {one.capability for one in route.authorizations() if one.capability is not None}
        assert named <= CAPABILITIES


class TestClosedDoors:
    """Asked over HTTP with no body: the guard comes before everything else."""

    def test_a_stranger_is_sent_away_from_every_route_that_is_not_public(self, quick_api: Market) -> None:
        answers = {
            f"{method} {route.path}": quick_api.client.request(method, _filled(route.path)).status_code
            for route in _http(GUARDED)
            if route.authorizations()[0].access is not Access.PUBLIC
            for method in route.methods - {"HEAD", "OPTIONS"}
        }
        assert {label: status for label, status in answers.items() if status != 401} == {}

    def test_every_role_is_refused_what_it_may_not(self, quick_api: Market) -> None:
        """Each (organization kind, role), and a person without one, against each capability that it lacks."""
        gate: Gate = quick_api.app.state.gate
        open_doors = []
        for kind, role in _roles():
            organization = uuid4()
            memberships = [Membership(organization, kind, (role,))] if kind else []
            token = gate.tokens.issue(person_id=uuid4(), sign_in_id=uuid4(), second_factor=True, memberships=memberships)
            may = gate.person(token).capabilities
            for route in _http(GUARDED):
                capability = route.authorizations()[0].capability
                if capability is None or capability in may:
                    continue
                for method in route.methods - {"HEAD", "OPTIONS"}:
                    headers = {"Authorization": f"Bearer {token}"}
                    answer = quick_api.client.request(method, _filled(route.path), headers=headers)
                    if answer.status_code != 403:
                        open_doors.append(f"{kind}/{role}: {method} {route.path} {answer.status_code}")
        assert open_doors == []

    def test_only_signing_up_and_in_changes_something_without_a_credential(self) -> None:
        writes = {
            route.path
            for route in _http(GUARDED)
            if route.authorizations()[0].access is Access.PUBLIC and route.methods - {"GET", "HEAD", "OPTIONS"}
        }
        assert writes <= PUBLIC_WRITES, writes - PUBLIC_WRITES


def test_a_socket_from_a_foreign_page_is_refused() -> None:
    app = FastAPI()
    app.state.gate = Gate(Settings(public_url="https://market.example"))
    problem.install(app)

    @app.websocket("/live")
    async def live(socket: WebSocket, gate: Annotated[SocketGate, Depends(socket_auth())]) -> None:
        await socket.accept()

    with pytest.raises(Exception), TestClient(app).websocket_connect("/live", headers={"origin": "https://evil.example"}):  # noqa: B017  any refusal
        pass
    with TestClient(app).websocket_connect("/live", headers={"origin": "https://market.example"}):
        pass


def test_a_guard_is_one_declaration() -> None:
    assert require("bids.place").capability == "bids.place"


def _http(routes: list[Found]) -> list[Found]:
    return [route for route in routes if not route.is_socket and len(route.authorizations()) == 1]


def _filled(path: str) -> str:
    parts = [str(uuid4()) if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def _roles() -> list[tuple[str | None, str]]:
    from marketplace.accounts.domain.roles import ROLE_CAPABILITIES

    return [(None, ""), *((str(kind), str(role)) for kind, role in ROLE_CAPABILITIES)]
