"""``make check``: format, lint, strict types, import contracts, then the test command that the README names. Ends at the first failure."""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKED = ("marketplace", "auction", "valuation", "search", "tests", "benchmarks", "scripts", "alembic")

LAST = "tests"


def readme_test_command() -> list[str]:
    """The README's command for the tests: the first `make` line of "Two commands" that says tests. Raises ``ValueError``."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Two commands")[2]
    found = re.search(r"^(make test\b[^#\n]*)", section, re.MULTILINE)
    if found is None:
        raise ValueError("README.md names no test command under 'Two commands'")
    return shlex.split(found.group(1))


def steps() -> list[tuple[str, list[str]]]:
    """Name and command of each step, in order."""
    python = sys.executable
    return [
        ("format", [python, "-m", "ruff", "format", "--check", "."]),
        ("lint", [python, "-m", "ruff", "check", "."]),
        ("types", [python, "-m", "mypy", *CHECKED]),
        ("import contracts", [str(Path(python).parent / "lint-imports")]),
        (LAST, readme_test_command()),
    ]


def main() -> int:
    """Run the steps; the first failure's exit code."""
    for name, command in steps():
        print(f"\n== {name}: {shlex.join(command)}", flush=True)
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, "PYTHONUNBUFFERED": "1"}).returncode
        if code:
            print(f"== {name} failed after {time.monotonic() - started:.0f} s", flush=True)
            return code
        if name != LAST:  # the tests' own summary is the last line
            print(f"== {name}: {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
