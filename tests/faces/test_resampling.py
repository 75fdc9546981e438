"""Cuts of a photo: pixels come from where the map says, averaged where they shrink."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.faces.affine import inside_photo, inverted, map_points
from headwater.faces.resampling import resampled


def similarity(scale: float, degrees: float, x: float, y: float) -> NDArray[np.float64]:
    cosine, sine = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


def about(
    photo: tuple[int, int], scale: float, degrees: float, cut: tuple[int, int]
) -> NDArray[np.float64]:
    """The similarity that puts the middle of the photo (width, height) into that of the cut."""
    affine = similarity(scale, degrees, 0, 0)
    affine[:, 2] = np.array(cut) / 2 - affine[:, :2] @ (np.array(photo) / 2)
    return affine


@given(
    st.integers(120, 300),
    st.integers(120, 300),
    st.floats(0.06, 2.5),
    st.floats(-180, 180),
    st.integers(8, 96),
)
def test_pixels_lie_where_the_map_says(
    width: int, height: int, scale: float, degrees: float, px: int
) -> None:
    """A linear ramp survives turning and averaging, so it tells where pixels came from."""
    rows, columns = np.mgrid[:height, :width]
    ramp = np.stack([columns * 255 / width, rows * 255 / height, 0 * rows], axis=2)
    affine = about((width, height), scale, degrees, (px, px))
    cut = resampled(np.rint(ramp).astype(np.uint8), affine, px, px)
    v, u = np.mgrid[:px, :px] + 0.5
    source = map_points(inverted(affine), np.stack([u.ravel(), v.ravel()], axis=1))
    # Near the border, and a reduced pixel away from it, the ramp ends.
    edge = 2 / scale + 2
    inner = ((source > edge) & (source < np.array([width, height]) - edge)).all(axis=1)
    expected = (source - 0.5) * 255 / np.array([width, height])
    assert np.abs(cut.reshape(-1, 3)[inner, :2] - expected[inner]).max(initial=0) <= 1.6


def test_a_map_that_changes_nothing_keeps_every_pixel() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    cut = resampled(photo, np.eye(3)[:2], 80, 60)
    np.testing.assert_array_equal(cut, photo)
    moved = resampled(photo, similarity(1, 0, 0, 0) + [[0, 0, -20], [0, 0, -10]], 30, 20)
    np.testing.assert_array_equal(moved, photo[10:30, 20:50])


@pytest.mark.parametrize("scale", [0.5, 0.3, 0.13])
@pytest.mark.parametrize("degrees", [0, 17, 45])
def test_shrinking_leaves_no_aliases(scale: float, degrees: float) -> None:
    """A fine checkerboard becomes even grey; sampling alone would keep its contrast."""
    rows, columns = np.mgrid[:600, :600]
    board = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    px = round(300 * scale)
    cut = resampled(board, about((600, 600), scale, degrees, (px, px)), px, px)
    assert np.ptp(cut[2:-2, 2:-2].astype(int)) < 40
    assert abs(cut[2:-2, 2:-2].mean() - 127.5) < 1.5


def test_whole_factors_are_exact_means() -> None:
    photo = np.random.default_rng(1).integers(0, 255, (96, 120, 3)).astype(np.uint8)
    cut = resampled(photo, similarity(0.25, 0, 0, 0), 30, 24)
    exact = photo.reshape(24, 4, 30, 4, 3).mean(axis=(1, 3))
    assert np.abs(cut - exact).max() <= 1


def test_the_border_is_replicated_and_known() -> None:
    photo = np.full((40, 50, 3), 90, np.uint8)
    photo[:, -1], photo[0] = 200, 30
    affine = similarity(1, 0, 20, 30)
    cut = resampled(photo, affine, 90, 100)
    shown = inside_photo(affine, 50, 40, 90, 100)
    assert shown.sum() == 40 * 50
    np.testing.assert_array_equal(np.argwhere(shown)[[0, -1]], [[30, 20], [69, 69]])
    assert (cut[35, 70:] == 200).all()
    assert (cut[:30, 20:70] == 30).all()


@given(st.floats(0.6, 3), st.floats(-180, 180), st.floats(-40, 40), st.floats(-40, 40))
def test_a_photo_within_its_replicated_border_has_the_same_cut(
    scale: float, degrees: float, x: float, y: float
) -> None:
    """The larger photo holds all that the cut needs, so nothing beyond it is asked for."""
    rows, columns = np.mgrid[:45, :60]
    photo = np.stack([3 * columns + 70, 4 * rows + 70, 255 - 3 * columns], axis=2).astype(np.uint8)
    wider = np.pad(photo, ((300, 300), (300, 300), (0, 0)), mode="edge")
    affine = similarity(scale, degrees, x, y)
    to_wider = affine + np.column_stack([np.zeros((2, 2)), affine[:, :2] @ (-300, -300)])
    cut, other = resampled(photo, affine, 40, 30), resampled(wider, to_wider, 40, 30)
    assert np.abs(cut.astype(int) - other).max() <= 1


@given(st.floats(0.2, 3), st.floats(-180, 180), st.floats(-40, 40), st.floats(-40, 40))
def test_inside_is_where_the_photo_is(scale: float, degrees: float, x: float, y: float) -> None:
    affine = similarity(scale, degrees, x, y)
    shown = inside_photo(affine, 37, 23, 31, 29)
    inverse = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    for row in range(0, 29, 7):
        for column in range(0, 31, 6):
            back = inverse @ (column + 0.5, row + 0.5, 1)
            assert shown[row, column] == (0 <= back[0] < 37 and 0 <= back[1] < 23)


def test_a_cut_within_the_photo_is_inside_and_one_a_pixel_on_is_not() -> None:
    """Pixels count by their centres."""
    assert inside_photo(similarity(1, 0, -5, -7), 37, 23, 32, 16).all()
    for x, y, outside in ((-5.6, -7, 16), (-5, -7.6, 32), (0.6, -7, 16), (-5, 0.6, 32)):
        assert (~inside_photo(similarity(1, 0, x, y), 37, 23, 32, 16)).sum() == outside


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (900, 2, 3)])
@pytest.mark.parametrize("scale", [0.01, 0.7, 40.0])
def test_cuts_of_extreme_photos(shape: tuple[int, ...], scale: float) -> None:
    photo = np.full(shape, 77, np.uint8)
    cut = resampled(photo, similarity(scale, 30, -500, 900), 16, 16)
    assert cut.shape == (16, 16, 3)
    assert (cut == 77).all()
