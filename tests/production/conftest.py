"""One deployment for all tests of this folder that need one."""

import sys
from collections.abc import Iterator

import pytest

from tests.production.deployment import Deployment, deployed
from tests.services import need

LOAD_OPERATOR = """
from marketplace.core.db import Database
from marketplace.core.settings import get_settings
from marketplace.demo import seed
from marketplace.registry import load_models

load_models()
seed.load_market(Database.from_settings(get_settings()), settings=get_settings(), cars=0, tell=print)
"""


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The market of docker-compose.yml, with demo people, on the real servers."""
    for server in ("PostgreSQL", "Redis", "Elasticsearch", "nginx"):
        need(server)
    with deployed(tmp_path_factory.mktemp("production"), HENANROAD_DEMO="1") as running:
        running.run(sys.executable, "-c", LOAD_OPERATOR)
        yield running
