"""The whole of ``docker-compose.yml`` on this machine: each service its own process, behind the real nginx, on the real servers."""

import os
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import redis
import sqlalchemy as sa

from tests.production.compose import ROOT, Running, environment_of, fill, health_command, load, start_order
from tests.services import need

SERVICES = ("marketplace", "auction", "valuation", "search")
OURS = {"gateway", "worker", "beat", "migrate", *SERVICES}
REDIS_DATABASES = {"0": "13", "1": "14", "2": "15"}
"""Ours on the shared server, by those of the file."""

STARTED_WITHIN_S = 60


class Deployment:
    """Started processes by name; a service with two replicas has ``auction-1`` and ``auction-2``."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._name = f"henanroad_production_{secrets.token_hex(5)}"
        self._given = {"POSTGRES_PASSWORD": secrets.token_hex(8), "HENANROAD_SECRET_KEY": secrets.token_hex(32), "ELASTIC_PASSWORD": "-"}
        self._overrides = environment
        self.services: dict[str, Any] = {}
        self.running: dict[str, Running] = {}
        self.ports: dict[str, int] = {}
        self.address = ""

    def start(self) -> None:
        """Make the database, then start every service as the file says, in its order."""
        self._admin(f'CREATE DATABASE "{self._name}"')
        self._flush_redis()
        self.ports["gateway"] = free_port()
        self.address = f"http://127.0.0.1:{self.ports['gateway']}"
        self.services = fill(load()["services"], {**self._given, "HENANROAD_PUBLIC_URL": self.address})
        for name in start_order(self.services, OURS):
            self._wait_for_needs(name)
            for label in self._labels(name):
                self._make(name, label).start()
        self.running["gateway"].wait_healthy(within_s=STARTED_WITHIN_S)

    def run(self, *command: str) -> None:
        """``docker compose run --rm marketplace …``: one command with a service's environment."""
        environment = self.running["marketplace"].environment
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def _wait_for_needs(self, name: str) -> None:
        for needed, how in self.services[name].get("depends_on", {}).items():
            for label in self._labels(needed) if needed in OURS else ():
                if how["condition"] == "service_completed_successfully":
                    self.running[label].wait_completed(within_s=STARTED_WITHIN_S)
                else:
                    self.running[label].wait_healthy(within_s=STARTED_WITHIN_S)

    def stop(self) -> None:
        for process in reversed(list(self.running.values())):
            process.stop()
        self._admin(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
        self._flush_redis()
        address = need("Elasticsearch")
        for index in httpx.get(f"{address}/{self._prefix}*", timeout=10).json():
            httpx.delete(f"{address}/{index}", timeout=10)

    @property
    def database_url(self) -> str:
        return sa.make_url(need("PostgreSQL")).set(database=self._name).render_as_string(hide_password=False)

    @property
    def _prefix(self) -> str:
        return self._name.replace("_", "-")

    def _labels(self, name: str) -> list[str]:
        replicas = int(self.services[name].get("deploy", {}).get("replicas", 1))
        return [name] if replicas == 1 else [f"{name}-{number}" for number in range(1, replicas + 1)]

    def _make(self, name: str, label: str) -> Running:
        service = self.services[name]
        folder = self._folder / label
        folder.mkdir()
        if name in SERVICES:
            self.ports[label] = free_port()
        command = [self._here(part, label) for part in service["command"]]
        if name == "gateway":
            command = self._gateway_command(folder, command)
        environment = environment_of(service, self._service_settings(name), rewrite=lambda value: self._here(self._server(value), label))
        check = [self._here(part, label) for part in health_command(service["healthcheck"])] if "healthcheck" in service else None
        self.running[label] = Running(label, command, environment, check, self._folder / f"{label}.log")
        return self.running[label]

    def _service_settings(self, name: str) -> dict[str, str]:
        """What an operator would put into ``.env``, and this machine's Elasticsearch, which has no security module."""
        if name == "gateway":
            return {}
        return {
            "HENANROAD_ELASTICSEARCH_INDEX": f"{self._prefix}-vehicles",
            "HENANROAD_ELASTICSEARCH_CA_PATH": "",
            "HENANROAD_BROKER_PREFIX": f"{self._name}.",
            **self._overrides,
        }

    def _here(self, text: str, label: str) -> str:
        """The container's own paths, port and interface."""
        folder = self._folder / label
        if str(self._folder) not in text:
            text = text.replace("/tmp/", f"{folder}/").replace("/app/var", str(self._folder))
        port = self.ports.get(label)
        if port is not None:
            text = re.sub(r"\b(8000|8080)\b", str(port), text)
        return "127.0.0.1" if text == "0.0.0.0" else text

    def _server(self, value: str) -> str:
        """Addresses of the containers that are real servers here."""
        parts = urlsplit(value)
        if parts.hostname == "postgres":
            return self.database_url
        if parts.hostname == "redis":
            return urlunsplit(urlsplit(need("Redis"))._replace(path=f"/{REDIS_DATABASES[parts.path.strip('/')]}"))
        if parts.hostname == "elasticsearch":
            return need("Elasticsearch")
        return value

    def _gateway_command(self, folder: Path, command: list[str]) -> list[str]:
        """nginx with the file that the gateway mounts, its upstreams on loopback."""
        mounted = next(volume for volume in self.services["gateway"]["volumes"] if volume.endswith("/etc/nginx/nginx.conf:ro"))
        text = (ROOT / mounted.partition(":")[0]).read_text(encoding="utf-8")
        for name in SERVICES:
            servers = " ".join(f"server 127.0.0.1:{self.ports[label]};" for label in self._labels(name))
            text = text.replace(f"server {name}:8000;", servers)
        text = text.replace("/tmp/", f"{folder}/").replace("listen 8080;", f"listen 127.0.0.1:{self.ports['gateway']};")
        configuration = folder / "nginx.conf"
        configuration.write_text(text, encoding="utf-8")
        as_root = " user root;" if os.geteuid() == 0 else ""  # the test's folder is closed to others
        assert command[:2] == ["nginx", "-g"]
        return [need("nginx"), "-p", str(folder), "-c", str(configuration), "-g", command[2] + as_root]

    def _admin(self, statement: str) -> None:
        engine = sa.create_engine(need("PostgreSQL"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def _flush_redis(self) -> None:
        for number in REDIS_DATABASES.values():
            with redis.Redis.from_url(urlunsplit(urlsplit(need("Redis"))._replace(path=f"/{number}"))) as client:
                client.flushdb()


@contextmanager
def deployed(folder: Path, **environment: str) -> Iterator[Deployment]:
    """A running deployment, gone afterwards with its database and index."""
    deployment = Deployment(folder, environment)
    try:
        deployment.start()
        yield deployment
    finally:
        deployment.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
