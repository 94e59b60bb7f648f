"""``make mutants``: changes the rules one expression at a time (mutmut) and lists the changes that no test of the rules notices.

    python -m scripts.mutants                          all domain files
    python -m scripts.mutants auction/bidding --show   some features, with each survivor's change

Runs in a copy of the tree under ``mutants/``. Only tests that import a domain and need no database take part: a rule has its test there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORK = ROOT / "mutants"
PACKAGES = ("marketplace", "auction", "valuation", "search")
COPIED = (*PACKAGES, "tests", "scripts", "benchmarks", "alembic", "pyproject.toml")
FIXTURES_WITH_A_DATABASE = re.compile(r"\b(db|api|quick_api|postgres|sqlite)\s*:\s*(Database|Market)\b")


def domain_files(chosen: list[str]) -> list[Path]:
    """Domain files of the features named (``auction/bidding``), of all when none is."""
    found = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.stem == "domain" or path.parent.name == "domain"
    ]
    return [path for path in found if not chosen or any(path.as_posix().startswith(name.rstrip("/")) for name in chosen)]


def pure_tests(files: list[Path]) -> list[str]:
    """Test files that import one of these domains and ask for no database."""
    modules = {".".join(path.parent.parts if path.parent.name == "domain" else path.with_suffix("").parts) for path in files}
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if not FIXTURES_WITH_A_DATABASE.search(text) and any(module in text for module in modules):
            found.append(str(path.relative_to(ROOT)))
    return found


def prepare(files: list[Path], tests: list[str]) -> None:
    """The copy, with mutmut's configuration."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, WORK / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, WORK / name)
    lines = [
        "",
        "[tool.mutmut]",
        f"source_paths = {list(PACKAGES)!r}",
        f"only_mutate = {[path.as_posix() for path in files]!r}",
        f"pytest_add_cli_args_test_selection = {tests!r}",
        "pytest_add_cli_args = ['-p', 'no:xdist']",
        "also_copy = ['alembic', 'scripts', 'benchmarks']",
        "mutate_only_covered_lines = true",
    ]
    with (WORK / "pyproject.toml").open("a", encoding="utf-8") as declaration:
        declaration.write("\n".join(lines) + "\n")


def mutmut(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HENANROAD_TEST_")}
    command = [str(Path(sys.executable).parent / "mutmut"), *arguments]
    return subprocess.run(
        command, cwd=WORK, env={**environment, "HYPOTHESIS_PROFILE": "mutants"}, capture_output=True, text=True, check=False
    )


def report(*, show: bool) -> None:
    """Survivors, and a count for each file."""
    states = re.findall(r"^\s+(\S+): (.+)$", mutmut("results", "--all", "true").stdout, re.MULTILINE)
    by_file = Counter((name.rpartition(".x")[0], state) for name, state in states)
    for name, state in states:
        if state not in {"killed", "skipped", "caught by type check"}:
            print(f"{state}: {name}")
            if show:
                print(mutmut("show", name).stdout)
    print(f"\n{'file':<60}{'killed':>8}{'survived':>10}{'other':>8}")
    for module in sorted({module for module, _ in by_file}):
        counts = {state: number for (owner, state), number in by_file.items() if owner == module}
        killed, survived = counts.pop("killed", 0), counts.pop("survived", 0)
        print(f"{module:<60}{killed:>8}{survived:>10}{sum(counts.values()):>8}")


def main() -> int:
    """Non-zero only when mutmut itself could not run: survivors are for people to judge."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="*", help="folders, e.g. auction/bidding; all without")
    parser.add_argument("--show", action="store_true", help="print each survivor's change")
    chosen = parser.parse_args()
    files = domain_files(chosen.features)
    tests = pure_tests(files)
    if not files or not tests:
        print(f"mutants: no domain file or no test of it: {' '.join(chosen.features)}", file=sys.stderr)
        return 2
    prepare(files, tests)
    print(f"mutants: {len(files)} domain files, {len(tests)} test files", flush=True)
    done = mutmut("run", "--max-children", str(os.cpu_count() or 1))
    if done.returncode:
        print(done.stdout[-3000:] + done.stderr[-3000:], file=sys.stderr)
        return 1
    report(show=chosen.show)
    return 0


if __name__ == "__main__":
    sys.exit(main())
