"""Recommendations: what each shopper buys next."""
