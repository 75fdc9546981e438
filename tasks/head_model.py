"""The build's head model, loaded once per process."""

from functools import cache
from pathlib import Path

from headwater.config import Params
from headwater.heads import load_head_model
from headwater.heads.model import HeadModel


@cache
def _load(spec: str, project: Path) -> HeadModel:
    return load_head_model(spec, project / ".headwater" / "models")


def head_model(params: Params, project: Path) -> HeadModel:
    """The head model that ``synthesize.head_model`` names."""
    return _load(params.synthesize.head_model, project)


def head_model_fingerprint(params: Params, project: Path) -> dict[str, str]:
    """Fingerprint of the head model, for bucket keys."""
    return {"head_model": head_model(params, project).fingerprint}
