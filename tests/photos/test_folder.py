"""Finding photos: order, links, names, unreadable and doubled files."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import HeadwaterError, ItemRejected
from headwater.photos import folder as folder_module
from headwater.photos.builtin import PORTRAITS, write_builtin_portraits
from headwater.photos.folder import (
    PhotoFile,
    PhotoProblem,
    list_photos,
    printable_name,
    read_photo,
)
from headwater.reject_reasons import RejectReason


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def reasons(entries: list[PhotoFile | PhotoProblem]) -> dict[str, RejectReason | None]:
    return {
        entry.name: entry.reason if isinstance(entry, PhotoProblem) else None for entry in entries
    }


def test_order_is_that_of_the_path_bytes(tmp_path: Path) -> None:
    names = ["b.jpg", "B.jpg", "a/z.jpg", "a.jpg", "ä.jpg", "a b.jpg", "10.jpg", "9.jpg"]
    for index, name in enumerate(names):
        put(tmp_path / name, bytes([index]))
    expected = sorted(names, key=str.encode)
    assert [entry.name for entry in list_photos(tmp_path)] == expected


def test_every_visible_file_is_an_input_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("face.jpg", "notes.txt", "data.json", ".hidden.jpg", ".git/x.jpg", "deep/er/x"):
        put(tmp_path / name, name.encode())
    assert reasons(list_photos(tmp_path)) == dict.fromkeys(
        ["data.json", "deep/er/x", "face.jpg", "notes.txt"]
    )


def test_links_are_read_to_files_and_never_followed_to_folders(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    put(photos / "inside" / "a.jpg", b"a")
    outside = put(tmp_path / "elsewhere.jpg", b"b")
    (photos / "to_file.jpg").symlink_to(outside)
    (photos / "inside" / "above").symlink_to(photos, target_is_directory=True)
    (photos / "gone.jpg").symlink_to(photos / "nothing")
    (photos / "itself.jpg").symlink_to(photos / "itself.jpg")
    assert reasons(list_photos(photos)) == {
        "gone.jpg": RejectReason.SYMBOLIC_LINK,
        "inside/a.jpg": None,
        "inside/above": RejectReason.SYMBOLIC_LINK,
        "itself.jpg": RejectReason.SYMBOLIC_LINK,
        "to_file.jpg": None,
    }


def test_equal_bytes_are_one_photo(tmp_path: Path) -> None:
    for name in ("c.jpg", "a.jpg", "b.jpg"):
        put(tmp_path / name, b"same")
    first, *others = list_photos(tmp_path)
    assert isinstance(first, PhotoFile)
    assert first.name == "a.jpg"
    for other in others:
        assert isinstance(other, PhotoProblem)
        assert other.reason == RejectReason.DUPLICATE
        assert "a.jpg" in other.message
        assert other.sha256 == first.sha256


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        (b"with spaces and 'quotes\".jpg", "with spaces and 'quotes\".jpg"),
        ("emoji 😀👩‍🚀.jpg".encode(), "emoji 😀👩‍🚀.jpg"),
        (b"new\nline.jpg", "new\\nline.jpg"),
        (b"not utf-8 \xff\xfe.jpg", "not utf-8 \\xff\\xfe.jpg"),
        (b"back\\slash.jpg", "back\\\\slash.jpg"),
        (b"\x1b[31mred.jpg", "\\x1b[31mred.jpg"),
        ("face\u202egpj.exe".encode(), "face\\u202egpj.exe"),
        ("a\u2066b\u200fc\ufeff.jpg".encode(), "a\\u2066b\\u200fc\\ufeff.jpg"),
        ("\u0646\u0645\u06cc\u200c\u062e.jpg".encode(), "\u0646\u0645\u06cc\u200c\u062e.jpg"),
    ],
)
def test_odd_names_are_read_and_printed_on_one_line(
    tmp_path: Path, raw: bytes, printed: str
) -> None:
    (tmp_path / os.fsdecode(raw)).write_bytes(b"x")
    (entry,) = list_photos(tmp_path)
    assert isinstance(entry, PhotoFile)
    assert entry.name == printed
    assert read_photo(entry.path) == b"x"
    entry.name.encode("utf-8")


@given(st.binary(min_size=1, max_size=12), st.binary(min_size=1, max_size=12))
def test_different_paths_print_differently(first: bytes, second: bytes) -> None:
    assert (printable_name(first) == printable_name(second)) == (first == second)


@pytest.mark.fault("what is no file, or never answers, is passed over")
def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    put(tmp_path / "empty.jpg", b"")
    put(tmp_path / "large.jpg", b"123456")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link to pipe.jpg").symlink_to("pipe.jpg")
    (tmp_path / "zeros.jpg").symlink_to("/dev/zero")
    assert reasons(list_photos(tmp_path, max_file_bytes=5)) == {
        "empty.jpg": RejectReason.EMPTY_FILE,
        "large.jpg": RejectReason.FILE_TOO_LARGE,
        "link to pipe.jpg": RejectReason.NOT_A_FILE,
        "pipe.jpg": RejectReason.NOT_A_FILE,
        "zeros.jpg": RejectReason.NOT_A_FILE,
    }


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "locked.jpg", b"x")
    put(tmp_path / "locked" / "x.jpg", b"y")
    put(tmp_path / "open.jpg", b"z")
    real_open, real_scandir = os.open, os.scandir

    def open_some(path: os.PathLike[str], flags: int) -> int:
        if os.fspath(path).endswith("locked.jpg"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real_open(path, flags)

    def scan_some(path: bytes) -> object:
        if path.endswith(b"locked"):
            raise PermissionError(13, "Permission denied", path)
        return real_scandir(path)

    monkeypatch.setattr(folder_module.os, "open", open_some)
    monkeypatch.setattr(folder_module.os, "scandir", scan_some)
    assert reasons(list_photos(tmp_path)) == {
        "locked": RejectReason.PERMISSION_DENIED,
        "locked.jpg": RejectReason.PERMISSION_DENIED,
        "open.jpg": None,
    }


@pytest.mark.fault("a trouble that passes is never kept as a result")
def test_file_that_vanished(tmp_path: Path) -> None:
    with pytest.raises(ItemRejected) as caught:
        read_photo(tmp_path / "gone.jpg")
    assert caught.value.reason == RejectReason.UNREADABLE_FILE


def test_missing_folder_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match=r"photos\.folder.*nowhere"):
        list_photos(tmp_path / "nowhere")
    with pytest.raises(HeadwaterError, match="not a folder"):
        list_photos(put(tmp_path / "file.jpg", b"x"))


def test_empty_folder_has_no_photos(tmp_path: Path) -> None:
    assert list_photos(tmp_path) == []


def test_builtin_portraits_are_written_once(tmp_path: Path) -> None:
    paths = write_builtin_portraits(tmp_path / "portraits")
    assert [path.name for path in paths] == ["astronaut.png", "grace_hopper.jpg"]
    assert all(portrait.licence == "public domain" for portrait in PORTRAITS)
    before = [path.stat().st_mtime_ns for path in paths]
    paths[1].write_bytes(b"damaged")
    write_builtin_portraits(tmp_path / "portraits")
    assert paths[0].stat().st_mtime_ns == before[0]
    assert [path.read_bytes() for path in paths] == [portrait.data() for portrait in PORTRAITS]
    assert sorted(path.name for path in (tmp_path / "portraits").iterdir()) == [
        "astronaut.png",
        "grace_hopper.jpg",
    ]
