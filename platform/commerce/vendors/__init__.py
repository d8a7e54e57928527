"""Who else sells here: their part of each order, commission, and what they are paid."""
