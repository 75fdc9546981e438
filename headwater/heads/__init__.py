"""Parametric heads: adapters that turn a published head model into one common form."""
