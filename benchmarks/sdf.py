"""Signed distance samples per second, beside trimesh's own signed distance on the same head."""

import numpy as np
import trimesh

from benchmarks.head import closed_mean_head
from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import digits, ratio, take_turns
from headwater.geometry.sampling import sdf_sample_points
from headwater.geometry.signed_distance import signed_distance

SAMPLES = 65_536
# trimesh's time per point does not depend on how many there are; fewer keep the benchmark short.
TRIMESH_SAMPLES = 4096
NEAR_SHARE = 0.75
ROUNDS = 5
GOAL = 15.0

CONDITIONS = {
    "points": f"{NEAR_SHARE:.0%} near the surface, as the step samples them, in random order",
    "ours": f"{SAMPLES} points per pass, on all cores, trees built anew in every pass",
    "ours, 4096 per head": "as the step calls it, one head after the other",
    "trimesh": (
        f"trimesh.proximity.signed_distance, {TRIMESH_SAMPLES} of the points per pass, its tree "
        "kept between passes; it uses one core"
    ),
}


def measure() -> Outcome:
    """Compare both on the mean head in turns."""
    vertices, faces = closed_mean_head()
    rng = np.random.default_rng(0)
    points = rng.permutation(sdf_sample_points(vertices, faces, SAMPLES, NEAR_SHARE, rng).points)
    few = points[:TRIMESH_SAMPLES]
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    rates = take_turns(
        {
            "ours": lambda: len(signed_distance(points, vertices, faces)),
            "ours, few": lambda: len(signed_distance(few, vertices, faces)),
            "trimesh": lambda: len(trimesh.proximity.signed_distance(mesh, few)),
        },
        ROUNDS,
    )
    theirs = -trimesh.proximity.signed_distance(mesh, few)
    difference = np.abs(theirs - signed_distance(few, vertices, faces))
    return Outcome(
        "signed distance",
        (
            Figure("our samples", "per second", rates["ours"]),
            Figure("our samples, 4096 per head", "per second", rates["ours, few"]),
            Figure("trimesh's samples", "per second", rates["trimesh"]),
            Figure("ours to trimesh's", "times", ratio(rates["ours"], rates["trimesh"]), GOAL),
            Figure(
                "ours to trimesh's, 4096 per head",
                "times",
                ratio(rates["ours, few"], rates["trimesh"]),
            ),
        ),
        {
            "mesh": f"closed mean head, {len(vertices)} vertices, {len(faces)} faces",
            **CONDITIONS,
            "median and largest difference": (
                f"{digits(float(np.median(difference)), 2)} mm, "
                f"{digits(float(difference.max()), 2)} mm"
            ),
        },
    )
