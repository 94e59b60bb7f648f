"""``docker-compose.yml`` as an engine would see it, and its services as processes of this machine.

What runs is read from the file: commands, environment, health checks, order. Only addresses are rewritten: a container's name and port
become a loopback port, its volumes a folder of the test.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
COMPOSE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def load(path: Path = COMPOSE) -> dict[str, Any]:
    """The file with its anchors resolved, variables not yet filled."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def variables(text: str) -> dict[str, str]:
    """Names of the variables that the file takes, with the kind: ``-`` has a default, ``?`` must be given."""
    return {match["name"]: match["kind"] or "" for match in _VARIABLE.finditer(text) if match["name"]}


def fill(value: Any, given: Mapping[str, str]) -> Any:
    """Compose's interpolation, everywhere in the value."""
    if isinstance(value, dict):
        return {key: fill(inner, given) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, given) for inner in value]
    return _VARIABLE.sub(lambda match: _filled(match, given), value) if isinstance(value, str) else value


def _filled(match: re.Match[str], given: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    found = given.get(match["name"], "")
    if match["kind"] == "-":
        return found or match["rest"]
    if match["kind"] == "?" and not found:
        raise KeyError(match["name"])
    return found


def start_order(services: Mapping[str, Any], wanted: set[str]) -> list[str]:
    """The wanted services, each after those it depends on."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        for needed in services[name].get("depends_on", {}):
            visit(needed)
        if name in wanted and name not in ordered:
            ordered.append(name)

    for name in services:
        visit(name)
    return ordered


@dataclass
class Running:
    """One container as a process. ``rewrite`` turns the container's addresses and paths into this machine's."""

    name: str
    command: list[str]
    environment: dict[str, str]
    check: list[str] | None
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def wait_completed(self, *, within_s: float) -> None:
        """For a one-off: wait for its good end."""
        assert self.process is not None
        if self.process.wait(within_s) != 0:
            raise RuntimeError(f"{self.name} failed:\n{self.tail()}")

    def is_healthy(self) -> bool:
        assert self.check is not None
        done = subprocess.run(self.check, cwd=ROOT, env=self.environment, capture_output=True, timeout=30, check=False)
        return done.returncode == 0

    def wait_healthy(self, *, within_s: float) -> None:
        """Ask its own health check until it says yes."""
        end = time.monotonic() + within_s
        while not self.is_healthy():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} is not healthy:\n{self.tail()}")
            time.sleep(0.2)

    def kill(self) -> None:
        """``kill -9``, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, *, within_s: float = 15) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]


def health_command(healthcheck: Mapping[str, Any]) -> list[str]:
    """The command an engine would run inside the container."""
    kind, *rest = healthcheck["test"]
    return ["/bin/sh", "-c", rest[0]] if kind == "CMD-SHELL" else list(rest)


def environment_of(service: Mapping[str, Any], overrides: Mapping[str, str], *, rewrite: Callable[[str], str]) -> dict[str, str]:
    """A container's environment with its addresses rewritten, and nothing of ours but for where programs are found."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    own = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    return {**own, **{name: rewrite(str(value)) for name, value in service.get("environment", {}).items()}, **overrides}
