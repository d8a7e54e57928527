"""The audit log as a chain of hashes: linked by the worker, checked by anybody, read by the shop's staff."""
