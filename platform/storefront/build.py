"""Compile `styles.css` to `static/shop.css`: `python -m storefront.build`.

The result is committed, so that running the shop needs no build.
"""

from __future__ import annotations

from pathlib import Path

from pages.styles import compile_styles

HERE = Path(__file__).parent
TARGET = HERE / "static" / "shop.css"


def build(target: Path = TARGET) -> None:
    """Write the styles that the templates use.

    Raises:
        subprocess.CalledProcessError: Tailwind could not compile them; what it said is in `stderr`.
    """
    compile_styles(HERE / "styles.css", target)


if __name__ == "__main__":
    build()
