"""Pictures and meshes that an answer comes from: the maps of its first photo, and their meshes."""

import numpy as np
from numpy.typing import NDArray

from headwater.evaluation.heads.answer import HeadQuestion, SourceMesh, SourcePicture, Sources
from headwater.systems.facevision.answer import map_mesh, see
from headwater.systems.facevision.weights import TrainedFaceVision
from headwater.training.determinism import deterministic


def sources(trained: TrainedFaceVision, question: HeadQuestion) -> Sources:
    """The crop, its maps, and their mesh before and after smoothing and with the photo's relief.

    Raises Unanswered where the maps show no face.
    """
    with deterministic(trained.config.threads, next(trained.generator.parameters()).device):
        seen = see(trained, question.views)
        mesh = map_mesh(trained, seen)
    maps = seen.predicted[0].maps
    depth = np.repeat(maps.depth[..., None], 3, axis=2)
    return (
        SourcePicture("photo", seen.placed.crops.pixels[0, ..., :3].numpy()),
        SourcePicture("depth map", _display(depth, maps.mask)),
        SourcePicture("correspondence map", _display(maps.codes, maps.mask)),
        SourceMesh("map_raw", "the map's mesh", mesh.raw.vertices, mesh.raw.faces),
        SourceMesh("map_smoothed", "smoothed", mesh.smoothed.vertices, mesh.smoothed.faces),
        SourceMesh("map_detailed", "with detail", mesh.detailed.vertices, mesh.detailed.faces),
        SourceMesh(
            "map_coloured", "in colour", mesh.detailed.vertices, mesh.detailed.faces, mesh.colours
        ),
    )


def _display(values: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Values (S, S, 3) in 0..1 as 8 bits, black off the mask."""
    return np.asarray(np.rint(255 * values * mask[..., None]), np.uint8)
