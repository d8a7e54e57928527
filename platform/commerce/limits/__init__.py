"""How often and how much at once a shop, a route, somebody or an address may ask."""
