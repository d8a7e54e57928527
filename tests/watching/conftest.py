"""A shop, browsers that sign in to it, its staff, and the messages that it queues."""

from tests.commerce.conftest import staff
from tests.identity.conftest import _no_waiting, app, client, messages, rows, settings

__all__ = ["_no_waiting", "app", "client", "messages", "rows", "settings", "staff"]
