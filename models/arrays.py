"""Names for the arrays that the models pass around."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Strings = NDArray[np.str_]
Sparse = Any
"""A `scipy.sparse.csr_array`; SciPy ships no types."""
