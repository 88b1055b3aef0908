"""Weights in one byte each: 255 steps, and the size of a step for every column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def quantise(weights: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    """Weights of shape (..., n_rows, n_columns) as bytes, and the steps of shape (..., n_columns); a column of zeros has step 1.

    Examples
    --------
    >>> stored, step = quantise(np.array([[1.27, 0.0], [-0.5, 0.0]]))
    >>> stored.tolist(), step.round(4).tolist()
    ([[127, 0], [-50, 0]], [0.01, 1.0])
    """
    step = np.abs(weights).max(axis=-2).astype(np.float64) / 127.0
    step = np.where(step == 0, 1.0, step)
    return np.round(weights / step[..., None, :]).astype(np.int8), step


def restore(stored: npt.NDArray[np.integer], step: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The weights that :func:`quantise` stored, but for the rounding.

    Examples
    --------
    >>> restore(*quantise(np.array([[1.27], [-0.5]]))).round(4).tolist()
    [[1.27], [-0.5]]
    """
    return np.asarray(stored * np.asarray(step, dtype=np.float64)[..., None, :])
