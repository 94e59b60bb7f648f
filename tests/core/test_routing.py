"""Routers that look at fixed beginnings first find exactly what the framework would find."""

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Match

from marketplace.core.idempotency import PathRouter, Router


def lots() -> str:
    return "lots"


def lot(lot_id: str) -> str:
    return f"lot {lot_id}"


def end(lot_id: str) -> str:
    return f"end {lot_id}"


def client(kind: type[APIRouter]) -> TestClient:
    app = FastAPI()
    for prefix in ("/a/v1", "/b/v1"):
        router = kind(prefix=prefix)
        router.add_api_route("/lots", lots, methods=["GET"])
        router.add_api_route("/lots/{lot_id}", lot, methods=["GET"])
        router.add_api_route("/lots/{lot_id}/end", end, methods=["POST"])
        app.include_router(router)
    return TestClient(app)


def test_answers_as_the_framework_does() -> None:
    plain = client(APIRouter)
    for kind in (PathRouter, Router):
        ours = client(kind)
        for method in ("GET", "POST", "DELETE"):
            for path in (
                "/a/v1/lots",
                "/b/v1/lots",
                "/a/v1/lots/7",
                "/a/v1/lots/7/end",
                "/a/v1/lots/",
                "/a/v1",
                "/",
                "/c/v1/lots",
                "/a/v1/lots/7/8",
            ):
                expected, found = plain.request(method, path), ours.request(method, path)
                assert (found.status_code, found.text, found.headers.get("allow")) == (
                    expected.status_code,
                    expected.text,
                    expected.headers.get("allow"),
                ), f"{method} {path}"


def test_a_route_added_later_is_found() -> None:
    app = FastAPI()
    router = Router(prefix="/a")
    app.include_router(router)
    web = TestClient(app)
    assert web.get("/a/late").status_code == 404
    router.add_api_route("/late", lots)
    assert web.get("/a/late").status_code == 200


def test_behind_a_root_path_the_framework_decides() -> None:
    router = Router(prefix="/a")
    router.add_api_route("/lots", lots)
    scope = {"type": "http", "path": "/root/a/lots", "root_path": "/root", "method": "GET", "headers": []}
    assert router.routes[0].matches(scope)[0] is Match.FULL
