"""Limits on photos and frames from the pipeline's parameters."""

from dataclasses import dataclass
from pathlib import Path

from headwater.config import load_params
from headwater.photos.decode import USUAL_MAX_PIXELS


@dataclass(frozen=True)
class PhotoSettings:
    """Limits in px, and the faces that are taken, as in ``params.yaml``.

    The defaults are those that the project comes with.
    """

    max_pixels: int = USUAL_MAX_PIXELS
    max_side_px: int = 2048
    frame_px: int = 512
    faces: str = "largest"


def settings_of(project: Path, faces: str | None = None) -> PhotoSettings:
    """Settings of the project, or the defaults outside of any project.

    faces: taken instead of those that the project takes.
    """
    path = project / "params.yaml"
    if not path.is_file():
        return PhotoSettings(faces=faces or "largest")
    params = load_params(path)
    return PhotoSettings(
        params.photos.max_pixels,
        params.photos.max_side_px,
        params.ingest.frame_px,
        faces or params.ingest.faces,
    )
