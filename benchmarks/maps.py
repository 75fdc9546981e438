"""Depth and correspondence maps of heads per second of processor time, beside traced rays."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import ratio, take_turns
from headwater.artifacts.images import encode_png
from headwater.data.face_maps import Maps, in_levels, range_of, render_maps
from headwater.geometry.rays import RayMesh
from tests.data.ellipsoid import DISTANCE_MM, Seen, seen

SIDES: Final = (64, 128, 256)
ROUNDS: Final = 5


def measure() -> Outcome:
    """Rates of rendered maps, of rendered and encoded ones, and of ray traced ones, in turns."""
    ways: dict[str, Callable[[], int]] = {}
    for side in SIDES:
        ways |= _ways(side)
    rates = take_turns(ways, ROUNDS, clock=time.process_time)
    figures = []
    for side in SIDES:
        rendered, written, traced = (rates[f"{way}, {side} px"] for way in WAYS)
        figures += [
            Figure(f"rendered, {side} px", "per second", rendered),
            Figure(f"rendered and written, {side} px", "per second", written),
            Figure(f"rendered to traced, {side} px", "times", ratio(rendered, traced)),
        ]
    return Outcome(
        "face maps",
        tuple(figures),
        {
            "head": "an ellipsoid of 20,480 triangles that fills 80 % of the map",
            "rendered": "depth and codes by a z-buffer in NumPy",
            "written": "depth, three codes and the mask as PNG",
            "traced": "embreex: a tree of the head, then a ray through every pixel's centre",
            "clock": "processor time of one thread",
        },
    )


WAYS: Final = ("rendered", "rendered and written", "traced")


def _ways(side: int) -> dict[str, Callable[[], int]]:
    scene = seen(side)

    def rendered() -> int:
        _maps(scene, side)
        return 1

    def written() -> int:
        maps = _maps(scene, side)
        for values in (maps.depth, *maps.codes.transpose(2, 0, 1)):
            encode_png(in_levels(values), "plane")
        encode_png(maps.mask, "mask")
        return 1

    centres = (np.arange(side) + 0.5 - side / 2) / scene.focal
    x, y = np.meshgrid(centres, centres)
    rays = np.stack([x, -y, -np.ones_like(x)], axis=-1).reshape(-1, 3)

    def traced() -> int:
        hits = RayMesh(scene.cut.mean, scene.cut.faces).first_hit([0.0, 0.0, DISTANCE_MM], rays)
        hit = hits.triangle >= 0
        corners = scene.cut.codes[scene.cut.faces[hits.triangle[hit]]]
        np.einsum("nk,nkc->nc", hits.barycentric[hit], corners)
        return 1

    return dict(
        zip((f"{way}, {side} px" for way in WAYS), (rendered, written, traced), strict=True)
    )


def _maps(scene: Seen, side: int) -> Maps:
    return render_maps(scene.pixels, scene.depth, scene.cut, side, range_of(scene.depth))
