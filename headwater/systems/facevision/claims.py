"""Claims of FaceVision-GAN on a build's held-out heads: its loss, its mesh stage, its template.

For the loss, eq. 1, networks that were trained without some of its terms are compared with the one
trained with all.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.evaluation.challenge import Unanswered
from headwater.evaluation.claims import Claim, measured
from headwater.evaluation.heads.answer import prediction
from headwater.evaluation.heads.claims import Errors, ErrorTable, scan_to_mesh_claims
from headwater.evaluation.heads.trials import Case, Trial, held_out_cases
from headwater.geometry.cameras import project
from headwater.geometry.rasterise import Raster, rasterise
from headwater.metrics.benchmark import Prediction
from headwater.systems.facevision.ablation import ABLATIONS, WHOLE, ablated
from headwater.systems.facevision.answer import Seen, free_mesh, map_mesh, registered, see
from headwater.systems.facevision.config import Answering
from headwater.systems.facevision.mesh import (
    Surface,
    clean_mask,
    grid_faces,
    raw_surface,
    vertex_normals,
)
from headwater.systems.facevision.weights import TrainedFaceVision
from headwater.training.determinism import deterministic

NAME: Final = "facevision"
SEED: Final = 0
INJECTED: Final = 5
SPIKE_MM: Final = 80.0
FORMS: Final = ("raw", "smoothed", "detailed")
LOSS_ERRORS: Final = ("depth", "codes", "registered")
_MAPS: Final = "mean over the face's pixels of the frontal view, camera given"
_DEPTH: Final = f"depth error, mm, {_MAPS}, difference"
_CODES: Final = f"code error, {_MAPS}, difference"
_NORMALS: Final = "angle of normals to the true ones, degrees, paired difference"
_SCANS: Final = "face scan-to-mesh error from the frontal view, camera given, mm, paired difference"


def claims(
    trained: TrainedFaceVision, data: Path, heads: int | None, progress: Callable[[int, int], None]
) -> list[Claim]:
    """Every claim, on the first ``heads`` of the held-out heads below ``data``, or on all.

    Trains a network for each ablation.
    """
    cases = held_out_cases(data, heads)
    total = len(ABLATIONS) + len(cases)
    networks = {WHOLE: trained, **ablated(trained, data, lambda done, _: progress(done, total))}
    rows, losses = [], []
    with deterministic(trained.config.threads, next(trained.generator.parameters()).device):
        for number, case in enumerate(cases):
            rows.append(errors_of(trained, case))
            losses.append(loss_errors(networks, case))
            progress(len(ABLATIONS) + number + 1, total)
    return [
        *loss_claims(ErrorTable(losses, SEED)),
        *claims_of(ErrorTable(rows, SEED)),
        *scan_to_mesh_claims(data, NAME, SEED),
    ]


def loss_errors(networks: Mapping[str, TrainedFaceVision], case: Case) -> Errors:
    """Errors of the maps and the template of a head's frontal view, by network and kind.

    Empty where the maps of one of the networks show no face.
    """
    trial = Trial(case, case.views.choose(np.array([0])))
    found: Errors = {}
    for name, trained in networks.items():
        try:
            seen = see(trained, trial.views)
        except Unanswered:
            return {}
        errors = _map_errors(trained, seen, trial)
        if not errors:
            return {}
        for kind in LOSS_ERRORS[:2]:
            found[f"{name}: {kind}"] = errors[f"predicted {kind}"]
        head = prediction(trained.template, registered(trained, seen))
        found |= _scan_error(trial, head, f"{name}: {LOSS_ERRORS[2]}")
    return found


def loss_claims(table: ErrorTable) -> list[Claim]:
    """Claims about the terms of eq. 1: each error with the whole loss, less that without a term."""
    found = []
    for other in ABLATIONS:
        for kind, what in zip(LOSS_ERRORS, (_DEPTH, _CODES, _SCANS), strict=True):
            title = f"{kind}: {WHOLE} better than {other}"
            off = table.difference(f"{WHOLE}: {kind}", f"{other}: {kind}")
            found.append(measured(title, what, off, "<=", 0.0, strict=True))
    return found


def errors_of(trained: TrainedFaceVision, case: Case) -> Errors:
    """Errors of one head from its frontal view, camera given; empty where maps show no face."""
    trial = Trial(case, case.views.choose(np.array([0])))
    try:
        seen = see(trained, trial.views)
        mesh = map_mesh(trained, seen)
    except Unanswered:
        return {}
    found = {**_map_errors(trained, seen, trial), **_spike_shares(trained, seen)}
    for form in FORMS:
        found[f"{form} normals"] = _normal_error(trained, getattr(mesh, form), seen, trial)
        free = free_mesh(trained, mesh, getattr(mesh, form))
        found |= _scan_error(trial, Prediction(*free.arrays), f"{form} mesh")
    pure = trained.config.model_copy(update={"answer": Answering(form="laplacian")})
    heads = {
        "registered": registered(trained, seen),
        "Laplacian alone": registered(replace(trained, config=pure), seen),
        "mean head": trained.prior.mean,
    }
    for name, vertices in heads.items():
        found |= _scan_error(trial, prediction(trained.template, vertices), name)
    return found


def claims_of(table: ErrorTable) -> list[Claim]:
    """The claims about maps, meshes and the template."""
    found = [
        _less(table, "predicted depth", "mean head depth", _DEPTH),
        _less(table, "predicted codes", "mean head codes", _CODES),
        _less(table, "smoothed normals", "raw normals", _NORMALS),
        _less(table, "detailed normals", "smoothed normals", _NORMALS),
        _less(table, "registered", "mean head", _SCANS),
        _less(table, "registered", "Laplacian alone", _SCANS, own=True),
        _less(table, "Laplacian alone", "mean head", _SCANS),
        _less(table, "smoothed mesh", "mean head", _SCANS),
    ]
    spikes, lost = table.columns("spikes found", "triangles lost")
    share, gone = (float(one.mean()) if len(one) else float("nan") for one in (spikes, lost))
    what = f"share of {INJECTED} pixels of each map that are {SPIKE_MM:.0f} mm too near"
    found.append(Claim("spikes are found", what, share, None, None, 1.0, ">="))
    what = "share of each map's triangles that are dropped as spikes"
    found.append(Claim("hardly a clean triangle is lost", what, gone, None, None, 0.03, "<="))
    return found


def _less(table: ErrorTable, name: str, other: str, what: str, *, own: bool = False) -> Claim:
    title = f"{name} better than {other}"
    return measured(title, what, table.difference(name, other), "<=", 0.0, strict=True, own=own)


def _scan_error(trial: Trial, surface: Prediction, name: str) -> Errors:
    row = trial.score(surface, NAME)
    return {} if row.failure else {name: row.face_scan_to_mesh_mm}


def _shown(
    trained: TrainedFaceVision, seen: Seen, trial: Trial, vertices: NDArray[np.floating[Any]]
) -> Raster:
    """The face of a head (V, 3), mm, rasterised in the crop of the first view."""
    side, cut = trained.config.image_px, trained.cut
    pixels, depth = project(trial.views.camera(0), vertices[cut.vertex])
    to_crop = seen.placed.crops.to_crop[0]
    pixels = pixels @ to_crop[:2, :2].T + to_crop[:2, 2]
    return rasterise(pixels, depth, cut.faces, side, side)


def _map_errors(trained: TrainedFaceVision, seen: Seen, trial: Trial) -> Errors:
    """Errors of depth, mm about their median, and of codes, of predicted and mean-head maps."""
    cut, truth = trained.cut, np.asarray(trial.case.truth.vertices)
    true = _shown(trained, seen, trial, truth)
    back = seen.placed.placement.inverse()
    mean = _shown(trained, seen, trial, back.apply(trained.template.mean))
    view = seen.predicted[0]
    both = (true.triangle >= 0) & (mean.triangle >= 0) & view.maps.mask
    if not both.any():
        return {}
    found: Errors = {}
    depths: dict[str, NDArray[Any]] = {"predicted": view.depth_mm, "mean head": mean.depth}
    for name, depth in depths.items():
        off = depth[both] - true.depth[both]
        # The head's distance from the camera cannot be told from an image.
        found[f"{name} depth"] = float(np.abs(off - np.median(off)).mean())
    codes: dict[str, NDArray[Any]] = {"predicted": view.maps.codes}
    codes["mean head"] = _codes(mean, cut.codes, cut.faces)
    exact = _codes(true, cut.codes, cut.faces)
    for name, values in codes.items():
        found[f"{name} codes"] = float(np.abs(values - exact)[both].mean())
    return found


def _codes(
    shown: Raster, values: NDArray[np.floating[Any]], faces: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Values (n, 3) of vertices, interpolated where a raster shows their surface, as (S, S, 3)."""
    picture = np.zeros((*shown.triangle.shape, 3))
    picture[shown.triangle >= 0] = shown.carry(values, faces)
    return picture


def _normal_error(trained: TrainedFaceVision, surface: Surface, seen: Seen, trial: Trial) -> float:
    """Mean angle, degrees, between normals of a surface and of the true head at the same pixels."""
    truth = np.asarray(trial.case.truth.vertices, np.float64)
    true = _shown(trained, seen, trial, truth)
    normals = vertex_normals(truth[trained.cut.vertex], trained.cut.faces)
    exact = _codes(true, normals, trained.cut.faces)[tuple(surface.pixel.T)]
    length = np.linalg.norm(exact, axis=1)
    own = vertex_normals(surface.vertices, surface.faces)
    cosine = (own * exact).sum(axis=1)[length > 0] / length[length > 0]
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).mean())


def _spike_shares(trained: TrainedFaceVision, seen: Seen) -> Errors:
    """Share of injected spikes that are found, and of triangles that are lost without any."""
    view, origin = seen.predicted[0], trained.template.nose_bridge
    clean = clean_mask(view.maps.mask)
    surface = raw_surface(view.maps.mask, view.depth_mm, view.projection, origin)
    if len(surface.vertices) < 20 * INJECTED:
        return {}
    generator = np.random.default_rng(SEED)
    chosen = surface.pixel[generator.choice(len(surface.pixel), INJECTED, replace=False)]
    depth = view.depth_mm.copy()
    depth[tuple(chosen.T)] -= SPIKE_MM
    spoilt = raw_surface(view.maps.mask, depth, view.projection, origin)
    left = {tuple(pixel) for pixel in spoilt.pixel.tolist()}
    found = sum(tuple(pixel) not in left for pixel in chosen.tolist()) / INJECTED
    lost = 1.0 - len(surface.faces) / len(grid_faces(clean))
    return {"spikes found": found, "triangles lost": lost}
