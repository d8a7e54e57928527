"""Papers about orders: invoices, credit notes, packing slips and labels."""
