"""One deployment for all tests of this folder that need one."""

from collections.abc import Iterator

import pytest

from tests.production.deployment import Deployment, deployed
from tests.services import need


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The market of docker-compose.yml, with demo people, on the real servers."""
    for server in ("PostgreSQL", "Redis", "Elasticsearch", "nginx"):
        need(server)
    with deployed(tmp_path_factory.mktemp("production"), HENANROAD_DEMO="1") as running:
        yield running
