"""From the unit that carries a lure or a catch to the shortest run of words that does.

Every word of the unit gets a score for being inside the span, for opening and for closing it (linear, on the word,
its neighbours and the cues over it). The sum over a run is its log-probability but for a constant, learned as such (a
semi-Markov conditional random field with one segment; Sarawagi and Cohen 2004); the run that is returned is the one that agrees
best with all the likely ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hiddensale.analysis import WordType
from hiddensale.evidence import Evidence

# So many of the most probable runs are weighed against each other.
_CANDIDATES = 60
TAGS: tuple[str, ...] = ("lure inside", "lure opens", "lure closes", "catch inside", "catch opens", "catch closes")
_OPENING, _CLOSING = set("([{"), set(")]}")
_MARKS = set("\"'”“»«„.,;:!?–—-…*•·|/✓→")


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

    def find(self, evidence: Evidence, u: int, pattern: str, role: str, beside: tuple[int, int] | None = None) -> tuple[int, int]:
        """Word range (first, last exclusive) of the best span of ``role`` in unit ``u``.

        Where it would share words with ``beside`` and go beyond them, it is sought outside of them.
        """
        unit = evidence.analysis.units[u]
        words = [w.lower for w in evidence.analysis.words[unit.first : unit.last]]
        base = 0 if role == "lure" else 3
        scores = run_scores(self.tag_scores(evidence, u, pattern)[:, base : base + 3])
        counted = np.array([not (_is_mark(w) or w in _OPENING or w in _CLOSING) for w in words])
        total = np.cumsum(counted)
        edge = _edges(evidence, u)
        allowed = whole_runs(words) & edge[:-1, None] & edge[None, 1:] & (total[None, :] > (total - counted)[:, None])
        if allowed.any():
            scores = np.where(allowed, scores, -np.inf)
        first, last = best_run(scores, counted)
        if beside is not None:
            start, end = beside[0] - unit.first, beside[1] - unit.first
            numbers = np.arange(len(words))
            outside = (numbers[:, None] >= end) | (numbers[None, :] < start)
            if not outside[first, last - 1] and not start <= first < last <= end and np.isfinite(scores[outside]).any():
                first, last = best_run(np.where(outside, scores, -np.inf), counted)
        first, last = trimmed(words, first, last)
        first, last = unit.first + first, unit.first + last
        return _with_negation(evidence, u, first), last


def _is_mark(word: str) -> bool:
    """Whether a word is punctuation, but no bracket, or a line to be filled in."""
    return word in _MARKS or not word.strip("_.-")


def _edges(evidence: Evidence, u: int) -> npt.NDArray[np.bool_]:
    """Where in unit ``u`` a span may begin or end, before each word and after the last: not within "12 kk:n" or "EU:n"."""
    unit, a = evidence.analysis.units[u], evidence.analysis
    edge = np.ones(unit.last - unit.first + 1, dtype=bool)
    for i in range(unit.first + 1, unit.last - 1):
        if a.words[i].lower == ":" and a.ends[i - 1] == a.starts[i] and a.ends[i] == a.starts[i + 1] and a.words[i + 1].lower.isalpha():
            edge[i - unit.first : i - unit.first + 2] = False
    return edge


def whole_runs(words: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which runs of words, by first and last word, cut no pair of brackets.

    Examples
    --------
    >>> whole_runs(["24", "(", "in", ")"]).astype(int).tolist()
    [[1, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    """
    step = np.array([(w in _OPENING) - (w in _CLOSING) for w in words], dtype=int)
    after = np.cumsum(step)
    before = after - step
    ahead = np.arange(len(words))[:, None] <= np.arange(len(words))[None, :]
    lowest = np.minimum.accumulate(np.where(ahead, after[None, :], len(words)), axis=1)
    return np.asarray(ahead & (after[None, :] == before[:, None]) & (lowest >= before[:, None]))


def trimmed(words: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """The run without the marks at its ends; brackets go where a pair holds the whole run.

    Examples
    --------
    >>> trimmed(["–", "24", "(", "in", "all", ")", "."], 0, 7), trimmed(["(", "24", ")"], 0, 3)
    ((1, 6), (1, 2))
    """
    while last - first > 1:
        if _is_mark(words[first]):
            first += 1
        elif _is_mark(words[last - 1]):
            last -= 1
        elif last - first > 2 and words[first] in _OPENING and words[last - 1] in _CLOSING and whole_runs(words[first + 1 : last - 1])[0, -1]:
            first, last = first + 1, last - 1
        else:
            break
    return first, last


def _with_negation(evidence: Evidence, u: int, first: int) -> int:
    """Where a span starts, with the negation right before it: a quote that leaves out a "not" says the opposite."""
    for hit in evidence.hits:
        if hit.unit == u and hit.key == "modifier.negation" and hit.first < first <= hit.last:
            return hit.first
    return first


def run_scores(tags: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Score of every run of words: its inside scores, the opening score of its first and the closing score of its last word.

    Parameters
    ----------
    tags : ndarray of shape (..., n_words, 3)
        Inside, opens, closes.

    Returns
    -------
    ndarray of shape (..., n_words, n_words)
        By first and last word; minus infinity where the last stands before the first.

    Examples
    --------
    >>> run_scores(np.array([[1.0, 0.5, 0.0], [2.0, 0.0, 0.25]])).tolist()
    [[1.5, 3.75], [-inf, 2.25]]
    """
    inside, opens, closes = tags[..., 0], tags[..., 1], tags[..., 2]
    total = np.cumsum(inside, axis=-1)
    score = total[..., None, :] - (total - inside)[..., :, None] + opens[..., :, None] + closes[..., None, :]
    n = tags.shape[-2]
    return np.where(np.tri(n, k=-1, dtype=bool), -np.inf, score)


def best_run(scores: npt.NDArray[np.floating], counted: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The run that agrees best, in mean word F1, with the runs a reader may have marked.

    The scores of :func:`run_scores` are the log-probabilities of the runs but for a constant; the choice is the one of
    least Bayes risk among the most probable runs (Kumar and Byrne 2004, "Minimum Bayes-risk decoding").

    Parameters
    ----------
    scores : ndarray of shape (n_words, n_words)
    counted : ndarray of shape (n_words,)
        Which words count; punctuation does not.

    Returns
    -------
    tuple of int
        First word, and the one after the last.

    Examples
    --------
    >>> tags = np.array([[-1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [-3.0, 0.0, 0.0]])
    >>> best_run(run_scores(tags), np.ones(4, dtype=bool))
    (1, 3)
    """
    n = len(scores)
    flat = scores.ravel()
    top = np.argsort(-flat, kind="stable")[:_CANDIDATES]
    top = top[np.isfinite(flat[top])]
    share = np.exp(flat[top] - flat[top[0]])
    first, last = top // n, top % n + 1
    words = np.concatenate([[0], np.cumsum(counted)])
    size = words[last] - words[first]
    low, high = np.maximum(first[:, None], first[None, :]), np.minimum(last[:, None], last[None, :])
    both = np.where(high > low, words[np.maximum(high, low)] - words[low], 0)
    agreement = (2.0 * both / np.maximum(size[:, None] + size[None, :], 1)) @ share
    best = int(agreement.argmax())
    return int(first[best]), int(last[best])
