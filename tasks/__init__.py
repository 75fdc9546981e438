"""The steps of the pipeline: one file, one step, one command."""

from headwater.threads import calm_threads

calm_threads()
