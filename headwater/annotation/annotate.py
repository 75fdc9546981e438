"""The votes of a pool of renders for every vertex of a head model."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headwater.annotation.parsers import ImageParser
from headwater.annotation.renders import Pool, renders
from headwater.annotation.votes import view_votes
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.vocabulary import Part
from headwater.heads.model import HeadModel

# A parser that finds fewer faces than this share of the renders does not know such heads.
LEAST_FOUND = 0.5


def votes_of(
    model: HeadModel,
    parse: ImageParser,
    pool: Pool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """Votes (V, 9) by part id, the same for the same arguments.

    progress(done, renders). Raises HeadwaterError where the parser finds no face in most renders.
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
