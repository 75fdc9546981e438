"""Reconstruction with trained GLVD weights, and its honest evaluation on held-out heads."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.datasets.scenes import Heads, Template, Views
from headwater.errors import HeadwaterError
from headwater.faces.landmark_sets import IBUG68_FROM_478
from headwater.heads.model import Surface
from headwater.metrics.chamfer import (
    DensePrediction,
    SurfaceError,
    face_sphere,
    h3ds_chamfer,
    honest_face_chamfer,
)
from headwater.metrics.landmarks import normalised_mean_error
from headwater.systems.glvd.canonical import to_head_frame
from headwater.systems.glvd.data import crop_views, in_canonical_frame, network_images, place_views
from headwater.systems.glvd.model import ViewBatch, starting_points
from headwater.systems.glvd.pose import project_mm, refine_pose
from headwater.systems.glvd.weights import TrainedGlvd

FloatArray = NDArray[np.float32]
START_SEED = 0


@dataclass(frozen=True)
class Reconstruction:
    """One head, mm, head frame.

    vertices: (V, 3) float32. steps: (T + 1, V, 3), the descent from the random ball.
    keypoints: (K, 3). rotations (N, 3, 3), translations (N, 3) mm: the cameras used in the end.
    """

    vertices: FloatArray
    steps: FloatArray
    keypoints: FloatArray
    rotations: FloatArray
    translations: FloatArray


def reconstruct(
    trained: TrainedGlvd, views: Views, *, iterations: int | None = None
) -> Reconstruction:
    """Mesh of the one head that all ``views`` show, from a fixed random start."""
    config, network = trained.config, trained.network
    origin = trained.template.nose_bridge
    placement = place_views(views, trained.template)
    seen = in_canonical_frame(views, placement)
    crops = crop_views(seen, origin, config.image_px, config.crop_mm)
    batch = ViewBatch(
        network_images(crops.pixels)[None], crops.landmarks[None], crops.projection[None]
    )
    generator = torch.Generator().manual_seed(START_SEED)
    keypoints = starting_points(network.keypoint_template, config, generator)[None]
    vertices = starting_points(network.template, config, generator)[None]
    with torch.no_grad():
        descent = network.descend(
            network.encode(batch), vertices, keypoints, iterations or config.iterations
        )
    back = placement.inverse()

    def to_views_frame(points: Tensor) -> FloatArray:
        return back.apply(to_head_frame(points.numpy(), origin)).astype(np.float32)

    steps = np.stack([to_views_frame(state) for state in descent.vertices[:, 0]])
    guides = to_views_frame(descent.keypoints[-1, 0])
    return Reconstruction(steps[-1], steps, guides, views.R, views.t)


def reconstruct_photo(
    trained: TrainedGlvd, views: Views, *, iterations: int | None = None
) -> Reconstruction:
    """Mesh from photos with rough cameras, which are solved again for the head that was found.

    A photo's camera was solved against the mean head. Descending once more with the new camera
    was tried and did not lower the landmark error. Needs landmarks in every view.
    """
    found = reconstruct(trained, views, iterations=iterations)
    views = _resolved(trained.template, views, found.vertices)
    return replace(found, rotations=views.R, translations=views.t)


def _resolved(template: Template, views: Views, vertices: FloatArray) -> Views:
    landmarks = template.landmarks_68(vertices)
    poses = [
        refine_pose(
            landmarks,
            views.landmarks_478_px[i][IBUG68_FROM_478],
            views.K[i],
            views.R[i],
            views.t[i],
        )
        for i in range(len(views))
    ]
    return replace(views, R=np.stack([p[0] for p in poses]), t=np.stack([p[1] for p in poses]))


def landmark_nme(trained: TrainedGlvd, views: Views, found: Reconstruction) -> list[float]:
    """Reprojected 68-landmark error of each view, a fraction of the outer eye-corner distance."""
    landmarks = trained.template.landmarks_68(found.vertices)
    return [
        normalised_mean_error(
            project_mm(landmarks, views.K[i], found.rotations[i], found.translations[i]),
            views.landmarks_478_px[i][IBUG68_FROM_478].astype(np.float64),
        )
        for i in range(len(views))
    ]


@dataclass(frozen=True)
class HeadError:
    """Errors of one held-out subject, mm; NaN where the alignment failed.

    view: row in the views that were given. heat: honest per-vertex distances and their region.
    Vertex errors are those of corresponding vertices after the honest alignment.
    """

    subject: str
    view: int
    face_chamfer_mm: float
    mean_head_face_chamfer_mm: float
    vertex_error_mm: float
    mean_head_vertex_error_mm: float
    h3ds_face_chamfer_mm: float
    heat: SurfaceError
    reconstruction: Reconstruction


@dataclass(frozen=True)
class Evaluation:
    """items: one per subject. summary: flat metrics. steps_mm: mean vertex error per step."""

    items: list[HeadError]
    summary: dict[str, float | int]
    steps_mm: list[float]


def evaluate(
    trained: TrainedGlvd,
    heads: Heads,
    views: Views,
    *,
    split: str = "test",
    iterations: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Single-view evaluation: the first view of every subject of ``split``.

    Failed alignments are counted in ``failures`` and left out of both means.
    """
    rows = np.flatnonzero(views.split == split)
    _, first = np.unique(views.head[rows], return_index=True)
    rows = rows[np.sort(first)]
    if not len(rows):
        raise HeadwaterError(f"GLVD: no view has the split {split!r}; nothing to evaluate on")
    mean = trained.mean_head
    template = trained.template
    mean_dense = DensePrediction(
        mean, skin_faces(template), template.landmarks_68(mean), template.nose_tip(mean)
    )
    items = []
    for count, row in enumerate(rows, start=1):
        found = reconstruct(trained, views.choose(rows[count - 1 : count]), iterations=iterations)
        head = int(views.head[row])
        items.append(
            _head_error(
                template,
                heads.vertices[head],
                str(heads.subjects[head]),
                int(row),
                found,
                mean,
                mean_dense,
            )
        )
        if progress is not None:
            progress(count, len(rows))
    steps = _steps_error(template, heads, views, items)
    return Evaluation(items, _summary(items), steps)


def _head_error(
    template: Template,
    truth: FloatArray,
    subject: str,
    row: int,
    found: Reconstruction,
    mean: FloatArray,
    mean_dense: DensePrediction,
) -> HeadError:
    landmarks, tip = template.landmarks_68(truth), template.nose_tip(truth)
    skin = np.unique(skin_faces(template))
    dense = DensePrediction(
        found.vertices,
        skin_faces(template),
        template.landmarks_68(found.vertices),
        template.nose_tip(found.vertices),
    )
    ours = honest_face_chamfer(truth, landmarks, tip, dense, surface=skin)
    base = honest_face_chamfer(truth, landmarks, tip, mean_dense, surface=skin)
    h3ds = h3ds_chamfer(
        truth,
        ours.region,
        found.vertices,
        truth_landmarks=landmarks,
        landmarks=dense.landmarks,
    )
    return HeadError(
        subject,
        row,
        ours.mean_mm,
        base.mean_mm,
        vertex_error(ours.transform.apply(found.vertices), truth, ours.region),
        vertex_error(base.transform.apply(mean), truth, ours.region),
        h3ds,
        ours,
        found,
    )


def skin_faces(template: Template) -> NDArray[np.int32]:
    """Faces (f, 3) of the skin: what a scan would see."""
    return np.asarray(template.faces[template.surface == Surface.SKIN])


def vertex_error(
    predicted: NDArray[np.floating[Any]], truth: FloatArray, region: NDArray[np.integer[Any]]
) -> float:
    """Mean distance in mm of corresponding vertices of ``region``, both (V, 3) in one frame."""
    return float(np.linalg.norm(predicted[region] - truth[region], axis=1).mean())


def _steps_error(
    template: Template, heads: Heads, views: Views, items: list[HeadError]
) -> list[float]:
    errors = []
    for item in items:
        truth = heads.vertices[int(views.head[item.view])]
        region = face_sphere(truth, template.nose_tip(truth))
        aligned = [item.heat.transform.apply(step) for step in item.reconstruction.steps[:, region]]
        offset = np.stack(aligned) - truth[region]
        errors.append(np.linalg.norm(offset, axis=2).mean(axis=1))
    return [float(value) for value in np.mean(errors, axis=0)]


def _summary(items: list[HeadError]) -> dict[str, float | int]:
    kept = [i for i in items if np.isfinite([i.face_chamfer_mm, i.mean_head_face_chamfer_mm]).all()]
    if not kept:
        raise HeadwaterError("GLVD: every alignment failed; the weights are not usable")

    def mean(name: str) -> float:
        return float(np.mean([getattr(item, name) for item in kept]))

    ours, base = mean("face_chamfer_mm"), mean("mean_head_face_chamfer_mm")
    return {
        "face_chamfer_mm": ours,
        "mean_head_face_chamfer_mm": base,
        "face_chamfer_ratio": ours / base,
        "vertex_error_mm": mean("vertex_error_mm"),
        "mean_head_vertex_error_mm": mean("mean_head_vertex_error_mm"),
        "h3ds_face_chamfer_mm": mean("h3ds_face_chamfer_mm"),
        "subjects": len(kept),
        "failures": len(items) - len(kept),
    }
