"""A sheet round the side of an egg with a nose: a surface with two open borders, of any size."""

import numpy as np

PUBLISHED = (367, 145)  # 53,215 vertices, as many as the Basel Face Model has


def toy_sheet(
    across: int, high: int, roughness: float = 0.05
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (across · high, 3) float32 mm, faces (F, 3) int64 and the nose tip (3,).

    Every second vertex has degree 4 and every second 8, as on the finest level of that model.
    """
    turn = np.linspace(0.0, 2.0 * np.pi, across, endpoint=False)
    height = np.linspace(-0.9, 0.9, high)
    angle, level = np.meshgrid(turn, height)
    width = np.sqrt(1.0 - level**2)
    nose = 25.0 * np.exp(-(np.sin(angle / 2.0) ** 2) * 60.0 - level**2 * 12.0)
    x, z = 75.0 * width * np.sin(angle), 90.0 * width * np.cos(angle) + nose
    points = np.stack([x, 110.0 * level, z], axis=2).reshape(-1, 3)
    points += np.random.default_rng(0).normal(0.0, roughness, points.shape)
    number = np.arange(across * high).reshape(high, across)
    right = np.roll(number, -1, axis=1)
    a, b, c, d = number[:-1], right[:-1], right[1:], number[1:]
    row, column = np.indices(a.shape)
    even = ((row + column) % 2 == 0)[..., None]
    first = np.where(even, np.stack([a, b, c], 2), np.stack([a, b, d], 2))
    second = np.where(even, np.stack([a, c, d], 2), np.stack([b, c, d], 2))
    faces = np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])
    return points.astype(np.float32), faces, np.array([0.0, 0.0, 115.0])
