"""``scripts/setup`` names what is missing with the command that mends it, and does nothing twice."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy with only what the set-up reads, and empty lock files: nothing is fetched."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts" / "setup")
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    return tmp_path


def _setup(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "scripts/setup", *arguments],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def _only(tmp_path: Path, python: str) -> str:
    """A PATH with the shell's tools and pythons that do ``python``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("dirname", "cat", "sha256sum", "cut"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"):
        _program(folder / name, python)
    return str(folder)


class TestSetup:
    def test_names_the_command_when_python_is_too_old(self, checkout: Path, tmp_path: Path) -> None:
        path = _only(tmp_path, 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
        done = _setup(checkout, "runtime", PATH=path)
        assert done.returncode == 1
        assert "Python 3.11 or newer is missing (found: Python 3.9.2)" in done.stderr
        assert "apt-get install python3 python3-venv" in done.stderr

    def test_names_the_command_when_the_venv_module_is_missing(self, checkout: Path, tmp_path: Path) -> None:
        path = _only(tmp_path, 'case "$2" in *ensurepip*) exit 1 ;; *) exit 0 ;; esac')
        done = _setup(checkout, "runtime", PATH=path)
        assert done.returncode == 1
        assert "apt-get install python3-venv" in done.stderr

    def test_does_nothing_when_the_stamp_fits(self, checkout: Path) -> None:
        (checkout / ".venv" / "bin").mkdir(parents=True)
        (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
        (checkout / ".venv" / ".installed-runtime").write_text(hashlib.sha256(b"").hexdigest() + "\n", encoding="utf-8")
        done = _setup(checkout, "runtime")
        assert (done.returncode, done.stderr) == (0, "")

    def test_installs_again_when_the_lock_changed(self, checkout: Path) -> None:
        (checkout / ".venv" / "bin").mkdir(parents=True)
        _program(checkout / ".venv" / "bin" / "python", 'echo "ran $*" >>ran')
        (checkout / ".venv" / ".installed-runtime").write_text("another lock's digest\n", encoding="utf-8")
        done = _setup(checkout, "runtime")
        assert done.returncode == 0
        assert "--require-hashes" in (checkout / "ran").read_text(encoding="utf-8")
        assert _setup(checkout, "runtime").stderr == ""

    def test_refuses_an_unknown_kind(self, checkout: Path) -> None:
        assert _setup(checkout, "production").returncode == 1
