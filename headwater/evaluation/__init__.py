"""Challenges: what a kind of system is asked, and how its answers are judged."""
