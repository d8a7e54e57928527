"""Tenants, their domains and settings."""
