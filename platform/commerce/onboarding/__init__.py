"""Opening a shop: from a name and an address to one that sells, in a few steps."""
