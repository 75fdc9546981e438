"""System libraries that MediaPipe and OpenCV need and slim images lack."""

import ctypes
import sys
from collections.abc import Callable
from typing import Final

from headwater.errors import HeadwaterError

DEBIAN_PACKAGES: Final = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}


def check_system_libraries(load: Callable[[str], object] = ctypes.CDLL) -> None:
    """Raise ``HeadwaterError``, one line naming the Debian packages, if a library is missing."""
    missing = []
    for library in DEBIAN_PACKAGES:
        try:
            load(library)
        except OSError:
            missing.append(library)
    if missing:
        packages = " ".join(DEBIAN_PACKAGES[library] for library in missing)
        raise HeadwaterError(
            f"missing system libraries {', '.join(missing)}: install them, "
            f"on Debian or Ubuntu with: apt-get install {packages}"
        )


if __name__ == "__main__":
    try:
        check_system_libraries()
    except HeadwaterError as error:
        sys.exit(f"error: {error}")
