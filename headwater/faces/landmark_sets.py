"""The former name of ``vocabulary``, until the last module that uses it has moved."""

from headwater.faces.vocabulary import *  # noqa: F403
