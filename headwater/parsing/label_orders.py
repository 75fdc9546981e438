"""The published orders of the classes that face parsers give, by name; resolved nowhere else.

Sides are as the order's own letters have them. Data sets and parsers differ in whose left they
mean, the subject's or the image's: that is found out with a picture (``onnx_parser``).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from headwater.faces.vocabulary import FaceClass

_CLASSES: Final[Mapping[str, FaceClass]] = MappingProxyType(
    {
        "background": FaceClass.BACKGROUND,
        "skin": FaceClass.SKIN,
        "l_brow": FaceClass.LEFT_BROW,
        "r_brow": FaceClass.RIGHT_BROW,
        "l_eye": FaceClass.LEFT_EYE,
        "r_eye": FaceClass.RIGHT_EYE,
        "nose": FaceClass.NOSE,
        "u_lip": FaceClass.UPPER_LIP,
        "l_lip": FaceClass.LOWER_LIP,
        "mouth": FaceClass.MOUTH_INTERIOR,
        "hair": FaceClass.HAIR,
        "ear": FaceClass.EARS,
        "earring": FaceClass.EARS,
        "neck": FaceClass.NECK,
        "necklace": FaceClass.NECK,
        "glasses": FaceClass.GLASSES,
        "hat": FaceClass.HAT,
        "cloth": FaceClass.CLOTHES,
    }
)


def _order(names: str) -> tuple[FaceClass, ...]:
    return tuple(_CLASSES[name] for name in names.split())


# helen_11: Helen, iBugMask and LaPa, as of DML-CSR and FaRL. celeb_19: CelebAMask-HQ as of MaskGAN
# and DML-CSR; celeb_19_bisenet: as of face-parsing.PyTorch; farl_19: as of FaRL's CelebM.
LABEL_ORDERS: Final[Mapping[str, tuple[FaceClass, ...]]] = MappingProxyType(
    {
        "helen_11": _order("background skin l_brow r_brow l_eye r_eye nose u_lip mouth l_lip hair"),
        "celeb_19": _order(
            "background skin nose glasses l_eye r_eye l_brow r_brow ear ear mouth u_lip l_lip hair "
            "hat earring necklace neck cloth"
        ),
        "celeb_19_bisenet": _order(
            "background skin l_brow r_brow l_eye r_eye glasses ear ear earring nose mouth u_lip "
            "l_lip neck necklace cloth hair hat"
        ),
        "farl_19": _order(
            "background neck skin cloth ear ear r_brow l_brow r_eye l_eye nose mouth l_lip u_lip "
            "hair glasses hat earring necklace"
        ),
    }
)
