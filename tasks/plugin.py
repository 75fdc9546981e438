"""Step "plugin": ``python -m tasks.plugin <name>``, the files of a folder of systems from outside.

What depends on systems depends on the file that this step writes: DVC sees by it that code outside
of the repository has changed, or a file that it reads beside itself, and no comment.
"""

import json
import sys
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.code import files_below, sha256_of_code
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from tasks.command import command

OUT = Path("data/plugins")
FILE = "files.json"


def main() -> str:
    """Write the hashes of all files of the folder that ``plugins`` has under this name."""
    name = sys.argv[1]
    text = files_text(name, load_params(Path("params.yaml")))
    write_text(OUT / name / FILE, text)
    write_manifest(OUT / name)
    return f"{len(json.loads(text))} files"


def files_text(name: str, params: Params) -> str:
    """JSON of the hashes of all files of a folder of ``plugins``.

    Raises HeadwaterError for a folder without a module.
    """
    folder = Path(params.plugins[name])
    hashes = {
        path.relative_to(folder).as_posix(): sha256_of_code(path) for path in files_below(folder)
    }
    if not any(file.endswith(".py") for file in hashes):
        raise HeadwaterError(f"params.yaml: plugins.{name} is {str(folder)!r}, without a module")
    return json.dumps(hashes, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    command(main)
