"""The training loop that every learned system shares."""
