"""Loading a retailer's data: catalogue, customers and history as a tenant's own facts, with their events."""
