"""The same photo framed, turned, mirrored, resized and spoilt: what must not change its head."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Picture = NDArray[np.uint8]
FloatArray = NDArray[np.float64]

BORDER_SHARES: Final = (0.25, 0.5, 1.0)
TURN_DEGREES: Final = (10, 20, 30, 45, 60, 75, 90, 135, 180, 225, 270, 315)
SIZES: Final = {"half": 0.5, "quarter": 0.25, "double": 2.0}
JPEG_QUALITY: Final = 30
BLUR_PX: Final = 2
NOISE_SIGMA: Final = 15
_GREY: Final = (128, 128, 128)


@dataclass(frozen=True)
class Variant:
    """A changed photo.

    name: of the change, for figures; kind: the same in words. image: (h, w, 3) uint8. from_photo:
    (2, 3), px of the photo to px of the image; it mirrors where the image does.
    """

    name: str
    kind: str
    image: Picture
    from_photo: FloatArray

    @property
    def mirrored(self) -> bool:
        """True for a mirror image."""
        return bool(np.linalg.det(self.from_photo[:, :2]) < 0)


def variants(photo: Picture) -> Iterator[Variant]:
    """All variants of a photo (H, W, 3) uint8, the same in every run; the photo itself is none."""
    image = Image.fromarray(photo)
    yield from _framed(image)
    yield from _resized(image)
    yield from _spoilt(image)
    for degrees in TURN_DEGREES:
        yield _turned(image, degrees)
    mirror = np.array([[-1.0, 0.0, image.width], [0.0, 1.0, 0.0]])
    yield Variant("mirrored", "mirrored", np.asarray(ImageOps.mirror(image)), mirror)


def _framed(image: Image.Image) -> Iterator[Variant]:
    for share in BORDER_SHARES:
        width = round(share * max(image.size))
        for colour in ("white", "black"):
            wider = ImageOps.expand(image, width, colour)
            name = f"border_{share:.0%}_{colour}".replace("%", "")
            yield _moved(name, f"{colour} border of {share:.0%}", wider, width, width)
    left = image.width // 2
    wider = ImageOps.expand(image, (left, 0, 0, 0), _GREY)
    yield _moved("border_left", "grey border at the left", wider, left, 0)


def _moved(name: str, kind: str, image: Image.Image, x: int = 0, y: int = 0) -> Variant:
    return Variant(name, kind, np.asarray(image), np.array([[1.0, 0.0, x], [0.0, 1.0, y]]))


def _resized(image: Image.Image) -> Iterator[Variant]:
    for name, factor in SIZES.items():
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        stretch = np.diag([size[0] / image.width, size[1] / image.height])
        resized = image.resize(size, Image.Resampling.LANCZOS)
        affine = np.column_stack([stretch, np.zeros(2)])
        yield Variant(f"{name}_size", f"{name} size", np.asarray(resized), affine)


def _spoilt(image: Image.Image) -> Iterator[Variant]:
    coded = io.BytesIO()
    image.save(coded, "JPEG", quality=JPEG_QUALITY)
    yield _moved("jpeg", f"JPEG of quality {JPEG_QUALITY}", Image.open(coded))
    brightness = ImageEnhance.Brightness(image)
    yield _moved("dark", "half as bright", brightness.enhance(0.5))
    yield _moved("bright", "brighter by half", brightness.enhance(1.5))
    yield _moved("grey", "grey", ImageOps.grayscale(image).convert("RGB"))
    blurred = image.filter(ImageFilter.GaussianBlur(BLUR_PX))
    yield _moved("blur", f"blurred by {BLUR_PX} px", blurred)
    noise = np.random.default_rng(0).normal(0, NOISE_SIGMA, (image.height, image.width, 3))
    noisy = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
    yield _moved("noise", f"noise of sigma {NOISE_SIGMA}", Image.fromarray(noisy))


def _turned(image: Image.Image, degrees: int) -> Variant:
    """The photo turned counter-clockwise about its middle, on grey."""
    turned = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=_GREY)
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    middle = np.array(turned.size) / 2 - turn @ (np.array(image.size) / 2)
    affine = np.column_stack([turn, middle])
    kind = f"turned by {degrees} degrees"
    return Variant(f"turned_{degrees:03d}", kind, np.asarray(turned), affine)
