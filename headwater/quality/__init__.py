"""The pipeline's own quality: what it finds on rendered views against what is exactly known."""
