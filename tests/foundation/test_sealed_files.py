"""A sealed file is read as it was written, or not at all."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.sealed_files import FRAME, Sealing, new_key, opened
from foundation.sealing import Unreadable

WHOLE = FRAME + 16
KEY = new_key()


def _sealed(*pieces: bytes, key: bytes = KEY) -> bytes:
    out = BytesIO()
    sealing = Sealing(out, key)
    for piece in pieces:
        sealing.write(piece)
    sealing.finish()
    return out.getvalue()


def _opened(content: bytes, key: bytes = KEY) -> bytes:
    return b"".join(opened(BytesIO(content), key))


@given(st.lists(st.sampled_from([0, 1, 17, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME]), max_size=4))
def test_what_was_written_in_any_pieces_is_read(sizes: list[int]) -> None:
    pieces = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    assert _opened(_sealed(*pieces)) == b"".join(pieces)


THREE = _sealed(b"a" * FRAME, b"b" * FRAME, b"c" * 5)


@pytest.mark.parametrize(
    "spoilt",
    [
        THREE[:WHOLE],
        THREE[: 2 * WHOLE],
        THREE[WHOLE:],
        THREE[WHOLE : 2 * WHOLE] + THREE[:WHOLE] + THREE[2 * WHOLE :],
        THREE[:WHOLE] + THREE[2 * WHOLE :],
        THREE + THREE[-21:],
        THREE[:10] + bytes([THREE[10] ^ 1]) + THREE[11:],
        b"",
    ],
    ids=["cut after one", "cut after two", "without the first", "swapped", "without one", "longer", "changed", "empty"],
)
def test_what_was_cut_moved_or_changed_is_not_read(spoilt: bytes) -> None:
    with pytest.raises(Unreadable):
        _opened(spoilt)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Unreadable):
        _opened(_sealed(b"secret"), new_key())
