"""Parameters in the report do not depend on the places of files."""

import pytest

from headwater.report.making import flat


@pytest.mark.parametrize("folder", ["/home/one", "/data/a:b/c\nd"])
def test_of_an_absolute_path_only_its_name_is_shown(folder: str) -> None:
    settings = {
        "synthesize": {"head_model": f"ict:{folder}/heads.npz"},
        "photos": {"folder": f"{folder}/heads.npz"},
    }
    assert flat(settings) == [
        ("synthesize.head_model", "ict:\u2026/heads.npz"),
        ("photos.folder", "\u2026/heads.npz"),
    ]


def test_other_values_stand_as_they_are() -> None:
    values = {"a": "ict:models/heads.npz", "b": 0.5, "c": "", "d": "anny"}
    assert flat(values) == [(name, str(value)) for name, value in values.items()]
