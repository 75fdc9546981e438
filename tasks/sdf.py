"""Step "sdf": signed distance samples of every synthetic head, where a system trains on them.

Distances are to the head's closed surface. Below the neck the head model's own surface ends; the
closing faces there are part of the surface, so samples near them measure the cut and not a person.
"""

from pathlib import Path

import numpy as np

from headwater.artifacts.ids import seed_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import HEADS, SDF
from headwater.artifacts.tables import Row
from headwater.config import Params, Sdf
from headwater.errors import HeadwaterError, ItemRejected
from headwater.geometry.sampling import sdf_sample_points
from headwater.geometry.signed_distance import signed_distance
from headwater.heads.closed import closed_surface
from headwater.heads.model import HeadModel
from headwater.pipeline.step import Input, Result, Step, Work
from headwater.reject_reasons import RejectReason
from headwater.systems.settings import training_tables
from tasks.command import run
from tasks.head_model import head_model, head_model_fingerprint


def compute(work: Work, result: Result) -> None:
    """Sample the signed distance around every head of the bucket."""
    model = head_model(work.params, work.project)
    heads = work.by_item(HEADS)
    for item in work.items:
        seed = seed_of("sdf", work.params.seed, item.item)
        with result.rejecting(item):
            result.add(SDF, _sdf_row(heads[item.item], model, work.params.sdf, seed))


def _sdf_row(head: Row, model: HeadModel, settings: Sdf, seed: int) -> Row:
    shape = np.array(head["shape"], np.float32)
    expression = np.array(head["expression"], np.float32)
    try:
        vertices, faces = closed_surface(model, shape, expression)
        samples = sdf_sample_points(
            vertices, faces, settings.samples, settings.near_share, np.random.default_rng(seed)
        )
        # The stored positions are float32; distances belong to exactly these.
        points = samples.points.astype(np.float32)
        distances = signed_distance(points, vertices, faces)
    except HeadwaterError as problem:
        raise ItemRejected(RejectReason.BAD_MESH, str(problem)) from problem
    return {
        **origin(head),
        "points_mm": points.tolist(),
        "distance_mm": distances.tolist(),
        "near_surface": samples.near.tolist(),
    }


def wanted(params: Params, project: Path) -> bool:
    """True where a system of the build trains on signed distances at its chosen settings."""
    return any(schema is SDF for schema in training_tables(params, project))


STEP = Step(
    name="sdf",
    version=1,
    inputs=(Input(HEADS, (*ORIGIN_COLUMNS, "shape", "expression")),),
    outputs=(SDF,),
    settings=lambda params: params.sdf.model_dump(),
    compute=compute,
    models=head_model_fingerprint,
    wanted=wanted,
)

if __name__ == "__main__":
    run(STEP)
