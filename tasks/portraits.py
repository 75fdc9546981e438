"""Step "portraits": the two public-domain portraits that come with the dependencies."""

from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from headwater.photos.builtin import PORTRAITS, write_builtin_portraits
from tasks.command import command

FOLDER = Path("data/portraits")


def licence_note() -> str:
    """The persons shown, the photographers and the licence."""
    lines = [f"{p.name}: {p.about}. Licence: {p.licence}." for p in PORTRAITS]
    return "\n".join(lines) + "\n"


def main() -> str:
    """Write the portraits and a licence note (hidden, so that it is no photo)."""
    written = write_builtin_portraits(FOLDER)
    write_text(FOLDER / ".licence.txt", licence_note())
    write_manifest(FOLDER)
    return f"{len(written)} photos"


if __name__ == "__main__":
    command(main)
