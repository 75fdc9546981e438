"""``python -m benchmarks.localisation``: how exactly GLVD's localiser finds points, by their part.

Reads the tables and GLVD's weights below the project's ``data/`` and prints one table of the
training heads and one of the held-out ones, beside the landmark detector: mean absolute errors per
axis, in px of the crop and in mm, all views and by head pose.
"""

import argparse
import sys
from pathlib import Path

from headwater.config import load_params
from headwater.data.scenes import Heads
from headwater.data.tables import read_heads
from headwater.data.views import of_rendered, read_views
from headwater.errors import HeadwaterError
from headwater.systems import find_system
from headwater.systems.glvd.localisation import localisation, localisation_table
from headwater.systems.stages import trained


def main() -> None:
    """Print the tables of the build that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, default=Path(), help="folder of a finished build")
    parser.add_argument("--heads", type=int, default=None, help="only so many of each split")
    options = parser.parse_args()
    try:
        print(measure(options.project, options.heads))
    except HeadwaterError as error:
        sys.exit(f"benchmarks.localisation: {error}")


def measure(project: Path, count: int | None) -> str:
    """The tables of the training heads and of the held-out ones, or of the first of each."""
    params = load_params(project / "params.yaml")
    model = trained(find_system("glvd", params, project), params, project)
    tables = []
    for title, split in (("Training heads", "train"), ("Held-out heads", "test")):
        heads = read_heads(project / "data", (split,))
        heads = Heads(heads.vertices[:count], heads.subjects[:count])
        views = read_views(project / "data", of_rendered(project / "data", heads))
        rows = localisation(model, heads, views)
        tables.append(f"{title} ({len(heads.vertices)})\n\n{localisation_table(rows)}")
    return "\n".join(tables)


if __name__ == "__main__":
    main()
