"""Every movement of money, as double entry."""
