"""Draw the import graph of the working directory's source tree into ``docs/imports.svg``."""

from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.imports.picture import imports_picture

if __name__ == "__main__":
    write_text(Path("docs/imports.svg"), imports_picture(Path()))
