"""The annotation's files: the same bytes, a person's corrections, and content that is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from headwater.annotation.files import corrected, kept_votes, write_annotation
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import Part

LABELS = np.array([0, 8, 8, 5, 5, 6], np.uint8)
VOTES = np.random.default_rng(0).random((6, 9)).astype(np.float32)
MADE_OF = "0" * 64


def test_votes_come_back_where_they_are_of_the_same(tmp_path: Path) -> None:
    path = tmp_path / "parts.npz"
    assert kept_votes(path, 6, MADE_OF) is None
    write_annotation(path, VOTES, LABELS, MADE_OF)
    np.testing.assert_array_equal(kept_votes(path, 6, MADE_OF), VOTES)
    assert kept_votes(path, 6, "1" * 64) is None
    assert kept_votes(path, 7, MADE_OF) is None
    first = path.read_bytes()
    write_annotation(path, VOTES, LABELS, MADE_OF)
    assert path.read_bytes() == first
    path.write_bytes(first[: len(first) // 2])
    assert kept_votes(path, 6, MADE_OF) is None


def test_corrections_have_the_last_word(tmp_path: Path) -> None:
    path = tmp_path / "corrections.json"
    assert corrected(LABELS, path) == (LABELS, 0)
    path.write_text('{"upper_lip": [3, 3, 0], "none": [5]}')
    labels, count = corrected(LABELS, path)
    assert count == 3
    assert labels.tolist() == [Part.UPPER_LIP, 8, 8, Part.UPPER_LIP, 5, Part.NONE]
    assert LABELS.tolist() == [0, 8, 8, 5, 5, 6]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "no lists of vertices by part"),
        ({"noes": [1]}, "'noes' is no part; use none, left_eye"),
        ({"nose": [6]}, "vertex numbers from 0 to 5"),
        ({"nose": [-1]}, "vertex numbers from 0 to 5"),
        ({"nose": [True]}, "vertex numbers"),
        ({"nose": 3}, "vertex numbers"),
        ({"nose": [10**40]}, "vertex numbers"),
        ({"nose": [1], "skin": [2, 1]}, "vertex 1 is named for two parts"),
    ],
)
def test_other_content_is_refused_by_name(tmp_path: Path, content: object, says: str) -> None:
    path = tmp_path / "corrections.json"
    path.write_text(json.dumps(content))
    with pytest.raises(HeadwaterError, match=says) as refused:
        corrected(LABELS, path)
    assert str(path) in str(refused.value)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corrections.json"
    path.write_text("{nose: 1}")
    with pytest.raises(HeadwaterError, match="is not JSON"):
        corrected(LABELS, path)


def test_a_part_that_is_named_twice_is_refused_rather_than_half_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "corrections.json"
    path.write_text('{"nose": [1], "nose": [2]}')
    with pytest.raises(HeadwaterError, match="the key 'nose' is there twice"):
        corrected(LABELS, path)


def test_corrections_behind_a_broken_link_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "corrections.json"
    path.symlink_to("nowhere.json")
    with pytest.raises(HeadwaterError, match=r"corrections\.json: there is no such file"):
        corrected(LABELS, path)
