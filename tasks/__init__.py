"""The steps of the pipeline: one file, one step, one command."""
