"""What a verification finds wrong: where, and in both languages what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. ``seq`` is the log's, ``line`` the file's."""

    zh: str
    en: str
    seq: int | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = ""
        if self.seq is not None:
            where = f"第 {self.seq} 条 (seq {self.seq}) "
        elif self.line is not None:
            where = f"第 {self.line} 行 (line {self.line}) "
        return f"{where}{self.zh} {self.en}."
