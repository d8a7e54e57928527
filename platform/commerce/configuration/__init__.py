"""How a shop is set up: a schema, versions, and who changed what."""
