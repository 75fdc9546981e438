"""Files that are photos, each content once, and names of folders that harm nobody."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.reconstruct.inputs import find_inputs, prepared
from headwater.reconstruct.names import MAX_BYTES, FolderNames, safe_name, summary_path
from headwater.reconstruct.summary import Outcome, Status, summary_csv

SHA = "0123456789abcdef" * 4


def test_files_and_folders_in_their_order(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("b.jpg", "a.jpg"):
        (folder / name).write_bytes(name.encode())
    single = tmp_path / "z.png"
    single.write_bytes(b"z")
    (tmp_path / "again.png").write_bytes(b"a.jpg")
    paths = [single, folder, tmp_path / "again.png", tmp_path / "missing.png"]
    inputs = find_inputs(paths, tmp_path / "out")
    assert [photo.name for photo in inputs.photos] == ["z.png", "a.jpg", "b.jpg"]
    assert [name for name, _ in inputs.repeats] == ["again.png"]
    assert [(p.name, p.reason) for p in inputs.problems] == [("missing.png", "unreadable_file")]


def test_results_of_earlier_runs_are_no_photos(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    out = tmp_path / "results" / "deep"
    out.mkdir(parents=True)
    for name in ("overlay.png", "first.jpg"):
        (out / name).write_bytes(name.encode())
    (tmp_path / "zz.jpg").write_bytes(b"first.jpg")  # equal bytes below out do not stand for it
    (tmp_path / "results" / "deeper.jpg").write_bytes(b"d")
    names = [photo.name for photo in find_inputs([tmp_path], out).photos]
    assert names == ["a.jpg", "results/deeper.jpg", "zz.jpg"]
    with pytest.raises(HeadwaterError, match="another folder"):
        find_inputs([tmp_path], tmp_path / "." / "results" / "..")


def test_a_path_that_cannot_be_looked_at_is_a_problem(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    inputs = find_inputs([tmp_path / ("x" * 300), loop, tmp_path], loop)
    assert [p.reason for p in inputs.problems[:2]] == ["unreadable_file"] * 2
    with pytest.raises(HeadwaterError, match="cannot be a folder"):
        prepared([tmp_path / "missing.jpg"], loop / "out")


def test_nothing_to_do_and_nowhere_to_put_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HeadwaterError, match="no photos"):
        prepared([tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HeadwaterError, match="cannot be a folder"):
        prepared([tmp_path], tmp_path / "file")


def test_an_output_that_cannot_be_written_is_said_before_anything_is_computed(
    tmp_path: Path,
) -> None:
    """/proc is a folder in which nobody, not even root, makes a file."""
    (tmp_path / "a.jpg").write_bytes(b"a")
    with pytest.raises(HeadwaterError, match=r"/proc: cannot be written"):
        prepared([tmp_path / "a.jpg"], Path("/proc"))
    prepared([tmp_path / "a.jpg"], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_table_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    assert summary_path(tmp_path) == tmp_path / "summary.csv"
    (tmp_path / "summary.csv").write_text(summary_csv([]))
    assert summary_path(tmp_path) == tmp_path / "summary.csv"
    (tmp_path / "summary.csv").write_text("my,own\n1,2\n")
    assert summary_path(tmp_path) == tmp_path / "summary-2.csv"
    (tmp_path / "summary-2.csv").write_bytes(b"\xff\xfe")
    (tmp_path / "summary-3.csv").mkdir()
    (tmp_path / "summary-4.csv").symlink_to(tmp_path / "nowhere")
    assert summary_path(tmp_path) == tmp_path / "summary-5.csv"
    (tmp_path / "summary-5.csv").write_text(summary_csv([Outcome("a", SHA, Status.DONE)]))
    assert summary_path(tmp_path) == tmp_path / "summary-5.csv"


@given(st.text(max_size=300))
def test_any_name_gives_one_safe_folder(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= MAX_BYTES + len("-photo")
    assert all(c.isalnum() or c in "-_." for c in safe)
    assert not safe.startswith((".", "-"))
    assert Path("out", safe).name == safe
    os.fsencode(safe)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("face.jpg", "face"),
        ("set 1/my face.tar.png", "set-1-my-face.tar"),
        ('it\'s "me" 🙂\\nnow.jpg', "it-s-me-nnow"),
        ("../../etc/passwd", "etc-passwd"),
        ("Ärger.jpg", "Ärger"),
        ("\\xff.jpg", "xff"),
        ("🙂.jpg", "photo"),
        ("CON.png", "CON-photo"),
        (".jpg", "jpg"),
    ],
)
def test_names_stay_readable(name: str, folder: str) -> None:
    assert safe_name(name) == folder


def test_names_never_collide(tmp_path: Path) -> None:
    names = FolderNames(tmp_path)
    given_names = [names.take(name, SHA) for name in ("a b.jpg", "a?b.png", "A-B.gif", "a-b.bmp")]
    assert given_names[0] == "a-b"
    assert len({name.casefold() for name in given_names}) == 4


def test_a_folder_of_other_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    for name, sha256 in (("same", SHA), ("other", "f" * 64)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "camera.json").write_text(json.dumps({"views": [{"sha256": sha256}]}))
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    names = FolderNames(tmp_path)
    suffix = f"-{SHA[:8]}"
    assert names.take("mine.jpg", SHA) == "mine" + suffix
    assert names.take("same.jpg", SHA) == "same"
    assert names.take("other.jpg", SHA) == "other" + suffix
    assert names.take("gone.jpg", SHA) == "gone" + suffix


def test_no_cell_of_the_summary_is_a_formula() -> None:
    table = summary_csv([Outcome("=1+1.jpg", SHA, Status.DONE, "-1", 1.23456, 1)])
    assert table.splitlines()[1] == f"'=1+1.jpg,reconstructed,'-1,1.235,1,,,{SHA}"
