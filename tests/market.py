"""A market under test, over HTTP. Features add what their tests need often: people, cars, sessions."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from fastapi.testclient import TestClient

from marketplace.core import clock
from marketplace.core.db import Database
from search.engines import EmbeddedEngine, SearchEngine, use_engine


class Market:
    """``get``/``post`` … as a client; ``relay()`` runs the jobs; ``advance()`` moves the market's clock."""

    def __init__(self, database: Database, *, engine: SearchEngine | None = None) -> None:
        from marketplace.app import create_app  # late: kernel tests need no feature

        self.database = database
        self._index = TemporaryDirectory()
        self.engine: SearchEngine = engine or EmbeddedEngine(Path(self._index.name) / "search.db")
        self._engine_in_use = use_engine(self.engine)
        self.app = create_app(database=database, background=False)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def __enter__(self) -> Self:
        self._engine_in_use.__enter__()
        self.client.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.__exit__(kind, error, trace)
        self._engine_in_use.__exit__(None, None, None)
        if self.engine.name == "embedded":
            self.engine.close()
        self._index.cleanup()

    def relay(self) -> int:
        """Publish and deliver everything that waits; returns how many deliveries ran."""
        ran: int = self.app.state.relay.run_once()
        return ran

    def advance(self, step: timedelta) -> None:
        """Move the market's clock forward."""
        with self.database.writing() as session:
            clock.set_offset(session, offset=clock.get_offset(session) + step)

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.client.post(path, **options)

    def put(self, path: str, **options: Any) -> Any:
        return self.client.put(path, **options)

    def patch(self, path: str, **options: Any) -> Any:
        return self.client.patch(path, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.client.delete(path, **options)
