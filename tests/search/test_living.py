"""A running market: found within a second of publishing; a secured cluster gets its key over its own authority."""

import json
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from marketplace import cli
from marketplace.app import create_app
from marketplace.core.db import Database
from marketplace.core.settings import Settings
from search.engines import ElasticsearchEngine, EmbeddedEngine, SearchUnavailable, use_engine
from tests.core.test_http import _authority, serving
from tests.market import Market
from tests.stock import dealer, listed_car


def test_found_within_a_second_by_the_relay(db: Database, tmp_path: Path) -> None:
    with Market(db) as market:
        seller = dealer(market)
        listed = listed_car(market, seller)
        market.relay()
    engine = EmbeddedEngine(tmp_path / "search.db")
    with use_engine(engine), TestClient(create_app(database=db)) as client:
        assert client.get("/readyz").json()["checks"]["search"] is True
        assert client.get("/search/v1/vehicles").json()["total"] == 0
        path = f"/marketplace/v1/listings/{listed.listing_id}"
        answer = client.patch(path, json={"ask_minor": 7_770_000}, headers=seller.headers)
        assert answer.status_code == 200, answer.text
        published = time.monotonic()
        while not (found := client.get("/search/v1/vehicles", params={"q": "大众"}).json())["items"]:
            assert time.monotonic() - published < 1 + 4 * _slowness(client), "not found within a second"
        assert found["items"][0]["ask_minor"] == 7_770_000
    engine.close()


def _slowness(client: TestClient) -> float:
    """How long an empty answer takes on this machine now."""
    started = time.monotonic()
    client.get("/healthz")
    return time.monotonic() - started


def test_the_command_rebuilds(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with Market(sqlite) as market:
        listed_car(market)
        monkeypatch.setattr(cli, "_database", lambda: sqlite)
        told = CliRunner().invoke(cli.app, ["search", "rebuild"])
        assert told.exit_code == 0, told.output
        assert told.output.endswith(": 1 listings, 0 changed meanwhile\n")
        assert market.get("/search/v1/vehicles").json()["total"] == 1


class TestSecuredCluster:
    @staticmethod
    def _cluster(asked: list[dict[str, str]]) -> Any:
        def write(handler: Any) -> None:
            asked.append({name.lower(): value for name, value in handler.headers.items()})
            body = json.dumps({"vehicles-000001": {"aliases": {"vehicles": {}}}}).encode()
            handler.send_response(200)
            handler.send_header("X-Elastic-Product", "Elasticsearch")
            handler.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=9")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        return write

    def _settings(self, port: int, ca_path: str = "") -> Settings:
        return Settings.model_validate(
            {
                "elasticsearch_url": f"https://localhost:{port}",
                "elasticsearch_api_key": "a2V5OnNlY3JldA==",
                "elasticsearch_ca_path": ca_path,
                "elasticsearch_index": "vehicles",
            }
        )

    def test_sends_its_key_to_whom_the_authority_vouches_for(self, tmp_path: Path) -> None:
        server_side, _client_side = _authority(tmp_path, "localhost")
        asked: list[dict[str, str]] = []
        with serving(self._cluster(asked), tls=server_side) as server:
            engine = ElasticsearchEngine(self._settings(server.port, str(tmp_path / "server.pem")))
            engine.check()
            engine.close()
        assert asked[0]["authorization"] == "ApiKey a2V5OnNlY3JldA=="

    def test_sends_nothing_to_a_stranger(self, tmp_path: Path) -> None:
        server_side, _client_side = _authority(tmp_path, "localhost")
        asked: list[dict[str, str]] = []
        with serving(self._cluster(asked), tls=server_side) as server:
            engine = ElasticsearchEngine(self._settings(server.port))
            with pytest.raises((SearchUnavailable, ssl.SSLError)):
                engine.check()
            engine.close()
        assert asked == []


def test_a_cluster_that_is_away_is_unavailable() -> None:
    engine = ElasticsearchEngine(Settings(elasticsearch_url="http://127.0.0.1:1", http_retries=0))
    for ask in (engine.prepare, engine.check, lambda: engine.index([])):
        with pytest.raises(SearchUnavailable):
            ask()
    engine.close()
