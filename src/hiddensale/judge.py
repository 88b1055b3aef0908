"""Second stage, second half: from a described pair to scores, from plain arrays and without scikit-learn.

A head is a sum of parts: boosted trees and a linear model over the same named features, brought to one log-odds scale.
Every part can be asked for its share per feature, and the shares add up to the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trees:
    """Boosted regression trees in flat arrays; node ``i`` of a tree sends ``x[feature] <= threshold`` to ``left``.

    ``value`` is known at every node, so that each split's effect can be given to its feature.
    """

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    baseline: float

    def predict(self, x: Floats) -> Floats:
        """Raw scores, shape (n,), for rows of shape (n, n_features)."""
        n = len(x)
        node = np.repeat(self.roots[None, :], n, axis=0)
        rows = np.arange(n)[:, None]
        while True:
            feature = self.feature[node]
            inner = feature >= 0
            if not inner.any():
                break
            go_left = x[rows, np.maximum(feature, 0)] <= self.threshold[node]
            node = np.where(inner, np.where(go_left, self.left[node], self.right[node]), node)
        return np.asarray(self.value[node].sum(axis=1) + self.baseline)

    def contributions(self, x: Floats) -> Floats:
        """Shares per feature for one row ``x``; they add up to ``predict`` less the value at the roots."""
        out = np.zeros(len(x))
        node = self.roots.copy()
        while True:
            feature = self.feature[node]
            inner = feature >= 0
            if not inner.any():
                return out
            at = node[inner]
            f = self.feature[at]
            child = np.where(x[f] <= self.threshold[at], self.left[at], self.right[at])
            np.add.at(out, f, self.value[child] - self.value[at])
            node[inner] = child

    def base(self) -> float:
        """What is left of the score when no feature has spoken."""
        return float(self.value[self.roots].sum() + self.baseline)

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        return {
            f"{prefix}.roots": self.roots,
            f"{prefix}.feature": self.feature,
            f"{prefix}.threshold": self.threshold,
            f"{prefix}.left": self.left,
            f"{prefix}.right": self.right,
            f"{prefix}.value": self.value,
            f"{prefix}.baseline": np.array(self.baseline),
        }

    @classmethod
    def from_arrays(cls, prefix: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Trees:
        get = {k: arrays[f"{prefix}.{k}"] for k in ("roots", "feature", "threshold", "left", "right", "value")}
        return cls(**get, baseline=float(arrays[f"{prefix}.baseline"]))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Linear:
    """A linear model over standardised features."""

    weights: Floats
    bias: float
    mean: Floats
    scale: Floats

    def predict(self, x: Floats) -> Floats:
        return np.asarray(((x - self.mean) / self.scale) @ self.weights + self.bias)

    def contributions(self, x: Floats) -> Floats:
        return np.asarray((x - self.mean) / self.scale * self.weights)

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        return {f"{prefix}.weights": self.weights, f"{prefix}.bias": np.array(self.bias), f"{prefix}.mean": self.mean, f"{prefix}.scale": self.scale}

    @classmethod
    def from_arrays(cls, prefix: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Linear:
        return cls(
            np.asarray(arrays[f"{prefix}.weights"], dtype=np.float64),
            float(arrays[f"{prefix}.bias"]),
            np.asarray(arrays[f"{prefix}.mean"], dtype=np.float64),
            np.asarray(arrays[f"{prefix}.scale"], dtype=np.float64),
        )


@dataclass(frozen=True)
class Head:
    """One question about a pair, answered by trees and a linear model together: their mean in log-odds."""

    trees: Trees
    linear: Linear
    share: float = 0.5

    def predict(self, x: Floats) -> Floats:
        """Log-odds, shape (n,)."""
        return self.share * self.trees.predict(x) + (1 - self.share) * self.linear.predict(x)

    def contributions(self, x: Floats) -> tuple[Floats, float]:
        """Shares per feature for one row and the rest: ``shares.sum() + rest == predict(row)``."""
        shares = self.share * self.trees.contributions(x) + (1 - self.share) * self.linear.contributions(x)
        rest = self.share * self.trees.base() + (1 - self.share) * self.linear.bias
        return shares, rest

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        return {**self.trees.arrays(prefix + ".trees"), **self.linear.arrays(prefix + ".linear"), f"{prefix}.share": np.array(self.share)}

    @classmethod
    def from_arrays(cls, prefix: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Head:
        return cls(Trees.from_arrays(prefix + ".trees", arrays), Linear.from_arrays(prefix + ".linear", arrays), float(arrays[f"{prefix}.share"]))


# Up to so many tokens a text is short: a button, a line of a shop, a menu. A message of one sentence has more.
SHORT_TEXT = 20
# From such a probability of any hidden sale on, a text may lie between two patterns and be surely about neither.
SURE = 0.9
# Under such a probability a text must the more surely be about what the pattern is about.
UNSURE = 0.65
# From such a probability on a text is flagged though its catch reads as told clearly, or all of it as a report: most of such texts hide a sale.
OUTWEIGHS = 0.8


def gates_open(gates: Floats, p_any: npt.NDArray[np.floating] | float, share: Floats, about: Floats, lure: Floats, n_tokens: npt.NDArray[np.floating] | float) -> npt.NDArray[np.bool_]:
    """Whether a pattern may be flagged, however sure the judge is that something is hidden.

    Parameters
    ----------
    gates : ndarray of shape (8,)
        Values of a language, as in :data:`hiddensale.artifacts.GATES`; those of a further pattern and of what is told clearly are not asked here.
    p_any : float or ndarray of the same shape
        The probability of any hidden sale.
    share, about, lure : ndarray of the same shape
        The pattern's share among the patterns (0..1), the log-odds that the text is about such a thing, the role score of its
        lure.
    n_tokens : float or ndarray of the same shape
        Length of the text: a snippet says too little to accuse anybody, unless its lure is plain.

    Returns
    -------
    ndarray of bool
    """
    least_lure = np.where(np.asarray(n_tokens) <= SHORT_TEXT, gates[3], gates[2])
    sureness = np.asarray(p_any)
    least_about = np.where(sureness >= SURE, gates[4], np.where(sureness < UNSURE, gates[6], gates[1]))
    return np.asarray((share >= gates[0]) & (about >= least_about) & (lure >= least_lure))


def sigmoid(x: npt.NDArray[np.floating] | float) -> Floats:
    """The logistic function, safe at both ends."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, dtype=np.float64))))
