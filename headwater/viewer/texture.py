"""A head's texture from its photos: the photo itself where it sees the head, else a likely colour.

Triangles that one photo sees well take their pixels straight from it. Every other one gets a small
patch of its own beside the photo, in which what the photos show of it fades over to the mirrored
side of the head and from there to colours that spread from the nearest seen surface. Neighbouring
triangles agree on their common edge, so that no seam shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from headwater.geometry.cameras import Camera, project
from headwater.geometry.rays import RayMesh
from headwater.rendering.tracing import vertex_normals

SURFACE_OFFSET_MM = 0.6
FULLY_SEEN_COSINE = 0.45
UNSEEN_COSINE = 0.12
BORDER_SHARE = 0.04
PATCH_PX = 14
# Texels between a patch and its triangle: filtering and compression mix neighbours.
INSET_PX = 2
ATLAS_PX = 1024
DIRECT = 0.999
# Pulls of the colours at vertices: to what is seen, to the mirrored side, to the mean colour.
SMOOTHNESS, MIRROR_PULL, MEAN_PULL = 0.2, 0.5, 1e-4
# Vertices of a material that are seen in all, below which it has no mean colour of its own.
LEAST_SEEN = 1e-6

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class HeadPhoto:
    """A photo (H, W, 3) uint8 with its camera.

    coverage: (V,) in 0..1, how surely a vertex lies on the head in this photo; None if unknown.
    """

    image: NDArray[np.uint8]
    camera: Camera
    coverage: Float32Array | None = None


@dataclass(frozen=True)
class Texture:
    """A textured mesh, its vertices doubled where texture coordinates differ.

    vertex: (n,) int32 index of the mesh's vertex. faces: (F, 3) int32 into the n, in the mesh's
    order. uv: (n, 2) float32 in 0..1, from the image's top left. image: (H, W, 3) uint8 sRGB.
    """

    vertex: NDArray[np.int32]
    faces: NDArray[np.int32]
    uv: Float32Array
    image: NDArray[np.uint8]


def seen_from(
    camera: Camera, vertices: NDArray[np.float32], faces: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Visibility (V,) of each vertex to the camera, 0 (hidden or grazing) to 1."""
    normals = vertex_normals(vertices, faces)
    towards = camera.centre.astype(np.float32) - vertices
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = np.einsum("vc,vc->v", normals, towards)
    start = vertices + SURFACE_OFFSET_MM * (normals + towards)
    hidden = RayMesh(vertices, faces).occluded(start, towards)
    slope = np.clip((cosine - UNSEEN_COSINE) / (FULLY_SEEN_COSINE - UNSEEN_COSINE), 0, 1)
    smooth = slope * slope * (3 - 2 * slope)
    weight: NDArray[np.float32] = np.where(hidden, 0, smooth).astype(np.float32)
    return weight


def photo_texture(
    photos: Sequence[HeadPhoto],
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    partners: NDArray[np.intp] | None = None,
    surface: NDArray[np.uint8] | None = None,
) -> Texture:
    """Texture of a head (V, 3) mm with faces (F, 3) from at least one photo.

    partners: (V,) index of the vertex on the other side of the head, -1 where there is none.
    surface: (F,) material of each triangle. What no photo sees of a piece of the mesh that touches
    no other, as teeth, has the mean colour of what is seen of its material.
    """
    views = [_View.of(photo, vertices, faces) for photo in photos]
    material = np.zeros(len(vertices), np.uint8)
    if surface is not None:
        material[faces] = surface[:, None]
    none = np.full(len(vertices), -1, np.intp)
    colours = _Colours(views, faces, none if partners is None else partners, material)
    direct = np.zeros(len(faces), bool)
    if len(views) == 1:
        direct = (views[0].weight[faces] >= DIRECT).all(axis=1)
    return _atlas(photos[0].image if direct.any() else None, views[0].pixels, direct, colours)


@dataclass(frozen=True)
class _View:
    """A photo as the mesh's vertices meet it: pixels (V, 2) and weights (V,)."""

    image: NDArray[np.uint8]
    pixels: Float32Array
    weight: Float32Array

    @classmethod
    def of(
        cls, photo: HeadPhoto, vertices: NDArray[np.float32], faces: NDArray[np.int32]
    ) -> "_View":
        """Weight of a photo in the colour of each vertex (V, 3), and its pixel there."""
        pixels, depth = project(photo.camera, vertices)
        pixels = np.where((depth > 0)[:, None], pixels, -1.0)
        uv = pixels / (photo.camera.width, photo.camera.height)
        # Colours fade out before the photo's border, beyond which there are none.
        inside = np.clip(np.minimum(uv, 1 - uv).min(axis=1) / BORDER_SHARE, 0, 1)
        weight = seen_from(photo.camera, vertices, faces) * inside
        if photo.coverage is not None:
            weight = weight * photo.coverage
        return cls(photo.image, pixels.astype(np.float32), weight.astype(np.float32))

    def sample(self, pixels: Float32Array) -> Float32Array:
        """Colours (n, 3) 0..255 at pixels (n, 2), bilinear, the border's beyond it."""
        places = (pixels[:, 1] - 0.5, pixels[:, 0] - 0.5)
        channels = [
            map_coordinates(self.image[..., c], places, order=1, mode="nearest", output=np.float32)
            for c in range(3)
        ]
        return np.stack(channels, axis=1)


class _Colours:
    """The colour of any point on the mesh, given by a triangle and barycentric weights."""

    def __init__(
        self,
        views: Sequence[_View],
        faces: NDArray[np.int32],
        partners: NDArray[np.intp],
        material: NDArray[np.uint8],
    ) -> None:
        self.views, self.faces, self.material = views, faces, material
        self.mirrored = np.maximum(partners, 0)
        self.has_partner = (partners >= 0).astype(np.float32)
        self.fill = self._spread()

    def at(self, triangles: NDArray[Any], weights: Float32Array) -> Float32Array:
        """Colours (t, w, 3) 0..255 of the triangles (t,) at barycentric weights (w, 3)."""
        corners = self.faces[triangles]
        seen, certain = self._photographed(corners, weights)
        other, likely = self._photographed(self.mirrored[corners], weights)
        likely *= _between(self.has_partner[corners], weights)
        fill = _between(self.fill[corners], weights)
        behind = fill + (other - fill) * likely[..., None]
        return np.asarray(behind + (seen - behind) * certain[..., None], np.float32)

    def _photographed(
        self, corners: NDArray[Any], weights: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Colours (t, w, 3) that the photos show, and how well they see that place (t, w)."""
        total = np.zeros((len(corners), len(weights), 3), np.float32)
        shares = np.full((len(corners), len(weights)), 1e-6, np.float32)
        best = np.zeros_like(shares)
        for view in self.views:
            share = _between(view.weight[corners], weights)
            pixels = _between(view.pixels[corners], weights)
            colour = view.sample(pixels.reshape(-1, 2)).reshape(total.shape)
            # Squared, so that the photo that sees best decides.
            total += colour * (share**2)[..., None]
            shares += share**2
            best = np.maximum(best, share)
        return total / shares[..., None], best

    def _spread(self) -> Float32Array:
        """Colours (V, 3) at the vertices, spread over the surface from where they are known."""
        count = len(self.mirrored)
        every = np.repeat(np.arange(count)[:, None], 3, axis=1)
        first = np.array([[1, 0, 0]], np.float32)
        seen, certain = (part[:, 0] for part in self._photographed(every, first))
        pull = certain.astype(np.float64)
        mirror = MIRROR_PULL * self.has_partner * pull[self.mirrored] * (1 - pull)
        mean = self._means(seen, pull)
        edges = np.concatenate(
            [self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]]
        )
        both = np.concatenate([edges, edges[:, ::-1]]).T
        near = coo_matrix((np.ones(both.shape[1]), tuple(both)), (count, count)).tocsr()
        near.data[:] = 1.0
        laplacian = diags(np.asarray(near.sum(axis=1)).ravel()) - near
        system = SMOOTHNESS * laplacian + diags(pull + mirror + MEAN_PULL)
        wanted = (
            seen * pull[:, None] + seen[self.mirrored] * mirror[:, None] + MEAN_PULL * mean
        ).astype(np.float64)
        return np.asarray(splu(system.tocsc()).solve(wanted), np.float32)

    def _means(self, seen: Float32Array, pull: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean colour (V, 3) of what is seen of each vertex's material, else of all that is."""
        means = np.full((len(pull), 3), 128.0)
        every = np.ones(len(pull), np.bool_)
        for alike in (every, *(self.material == one for one in np.unique(self.material))):
            if (total := pull[alike].sum()) > LEAST_SEEN:
                means[alike] = (seen[alike] * pull[alike, None]).sum(axis=0) / total
        return means


def _between(values: NDArray[Any], weights: Float32Array) -> Float32Array:
    """Corner values (t, 3[, c]) at barycentric weights (w, 3): (t, w[, c])."""
    return np.asarray(np.einsum("wk,tk...->tw...", weights, values), np.float32)


def _atlas(
    photo: NDArray[np.uint8] | None,
    pixels: Float32Array,
    direct: NDArray[np.bool_],
    colours: _Colours,
) -> Texture:
    """The photo with a patch below it for every triangle that is not ``direct`` (F,)."""
    faces = colours.faces
    top, photo_width = photo.shape[:2] if photo is not None else (0, 0)
    width = max(photo_width, ATLAS_PX)
    patched = np.flatnonzero(~direct)
    per_row = width // PATCH_PX
    height = top + PATCH_PX * -(-len(patched) // per_row)
    image = np.full((max(height, 1), width, 3), 128, np.uint8)
    if photo is not None:
        image[:top, :photo_width] = photo
    row, column = np.divmod(np.arange(len(patched)), per_row)
    texels = colours.at(patched, _patch_weights()).reshape(-1, PATCH_PX, PATCH_PX, 3)
    rows = (top + row[:, None, None] * PATCH_PX) + np.arange(PATCH_PX)[None, :, None]
    columns = (column[:, None, None] * PATCH_PX) + np.arange(PATCH_PX)[None, None, :]
    image[rows, columns] = np.clip(np.rint(texels), 0, 255)

    used, inverse = np.unique(faces[direct], return_inverse=True)
    near, far = INSET_PX, PATCH_PX - INSET_PX
    corner = np.array([[near, near], [far, near], [near, far]])
    origin = np.stack([column * PATCH_PX, top + row * PATCH_PX], axis=1)
    new_faces = np.zeros(faces.shape, np.int32)
    new_faces[direct] = inverse.reshape(-1, 3)
    new_faces[patched] = len(used) + np.arange(3 * len(patched)).reshape(-1, 3)
    places = np.concatenate([pixels[used], (origin[:, None] + corner).reshape(-1, 2)])
    vertex = np.concatenate([used, faces[patched].ravel()]).astype(np.int32)
    return Texture(vertex, new_faces, (places / image.shape[1::-1]).astype(np.float32), image)


def _patch_weights() -> Float32Array:
    """Barycentric weights (PATCH_PX ** 2, 3) of a patch's texels, row by row."""
    along = (np.arange(PATCH_PX) + 0.5 - INSET_PX) / (PATCH_PX - 2 * INSET_PX)
    down, right = np.meshgrid(along, along, indexing="ij")
    weights = np.stack([1 - right - down, right, down], axis=-1).reshape(-1, 3)
    # Texels outside the triangle repeat its edge, so that filtering finds the right colours there.
    weights = np.maximum(weights, 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
