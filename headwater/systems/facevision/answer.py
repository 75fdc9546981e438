"""Answers of a trained FaceVision-GAN: the registered template, and the mesh of the maps."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headwater.data.scenes import FloatArray, Views
from headwater.evaluation.challenge import Unanswered
from headwater.evaluation.heads.answer import FreeMesh, HeadAnswer, HeadQuestion
from headwater.geometry.registration import Similarity
from headwater.systems.facevision.evidence import Reading, most_probable
from headwater.systems.facevision.mesh import Surface, raw_surface
from headwater.systems.facevision.predicted import (
    PlacedViews,
    PredictedView,
    place,
    predicted_maps,
    predicted_views,
)
from headwater.systems.facevision.relief import detailed, smoothed
from headwater.systems.facevision.weights import TrainedFaceVision
from headwater.training.determinism import deterministic

# Least number of the face's pixels, as a share of those of a face that looks at the camera.
LEAST_PIXELS = 0.1
# Pixels of such a face, as a share of the crop's.
FRONTAL_SHARE = 0.34


@dataclass(frozen=True)
class Seen:
    """Views of one head, placed by their landmarks, and the generator's maps of them."""

    placed: PlacedViews
    predicted: list[PredictedView]


@dataclass(frozen=True)
class MapMesh:
    """The mesh of one view's maps, mm in the views' head frame, after each step.

    codes: (v, 3) of its vertices in 0..1. colours: (v, 3) uint8 of the photo there. placement:
    rigid map, mm, from the views' head frame to the template's, by weighted PnP of the codes.
    """

    raw: Surface
    smoothed: Surface
    detailed: Surface
    codes: FloatArray
    colours: NDArray[np.uint8]
    placement: Similarity


def answer(trained: TrainedFaceVision, question: HeadQuestion) -> HeadAnswer:
    """The head that a question's views show: the registered template, and the first view's mesh."""
    with deterministic(trained.config.threads, next(trained.generator.parameters()).device):
        seen = see(trained, question.views)
    head = HeadAnswer(trained.template, registered(trained, seen))
    try:
        mesh = map_mesh(trained, seen)
    except Unanswered:
        return head
    return replace(head, free=free_mesh(trained, mesh, mesh.detailed))


def see(trained: TrainedFaceVision, views: Views) -> Seen:
    """The views placed, and their maps. Raises Unanswered where no map shows a face."""
    config, template = trained.config, trained.template
    placed = place(views, template, config.image_px, config.crop_mm)
    stacks = predicted_maps(trained.generator, placed.crops.pixels[..., :3])
    found = predicted_views(stacks, placed.cameras(), trained.cut, template.nose_bridge)
    least = LEAST_PIXELS * FRONTAL_SHARE * config.image_px**2
    if all(np.count_nonzero(one.maps.mask) < least for one in found):
        raise Unanswered("the maps of the photo show no face")
    return Seen(placed, found)


def registered(trained: TrainedFaceVision, seen: Seen) -> FloatArray:
    """Vertices (V, 3) of the registered template, mm in the views' head frame."""
    if trained.config.answer.form == "laplacian":
        return _bent(trained, seen)
    readings = _readings(trained, seen)
    rows = trained.cut.vertex[trained.anchors]
    head = most_probable(trained.prior, trained.noise, readings, rows, trained.template.nose_bridge)
    return seen.placed.placement.inverse().apply(head).astype(np.float32)


def map_mesh(trained: TrainedFaceVision, seen: Seen) -> MapMesh:
    """The mesh of the first view's maps, where weighted PnP of the codes places the head.

    Raises Unanswered where no triangle is left.
    """
    placed, view = _by_codes(trained, seen)
    mesh = raw_surface(view.maps.mask, view.depth_mm, view.projection, trained.template.nose_bridge)
    if not len(mesh.vertices):
        raise Unanswered("nothing is left of the maps' mesh without its spikes")
    raw = mesh.moved(placed.placement.inverse().apply(mesh.vertices))
    settings, photo = trained.config.answer, placed.crops.pixels[0, ..., :3].numpy()
    smooth = smoothed(raw, settings.smoothing_steps)
    pixel = tuple(raw.pixel.T)
    return MapMesh(
        raw,
        smooth,
        detailed(smooth, photo, trained.config.image_px, settings.detail),
        view.maps.codes[pixel],
        photo[pixel],
        placed.placement,
    )


def free_mesh(trained: TrainedFaceVision, mesh: MapMesh, surface: Surface) -> FreeMesh:
    """A mesh of the maps as it is scored; its landmarks are the vertices of the nearest codes."""
    from scipy.spatial import cKDTree

    template = trained.template
    wanted = template.landmarks_478.on(template.mean)
    _, nearest = cKDTree(trained.cut.decoded(mesh.codes)).query(wanted)
    vertices = surface.vertices.astype(np.float32)
    return FreeMesh(vertices, surface.faces, vertices[nearest])


def _readings(trained: TrainedFaceVision, seen: Seen) -> list[Reading]:
    """The anchors read off the maps of each view."""
    mm = trained.config.pixel_mm
    return [
        one.reading(trained.cut, trained.anchors, mm, estimated=bool(estimated))
        for one, estimated in zip(seen.predicted, seen.placed.views.estimated, strict=True)
    ]


def _by_codes(trained: TrainedFaceVision, seen: Seen) -> tuple[PlacedViews, PredictedView]:
    """The views placed by weighted PnP of the codes, and the first with its new depth range."""
    cut = trained.cut
    readings = _readings(trained, seen)
    placed = seen.placed.moved(readings, cut.mean[trained.anchors])
    stack = seen.predicted[0].maps
    stacked = np.concatenate([stack.depth[None], stack.codes.transpose(2, 0, 1)])[None]
    cameras = placed.cameras()[:1]
    (view,) = predicted_views(stacked, cameras, cut, trained.template.nose_bridge)
    return placed, view


def _bent(trained: TrainedFaceVision, seen: Seen) -> FloatArray:
    """The mean head, placed by PnP, bent to the smoothed mesh of the first view's maps."""
    mesh = map_mesh(trained, seen)
    start = mesh.placement.inverse().apply(trained.template.mean)
    places = trained.cut.decoded(mesh.codes)
    return trained.registration.registered(start, mesh.smoothed.vertices, places).astype(np.float32)
