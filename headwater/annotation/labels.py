"""From votes to one part for every vertex of a mesh, the same on its left and its right."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from headwater.faces.vocabulary import MIRRORED_PARTS, Part
from headwater.geometry.mirror import mirror_partners
from headwater.geometry.rings import components

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
Labels = NDArray[np.uint8]

SAME_PLACE_MM: Final = 1.0
# A piece of a part smaller than this share of the largest is a stray.
SMALLEST_SHARE: Final = 0.2
_AGREEING: Final = 0.25


def labels_of(votes: FloatArray, mean: FloatArray, faces: IntArray) -> Labels:
    """Part ids (V,) of a mesh with votes (V, 9), mean (V, 3) mm and faces (F, 3).

    The votes of a vertex and of its mirror image count together. A vertex has the part with most
    votes, where its own and its neighbours' together say so; pieces of a part that are small beside
    its largest take the part around them. A piece of the mesh of its own, as an eyeball, is an eye
    as a whole. Vertices that no render showed have none.
    """
    together = with_mirrored(votes, mirror_pairs_of(mean))
    together = _with_whole_eyes(together, components(faces, len(mean)))
    neighbours = neighbours_of(faces, len(mean))
    return _without_strays(_majority(together, neighbours), faces, neighbours)


def mirror_pairs_of(mean: FloatArray) -> NDArray[np.intp]:
    """For each vertex (V, 3) mm the one at its mirror image; itself where there is no such pair."""
    partner = mirror_partners(mean, SAME_PLACE_MM)
    own = np.arange(len(mean))
    paired = (partner >= 0) & (partner[partner] == own)
    return np.where(paired, partner, own)


def with_mirrored(votes: FloatArray, partner: NDArray[np.intp]) -> NDArray[np.float64]:
    """Votes (V, 9), those of each vertex's partner (V,) under the mirrored part's name added."""
    return np.asarray(votes + votes[partner][:, MIRRORED_PARTS], np.float64)


def neighbours_of(faces: IntArray, count: int) -> csr_array:
    """(V, V) with 1 where two vertices are joined by an edge."""
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    both = np.concatenate([edges, edges[:, ::-1]])
    joined = csr_array((np.ones(len(both)), tuple(both.T)), shape=(count, count))
    joined.data[:] = 1.0
    return joined


def _majority(votes: NDArray[np.float64], neighbours: csr_array) -> Labels:
    """Part (V,) with most votes, of a vertex that its neighbours agree with; none without votes.

    Where fewer than a quarter of a vertex and its neighbours have its part, it takes the one that
    most of them have. Half would wear away brows that are two vertices wide.
    """
    own = votes.argmax(axis=1)
    chosen = np.zeros(votes.shape)
    cast = votes.sum(axis=1) > 0
    chosen[np.flatnonzero(cast), own[cast]] = 1.0
    ring = chosen + neighbours @ chosen
    rows = np.arange(len(own))
    outvoted = ring[rows, own] < _AGREEING * ring.sum(axis=1)
    return np.where(cast & outvoted, ring.argmax(axis=1), own).astype(np.uint8)


def _with_whole_eyes(votes: NDArray[np.float64], pieces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Votes (V, 9) that make a piece of the mesh (V,) an eye where most of its votes are for it.

    Of an eyeball renders show the front alone. Where a mesh has one, the lids before it are skin.
    """
    totals = np.zeros((pieces.max() + 1, votes.shape[1]))
    np.add.at(totals, pieces, votes)
    winner = totals.argmax(axis=1)
    changed = votes.copy()
    for eye in (Part.LEFT_EYE, Part.RIGHT_EYE):
        whole = (winner == eye)[pieces]
        if whole.any():
            changed[:, Part.SKIN] += changed[:, eye]
            changed[:, eye] = 0.0
            changed[whole] = np.eye(len(Part))[eye]
    return changed


def _without_strays(labels: Labels, faces: IntArray, neighbours: csr_array) -> Labels:
    """Labels (V,) whose small pieces, by the edges of faces (F, 3), have the part around them."""
    same = faces[(labels[faces] == labels[faces[:, :1]]).all(axis=1)]
    piece = components(same, len(labels))
    areas = np.bincount(piece)[piece]
    largest = np.zeros(len(Part), np.int64)
    np.maximum.at(largest, labels, areas)
    stray = (areas < SMALLEST_SHARE * largest[labels]) & (labels != Part.NONE)
    filled = labels.copy()
    while stray.any():
        votes = np.zeros((len(labels), len(Part)))
        kept = np.flatnonzero(~stray)
        votes[kept, filled[kept]] = 1.0
        around = neighbours @ votes
        reached = stray & (around.sum(axis=1) > 0)
        if not reached.any():
            filled[stray] = Part.NONE
            break
        filled[reached] = around[reached].argmax(axis=1)
        stray = stray & ~reached
    return filled
