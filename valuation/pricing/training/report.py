"""The card's figures for people: a Markdown table between two marks, and a chart as SVG beside it."""

from pathlib import Path
from typing import Any

START, END = "<!-- figures: written by valuation.pricing.train -->", "<!-- end of figures -->"
_COLUMNS = ("rows", "mape", "median_ape", "within_10", "coverage", "width", "bias")
_TITLES = {
    "with_new_price": "With the new car's price",
    "without_new_price": "Without it (brand, series, model year, trim)",
    "without_trim": "Without price and trim",
}


def write_report(path: Path, card: dict[str, Any]) -> None:
    """Renew the figures in a Markdown file and the chart ``<name>.svg`` beside it."""
    text = path.read_text(encoding="utf-8") if path.exists() else f"{START}\n{END}\n"
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{START}\n\n{render_tables(card)}\n{END}{tail}", encoding="utf-8")
    path.with_suffix(".svg").write_text(render_chart(card), encoding="utf-8")


def render_tables(card: dict[str, Any]) -> str:
    """All figures in percent, on the validation splits."""
    lines = [
        f"Version `{card['version']}`; {sum(card['training_rows'].values()):,} training rows, {card['brands']} brands.",
        f"Order breaks (dearer when older / driven further) on {card['order_breaks'].get('cars', 0)} cars: "
        f"{card['order_breaks'].get('older', 0)} / {card['order_breaks'].get('further', 0)}.",
        "",
    ]
    for description, title in _TITLES.items():
        found = card["validation"].get(description, {})
        for group in ("by_source", "by_support", "by_price_band", "by_width_quartile"):
            lines += _table(f"{title}, {group.replace('_', ' ')}", found.get(group, {}))
    return "\n".join(lines)


def _table(title: str, groups: dict[str, Any]) -> list[str]:
    if not groups:
        return []
    header = f"| {title} | rows | MAPE | median APE | within ±10 % | coverage (target 80) | median width | bias |"
    rows = [f"| {name} | " + " | ".join(f"{metrics[column]}" for column in _COLUMNS) + " |" for name, metrics in groups.items()]
    return [header, "|---" * 8 + "|", *rows, ""]


def render_chart(card: dict[str, Any]) -> str:
    """Median error and interval coverage by source, as bars."""
    groups = card["validation"].get("without_new_price", {}).get("by_source", {})
    width, row, left = 760, 46, 210
    height = 74 + row * max(len(groups), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<text x="16" y="24" font-size="15">Unseen cars, described without the new price: error and interval coverage</text>',
        '<text x="16" y="44" fill="#555">blue: median absolute error · green: prices inside the 80 % interval (line: 80 %)</text>',
    ]
    scale = (width - left - 70) / 100
    for number, (name, metrics) in enumerate(groups.items()):
        top = 60 + number * row
        parts += [
            f'<text x="16" y="{top + 20}">{name}</text>',
            f'<text x="16" y="{top + 34}" fill="#777" font-size="10">{metrics["rows"]} cars</text>',
            _bar(left, top + 6, metrics["median_ape"] * scale, "#2b6cb0", f"{metrics['median_ape']} %"),
            _bar(left, top + 22, metrics["coverage"] * scale, "#2f855a", f"{metrics['coverage']} %"),
        ]
    line = left + 80 * scale
    parts += [f'<line x1="{line:.1f}" y1="56" x2="{line:.1f}" y2="{height - 8}" stroke="#c53030" stroke-dasharray="4 3"/>', "</svg>"]
    return "\n".join(parts) + "\n"


def _bar(left: float, top: float, length: float, colour: str, label: str) -> str:
    return (
        f'<rect x="{left}" y="{top}" width="{length:.1f}" height="13" fill="{colour}"/>'
        f'<text x="{left + length + 5:.1f}" y="{top + 11}">{label}</text>'
    )
