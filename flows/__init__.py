"""Prefect side of a build: the place, time and parallelism of its steps."""
