"""Product feeds: what a shop sells, kept ready at an address that a marketplace or a search engine fetches it from."""
