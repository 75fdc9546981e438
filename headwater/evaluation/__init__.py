"""Challenges: questions to a kind of system, and scores of its answers."""
