"""``make bench``: every benchmark of ``benchmarks/`` one after the other; arguments go to each of them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def names() -> list[str]:
    """Modules of ``benchmarks/`` that are benchmarks: those that are run and know ``--quick``; the servers they load are not."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    return sorted(f"benchmarks.{name}" for name, text in texts.items() if '__name__ == "__main__"' in text and '"--quick"' in text)


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
