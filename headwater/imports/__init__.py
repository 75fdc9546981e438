"""Imports between packages of the source tree, as a picture: ``python -m headwater.imports``."""
