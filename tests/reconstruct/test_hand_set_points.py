"""Distance of the mesh's landmarks from points that people set by hand on frontal photos."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from headwater.artifacts.ids import sha256_hex
from headwater.faces.vocabulary import (
    IBUG68_FROM_478,
    IBUG_LEFT_OUTER_EYE_CORNER,
    IBUG_RIGHT_OUTER_EYE_CORNER,
)
from headwater.photos.folder import PhotoFile
from headwater.reconstruct.head import reconstruct_head
from headwater.reconstruct.seeing import see
from headwater.reconstruct.settings import PhotoSettings
from headwater.systems.glvd.weights import TrainedGlvd, load_weights
from tests.systems.judging import answering

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
MOST_PERCENT = 4.5
OUTER_EYE_CORNERS = (IBUG_RIGHT_OUTER_EYE_CORNER, IBUG_LEFT_OUTER_EYE_CORNER)


@pytest.fixture(scope="module")
def built() -> TrainedGlvd:
    """The weights that ``make repro`` trained; skipped without them."""
    data = Path(os.environ.get("HEADWATER_WEIGHTS_DATA", PROJECT / "data"))
    path = data / "train" / "glvd" / "weights.safetensors"
    if not path.is_file():
        pytest.skip(f"needs the weights that `make repro` trains, looked for at {path}")
    return load_weights(path)


def percent(points: NDArray[np.float32], hand: NDArray[np.float64], eyes_px: float) -> float:
    """Mean distance of points (n, 2) px to those set by hand, in % of ``eyes_px``."""
    return float(100 * np.linalg.norm(points - hand, axis=1).mean() / eyes_px)


def test_the_mesh_meets_points_that_were_set_by_hand(
    shared_data: Path, built: TrainedGlvd, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below 4.5 % of the outer eye distance on average, over the 16 points of the 68 that are set.

    The 13 of the 478 that mean exactly the same are shown beside them: the inner ends of the
    brows, which MediaPipe puts elsewhere, make up most of the difference.
    """
    folder = shared_data / "photos"
    annotations = json.loads((folder / "annotations.json").read_text())
    scheme = json.loads((folder / "frl189.json").read_text())
    of_68 = np.array([(IBUG68_FROM_478[int(i)], n) for i, n in scheme["ibug68"].items()])
    of_478 = np.array([(int(i), n) for i, n in scheme["mediapipe478"].items()])
    corners = [scheme["ibug68"][str(i)] for i in OUTER_EYE_CORNERS]
    mean = built.template.landmarks_68(built.template.mean)
    errors = {}
    for name, annotation in annotations.items():
        if annotation.get("by") != "hand":
            continue
        hand = np.array(annotation["points"])
        eyes_px = float(np.linalg.norm(hand[corners[0]] - hand[corners[1]]))
        file = PhotoFile(folder / name, name, sha256_hex((folder / name).read_bytes()))
        (view,) = reconstruct_head(answering(built), name, [see(file, mean, PhotoSettings())]).views
        errors[name] = [
            percent(points[ours], hand[theirs], eyes_px)
            for ours, theirs in (of_68.T, of_478.T)
            for points in (view.projected, view.landmarks)
        ]
    table = np.array(list(errors.values()))
    with capsys.disabled():
        print("\n% of the outer eye distance          16 of the 68  13 of the 478")
        print("from points set by hand              mesh  found   mesh  found")
        for name, row in {**errors, "mean": table.mean(axis=0)}.items():
            print(f"  {name:32}" + "".join(f"{value:7.2f}" for value in row))
    assert len(table) == 8
    assert table[:, 0].mean() < MOST_PERCENT
