"""Heads that are written and called uncertain, with the reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.data.scenes import Template
from headwater.geometry.cameras import Camera, look_at
from headwater.reconstruct.console import _line
from headwater.reconstruct.doubts import size_doubt, view_doubt
from headwater.reconstruct.head import SeenView, reconstruct_head
from headwater.reconstruct.names import FolderNames
from headwater.reconstruct.placing import head_in_world, in_head_frame
from headwater.reconstruct.run import Job
from headwater.reconstruct.seeing import SeenFace
from headwater.reconstruct.settings import PhotoSettings
from headwater.reconstruct.summary import Outcome, summary_table
from headwater.systems.glvd.weights import TrainedGlvd
from tests.reconstruct.test_given_cameras import seen_from, world_of
from tests.systems.judging import answering


@pytest.mark.parametrize(
    ("factor", "yaws", "said"),
    [
        (1.0, [-45.0, 0.0, 45.0], None),
        (1.3, [-45.0, 0.0, 45.0], "1.3 times as large as usual"),
        (0.75, [-45.0, 0.0, 45.0], "0.75 times as large as usual"),
        (1.3, [0.0], None),  # One view tells no size.
    ],
)
def test_a_head_of_unusual_size_is_doubted(
    template: Template, faces: list[SeenFace], factor: float, yaws: list[float], said: str | None
) -> None:
    points = template.landmarks_478.on(template.mean)
    views = [
        replace(one, camera=replace(one.camera, t=one.camera.t * factor))
        for one in seen_from(faces[0], points, world_of(5), yaws, noise_px=0.5)
    ]
    doubt = size_doubt(views, template.landmarks_68(template.mean))
    assert (said in doubt) if said else not doubt


def test_a_doubt_stands_in_the_table_and_on_the_console(
    template: Template, faces: list[SeenFace], trained: TrainedGlvd, tmp_path: Path
) -> None:
    points = template.landmarks_478.on(template.mean)
    views = seen_from(faces[0], points, world_of(5), [-30.0, 30.0], noise_px=0.5)
    place = head_in_world(views, template.landmarks_68(template.mean))
    head = reconstruct_head(answering(trained), "x", in_head_frame(views, place), place)
    told: list[Outcome] = []
    job = Job(answering(trained), template, PhotoSettings(), tmp_path, lambda o, _: told.append(o))
    job._write(replace(head, doubt="It is odd."), FolderNames(tmp_path), 0.0)
    job._write(head, FolderNames(tmp_path), 0.0)
    assert [one.reason for one in told] == ["uncertain"] * 2 + [""] * 2
    assert told[0].message == "It is odd."
    assert "uncertain: It is odd." in _line(told[0], tmp_path, 1.0).plain
    assert "uncertain" not in _line(told[2], tmp_path, 1.0).plain
    shown = [str(cell) for cell in summary_table(told).columns[3].cells]
    assert [", uncertain" in cell for cell in shown] == [True] * 2 + [False] * 2


def view(face: SeenFace, yaw: float, pitch: float, error: float = 2.0) -> SeenView:
    a, b = np.radians(yaw), np.radians(pitch)
    eye = 900 * np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
    R, t = look_at(eye, np.zeros(3), 20.0)
    camera = Camera(np.diag([900.0, 900.0, 1.0]), R, t, 512, 512)
    points = np.zeros((478, 2), np.float32)
    return SeenView(face, camera, camera, points, points, error)


@pytest.mark.parametrize(
    ("yaw", "pitch", "error", "said"),
    [
        (0.0, 0.0, 2.0, ""),
        (-40.0, 10.0, 5.0, ""),
        (-48.0, 22.0, 2.0, ""),
        (0.0, 30.0, 2.0, "from 30 degrees above"),
        (10.0, -35.0, 2.0, "from 35 degrees below"),
        (60.0, 0.0, 2.0, "from 60 degrees to the side"),
        (-60.0, 0.0, 2.0, "from 60 degrees to the side"),
        (0.0, 0.0, 9.4, "misses the landmarks by 9 %"),
    ],
)
def test_heads_out_of_reach_are_doubted(
    faces: list[SeenFace], yaw: float, pitch: float, error: float, said: str
) -> None:
    doubt = view_doubt([view(faces[0], yaw, pitch, error)])
    assert said in doubt
    assert bool(doubt) == bool(said)


def test_one_good_view_is_enough(faces: list[SeenFace]) -> None:
    bad, good = view(faces[0], 0.0, 30.0), view(faces[0], 20.0, 0.0)
    assert view_doubt([bad, good]) == ""
    assert "above" in view_doubt([bad, bad])
