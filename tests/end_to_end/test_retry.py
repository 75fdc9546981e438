"""``headwater retry`` on the project's own steps, whose code stands in files of hashes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from headwater.artifacts.manifest import sha256_of_file
from tests.end_to_end.test_edits import Checkout, copied

TROUBLE = """
    if (folder.parent / "trouble").exists():
        raise ItemRejected(RejectReason.CHANGED, "Only for now.")
    data = _read_again("""


@pytest.fixture
def left(tmp_path: Path) -> Checkout:
    """A checkout whose one photo was rejected for the moment."""
    checkout = copied(tmp_path / "project")
    (checkout.path / "mine").mkdir()
    Image.new("RGB", (64, 64), "red").save(checkout.path / "mine" / "red.png")
    checkout.set(lambda params: params.update(buckets=1, max_reject_rate=1.0))
    params = yaml.safe_load((checkout.path / "params.yaml").read_text())
    params["photos"]["folder"] = "mine"
    (checkout.path / "params.yaml").write_text(yaml.safe_dump(params))
    checkout.edit(
        "tasks/photos.py", lambda text: text.replace("\n    data = _read_again(", TROUBLE)
    )
    (checkout.path / "trouble").touch()
    assert "changed 1" in checkout.dvc("repro", "photos")
    (checkout.path / "trouble").unlink()
    return checkout


def retried(checkout: Checkout) -> list[str]:
    command = (sys.executable, "-m", "flows.retry")
    done = subprocess.run(command, cwd=checkout.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.fault("items of a stage whose code was edited are left to a build, and its rows stand")
def test_a_stage_of_edited_code_is_not_retried_and_keeps_its_rows(left: Checkout) -> None:
    rejects = left.path / "data" / "photos" / "rejects" / "bucket-000.parquet"
    before = sha256_of_file(rejects)
    text = (left.path / "tasks" / "photos.py").read_text()
    left.edit("tasks/photos.py", lambda text: text.replace("photo.rgb\n", "photo.rgb[::-1]\n", 1))
    assert retried(left)[0] == ("photos: is out of date; `make repro` tries its items again, too")
    assert sha256_of_file(rejects) == before
    (left.path / "tasks" / "photos.py").write_text(text)
    assert retried(left)[0] == "photos: 1 item"
