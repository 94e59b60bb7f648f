"""Outlines of a car with its damage: the body unfolded (items 14-39) and the frame (items 1-13), as SVG.

The car looks to the left; its left side is below, as seen from above. A part is coloured by the worst of its records and carries
their codes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

FONT = "Henanroad Sans SC, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"
SOUND, LINE, INK, QUIET = "#f4f6f8", "#8794a3", "#16202b", "#7b8794"
SEVERITY = {0: "#ffe9b8", 1: "#ffe08a", 2: "#ffb057", 3: "#ef6a5a", 4: "#ef6a5a"}
"""Fill by degree; 0 is a record without one."""
FRAME_HIT = "#c62828"


@dataclass(frozen=True, slots=True)
class Mark:
    """What to show on a part: its records' short codes (``XS2``) and the worst degree."""

    codes: tuple[str, ...]
    degree: int


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    path: str
    x: float
    y: float


def marks_of(records: Iterable[tuple[int, str, int | None]]) -> dict[int, Mark]:
    """Marks by item from ``(item, code, degree)``; the item's number is left out of the codes shown."""
    found: dict[int, Mark] = {}
    for item, code, degree in records:
        before = found.get(item, Mark((), 0))
        found[item] = Mark((*before.codes, code.removeprefix(str(item)).lstrip("-") or code), max(before.degree, degree or 0))
    return found


def _rect(number: int, x: float, y: float, width: float, height: float, radius: float = 3) -> _Part:
    path = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"/>'
    return _Part(number, path, x + width / 2, y + height / 2)


def _poly(number: int, points: str, x: float, y: float) -> _Part:
    return _Part(number, f'<polygon points="{points}"/>', x, y)


def _circle(number: int, x: float, y: float, radius: float) -> _Part:
    return _Part(number, f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}"/>', x, y)


def _side(fender: int, door: int, rear_door: int, rear_fender: int, *, wheels: tuple[int, int], mirror: int, below: bool) -> list[_Part]:
    """One side, unfolded downwards (left) or upwards (right). Tyres (39) lie around the wheels, windows (36) at the roof's edge."""

    def y(value: float) -> float:
        return value if below else 300 - value

    def poly(number: int, points: tuple[tuple[float, float], ...], x: float, at: float) -> _Part:
        return _poly(number, " ".join(f"{px:g},{y(py):g}" for px, py in points), x, y(at))

    return [
        poly(fender, ((52, 212), (128, 206), (128, 262), (116, 262), (104, 240), (76, 240), (62, 262), (48, 258)), 92, 224),
        poly(door, ((131, 222), (206, 222), (206, 268), (131, 268)), 168, 246),
        poly(rear_door, ((209, 222), (284, 222), (284, 240), (270, 268), (209, 268)), 245, 246),
        poly(rear_fender, ((287, 206), (360, 212), (364, 258), (350, 262), (338, 240), (304, 240), (292, 262), (287, 262)), 324, 224),
        poly(36, ((134, 219), (154, 200), (262, 200), (282, 219)), 208, 210),
        _circle(39, 89, y(266), 23),
        _circle(wheels[0], 89, y(266), 14),
        _circle(39, 321, y(266), 23),
        _circle(wheels[1], 321, y(266), 14),
        poly(mirror, ((118, 196), (140, 196), (136, 205), (120, 205)), 129, 200.5),
    ]


_BODY: tuple[_Part, ...] = (
    _poly(26, "22,126 36,112 36,188 22,174", 29, 150),
    _poly(14, "39,110 128,106 128,194 39,190", 86, 150),
    _poly(34, "131,108 160,118 160,182 131,192", 146, 150),
    _rect(25, 163, 116, 102, 68),
    _poly(35, "268,118 294,108 294,192 268,182", 281, 150),
    _poly(23, "297,107 376,112 376,188 297,193", 318, 150),
    _rect(24, 336, 128, 34, 44),
    _poly(27, "379,112 392,126 392,174 379,188", 385, 150),
    _rect(32, 40, 112, 18, 9, 2),
    _rect(32, 40, 179, 18, 9, 2),
    _rect(33, 366, 114, 10, 12, 2),
    _rect(33, 366, 174, 10, 12, 2),
    *_side(15, 19, 21, 16, wheels=(28, 29), mirror=37, below=True),
    *_side(17, 20, 22, 18, wheels=(30, 31), mirror=38, below=False),
)

_FRAME: tuple[_Part, ...] = (
    _rect(9, 34, 34, 96, 9, 4),
    _rect(8, 34, 107, 96, 9, 4),
    _circle(11, 112, 58, 12),
    _circle(10, 112, 92, 12),
    _rect(5, 146, 24, 14, 26),
    _rect(2, 146, 100, 14, 26),
    _rect(6, 212, 20, 14, 26),
    _rect(3, 212, 104, 14, 26),
    _rect(7, 284, 24, 14, 26),
    _rect(4, 284, 100, 14, 26),
    _circle(13, 330, 54, 12),
    _circle(12, 330, 96, 12),
)


def draw_body(marks: Mapping[int, Mark]) -> str:
    """The body unfolded, items 14-39."""
    shapes = "".join(_shape(part, marks.get(part.number)) for part in _BODY)
    labels = "".join(_label(part, marks.get(part.number)) for part in _labelled(_BODY, marks))
    words = _word(12, 150, "前 front", anchor="middle", turn=-90) + _word(208, 10, "右侧 right") + _word(208, 297, "左侧 left")
    return _svg(414, 300, shapes + labels + words)


def draw_frame(marks: Mapping[int, Mark]) -> str:
    """The frame, items 1-13; a part with a code is red."""
    hull = (
        f'<path d="M24 75 C24 30 60 18 150 14 L300 14 C380 18 394 40 394 75 C394 110 380 132 300 136 L150 136 C60 132 24 120 24 75 Z" '
        f'fill="#fff" stroke="{LINE}" stroke-width="1"/>'
    )
    axis = f'<line x1="24" y1="75" x2="394" y2="75" stroke="{_axis_colour(marks)}" stroke-width="1" stroke-dasharray="5 4"/>'
    shapes = "".join(_shape(part, marks.get(part.number), hit=FRAME_HIT) for part in _FRAME)
    labels = "".join(_frame_label(part, marks.get(part.number)) for part in _FRAME)
    return _svg(414, 150, hull + axis + _frame_label(_Part(1, "", 250, 75), marks.get(1)) + shapes + labels)


def _axis_colour(marks: Mapping[int, Mark]) -> str:
    return FRAME_HIT if 1 in marks else LINE


def _labelled(parts: Iterable[_Part], marks: Mapping[int, Mark]) -> list[_Part]:
    """Each item once: of those drawn twice the first. Codes of narrow parts stand beside them."""
    seen: dict[int, _Part] = {}
    for part in parts:
        seen.setdefault(part.number, part)
    beside = {26: (42.0, 204.0), 27: (372.0, 204.0), 39: (50.0, 290.0), 28: (89.0, 262.0)}
    places = {39: (58.0, 286.0)} | {number: place for number, place in beside.items() if number in marks}
    return [_Part(one.number, "", *places.get(one.number, (one.x, one.y))) for one in seen.values()]


def _shape(part: _Part, mark: Mark | None, *, hit: str | None = None) -> str:
    fill = SOUND if mark is None else hit or SEVERITY.get(mark.degree, SEVERITY[3])
    return f'<g fill="{fill}" stroke="{LINE}" stroke-width="0.9">{part.path}</g>'


def _label(part: _Part, mark: Mark | None) -> str:
    if mark is None:
        return _word(part.x, part.y + 2.5, str(part.number), size=7, colour=QUIET)
    text = f"{part.number} {_codes(mark)}"
    width = 5.2 * len(text) + 6
    part = _Part(part.number, "", min(max(part.x, width / 2 + 1), 413 - width / 2), part.y)
    box = (
        f'<rect x="{part.x - width / 2:.1f}" y="{part.y - 6:.1f}" width="{width:.1f}" height="12" rx="6" fill="#fff" '
        f'stroke="{INK}" stroke-width="0.7"/>'
    )
    return box + _word(part.x, part.y + 3, text, size=8, weight="bold")


def _frame_label(part: _Part, mark: Mark | None) -> str:
    if mark is None:
        return _word(part.x, part.y + 2.5, str(part.number), size=7, colour=QUIET)
    return _label(part, mark)


def _codes(mark: Mark) -> str:
    shown = "·".join(mark.codes[:2])
    return shown if len(mark.codes) <= 2 else f"{shown}+{len(mark.codes) - 2}"


def _word(
    x: float, y: float, text: str, *, size: float = 8, colour: str = INK, weight: str = "normal", anchor: str = "middle", turn: int = 0
) -> str:
    turned = f' transform="rotate({turn} {x:g} {y:g})"' if turn else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}"{turned}>{escape(text)}</text>'
    )


def _svg(width: int, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="{FONT}" role="img">'
        f"<title>车辆损伤示意图 Where the damage is</title>{body}</svg>"
    )
