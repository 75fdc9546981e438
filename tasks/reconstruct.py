"""Step "reconstruct": ``python -m tasks.reconstruct <system>``, a head of every photo."""

import os
import shutil
from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.systems import reconstructor
from tasks.command import command, system_name
from tasks.inputs import recorded_inputs


def main() -> str:
    """Reconstruct all photos with the system named on the command line."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in training
    name, data = system_name(), Path("data")
    params = load_params(Path("params.yaml"))
    recorded_inputs("reconstruct", name, params, Path())
    out = data / "reconstruct" / name
    shutil.rmtree(out, ignore_errors=True)
    figures = reconstructor(name)(params, data, out, None)
    write_manifest(out)
    count = figures["real_photos"]
    if not count:
        return "no photos"
    return f"{count} photos, landmark error {figures['real_landmark_nme_percent']:.2f} %"


if __name__ == "__main__":
    command(main)
