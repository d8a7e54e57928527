"""Which of the things that were heard was said."""

from __future__ import annotations

from foundation.hearing import Heard
from models.search.hearing import weighed


def test_what_the_catalogue_has_wins_over_what_merely_sounds_like_it() -> None:
    heard = [
        Heard(transcript="see buckthorn oil", confidence=0.94),
        Heard(transcript="sea buckthorn oil", confidence=0.91),
    ]
    assert [one.transcript for one in weighed(heard, [0.7, 1.0])] == ["sea buckthorn oil", "see buckthorn oil"]


def test_without_confidences_the_fit_decides_and_of_equals_what_came_first() -> None:
    heard = [Heard(transcript=one) for one in ("flower", "flour", "floor")]
    assert [one.transcript for one in weighed(heard, [0.5, 1.0, 0.5])] == ["flour", "flower", "floor"]
    assert [one.transcript for one in weighed(heard, [0.0, 0.0, 0.0])] == ["flower", "flour", "floor"]
