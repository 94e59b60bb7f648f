"""Tells the story: one line a step, key figures behind it, and counts what was not as promised."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TextIO

from marketplace.core.money import format_yuan

_NUMERALS = "一二三四五六七八九"
_BOLD, _DIM, _GREEN, _RED, _YELLOW, _END = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[33m", "\033[0m"


class BrokenPromise(Exception):
    """A step answered otherwise than it must; the story ends here."""


@dataclass(slots=True)
class Narrator:
    """``scene`` opens a chapter, ``step`` tells what was done, ``refusal`` shows a no with its rule, ``check`` proves."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    steps: int = 0
    refusals: int = 0
    checks: int = 0
    started: float = field(default_factory=monotonic)

    def scene(self, number: int, title: str, english: str) -> None:
        heading = f"第{_NUMERALS[number - 1]}幕  {title}"
        self._line(f"\n{self._paint(_BOLD, heading)}  {self._paint(_DIM, english)}")

    def step(self, text: str, **figures: object) -> None:
        """One thing that happened, in Chinese, with the answer's key figures."""
        self.steps += 1
        shown = "  ".join(f"{name} {_show(name, value)}" for name, value in figures.items())
        self._line(f"  {self._paint(_GREEN, '✓')} {text}" + (f"  {self._paint(_DIM, shown)}" if shown else ""))

    def refusal(self, text: str, problem: Mapping[str, Any]) -> None:
        """A refusal that had to come, with the sentence and the rule that the answer carries."""
        self.refusals += 1
        rule = problem.get("rule")
        article = f"  依据 {rule['article']}" if rule else ""
        self._line(f"  {self._paint(_YELLOW, '✗')} {text}:{problem['title']}  {self._paint(_DIM, problem['code'] + article)}")

    def check(self, text: str, holds: bool, detail: object = "") -> None:
        """A promise of the story; raises ``BrokenPromise`` when it does not hold."""
        self.checks += 1
        if not holds:
            raise BrokenPromise(f"{text} {detail}".strip())

    def failed(self, error: BaseException) -> None:
        self._line(f"  {self._paint(_RED, '✗ 未按约定')} {type(error).__name__}: {error}")

    def end(self) -> None:
        elapsed_s = monotonic() - self.started
        self._line(
            f"\n{self._paint(_BOLD, '全部如约')}  {self.steps} 步 steps,{self.refusals} 次拒绝 refusals,"
            f"{self.checks} 项核对 checks,用时 {elapsed_s:.1f} s"
        )

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_END}" if self.out.isatty() else text

    def _line(self, text: str) -> None:
        print(text, file=self.out, flush=True)


_KINDS: tuple[tuple[str, Callable[[Any], str]], ...] = (("_minor", format_yuan),)


def _show(name: str, value: object) -> str:
    for suffix, render in _KINDS:
        if name.endswith(suffix) and isinstance(value, int):
            return render(value)
    return str(value)
