"""Every interleaving of two hands at one thing, on real Postgres: `make races`."""
