"""Files that are not read again: those that are what they were, for longer than a moment."""

import os
import shutil
import time
from pathlib import Path

import pytest

from headwater.photos import file_states
from headwater.photos.file_states import state_of
from headwater.photos.folder import PhotoFile, list_photos
from headwater.pipeline.known import Known, read_known


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled as soon as they are written."""
    monkeypatch.setattr(file_states, "SETTLED_SECONDS", 0.0)


def listed(folder: Path, known: Known) -> list[str]:
    """SHA-256 of every photo of a folder, and the memory kept."""
    entries = list_photos(folder, memory=known)
    known.keep()
    assert all(isinstance(entry, PhotoFile) for entry in entries)
    return [entry.sha256 for entry in entries if isinstance(entry, PhotoFile)]


@pytest.mark.usefixtures("settled")
def test_a_file_that_is_what_it_was_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"a")
    known = read_known(tmp_path, "files")
    first = listed(tmp_path / "photos", known)
    # A hash that reading would not give.
    known.learn(str(state_of(tmp_path / "photos" / "a.jpg")), ["0" * 64])
    known.keep()
    assert listed(tmp_path / "photos", read_known(tmp_path, "files")) == ["0" * 64] != first


@pytest.mark.usefixtures("settled")
def test_other_content_is_seen_whatever_size_and_time_it_has(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    path = tmp_path / "photos" / "a.jpg"
    path.write_bytes(b"first")
    before = path.stat()
    known = read_known(tmp_path, "files")
    first = listed(tmp_path / "photos", known)
    # Longer than a tick of the kernel's clock, as files that count as settled are.
    time.sleep(0.05)
    path.write_bytes(b"other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (5, before.st_mtime_ns)
    read = listed(tmp_path / "photos", Known(tmp_path / "nothing.json"))
    assert listed(tmp_path / "photos", known) == read != first


@pytest.mark.usefixtures("settled")
def test_a_photo_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"a")
    listed(tmp_path / "photos", read_known(tmp_path, "files"))
    known = read_known(tmp_path, "files")
    shutil.move(tmp_path / "photos" / "a.jpg", tmp_path / "a.jpg")
    (tmp_path / "photos" / "b.jpg").write_bytes(b"b")
    listed(tmp_path / "photos", known)
    state = state_of(tmp_path / "a.jpg")
    assert read_known(tmp_path, "files").recall(str(state)) is None


def test_what_was_just_written_has_no_state_to_go_by(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a")
    assert state_of(path) is None
    # As of a clock that was set back since.
    os.utime(path, (2e9, 4e9))
    assert state_of(path) is None
    assert state_of(tmp_path) is None
    assert state_of(tmp_path / "nothing") is None
    assert state_of(Path("/etc/passwd")) is not None
