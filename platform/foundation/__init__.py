"""What everything stands on: settings, money, time, ids, errors, the database, event contracts and engine clients."""
