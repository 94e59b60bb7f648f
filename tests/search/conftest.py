"""Both engines: the embedded one always, Elasticsearch where a server is named."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from marketplace.core.db import Database
from marketplace.core.settings import Settings
from search.engines import ElasticsearchEngine, EmbeddedEngine, SearchEngine
from tests.market import Market
from tests.services import need


@pytest.fixture(params=["embedded", "elasticsearch"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SearchEngine]:
    """An empty index."""
    if request.param == "embedded":
        embedded = EmbeddedEngine(tmp_path / "search.db")
        yield embedded
        embedded.close()
        return
    real = ElasticsearchEngine(Settings(elasticsearch_url=need("Elasticsearch")), alias=f"test-{uuid4().hex[:12]}")
    yield real
    real.drop()
    real.close()


@pytest.fixture
def market(sqlite: Database, engine: SearchEngine) -> Iterator[Market]:
    """The whole market over HTTP with each engine."""
    with Market(sqlite, engine=engine) as found:
        yield found
