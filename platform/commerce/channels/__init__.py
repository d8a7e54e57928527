"""Sales channels: the ways on which a shop sells, each of which may have prices of its own."""
