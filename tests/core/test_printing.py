"""Printed papers: Chinese text, the same bytes again, values that are never markup, limits."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader

from marketplace.core.printing import PictureRefused, PrintingFailed, print_pages, print_pdf, qr_svg
from marketplace.core.printing.printer import FONTS, printable
from marketplace.core.settings import get_settings

AT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
TEMPLATE = """
#import "house.typ": *
#let data = json("data.json")
#show: paper.with(title: data.title, number: "1", issuer: "天津某鉴定评估有限公司", footer: "脚注")
#masthead(data.title, "English", "1", "天津某鉴定评估有限公司")
#data.text
"""


def _template(folder: Path, text: str = TEMPLATE) -> Path:
    path = folder / "paper.typ"
    path.write_text(text, encoding="utf-8")
    return path


def _png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (4, 4), "red").save(out, "PNG")
    return out.getvalue()


class TestPrintPdf:
    def test_the_same_values_give_the_same_bytes(self, tmp_path: Path) -> None:
        template = _template(tmp_path)
        first = print_pdf(template, {"title": "报告", "text": "甲"}, created_at=AT)
        assert first.startswith(b"%PDF-1.7")
        assert print_pdf(template, {"title": "报告", "text": "甲"}, created_at=AT) == first
        assert print_pdf(template, {"title": "报告", "text": "乙"}, created_at=AT) != first

    def test_its_only_time_is_the_one_it_was_given(self, tmp_path: Path) -> None:
        reader = PdfFileReader(BytesIO(print_pdf(_template(tmp_path), {"title": "报告", "text": "甲"}, created_at=AT)))
        assert str(reader.trailer["/Info"]["/CreationDate"]).startswith("D:20261125030000")

    def test_a_value_is_text_and_never_markup(self, tmp_path: Path) -> None:
        hostile = '#panic("x") #read("/etc/passwd") $x$ *b* \\ "'
        assert print_pdf(_template(tmp_path), {"title": hostile, "text": hostile}, created_at=AT).startswith(b"%PDF")

    def test_a_character_without_type_prints_as_a_geta_mark(self, tmp_path: Path) -> None:
        assert printable("王𰻝喆\n😀") == "王〓喆\n〓"
        assert print_pdf(_template(tmp_path), {"title": "王𰻝", "text": "😀\x07"}, created_at=AT).startswith(b"%PDF")
        svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text font-family="Henanroad Sans SC">😀</text></svg>'
        drawn = _template(tmp_path, '#import "house.typ": *\n#show: paper.with(title: "x")\n#image("car.svg")')
        assert print_pdf(drawn, {}, created_at=AT, pictures={"car.svg": svg.encode()}).startswith(b"%PDF")

    def test_a_template_sees_nothing_outside_its_folder(self, tmp_path: Path) -> None:
        with pytest.raises(PrintingFailed):
            print_pdf(_template(tmp_path, '#read("/../../../../../etc/hostname")'), {}, created_at=AT)

    def test_a_paper_that_takes_too_long_is_given_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(get_settings(), "printing_timeout_s", 1)
        with pytest.raises(PrintingFailed):
            print_pdf(_template(tmp_path, "#for n in range(400000000) { let x = n }"), {}, created_at=AT)

    def test_a_paper_that_takes_too_much_memory_is_given_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(get_settings(), "printing_memory_mb", 256)
        with pytest.raises(PrintingFailed):
            print_pdf(_template(tmp_path, '#let x = "a" * 500000000\n#x.len()'), {}, created_at=AT)

    def test_pictures_must_open_and_have_a_plain_name(self, tmp_path: Path) -> None:
        template = _template(tmp_path, '#image("car.png")')
        assert print_pdf(template, {}, created_at=AT, pictures={"car.png": _png()}).startswith(b"%PDF")
        for name, content in (("car.png", b"no picture"), ("../car.png", _png()), ("car.typ", _png())):
            with pytest.raises(PictureRefused):
                print_pdf(template, {}, created_at=AT, pictures={name: content})

    def test_pages_are_pictures_of_the_same_paper(self, tmp_path: Path) -> None:
        pages = print_pages(_template(tmp_path, '#import "house.typ": *\n甲\n#pagebreak()\n乙'), {}, created_at=AT)
        assert [Image.open(BytesIO(page)).format for page in pages] == ["PNG", "PNG"]


class TestFonts:
    @pytest.mark.parametrize("weight", ["Regular", "Bold"])
    def test_every_character_of_gb2312_and_rare_ones_of_names_are_there(self, weight: str) -> None:
        font = TTFont(FONTS / f"HenanroadSansSC-{weight}.otf", lazy=True)
        held = set(font.getBestCmap())
        pairs = [
            bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF) if (high, low) <= (0xD7, 0xF9) or high > 0xD7
        ]
        hanzi = [pair.decode("gb2312") for pair in pairs]
        assert len(hanzi) == 6_763
        assert [one for one in [*hanzi, *"喆堃玥镕祎赟", *"¥①★"] if ord(one) not in held] == []

    def test_the_licence_lies_beside_them(self) -> None:
        text = (FONTS / "OFL.txt").read_text(encoding="utf-8")
        assert "SIL OPEN FONT LICENSE" in text
        assert "Noto Sans CJK SC" in text


class TestQrSvg:
    def test_is_an_svg_of_its_own_size(self) -> None:
        svg = qr_svg("https://example.cn/valuation/v1/reports/" + "0" * 64)
        assert svg.startswith("<svg ")
        assert "viewBox" in svg
        assert "script" not in svg
