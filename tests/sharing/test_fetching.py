"""Tables, buckets and changes move alone between clones and a DVC remote."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.shared_project import (
    SharedProject,
    clone_of,
    fetched,
    publish_photos,
    write_photo,
)
from headwater.cli import app, run
from headwater.pipeline.run import missing_buckets
from tasks.photos import STEP

pytestmark = pytest.mark.slow
COUNT, BUCKETS, SIDE = 120, 40, 32
TABLE = "photos/photos"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "sharing.md"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> SharedProject:
    return publish_photos(tmp_path_factory.mktemp("shared"), COUNT, BUCKETS, SIDE)


def test_one_table_moves_alone(published: SharedProject, tmp_path: Path) -> None:
    clone = clone_of(published, tmp_path / "clone")
    clone.dvc("pull", "--quiet", f"data/{TABLE}")
    listing = published.listing()
    wanted = {md5 for name, md5 in listing.items() if name.startswith("photos/") or not name}
    assert set(fetched(clone)) == wanted
    files = [path for path in (clone.path / "data" / "photos").rglob("*") if path.is_file()]
    assert len(files) == len(wanted) - 1 > BUCKETS // 2
    for path in files:
        own = published.path / path.relative_to(clone.path)
        assert path.read_bytes() == own.read_bytes()


def test_one_bucket_moves_alone(published: SharedProject, tmp_path: Path) -> None:
    """The remote has nothing else here, so that nothing else can have been moved."""
    listing, remote = published.listing(), tmp_path / "remote"
    name = max(one for one in listing if one.startswith("photos/bucket-"))
    for md5 in (listing[name], listing[""]):
        place = Path("files", "md5", md5[:2], md5[2:])
        (remote / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(published.remote / place, remote / place)
    clone = SharedProject(clone_of(published, tmp_path / "clone").path, remote)
    clone.dvc("remote", "modify", "shared", "url", str(remote))
    clone.git("commit", "--all", "--quiet", "--message", "another remote")
    target = tmp_path / "one.parquet"
    command = ("get", "--quiet", str(clone.path), f"data/photos/{name}", "--out", str(target))
    subprocess.run((sys.executable, "-m", "dvc", *command), check=True, capture_output=True)
    own = published.path / "data" / "photos" / name
    assert target.read_bytes() == own.read_bytes()
    clone.dvc("pull", "--quiet", f"data/photos/{name}")
    assert set(fetched(clone)) == {listing[name], listing[""]}


def test_a_fetched_step_is_adopted_and_not_computed(
    published: SharedProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = clone_of(published, tmp_path / "clone")
    shutil.copytree(published.path / "photos", clone.path / "photos")
    clone.dvc("pull", "--quiet", "data/photos")
    arguments = ["adopt", "--project", str(clone.path), "--data", str(clone.path / "data")]
    assert run(app, arguments) == 0
    buckets = len(list((published.path / "data" / TABLE).iterdir()))
    said = f"{buckets} buckets adopted, 0 known already, 0 left out\n"
    assert capsys.readouterr().out == said
    assert missing_buckets(STEP, clone.params, clone.path) == []
    assert clone.build() == 0


def test_a_step_that_was_fetched_in_part_is_said_to_be(
    published: SharedProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = clone_of(published, tmp_path / "clone")
    clone.dvc("pull", "--quiet", f"data/{TABLE}")
    arguments = ["adopt", "--project", str(clone.path), "--data", str(clone.path / "data")]
    assert run(app, arguments) == 0
    said = capsys.readouterr()
    assert said.out == "0 buckets adopted, 0 known already, 1 left out\n"
    assert said.err == (
        f"{clone.path}/data/photos: was fetched without its manifest; to adopt its buckets, fetch "
        "all of it: dvc pull data/photos\n"
    )


def test_one_more_photo_pushes_its_bucket_and_what_lists_it(tmp_path: Path) -> None:
    project = publish_photos(tmp_path, COUNT, BUCKETS, SIDE)
    before, listed = project.pushed(), project.listing()
    write_photo(project.path / "photos", COUNT, SIDE)
    assert project.build() == 1
    project.publish()
    new = {md5: size for md5, size in project.pushed().items() if md5 not in before}
    changed = {name: md5 for name, md5 in project.listing().items() if listed.get(name) != md5}
    assert set(new) == set(changed.values())
    [photos] = [name for name in changed if name.startswith("photos/")]
    rejects = photos.replace("photos/", "rejects/")
    assert set(changed) == {"", ".manifest.json", photos, rejects}
    # A fortieth of the photos, give or take, and two lists of eighty files.
    assert new[changed[photos]] < 0.08 * sum(before.values())
    assert sum(new.values()) - new[changed[photos]] < 2 * 80 * 150


def commands_for_a_split() -> list[str]:
    """Commands of docs/sharing.md that share an export and fetch a split of a table from it."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    [block] = [one for one in blocks if "dvc add" in one]
    return block.replace("ingest_frames", "photos_photos").splitlines()


def test_one_split_of_a_shared_export_moves_alone(
    published: SharedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A user")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "user@example.org")
    sharer = clone_of(published, tmp_path / "sharer")
    sharer.dvc("pull", "--quiet")
    *share, get = commands_for_a_split()
    before = sharer.pushed()
    for command in share:
        sharer.run("bash", "-euo", "pipefail", "-c", command)
    clone = clone_of(sharer, tmp_path / "clone")
    new = set(sharer.pushed()) - set(before)
    place = clone.path / "shared" / "photos_photos" / "test"
    clone.dvc("pull", "--quiet", str(place))
    moved = fetched(clone)
    files = [path for path in clone.path.joinpath("shared").rglob("*") if path.is_file()]
    assert files
    assert {path.parent for path in files} == {place}
    assert len(moved) == len(files) + 1 < len(new)
    elsewhere = SharedProject(tmp_path / "elsewhere", sharer.remote)
    elsewhere.path.mkdir()
    elsewhere.run("bash", "-c", get.replace("<repository>", str(sharer.path)))
    for path in files:
        content = path.read_bytes()
        assert (sharer.path / path.relative_to(clone.path)).read_bytes() == content
        assert (elsewhere.path / "test" / path.name).read_bytes() == content
