"""Printed papers: a typst template and plain values become a PDF with Chinese fonts.

::

    pdf = print_pdf(
        Path(__file__).parent / "templates" / "report.typ",
        {"title": "鉴定评估报告", "lines": [...]},          # strings, numbers, booleans, None, lists, string-keyed dicts
        created_at=at,                                       # the only time a PDF knows: same input, same bytes
        pictures={"car.jpg": jpeg, "qr.svg": qr_svg(url).encode()},
    )

In the template::

    #import "house.typ": *
    #let data = json("data.json")
    #show: paper.with(title: data.title, number: data.number)
    #image("car.jpg")

Values are text and never markup: a name such as ``#panic()`` prints as it stands; a character the fonts lack prints as 〓. The
template is compiled by a process of its own that sees one folder, with limits on time and memory (``Settings.printing_*``); its fonts
are those of this package alone. It takes 0.3–1 s, so print in a job (``outside_subscriber``), never inside a transaction.
"""

from marketplace.core.printing.printer import PictureRefused, PrintingFailed, print_pages, print_pdf
from marketplace.core.printing.qr import qr_svg

__all__ = ["PictureRefused", "PrintingFailed", "print_pages", "print_pdf", "qr_svg"]
