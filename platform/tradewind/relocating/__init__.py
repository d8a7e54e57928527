"""A tenant is moved to another database in one command: `tradewind tenant move`."""
