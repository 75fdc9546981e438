"""Upkeep of a build on disk: its locks, its record, what is damaged, missing or left over."""
