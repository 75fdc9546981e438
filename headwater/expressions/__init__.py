"""Synthetic expressions as the PRDL paper makes them: edited part masks, pixels, and checks."""
