"""What shoppers do, as their browsers report it."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission("events:read", "See which events of browsers were not taken, and why.")
PERMISSIONS = (READ,)
