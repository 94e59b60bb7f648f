"""QR codes as SVG: for pages and for printed papers."""

from io import BytesIO

import segno


def qr_svg(content: str, *, border: int = 1) -> str:
    """An SVG of a QR code, error correction M, scaled by whoever shows it. Raises ``ValueError`` for what no code can hold."""
    out = BytesIO()
    segno.make(content, error="m", micro=False).save(
        out, kind="svg", border=border, xmldecl=False, omitsize=True, svgclass=None, lineclass=None, dark="#111"
    )
    return out.getvalue().decode()
