"""The shop's own place on the platform: what it has subscribed to, and what it pays."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission("billing:read", "See the plan, what is used of it, and the platform's invoices.")
WRITE = Permission("billing:write", "Choose the plan, end it, and say how it is paid.")
PERMISSIONS = (READ, WRITE)
