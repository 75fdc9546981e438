"""Parametric heads: adapters that turn a published head model into one common form."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from headwater.errors import HeadwaterError
from headwater.heads import anny_adapter, ict_adapter
from headwater.heads.landmark_files import with_landmarks
from headwater.heads.model import HeadModel
from headwater.heads.plausibility import check_face, check_head


def _anny(source: str, cache_dir: Path) -> HeadModel:
    if source:
        raise HeadwaterError(f"The head model 'anny' takes no path, but got '{source}'.")
    return anny_adapter.bases(cache_dir)


def _ict(source: str, cache_dir: Path) -> HeadModel:
    if not source:
        raise HeadwaterError(
            "The head model 'ict' needs a path: 'ict:<file.npz>' or 'ict:<folder of .obj files>'."
        )
    return ict_adapter.bases(Path(source).expanduser(), cache_dir)


class Adapter(NamedTuple):
    """A published head model. usage: how to write it; unit: of its files, in ``UNITS_MM``.

    bases: loader of the part after the colon, without landmarks.
    """

    usage: str
    unit: str
    bases: Callable[[str, Path], HeadModel]


ADAPTERS = {
    "anny": Adapter("anny", "decimetres", _anny),
    "ict": Adapter("ict:<path>", "centimetres", _ict),
}


def source_digest(spec: str) -> str:
    """SHA-256 of the user's files that ``spec`` names, "" where it names none.

    Raises HeadwaterError when they are missing, and for an unknown name.
    """
    name, source = _parts(spec)
    return ict_adapter.source_digest(Path(source).expanduser()) if name == "ict" and source else ""


def load_head_model(spec: str, cache_dir: Path) -> HeadModel:
    """The head model that ``spec`` names, e.g. ``anny`` or ``ict:folder/ict_facekit.npz``.

    What takes time is kept in ``cache_dir``. Raises HeadwaterError for an unknown name (naming the
    nearest valid one), for missing or wrong files, and for what is no head.
    """
    model = with_landmarks(bases(spec, cache_dir))
    check_face(model, spec, ADAPTERS[model.name].unit)
    return model


def bases(spec: str, cache_dir: Path) -> HeadModel:
    """As ``load_head_model``, without landmarks and fingerprint."""
    name, source = _parts(spec)
    model = ADAPTERS[name].bases(source, cache_dir)
    check_head(model, spec, ADAPTERS[name].unit)
    return model


def _parts(spec: str) -> tuple[str, str]:
    name, _, source = spec.partition(":")
    if name not in ADAPTERS:
        near = difflib.get_close_matches(name, ADAPTERS, n=1, cutoff=0.3)
        hint = f"did you mean '{ADAPTERS[near[0]].usage}'? " if near else ""
        choices = ", ".join(f"'{usage}'" for usage, *_ in ADAPTERS.values())
        raise HeadwaterError(f"Unknown head model '{spec}': {hint}Choose one of {choices}.")
    return name, source
