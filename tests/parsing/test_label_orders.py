"""The published label orders: by class name, with known places, and those that settings name."""

from typing import get_args

import pytest

from headwater.config import LabelOrder
from headwater.faces.vocabulary import FaceClass
from headwater.parsing.label_orders import LABEL_ORDERS


def test_the_orders_are_those_that_settings_name() -> None:
    assert set(LABEL_ORDERS) == set(get_args(LabelOrder))


@pytest.mark.parametrize(
    ("order", "places"),
    [
        ("helen_11", {"SKIN": [1], "NOSE": [6], "MOUTH_INTERIOR": [8], "HAIR": [10]}),
        ("celeb_19", {"NOSE": [2], "GLASSES": [3], "EARS": [8, 9, 15], "NECK": [16, 17]}),
        ("celeb_19_bisenet", {"GLASSES": [6], "NOSE": [10], "HAIR": [17], "HAT": [18]}),
        ("farl_19", {"NECK": [1, 18], "SKIN": [2], "UPPER_LIP": [13], "LOWER_LIP": [12]}),
    ],
)
def test_a_class_stands_where_its_publication_has_it(
    order: str, places: dict[str, list[int]]
) -> None:
    classes = LABEL_ORDERS[order]
    for name, expected in places.items():
        assert [n for n, one in enumerate(classes) if one is FaceClass[name]] == expected


@pytest.mark.parametrize("order", list(LABEL_ORDERS))
def test_every_order_has_its_number_of_classes_and_all_parts(order: str) -> None:
    classes = LABEL_ORDERS[order]
    assert len(classes) == int(order.split("_")[1])
    assert classes[0] is FaceClass.BACKGROUND
    for part in range(1, 9):
        assert classes.count(FaceClass(part)) == 1
