"""The process that optimizes a shard nobody else has open: `python -m tradewind.engines.qdrant.optimize DIRECTORY`.

It exits with `OPTIMIZED` or `NOTHING_TO_DO`; any other status is a failure, and the directory is of no use then.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

import qdrant_edge as edge

OPTIMIZED: Final = 0
NOTHING_TO_DO: Final = 3
_NICENESS = 10
_PR_SET_PDEATHSIG = 1


def main(directory: str) -> int:
    """Merge, vacuum and index the shard's segments by its own settings."""
    os.nice(_NICENESS)
    _end_with_parent()
    shard = edge.EdgeShard.load(directory)
    optimized = shard.optimize()
    shard.flush()
    shard.close()
    return OPTIMIZED if optimized else NOTHING_TO_DO


def _end_with_parent() -> None:
    """Die when the gateway is killed: the work would be for nobody. Elsewhere than on Linux it is finished in vain."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
