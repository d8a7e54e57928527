"""The process that optimizes a shard nobody else has open: `python -m tradewind.engines.qdrant.optimize DIRECTORY`.

It exits with `OPTIMIZED` or `NOTHING_TO_DO`; any other status is a failure, and the directory is of no use then.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import qdrant_edge as edge

OPTIMIZED: Final = 0
NOTHING_TO_DO: Final = 3
_NICENESS = 10


def main(directory: str) -> int:
    """Merge, vacuum and index the shard's segments by its own settings."""
    os.nice(_NICENESS)
    shard = edge.EdgeShard.load(directory)
    optimized = shard.optimize()
    shard.flush()
    shard.close()
    return OPTIMIZED if optimized else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
