"""Other versions of packages make the hashes stale that name them."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.packages import of_other_packages
from headwater.config import load_params

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.fault("results of other versions of packages are never taken for those of these")
@pytest.mark.parametrize(
    ("noted", "stale"),
    [
        ({"numpy": version("numpy"), "torch": version("torch")}, set()),
        ({"numpy": version("numpy"), "torch": "0.1"}, {"code", "inputs@lvd"}),
        ({"a-package-that-is-gone": "1.0"}, {"code", "inputs@lvd"}),
        ("no packages", set()),
    ],
)
def test_other_versions_of_packages_make_the_hashes_of_code_stale(
    tmp_path: Path, noted: object, stale: set[str]
) -> None:
    for name in ("data/code/train.json", "data/inputs/lvd/train.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(json.dumps({"packages": noted}))
    assert of_other_packages(tmp_path, load_params(PROJECT / "params.yaml")) == stale
