"""What scanners read on papers: a QR code, and bars for those that read nothing else; drawn as SVG."""

from __future__ import annotations

import io
from itertools import groupby

QUIET = 10
"""The space that a reader needs on both sides of the bars, as often as the thinnest is wide."""


def qr_code(content: str) -> str:
    """The content as a QR code, of which a seventh may be lost."""
    import segno  # noqa: PLC0415

    drawn = io.BytesIO()
    segno.make(content, error="m").save(drawn, kind="svg", border=0, xmldecl=False)
    return drawn.getvalue().decode()


def bars(content: str) -> str:
    """The content, in ASCII, as a Code 128."""
    from barcode import Code128  # noqa: PLC0415
    from barcode.charsets import code128  # noqa: PLC0415

    class Bars(Code128):  # type: ignore[misc] # the library has no types
        def _try_to_optimize(self, encoded: list[int]) -> list[int]:
            # In set C the symbol that means "set C" elsewhere is the digits 99, which the library drops from the front.
            begins_with_99 = encoded[:2] == [code128.START_CODES["C"], code128.B["TO_C"]]
            return encoded if begins_with_99 else super()._try_to_optimize(encoded)

    (modules,) = Bars(content).build()
    at, drawn = QUIET, []
    for module, run in groupby(modules):
        width = len(list(run))
        if module == "1":
            drawn.append(f"M{at} 0h{width}v30h-{width}z")
        at += width
    size = f'viewBox="0 0 {at + QUIET} 30" preserveAspectRatio="none"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><path d="{"".join(drawn)}"/></svg>'
