"""Part IoU by a parser: one that reads parts off colours gives what overlaps."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from headwater.data.scenes import Views, stacked
from headwater.data.tables import template_of
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.faces.vocabulary import Part
from headwater.geometry.rays import RayMesh
from headwater.heads.model import Surface
from headwater.heads.part_map import part_map
from headwater.metrics.part_iou import AVERAGE, NAMES, part_ious, seen_parts
from headwater.rendering.tracing import trace
from headwater.systems.prdl.detector_errors import MeanErrors
from headwater.systems.prdl.parsed_overlap import drawn_over, parsed_ious
from headwater.systems.prdl.part_points import triangle_parts
from headwater.systems.prdl.weights import TrainedPrdl
from tests.rendering.heads import front_camera
from tests.systems.prdl.toy_face import TOY, toy_model, toy_network

SIDE = 192
MODEL = toy_model()
TEMPLATE = template_of(MODEL)
PARTS = part_map(MODEL.mean, MODEL.faces, MODEL.landmarks_478)
# What the first light leaves of a texture: 0.8 on the constant band.
FIRST = 0.8 * np.sqrt(np.pi) / 2
# A colour for each part; mixtures of two are nearer to one of them than to a third.
CODES = np.array(
    [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
    + [(0.5, 0.5, 0.5)]
)


def nearest_colours(frame: np.ndarray) -> np.ndarray:
    """Of every pixel the part whose colour is nearest."""
    away = np.abs(frame[..., None, :] / 255.0 / 0.7 - CODES).sum(axis=-1)
    return away.argmin(axis=-1).astype(np.uint8)


@lru_cache(maxsize=1)
def painted() -> TrainedPrdl:
    """A network whose mean texture has the colours of the vertices' parts."""
    labels = PARTS.part_ids(MODEL.mean, np.zeros(len(MODEL.mean), np.uint8))
    eyes = np.unique(MODEL.faces[MODEL.surface == Surface.EYEBALL])
    labels[eyes] = np.where(MODEL.mean[eyes, 0] > 0, Part.LEFT_EYE, Part.RIGHT_EYE)
    network = toy_network()
    network.texture_mean.copy_(torch.from_numpy(0.7 * CODES[labels] / FIRST))
    return TrainedPrdl(network, TOY, TEMPLATE, MeanErrors.none())


def views_of(image: np.ndarray) -> Views:
    cameras = stacked([front_camera(SIDE)])
    seen = np.zeros((1, 478, 2), np.float32)
    mask = np.full(image.shape[:2], 255, np.uint8)
    return Views((image,), (mask,), *cameras, seen, np.zeros(1, np.int32), np.array(["test"]),
                 np.ones(1, np.bool_))  # fmt: skip


def head(shift_mm: float = 0.0) -> HeadAnswer:
    return HeadAnswer(TEMPLATE, MODEL.mean + np.array([0, shift_mm, 0], np.float32))


WALL = np.full((SIDE, SIDE, 3), 90, np.uint8)


def test_the_answer_is_drawn_in_the_mean_texture_where_its_face_is() -> None:
    """Against rays, one pixel after the other."""
    trained = painted()
    picture = drawn_over(trained, views_of(WALL), head())
    samples = trace(RayMesh(MODEL.mean, MODEL.faces), MODEL.mean, front_camera(SIDE), 1)
    bears = (triangle_parts(TEMPLATE, PARTS) != Part.NONE).numpy()
    colours = trained.network.texture_mean.numpy() * FIRST
    wanted = WALL.copy().reshape(-1, 3)
    for cell, triangle, within in zip(
        samples.cell, samples.triangle, samples.barycentric, strict=True
    ):
        if bears[triangle]:
            wanted[cell] = np.round(255 * within @ colours[MODEL.faces[triangle]])
    same = np.abs(picture.reshape(-1, 3).astype(int) - wanted).max(axis=1) <= 1
    assert same.mean() > 0.999
    assert (picture != 90).any(axis=2).mean() > 0.1


def test_the_mouths_inside_has_colours_of_its_own() -> None:
    surface = TEMPLATE.surface.copy()
    middle = MODEL.mean[MODEL.faces].mean(axis=1)
    teeth = (np.abs(middle[:, :2] - (0, -60)).max(axis=1) < 8) & (middle[:, 2] > 50)
    surface[teeth] = Surface.TEETH
    trained = replace(painted(), template=replace(TEMPLATE, surface=surface))
    answer = HeadAnswer(trained.template, MODEL.mean)
    picture = drawn_over(trained, views_of(WALL), answer)
    white = np.abs(picture / 255.0 - (0.75, 0.72, 0.66)).max(axis=2) < 0.01
    assert white.sum() > 20


def test_the_same_head_has_all_of_every_part() -> None:
    trained = painted()
    photo = drawn_over(trained, views_of(WALL), head())
    found = parsed_ious(trained, nearest_colours, views_of(photo), head())
    assert set(found) == {AVERAGE, *NAMES}
    assert set(found.values()) == {100.0}


@pytest.mark.parametrize("shift_mm", [4.0, 8.0])
def test_a_faultless_parser_gives_nearly_the_direct_overlap(shift_mm: float) -> None:
    trained = painted()
    photo = drawn_over(trained, views_of(WALL), head())
    found = parsed_ious(trained, nearest_colours, views_of(photo), head(shift_mm))
    labels = [
        seen_parts(one.vertices, MODEL.faces, MODEL.surface, MODEL.mean, PARTS, front_camera(SIDE))
        for one in (head(shift_mm), head())
    ]
    direct = part_ious(*labels)
    assert found[AVERAGE] == pytest.approx(direct[AVERAGE], abs=8.0)
    assert found[AVERAGE] < 90
    assert found["nose_iou"] == pytest.approx(direct["nose_iou"], abs=6.0)


def test_a_parser_that_finds_nothing_gives_nothing() -> None:
    def blind(frame: np.ndarray) -> np.ndarray:
        return np.zeros(frame.shape[:2], np.uint8)

    assert parsed_ious(painted(), blind, views_of(WALL), head()) == {}
