"""The process that compiles one paper: ``press.py <folder> <fonts> <format> <epoch seconds> <memory MB> <cpu seconds>``.

Run by path, so it imports nothing of the product. Reads ``main.typ`` and writes ``out.pdf`` or ``out-{p}.png`` into the folder.
"""

import contextlib
import resource
import sys
from pathlib import Path

import typst


def _limit(memory_mb: int, cpu_s: int) -> None:
    for kind, value in ((resource.RLIMIT_AS, memory_mb * 1_048_576), (resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # a system that cannot limit it
            resource.setrlimit(kind, (value, value))


def _press(folder: Path, fonts: str, kind: str, created_s: int) -> None:
    compiler = typst.Compiler(
        str(folder / "main.typ"),
        root=str(folder),
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[fonts]),
        package_path=str(folder),
        package_cache_path=str(folder),
    )
    if kind == "png":
        compiler.compile(output=str(folder / "out-{0p}.png"), format="png", ppi=110.0, timestamp=created_s)
    else:
        compiler.compile(output=str(folder / "out.pdf"), format="pdf", pdf_standards="a-2b", timestamp=created_s)


if __name__ == "__main__":
    place, font_folder, wanted, created, memory, cpu = sys.argv[1:]
    _limit(int(memory), int(cpu))
    try:
        _press(Path(place), font_folder, wanted, int(created))
    except typst.TypstError as error:
        print(f"{error.message}: {error.diagnostic}"[:2_000], file=sys.stderr)  # standard error is this process's answer
        sys.exit(1)
