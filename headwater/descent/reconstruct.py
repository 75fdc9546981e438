"""Reconstruction with trained GLVD weights: from views to a mesh in their head frame."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.scenes import Views
from headwater.descent.camera_axes import (
    axes_of,
    turned_back,
    turned_cameras,
    turned_points,
)
from headwater.descent.canonical import to_canonical, to_head_frame
from headwater.descent.data import (
    crop_views,
    in_canonical_frame,
    network_images,
    place_views,
    with_true_peaks,
)
from headwater.descent.model import ViewBatch, starting_points
from headwater.descent.weights import TrainedGlvd
from headwater.geometry.cameras import Camera

FloatArray = NDArray[np.float32]
START_SEED = 0


@dataclass(frozen=True)
class Reconstruction:
    """One head, mm, head frame.

    vertices: (V, 3) float32. steps: (T + 1, V, 3), the descent from the random ball.
    keypoints: (K, 3). suggested: (V, 3), the head that the landmarks suggest before any step.
    cameras: of the N views, as used in the end.
    """

    vertices: FloatArray
    steps: FloatArray
    keypoints: FloatArray
    suggested: FloatArray
    cameras: tuple[Camera, ...]


def reconstruct(
    trained: TrainedGlvd,
    views: Views,
    *,
    iterations: int | None = None,
    seed: int = START_SEED,
    guides: FloatArray | None = None,
    true_landmarks_mm: FloatArray | None = None,
) -> Reconstruction:
    """Mesh of the one head that all ``views`` show; ``seed`` draws the first points.

    guides: (K, 3) mm, head frame: keypoints that are known and held, instead of the branch's own.
    true_landmarks_mm: (68, 3) of the head in the frame of its cameras, where it is known; weights
    trained on the oracle's heatmaps see these, all others do not look at them.
    """
    config, network = trained.config, trained.network
    origin = trained.template.nose_bridge
    placement = place_views(views, trained.template)
    seen = in_canonical_frame(views, placement)
    crops = crop_views(seen, origin, config.image_px, config.crop_mm)
    if config.heatmaps.source == "oracle" and true_landmarks_mm is not None:
        crops = with_true_peaks(crops, views, np.stack([true_landmarks_mm] * len(views)))
    if network.f_h is not None:
        crops = replace(crops, peaks=network.f_h.peaks(crops.pixels))
    axes = axes_of(config.space, crops.projection[None])
    net = trained.heatmap_net
    batch = ViewBatch(
        network_images(crops.pixels)[None],
        crops.landmarks[None],
        turned_cameras(crops.projection[None], axes),
        None if crops.peaks is None else crops.peaks[None],
        None if net is None else net.heat(crops.pixels, config)[None],
    )
    device = network.template.device
    generator = torch.Generator().manual_seed(seed)
    keypoints = starting_points(network.keypoint_template, config, generator)[None]
    vertices = starting_points(network.template, config, generator)[None]
    if guides is not None:
        known = to_canonical(placement.apply(guides), origin)
        keypoints = turned_points(torch.from_numpy(known.astype(np.float32))[None], axes)
    with torch.no_grad():
        encoded = network.encode(batch.to(device))
        descent = network.descend(
            encoded,
            vertices.to(device),
            keypoints.to(device),
            iterations or config.iterations,
            held=guides is not None,
        )
    back = placement.inverse()

    def to_views_frame(points: Tensor) -> FloatArray:
        canonical = turned_back(points.cpu(), axes)[0].numpy()
        return back.apply(to_head_frame(canonical, origin)).astype(np.float32)

    steps = np.stack([to_views_frame(state) for state in descent.vertices])
    guides = to_views_frame(descent.keypoints[-1])
    suggested = to_views_frame(turned_points(encoded.template.cpu(), axes))
    return Reconstruction(
        steps[-1], steps, guides, suggested, tuple(views.camera(i) for i in range(len(views)))
    )
