"""The step "sdf" on toy heads: samples, seeds, and what becomes of an unusable head."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from headwater.artifacts.schemas import HEADS, SDF, rejects_schema
from headwater.artifacts.tables import to_table
from headwater.config import load_params
from headwater.geometry.sampling import BOX_HALF_EDGE_MM
from headwater.heads.model import HeadModel, SurfacePoints
from headwater.pipeline.run import check_accounts
from headwater.pipeline.step import Item, Result, Work
from tasks import sdf

PROJECT = Path(__file__).resolve().parents[2]
SPHERE = trimesh.creation.icosphere(subdivisions=3, radius=100.0)
USABLE, SECOND, BROKEN = "1" * 32, "2" * 32, "3" * 32
ORIGIN = {
    "split": "train",
    "source": "synthetic",
    "licence": "CC0",
    "parent": None,
    "source_sha256": "0" * 64,
}


def toy_model() -> HeadModel:
    """A sphere of 100 mm radius whose one shape coefficient is growth by its own size."""
    mean = SPHERE.vertices.astype(np.float32)
    return HeadModel(
        name="toy",
        licence="CC0",
        fingerprint="toy",
        mean=mean,
        faces=SPHERE.faces.astype(np.int32),
        surface=np.zeros(len(SPHERE.faces), np.uint8),
        shape_names=("size",),
        shape_basis=mean[None],
        expression_names=("none",),
        expression_basis=np.zeros((1, *mean.shape), np.float32),
        landmarks_478=SurfacePoints(np.zeros((478, 3), np.int32), np.zeros((478, 3), np.float32)),
    )


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Output rows by table, then item, of a sphere, a smaller one, and one that is not a number."""
    monkeypatch.setattr(sdf, "head_model", lambda params, project: toy_model())
    sizes = {USABLE: 0.0, SECOND: -0.2, BROKEN: float("nan")}
    heads = [
        {"item": item, "subject": item, **ORIGIN, "shape": [size], "expression": [0.0]}
        for item, size in sizes.items()
    ]
    columns = sdf.STEP.inputs[0].columns
    whole = [{**dict.fromkeys(HEADS.arrow.names), **head} for head in heads]
    for row in whole:
        row |= {"head_model": "toy", "model_fingerprint": "toy", "mesh": {"bytes": b"", "path": ""}}
    table = to_table(HEADS, whole).select(columns)
    items = [Item(head["item"], head["subject"], head["item"]) for head in heads]
    params = load_params(PROJECT / "params.yaml")
    work = Work(0, items, {HEADS.name: table}, params, PROJECT)
    result = Result("sdf")
    sdf.compute(work, result)
    check_accounts(sdf.STEP, work, result.rows)
    return {name: {row["item"]: row for row in found} for name, found in result.rows.items()}


def test_distances_are_those_of_the_closed_head(rows: dict[str, dict[str, Any]]) -> None:
    for item, radius in ((USABLE, 100.0), (SECOND, 80.0)):
        row = rows[SDF.name][item]
        points = np.array(row["points_mm"], np.float32)
        expected = np.linalg.norm(points, axis=1) - radius
        assert points.shape == (4096, 3)
        # The facets of the sphere lie up to 1 mm below it.
        assert np.abs(np.array(row["distance_mm"]) - expected).max() < 1.0
        near = np.array(row["near_surface"])
        assert near.sum() == 3072
        assert np.abs(expected[near]).max() < 30.0
        assert np.abs(points[~near]).max() <= BOX_HALF_EDGE_MM
    to_table(SDF, rows[SDF.name].values())


def test_every_head_has_its_own_samples(rows: dict[str, dict[str, Any]]) -> None:
    first, second = (np.array(rows[SDF.name][item]["points_mm"]) for item in (USABLE, SECOND))
    assert not np.isclose(first[-100:], second[-100:]).any()


def test_a_head_that_cannot_be_measured_is_rejected(rows: dict[str, dict[str, Any]]) -> None:
    rejects = rows[rejects_schema("sdf").name]
    assert list(rejects) == [BROKEN]
    assert rejects[BROKEN]["reason"] == "bad_mesh"
    assert "finite" in rejects[BROKEN]["message"]
