"""What is taken off: the one door for discounts, codes that open it, and the campaigns a data set recorded."""
