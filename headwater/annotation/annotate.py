"""Votes of a pool of renders for the part of every vertex of a head model."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headwater.annotation.parsers import ImageParser
from headwater.annotation.renders import Pool, renders
from headwater.annotation.votes import view_votes
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.vocabulary import Part
from headwater.heads.model import HeadModel

# Share of the renders in which a parser must find a face.
LEAST_FOUND = 0.5


def votes_of(
    model: HeadModel,
    parse: ImageParser,
    pool: Pool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """Votes (V, 9) by part id; the same for the same arguments.

    progress(renders done, of all). Raises HeadwaterError where the parser finds a face in fewer
    than half of the renders.
    """
    total = np.zeros((len(model.mean), len(Part)))
    found = 0
    for number, (image, vertices, camera) in enumerate(renders(model, pool)):
        try:
            labels = parse(image)
        except ItemRejected:
            continue
        finally:
            progress(number + 1, pool.renders)
        total += view_votes(labels, vertices, model.faces, camera)
        found += 1
    if found < LEAST_FOUND * pool.renders:
        raise HeadwaterError(
            f"{model.name}: a face was found in {found} of {pool.renders} renders; "
            "is the mesh a head in the head frame, in millimetres?"
        )
    return total.astype(np.float32)
