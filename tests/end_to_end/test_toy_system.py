"""A system from outside the repository in a small build by DVC: built, shown, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.test_edits import COPIED, PROJECT, Checkout
from tests.end_to_end.test_small_build import SMALL

pytestmark = pytest.mark.slow


def test_a_toy_from_outside_is_built_and_shown_and_trains_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    for name in (*COPIED, ".dvc/plots", "constraints.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, folder / name)
    (folder / "data").mkdir()
    shutil.copy(PROJECT / "data" / ".gitignore", folder / "data")
    subprocess.run(("git", "init", "--quiet", str(folder)), check=True)
    shutil.copytree(PROJECT / "tests" / "systems" / "toy_plugin", tmp_path / "plugin")
    checkout = Checkout(folder)

    def small(params: dict[str, object]) -> None:
        params.update(SMALL)
        params["build"] = {"lvd": "heads"}
        params["systems"] = {"lvd": {"size": "smoke", "device": "cpu", "overrides": {}}}

    checkout.set(small)
    checkout.dvc("repro")
    weights = checkout.weights.read_bytes()

    def with_toy(params: dict[str, object]) -> None:
        params["build"] = {"lvd": "heads", "toy": "fields"}
        params["plugins"] = {"toy": "../plugin"}

    checkout.set(with_toy)
    said = checkout.dvc("repro")
    assert "Running stage 'train@toy'" in said
    for stage in ("train@lvd", "evaluate@lvd", "reconstruct@lvd", "synthesize", "sdf"):
        assert f"Running stage '{stage}'" not in said
    assert checkout.weights.read_bytes() == weights
    code = tmp_path / "plugin" / "toy_fields" / "__init__.py"
    code.write_text(f"{code.read_text()}# A comment.\n")
    said = checkout.dvc("repro")
    assert "Running stage 'plugin@toy'" in said
    assert said.count("Running stage") == 1
    metrics = yaml.safe_load(checkout.dvc("metrics", "show", "--json"))
    files = metrics[""]["data"]
    assert files["data/figures/metrics/fields/toy.json"]["data"]["rmse"] > 0
    assert (
        files["data/figures/metrics/heads/lvd.json"]["data"]["estimated_face_scan_to_mesh_mm"] > 0
    )
    plots = checkout.dvc("plots", "show", "--json")
    assert "data/figures/plots/fields_by_flatness.csv" in plots
    assert "data/figures/plots/heads_by_yaw.csv" in plots
    assert "Distance fields" in (folder / "data" / "report" / "index.html").read_text()
    for verb, words in (("systems", "Toy fields"), ("verify", "all sound")):
        command = (sys.executable, "-m", "headwater", verb)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        assert words in done.stdout
