"""Steps over buckets of items: what is missing, computing it, and assembling the tables."""
