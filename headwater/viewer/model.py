"""A head as the page's viewer reads it: compact numbers in JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.viewer.encoding import data_uri, packed
from headwater.viewer.texture import Texture

TEXTURE_PX = 1600


def viewer_model(
    name: str, steps: Sequence[NDArray[np.float32]], faces: NDArray[np.int32], texture: Texture
) -> dict[str, Any]:
    """JSON-able values: 16-bit positions of every step (V, 3) mm, faces (F, 3) and the texture."""
    positions = np.stack(list(steps))
    low = positions.min(axis=(0, 1))
    scale = np.maximum(np.ptp(positions, axis=(0, 1)), 1e-6) / 65535
    return {
        "name": name,
        "vertices": positions.shape[1],
        "steps": len(positions),
        "low": low.astype(float).round(4).tolist(),
        "scale": scale.astype(float).tolist(),
        "positions": packed(np.round((positions - low) / scale), "<u2"),
        "faces": packed(faces, "<u4"),
        "skin": {
            "vertex": packed(texture.vertex, "<u4"),
            "faces": packed(texture.faces, "<u4"),
            "uv": packed(np.round(np.clip(texture.uv, 0, 1) * 65535), "<u2"),
            "image": data_uri(texture.image, TEXTURE_PX, 90),
        },
    }
