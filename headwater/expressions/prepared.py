"""The generator that the stage generator of a project has trained, and its fingerprint."""

from functools import cache
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.manifest import sha256_of_file
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.expressions.warped import PatternFrame, PatternMask

FOLDER: Final = "generator"
WEIGHTS: Final = "weights.safetensors"


class PatternPainter(Protocol):
    """The method of a ``Generator`` that paints an edit."""

    def pattern(self, rgb: NDArray[np.uint8], mask: PatternMask) -> PatternFrame:
        """The (n, n, 3) frame, with a level face in its middle, painted as ``mask`` edits it."""
        ...


def generator_fingerprint(params: Params, project: Path) -> dict[str, str]:
    """Fingerprint of the generator that paints expressions, for bucket keys; empty for the warp."""
    if params.expressions.pixels == "warp":
        return {}
    return {"generator": sha256_of_file(_file(project))}


def prepared_generator(params: Params, project: Path) -> PatternPainter | None:
    """The generator that ``expressions.pixels`` names, read once per process; None for the warp.

    Raises HeadwaterError where the stage has not trained it, or has trained another network.
    """
    if params.expressions.pixels == "warp":
        return None
    weights = _file(project)
    return _read(params.expressions.pixels, weights, sha256_of_file(weights))


def _file(project: Path) -> Path:
    path = project / "data" / FOLDER / WEIGHTS
    if not path.is_file():
        raise HeadwaterError(f"{path}: is not there; run the stage generator with `make repro`")
    return path


@cache
def _read(name: Literal["spade", "maskgan"], weights: Path, sha256: str) -> PatternPainter:
    # Imported here: torch takes seconds, and the warp does without it.
    from headwater.expressions.generator import load_generator

    return load_generator(name, weights)
