"""`tradewind bench search`: ways to search, compared on judged sets."""
