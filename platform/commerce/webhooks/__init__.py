"""Webhooks of a tenant: what happened in the shop, told to addresses that its staff have named."""
