"""The part of every vertex of a mesh by votes, the same on the mesh's left and right."""

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
# A connected piece of a part with fewer vertices than this share of its largest piece is a stray.
SMALLEST_SHARE: Final = 0.2
# Least share of a vertex and its neighbours with its own part; half would erode brows, which are
# two vertices wide.
_AGREEING: Final = 0.25


def labels_of(votes: FloatArray, mean: FloatArray, faces: IntArray) -> Labels:
    """Part ids (V,) of a mesh with votes (V, 9), mean (V, 3) mm and faces (F, 3).

    The votes for a vertex and for its mirror image count together. A vertex gets the part with most
    votes, or that of most of its neighbours where few of these share it; connected pieces of a part
    that are small beside its largest piece get the part around them. A connected component of the
    mesh, such as an eyeball, is an eye as a whole. Vertices that no render shows have no part.
    """
    together = with_mirrored(votes, mirror_pairs_of(mean))
    together = _with_whole_eyes(together, components(faces, len(mean)))
    neighbours = neighbours_of(faces, len(mean))
    return _without_strays(_majority(together, neighbours), faces, neighbours)


def mirror_pairs_of(mean: FloatArray) -> NDArray[np.intp]:
    """Number (V,) of the mirror image of each vertex (V, 3) mm; its own where it has none."""
    partner = mirror_partners(mean, SAME_PLACE_MM)
    own = np.arange(len(mean))
    paired = (partner >= 0) & (partner[partner] == own)
    return np.where(paired, partner, own)


def with_mirrored(votes: FloatArray, partner: NDArray[np.intp]) -> NDArray[np.float64]:
    """Votes (V, 9) plus those for each vertex's partner (V,), left parts counted as right ones."""
    return np.asarray(votes + votes[partner][:, MIRRORED_PARTS], np.float64)


def neighbours_of(faces: IntArray, count: int) -> csr_array:
    """Adjacency matrix (V, V) of vertices: 1 where an edge joins two."""
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    both = np.concatenate([edges, edges[:, ::-1]])
    joined = csr_array((np.ones(len(both)), tuple(both.T)), shape=(count, count))
    joined.data[:] = 1.0
    return joined


def _majority(votes: NDArray[np.float64], neighbours: csr_array) -> Labels:
    """Part ids (V,) with most votes, or the neighbours' where these outvote it; none without votes.

    A vertex is outvoted where fewer than ``_AGREEING`` of itself and its neighbours have its part.
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
    """Votes (V, 9) in which a component of the mesh with most votes for an eye is one as a whole.

    pieces: (V,) numbers of components. Renders show an eyeball's front alone. Where a mesh has
    eyeballs, the lids before them are skin.
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
    """Part ids (V,) whose strays, connected by faces (F, 3), have the part around them."""
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
