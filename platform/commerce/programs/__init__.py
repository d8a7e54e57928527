"""Programs that act for the shop or for its customers: OAuth 2.1, and the keys of the API."""
