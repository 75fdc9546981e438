"""Heads of our model fitted to the faces that other data sets fitted to their photos."""
