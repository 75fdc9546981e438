"""Upkeep of a build on disk: its locks, its record, its damaged, missing and left-over files."""
