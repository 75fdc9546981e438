"""Synthetic expressions as the PRDL paper makes them: masks, pixels, and checks."""
