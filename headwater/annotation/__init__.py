"""Parts of a head's mesh by votes of parsed renders: Algorithm 1 of 3DDFA-V3 (arXiv 2312.00311)."""
