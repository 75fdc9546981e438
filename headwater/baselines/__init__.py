"""Baselines that a learned system must beat: simple ways to a head from the same inputs."""
