"""A search by voice: which of the things that the browser's recogniser heard is searched for."""

from __future__ import annotations

from commerce.catalog.schemas import VoiceOut
from commerce.deciding import DecisionClient
from commerce.tenancy.service import Shop
from foundation.hearing import Alternatives, Fit, HearingAnswer, HearingRequest


async def understood(client: DecisionClient, shop: Shop, alternatives: Alternatives) -> VoiceOut:
    """What was probably said: by the catalogue, or by the recogniser alone where the service gives no answer."""
    request = HearingRequest(tenant_id=shop.id, alternatives=alternatives, deadline_ms=client.deadline_ms)
    answer = await client.ask("hearing", request, HearingAnswer)
    if answer is not None:
        return VoiceOut(query=answer.alternatives[0].transcript, alternatives=answer.alternatives, fallback=None)
    by_ear = sorted(alternatives, key=lambda one: -one.confidence)
    heard = [Fit(transcript=one.transcript, confidence=one.confidence, fit=0, score=one.confidence) for one in by_ear]
    return VoiceOut(query=heard[0].transcript, alternatives=heard, fallback="confidence")
