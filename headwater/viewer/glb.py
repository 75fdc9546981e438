"""A textured head as GLB."""

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image


def textured_glb(
    vertices: NDArray[Any], faces: NDArray[Any], uv: NDArray[Any], image: NDArray[np.uint8]
) -> bytes:
    """GLB of a mesh with a texture, to be opened in any 3D program.

    vertices: (V, 3) mm; they are stored in mm under a node that scales them to glTF's metres.
    uv: (V, 2) in 0..1 from the top left of the image (H, W, 3) sRGB.
    """
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(image), metallicFactor=0.0, roughnessFactor=0.9
    )
    visual = trimesh.visual.TextureVisuals(uv * [1, -1] + [0, 1], material=material)
    mesh = trimesh.Trimesh(vertices, faces, visual=visual, process=False)
    scene = trimesh.Scene()
    scene.add_geometry(mesh, "head", "head", transform=np.diag([0.001, 0.001, 0.001, 1.0]))
    data = scene.export(file_type="glb", include_normals=True)
    assert isinstance(data, bytes)
    return data
