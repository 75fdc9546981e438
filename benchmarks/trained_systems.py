"""The trained systems of a build that answer with heads, set as the build sets them."""

from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError
from headwater.reconstruct.system import CHALLENGE, model_for_photos
from headwater.systems import SYSTEMS
from headwater.systems.stages import WEIGHTS


def trained_systems(data: Path) -> dict[str, Any]:
    """Trained models by system, of those whose weights are below ``data``, on the CPU.

    They answer with the settings in the ``params.yaml`` beside ``data``. Raises HeadwaterError
    where there is no model, and for settings that a system does not have.
    """
    paths = {name: data / "train" / name / WEIGHTS for name in SYSTEMS}
    found = {
        name: model_for_photos(SYSTEMS[name], path, None, data.parent)
        for name, path in paths.items()
        if SYSTEMS[name].challenge == CHALLENGE and path.is_file()
    }
    if not found:
        raise HeadwaterError(f"{data / 'train'}: no trained weights; run `make repro`")
    return found
