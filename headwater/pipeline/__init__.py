"""Steps over buckets of items: missing buckets, their computation, and the tables made of them."""
