"""The two public-domain portraits that come with the dependencies."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from headwater.artifacts.atomic import write_bytes


@dataclass(frozen=True)
class BuiltinPortrait:
    """A portrait inside an installed package."""

    name: str
    package: Callable[[], Traversable]
    inside: str
    licence: str
    about: str

    def data(self) -> bytes:
        """The file's bytes; nothing is downloaded."""
        return self.package().joinpath(self.inside).read_bytes()


PORTRAITS: Final = (
    BuiltinPortrait(
        name="astronaut.png",
        package=lambda: files("skimage"),
        inside="data/astronaut.png",
        licence="public domain",
        about="Eileen Collins, NASA, Great Images in NASA; skimage.data.astronaut()",
    ),
    BuiltinPortrait(
        name="grace_hopper.jpg",
        package=lambda: files("matplotlib"),
        inside="mpl-data/sample_data/grace_hopper.jpg",
        licence="public domain",
        about="Grace Hopper, James S. Davis, US Navy; matplotlib's sample data",
    ),
)


def write_builtin_portraits(folder: Path) -> tuple[Path, ...]:
    """Write the portraits into ``folder``, each whole or not at all; equal files stay untouched."""
    paths = tuple(folder / portrait.name for portrait in PORTRAITS)
    for path, portrait in zip(paths, PORTRAITS, strict=True):
        data = portrait.data()
        if not (path.is_file() and path.read_bytes() == data):
            write_bytes(path, data)
    return paths
