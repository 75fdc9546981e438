"""Photos that a system cannot answer, or answers with no head, are rows with their reason."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.artifacts.evaluate_schemas import PHOTO_FAILURES, PHOTO_HEADS
from headwater.artifacts.file_checks import check_file
from headwater.artifacts.ids import item_id
from headwater.artifacts.tables import read_bucket
from headwater.data.views import Annotation
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Unanswered
from headwater.evaluation.heads import photos
from headwater.evaluation.heads.answer import HeadAnswer
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TEMPLATE = toy_template()
PHOTOS, PLACE = 3, "reconstruct/toy"
VIEWS = toy_views(toy_heads(PHOTOS, seed=3), 1, seed=1)
Answer = Callable[[Any], Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Answer], dict[str, float]]:
    """The figures of an answerer on three pictures of toy heads, as if they were photos."""
    names = [item_id("photo", number) for number in range(PHOTOS)]
    annotations = [
        Annotation(
            {
                "item": name,
                "subject": name,
                "split": "test",
                "source": "photo",
                "parent": name,
                "licence": "public domain",
                "source_sha256": 64 * "0",
            },
            VIEWS.masks[number],
            VIEWS.camera(number),
            0,
            estimated=True,
        )
        for number, name in enumerate(names)
    ]
    views = [VIEWS.choose(np.array([number])) for number in range(PHOTOS)]
    monkeypatch.setattr(photos, "photos_in_turn", lambda data: zip(annotations, views, strict=True))
    return lambda answer: photos.reconstruct_photos("toy", answer, tmp_path, tmp_path / PLACE, None)


def mean(question: Any) -> HeadAnswer:
    return HeadAnswer(TEMPLATE, TEMPLATE.mean)


def second(wrong: Callable[[], Any]) -> Answer:
    """The mean head for all photos but the second."""
    calls = iter(range(PHOTOS))
    return lambda question: wrong() if next(calls) == 1 else mean(question)


NO_STEPS = np.zeros((0, 0, 3), np.float32)


def of(vertices: Any, steps: Any = NO_STEPS) -> Callable[[], HeadAnswer]:
    return lambda: HeadAnswer(TEMPLATE, vertices, steps)


def silent() -> Any:
    raise Unanswered("no face is seen")


def broken() -> Any:
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (silent, "no face is seen"),
        (broken, "unexpected RuntimeError: out of memory"),
        (lambda: 3.0, "unexpected TypeError: the answer is a float"),
        (of(np.full_like(TEMPLATE.mean, np.nan)), "the head is not finite"),
        (of(np.full_like(TEMPLATE.mean, np.inf)), "the head is not finite"),
        (of(TEMPLATE.mean[1:]), "unexpected ValueError: the vertices are"),
        (of(np.zeros_like(TEMPLATE.mean)), "the head: is 0 mm across"),
        (of(1000 * TEMPLATE.mean), r"the head: is [0-9.]+e\+05 mm across"),
        (of(TEMPLATE.mean + np.float32(1e9)), "the head (lies|: is)"),
        (of(TEMPLATE.mean + np.float32(5000)), "the head lies 8660 mm from the middle"),
        (of(TEMPLATE.mean, np.full((1, *TEMPLATE.mean.shape), np.nan)), "the steps are not finite"),
    ],
)
def test_a_photo_without_a_head_is_a_row_with_its_reason_and_the_others_go_on(
    tmp_path: Path, asked: Callable[[Answer], dict[str, float]], wrong: Any, reason: str
) -> None:
    found = asked(second(wrong))
    assert (found["real_photos"], found["real_failures"]) == (2, 1)
    assert all(np.isfinite(value) for value in found.values())
    heads = read_bucket(tmp_path / PLACE / "heads.parquet", PHOTO_HEADS)
    assert heads.column("item").to_pylist() == sorted(item_id("photo", number) for number in (0, 2))
    (row,) = read_bucket(tmp_path / PLACE / "failures.parquet", PHOTO_FAILURES).to_pylist()
    assert (row["item"], row["system"]) == (item_id("photo", 1), "toy")
    assert re.search(reason, row["failure"])
    assert len(list((tmp_path / PLACE / "meshes").iterdir())) == 4
    for name in ("heads", "failures"):
        assert check_file(tmp_path / PLACE / f"{name}.parquet") is None


def test_sound_photos_have_no_failure(
    tmp_path: Path, asked: Callable[[Answer], dict[str, float]]
) -> None:
    found = asked(mean)
    assert (found["real_photos"], found["real_failures"]) == (3, 0)
    assert read_bucket(tmp_path / PLACE / "failures.parquet", PHOTO_FAILURES).num_rows == 0


def test_photos_that_nothing_was_answered_for_have_counts_and_no_means(
    asked: Callable[[Answer], dict[str, float]],
) -> None:
    assert asked(lambda question: silent()) == {"real_photos": 0, "real_failures": 3}


def test_a_system_that_is_broken_on_every_photo_ends_its_stage(
    asked: Callable[[Answer], dict[str, float]],
) -> None:
    with pytest.raises(HeadwaterError, match=r"^toy: none of 3 photos .* item \w+: .*RuntimeError"):
        asked(lambda question: broken())
