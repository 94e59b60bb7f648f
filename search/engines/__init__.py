"""Two engines behind one port: Elasticsearch where the settings name one, else the embedded index."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from marketplace.core.settings import Settings, get_settings
from search.engines.elasticsearch import ElasticsearchEngine
from search.engines.embedded import EmbeddedEngine
from search.engines.port import Rebuild, SearchEngine, SearchUnavailable

_chosen: list[SearchEngine] = []


def engine_of(settings: Settings) -> SearchEngine:
    """The engine the settings name."""
    if settings.elasticsearch_url:
        return ElasticsearchEngine(settings)
    return EmbeddedEngine(settings.search_index_path)


@lru_cache(maxsize=1)
def _engine_of_process() -> SearchEngine:
    return engine_of(get_settings())


def current_engine() -> SearchEngine:
    """The engine this process works with."""
    return _chosen[-1] if _chosen else _engine_of_process()


@contextmanager
def use_engine(engine: SearchEngine) -> Iterator[None]:
    """Everything in this process works with ``engine`` meanwhile: for tests and rebuilds."""
    _chosen.append(engine)
    try:
        yield
    finally:
        _chosen.remove(engine)


__all__ = [
    "ElasticsearchEngine",
    "EmbeddedEngine",
    "Rebuild",
    "SearchEngine",
    "SearchUnavailable",
    "current_engine",
    "engine_of",
    "use_engine",
]
