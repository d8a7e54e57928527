"""When the pipelines run, and whether what they made is sound. Thin: the work is in the packages it calls."""
