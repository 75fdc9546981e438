"""Mesh of a depth map, and a template bent to it, beside Delaunay and a factorisation each time."""

from collections.abc import Callable
from typing import Final

import numpy as np
import trimesh
from scipy.spatial import Delaunay

from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import Spread, digits, ratio, take_turns
from headwater.data.face_codes import FaceCut
from headwater.data.face_maps import range_of, render_maps
from headwater.data.scenes import Template
from headwater.heads.model import SurfacePoints
from headwater.systems.facevision.mesh import clean_mask, grid_faces, raw_surface
from headwater.systems.facevision.registration import Registration
from headwater.systems.facevision.relief import detailed, smoothed
from tests.data.ellipsoid import HALF_AXES, seen

SIDES: Final = (128, 512)
GOALS_MS: Final = {128: 10.0, 512: 300.0}
GOAL_REGISTERED_MS: Final = 300.0
ROUNDS: Final = 5
SMOOTHINGS: Final = 10
DETAIL: Final = 0.2
# Fineness of the template: 40,962 vertices, as of the large head models.
FINE: Final = 6
ORIGIN: Final = np.zeros(3, np.float32)


def measure() -> Outcome:
    """All of the mesh stage, the triangulation alone, and registration, in turns."""
    stages = {side: _stage(side) for side in SIDES}
    ways: dict[str, Callable[[], int]] = {f"mesh stage, {side} px": stages[side] for side in SIDES}
    ways |= _triangulations(SIDES[0]) | _registrations()
    rates = take_turns(ways, ROUNDS)
    spent = {
        name: Spread(tuple(digits(1000 / rate) for rate in one.values))
        for name, one in rates.items()
    }
    return Outcome(
        "face mesh",
        (
            *(
                Figure(
                    f"mesh stage, {side} px",
                    "ms",
                    spent[f"mesh stage, {side} px"],
                    goal,
                    at_most=True,
                )
                for side, goal in GOALS_MS.items()
            ),
            Figure("grid split to Delaunay", "times", ratio(rates["grid"], rates["Delaunay"])),
            Figure(
                "template registered", "ms", spent["registered"], GOAL_REGISTERED_MS, at_most=True
            ),
            Figure(
                "registered, factored once to each time",
                "times",
                ratio(rates["registered"], rates["factored each time"]),
            ),
        ),
        {
            "mesh stage": "lift, background, spikes, largest part, ten smoothings, detail; of an "
            "ellipsoid that fills 80 % of the map",
            "Delaunay": f"scipy's, of the face's pixels at {SIDES[0]} px, as the paper has it",
            "registration": "nearest codes, a face seen in part, 40,962 vertices",
            "cores": "one: NumPy and SciPy without threads of their own",
            "the closest peer": "a published table has 244 s for Pix2Vertex' mesh and 4 s for its "
            "detail, on another machine",
        },
    )


def _stage(side: int) -> Callable[[], int]:
    scene = seen(side)
    maps = render_maps(scene.pixels, scene.depth, scene.cut, side, range_of(scene.depth))
    depth = maps.range.depth_mm(maps.depth)
    photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)

    def stage() -> int:
        raw = raw_surface(maps.mask, depth, scene.projection, ORIGIN)
        detailed(smoothed(raw, SMOOTHINGS), photo, side, DETAIL)
        return 1

    return stage


def _triangulations(side: int) -> dict[str, Callable[[], int]]:
    scene = seen(side)
    maps = render_maps(scene.pixels, scene.depth, scene.cut, side, range_of(scene.depth))
    mask = clean_mask(maps.mask)

    def grid() -> int:
        grid_faces(mask)
        return 1

    def delaunay() -> int:
        Delaunay(np.argwhere(mask).astype(np.float64))
        return 1

    return {"grid": grid, "Delaunay": delaunay}


def _registrations() -> dict[str, Callable[[], int]]:
    ball = trimesh.creation.icosphere(subdivisions=FINE)
    mean = (ball.vertices * HALF_AXES).astype(np.float32)
    faces = ball.faces.astype(np.int32)
    points = SurfacePoints(np.zeros((478, 3), np.int32), np.full((478, 3), 1 / 3, np.float32))
    template = Template(mean, faces, np.zeros(len(faces), np.uint8), points)
    front = np.flatnonzero(mean[:, 2] > 0)
    number = np.full(len(mean), -1)
    number[front] = np.arange(len(front))
    inside = (number[faces] >= 0).all(axis=1)
    cut = FaceCut(front, number[faces[inside]].astype(np.int32), mean[front])
    # A third of the face is not seen.
    places = mean[front][mean[front][:, 0] > -HALF_AXES[0] / 3][::3]
    once = Registration(template, cut).prepared()

    def registered() -> int:
        once.registered(mean, places * 1.02, places)
        return 1

    def each_time() -> int:
        Registration(template, cut).registered(mean, places * 1.02, places)
        return 1

    return {"registered": registered, "factored each time": each_time}
