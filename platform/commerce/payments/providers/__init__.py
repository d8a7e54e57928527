"""Payment providers: what the core asks of one, and those there are. Adding one is one module here."""

from commerce.payments.providers.contract import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    Contests,
    EventKind,
    ForgedEvent,
    Provider,
    ProviderEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    Reimbursement,
    ReportsSettlements,
    SavedMethod,
    SavesMethods,
    Settled,
    TakesEvents,
)
from commerce.payments.providers.registry import Providers, UnknownProvider, configured
from commerce.payments.providers.stored_value import GiftCards, StoreCredit
from commerce.payments.providers.test import TestProvider

__all__ = [
    "NEVER_ASKED",
    "ActionRequired",
    "Authorised",
    "Captured",
    "Charge",
    "Contests",
    "EventKind",
    "ForgedEvent",
    "GiftCards",
    "Provider",
    "ProviderEvent",
    "ProviderUnavailable",
    "Providers",
    "Refunded",
    "Refused",
    "Reimbursement",
    "ReportsSettlements",
    "SavedMethod",
    "SavesMethods",
    "Settled",
    "StoreCredit",
    "TakesEvents",
    "TestProvider",
    "UnknownProvider",
    "configured",
]
