"""What the platform is paid by its shops: subscriptions, usage beyond a plan, invoices, and what happens unpaid."""
