"""From the unit that carries a lure or a catch to the shortest run of words that does.

Every word of the unit gets a score for being inside the span, for opening and for closing it (linear, on the word,
its neighbours and the cues over it); the best run is the one with the largest sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from hiddensale.analysis import WordType
from hiddensale.evidence import Evidence

TAGS: tuple[str, ...] = ("lure inside", "lure opens", "lure closes", "catch inside", "catch opens", "catch closes")
_PUNCTUATION = set("\"'”“»«„.,;:!?()[]{}–—-…*•·|/✓→")


def _token(word: WordType) -> list[str]:
    if "#num" in word.classes:
        return ["#num"]
    if not word.lower[:1].isalnum():
        return ["t:" + word.lower]
    return ["l:" + word.lemma, "p:" + word.lower[:5], *("c:" + c for c in word.concepts)]


def token_rows(evidence: Evidence, u: int, pattern: str) -> list[dict[str, float]]:
    """Features of every word of unit ``u`` when a span of ``pattern`` is looked for."""
    unit = evidence.analysis.units[u]
    words = evidence.analysis.words[unit.first : unit.last]
    over: list[set[str]] = [set() for _ in words]
    edges: list[set[str]] = [set() for _ in words]
    for hit in evidence.hits:
        if hit.unit == u:
            for i in range(hit.first - unit.first, hit.last - unit.first):
                over[i].add(hit.key)
            edges[hit.first - unit.first].add("<" + hit.key)
            edges[hit.last - 1 - unit.first].add(">" + hit.key)
    n = len(words)
    tokens = [_token(w) for w in words]
    rows = []
    for i in range(n):
        row: dict[str, float] = {}
        for f in tokens[i]:
            row["0" + f] = 1.0
            row[f"0{pattern[:9]}{f}"] = 1.0
        for f in tokens[i - 1] if i else ("^",):
            row["-" + f] = 1.0
        for f in tokens[i + 1] if i + 1 < n else ("$",):
            row["+" + f] = 1.0
        if i > 1:
            row["--" + tokens[i - 2][0]] = 1.0
        if i + 2 < n:
            row["++" + tokens[i + 2][0]] = 1.0
        for k in over[i]:
            row["k" + k] = 1.0
        for k in edges[i]:
            row["e" + k] = 1.0
        row["place"] = i / n
        row["short"] = float(n <= 4)
        row["upper"] = float(words[i].lower[:1].isalpha() and evidence.analysis.text[evidence.analysis.starts[unit.first + i]].isupper())
        rows.append(row)
    return rows


class SpanModel:
    """Linear tag scores from plain arrays.

    Parameters
    ----------
    names : iterable of str
        Feature names.
    weights : ndarray of shape (n_features, 6)
        Columns as in :data:`TAGS`.
    bias : ndarray of shape (6,)
    """

    def __init__(self, names: Iterable[str], weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> None:
        self.names = list(names)
        self.index: Mapping[str, int] = {n: i for i, n in enumerate(self.names)}
        self.weights = np.asarray(weights, dtype=np.float32)
        self.bias = np.asarray(bias, dtype=np.float64)

    def tag_scores(self, evidence: Evidence, u: int, pattern: str) -> npt.NDArray[np.float64]:
        """Log-odds of shape (n_words, 6)."""
        rows = token_rows(evidence, u, pattern)
        out = np.tile(self.bias, (len(rows), 1))
        for i, row in enumerate(rows):
            for name, value in row.items():
                at = self.index.get(name)
                if at is not None:
                    out[i] += value * self.weights[at]
        return out

    def find(self, evidence: Evidence, u: int, pattern: str, role: str) -> tuple[int, int]:
        """Word range (first, last exclusive) of the best span of ``role`` in unit ``u``."""
        unit = evidence.analysis.units[u]
        scores = self.tag_scores(evidence, u, pattern)
        base = 0 if role == "lure" else 3
        first, last = best_run(scores[:, base], scores[:, base + 1], scores[:, base + 2])
        words = evidence.analysis.words
        first, last = unit.first + first, unit.first + last
        while last - first > 1 and words[first].lower in _PUNCTUATION:
            first += 1
        while last - first > 1 and words[last - 1].lower in _PUNCTUATION:
            last -= 1
        return _with_negation(evidence, u, first), last


def _with_negation(evidence: Evidence, u: int, first: int) -> int:
    """Where a span starts, with the negation right before it: a quote that leaves out a "not" says the opposite."""
    for hit in evidence.hits:
        if hit.unit == u and hit.key == "modifier.negation" and hit.first < first <= hit.last:
            return hit.first
    return first


def best_run(inside: npt.NDArray[np.float64], opens: npt.NDArray[np.float64], closes: npt.NDArray[np.float64]) -> tuple[int, int]:
    """The run with the largest sum of inside scores plus its opening and closing scores.

    Examples
    --------
    >>> best_run(np.array([-1.0, 2.0, 1.0, -3.0]), np.zeros(4), np.zeros(4))
    (1, 3)
    """
    n = len(inside)
    total = np.concatenate([[0.0], np.cumsum(inside)])
    gain = np.full((n, n), -np.inf)
    for i in range(n):
        gain[i, i:] = total[i + 1 :] - total[i] + opens[i] + closes[i:]
    flat = int(gain.argmax())
    return flat // n, flat % n + 1
