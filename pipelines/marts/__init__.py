"""The marts: tables made of the events alone, a SQL file each, that every report and dashboard reads.

A mart can be thrown away and made again. What it holds of a day is replaced by one statement, so a reader sees a day as
it was or as it is, and never half of it.
"""
