"""``make bench``: every benchmark of ``benchmarks/`` one after the other; arguments go to each of them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def names() -> list[str]:
    """Modules of ``benchmarks/`` that are benchmarks: those with an entry point."""
    return sorted(
        f"benchmarks.{path.stem}"
        for path in (ROOT / "benchmarks").glob("[a-z]*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    )


def main() -> int:
    """Run all; non-zero when one failed."""
    failed = []
    for name in names():
        print(f"== python -m {name} {' '.join(sys.argv[1:])}", flush=True)
        if subprocess.run([sys.executable, "-m", name, *sys.argv[1:]], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        print("failed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
