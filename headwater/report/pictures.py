"""Pictures inside the page, and drawings over them as SVG."""

from collections.abc import Iterable

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from skimage.measure import approximate_polygon, find_contours

from headwater.faces.vocabulary import FACE_PARTS, Part
from headwater.geometry.cameras import Camera, project

AXIS_MM = 110.0
SIMPLIFY_PX = 0.5


def depth_picture(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Depth (H, W) mm as RGBA: near is light, far is dark, transparent where there is no head."""
    seen = depth > 0
    picture = np.zeros((*depth.shape, 4), np.uint8)
    if seen.any():
        near, far = np.percentile(depth[seen], (1, 99))
        closeness = np.clip((far - depth) / max(far - near, 1e-3), 0, 1) ** 1.3
        dark, light = np.array([22, 58, 74]), np.array([240, 250, 246])
        picture[..., :3] = dark + (light - dark) * closeness[..., None]
        picture[..., 3] = seen * 255
    return picture


def _path(polygons: Iterable[NDArray[np.float64]]) -> str:
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in polygon) + "Z" for polygon in polygons
    )


def outline_path(region: NDArray[np.bool_]) -> str:
    """SVG path data, in px of the region (H, W), around its connected areas."""
    padded = np.pad(region.astype(np.float32), 1)
    polygons = []
    for contour in find_contours(padded, 0.5):
        polygon = approximate_polygon(contour, SIMPLIFY_PX)[:-1, ::-1]
        if len(polygon) >= 3:
            # Array index 0 of the padded region is the pixel centre at -0.5.
            polygons.append(polygon - 0.5)
    return _path(polygons)


def mask_layer(mask: NDArray[np.bool_]) -> Markup:
    """Outline of a head mask (H, W); what lies outside is dimmed."""
    height, width = mask.shape
    return Markup(
        '<g class="layer mask"><path class="outside" d="M0 0H{1}V{2}H0Z{0}"/>'
        '<path class="over" d="{0}"/></g>'
    ).format(outline_path(mask), width, height)


def parts_layer(parts: NDArray[np.uint8]) -> Markup:
    """Areas of the face parts (H, W), one path each, named in its tooltip."""
    shapes = Markup("").join(
        Markup('<path class="p{}" d="{}"><title>{}</title></path>').format(
            part.value, outline_path(parts == part), part.title
        )
        for part in (Part.SKIN, *FACE_PARTS[:-1])
        if (parts == part).any()
    )
    return Markup('<g class="layer parts">{}</g>').format(shapes)


def axes_layer(camera: Camera) -> Markup:
    """The head frame's axes from its origin: x to the subject's left, y up, z out of the face."""
    tips = np.vstack([np.zeros(3), AXIS_MM * np.eye(3)])
    pixels, depth = project(camera, tips)
    if (depth <= 0).any():
        return Markup("")
    (x0, y0), *ends = pixels.tolist()
    lines = Markup("").join(
        Markup(
            '<line class="{0}" x1="{1:.1f}" y1="{2:.1f}" x2="{3:.1f}" y2="{4:.1f}"/>'
            '<circle class="{0}" cx="{3:.1f}" cy="{4:.1f}" r="{5:.1f}"><title>{0} axis</title>'
            "</circle>"
        ).format(axis, x0, y0, x, y, camera.width / 90)
        for axis, (x, y) in zip("xyz", ends, strict=True)
    )
    return Markup('<g class="layer axes">{}</g>').format(lines)
