"""Headwater: 3D-head datasets from photos and parametric heads, and the systems trained on them."""

__version__ = "0.1.0"
