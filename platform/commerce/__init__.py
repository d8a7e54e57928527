"""The transactional core: one package a bounded context."""
