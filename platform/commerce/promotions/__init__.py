"""Campaigns, coupons and their redemptions."""
