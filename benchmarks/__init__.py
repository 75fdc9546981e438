"""Costs of a build beside those of alternatives, measured in one run: ``make bench``."""
