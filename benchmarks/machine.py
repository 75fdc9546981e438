"""The machine and the versions that figures belong to, without names or paths."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("numpy", "mediapipe", "libigl", "trimesh", "embreex", "opencv-contrib-python", "pillow")


def describe() -> dict[str, str | int]:
    """Processor, cores, memory, system, Python and the packages that the figures depend on."""
    return {
        "processor": processor(Path("/proc/cpuinfo").read_text(encoding="utf-8")),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def processor(cpuinfo: str) -> str:
    """Name of the processor from the text of ``/proc/cpuinfo``."""
    names = [
        line.partition(":")[2].strip() for line in cpuinfo.splitlines() if "model name" in line
    ]
    return names[0] if names else platform.machine()
