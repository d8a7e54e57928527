"""Which of the things that a speech recogniser heard was said: what it is sure of, and what the catalogue has.

A recogniser knows the language and not the shop: `see buckthorn oil` is as good as `sea buckthorn oil` to it. The
score of an alternative is a weighed sum of its confidence and of its fit, which is the largest share of its words that
a single product has (`Postings.coverage`).
"""

from __future__ import annotations

from collections.abc import Sequence

from foundation.hearing import Fit, Heard

FIT = 0.7
"""The share that the catalogue has in the score; the recogniser has the rest. Its confidences lie close together."""


def weighed(heard: Sequence[Heard], fits: Sequence[float]) -> list[Fit]:
    """What was heard with its scores, the likeliest first; of equals, what the recogniser put first."""
    found = [
        Fit(
            transcript=one.transcript,
            confidence=one.confidence,
            fit=fit,
            score=FIT * fit + (1 - FIT) * one.confidence,
        )
        for one, fit in zip(heard, fits, strict=True)
    ]
    return sorted(found, key=lambda one: -one.score)
