"""Training heads, and those of the validation split that weights are selected by."""

from dataclasses import replace

import numpy as np

from headwater.data.scenes import Heads, Views
from headwater.data.training_tables import training_heads, validation_heads
from tests.systems.toy_heads import toy_heads, toy_views

HEADS = toy_heads(5, seed=1)
SPLITS = np.array(["train", "validation", "train", "validation", "train"])


def views() -> Views:
    seen = toy_views(HEADS, 3, seed=2)
    return replace(seen, split=SPLITS[seen.head])


def test_training_heads_are_numbered_anew() -> None:
    heads, seen = training_heads(HEADS, views())
    assert list(heads.subjects) == ["subject-0", "subject-2", "subject-4"]
    assert set(seen.split) == {"train"}
    assert seen.head.dtype == np.int32
    before = views()
    kept = before.split == "train"
    np.testing.assert_array_equal(heads.subjects[seen.head], HEADS.subjects[before.head[kept]])
    np.testing.assert_array_equal(heads.vertices[seen.head], HEADS.vertices[before.head[kept]])
    np.testing.assert_array_equal(seen.images, before.choose(kept).images)


def test_without_validation_heads_all_are_as_they_were() -> None:
    seen = toy_views(HEADS, 3, seed=2)
    heads, same = training_heads(HEADS, seen)
    np.testing.assert_array_equal(heads.vertices, HEADS.vertices)
    np.testing.assert_array_equal(same.head, seen.head)
    assert validation_heads(HEADS, seen, 12) is None


def test_a_head_without_views_stays_a_training_head() -> None:
    seen = views()
    heads, rest = training_heads(HEADS, seen.choose(seen.head != 0))
    assert list(heads.subjects) == ["subject-0", "subject-2", "subject-4"]
    assert set(rest.head) == {1, 2}


def test_validation_heads_are_shown_once_each() -> None:
    held = validation_heads(HEADS, views(), 12)
    assert held is not None
    np.testing.assert_array_equal(held.vertices, HEADS.vertices[[1, 3]])
    np.testing.assert_array_equal(held.views.images, views().choose(np.array([3, 9])).images)
    few = validation_heads(HEADS, views(), 1)
    assert few is not None
    assert len(few.views) == len(few.vertices) == 1
    assert validation_heads(HEADS, views(), 0) is None


def test_weights_are_selected_by_given_views_alone() -> None:
    seen = views()
    first = np.isin(np.arange(len(seen)), [3, 9])
    held = validation_heads(HEADS, replace(seen, estimated=first), 12)
    assert held is not None
    np.testing.assert_array_equal(held.views.images, seen.choose(np.array([4, 10])).images)


def test_a_view_without_a_face_is_passed_over() -> None:
    seen = views()
    landmarks = seen.landmarks_478_px.copy()
    landmarks[[3, 9, 10, 11]] = np.nan
    held = validation_heads(HEADS, replace(seen, landmarks_478_px=landmarks), 12)
    assert held is not None
    np.testing.assert_array_equal(held.views.images, seen.choose(np.array([4])).images)


def test_no_head_is_in_both() -> None:
    heads, _ = training_heads(HEADS, views())
    held = validation_heads(HEADS, views(), 12)
    assert held is not None
    both = Heads(np.concatenate([heads.vertices, held.vertices]), np.arange(5).astype(str))
    assert len(np.unique(both.vertices, axis=0)) == 5
