"""First stage: what each unit (sentence, line, bullet) says. One linear score per role.

The roles are the lure and the catch of every pattern, whether the unit speaks in a report, and, should it carry a catch,
how openly it tells it. Features are the unit's
words, lemmas, word parts, concepts and cues, and the cues of its neighbours. The other units of the same document
are the negatives while learning, so a document's register cancels out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hiddensale.analysis import WordType
from hiddensale.catalogue import DISCLOSURES, PATTERNS
from hiddensale.evidence import Evidence

ROLE_NAMES: tuple[str, ...] = (
    *(f"lure:{p}" for p in PATTERNS),
    *(f"catch:{p}" for p in PATTERNS),
    "speaks:reports",
    *(f"told:{d}" for d in DISCLOSURES),
)
# Where those columns stand that are not about one pattern.
SPEAKS, TOLD = ROLE_NAMES.index("speaks:reports"), ROLE_NAMES.index(f"told:{DISCLOSURES[0]}")
Floats = npt.NDArray[np.float64]


def word_features(word: WordType) -> list[str]:
    """Names of the features one word brings wherever it stands."""
    if "#num" in word.classes:
        return ["w:#num"]
    out = ["l:" + word.lemma]
    if not word.lower[:1].isalpha():
        return out
    if word.lower != word.lemma:
        out.append("w:" + word.lower)
    padded = f"^{word.lower}$"
    if len(padded) > 6:
        out.append("p:" + padded[:6])
        out.append("s:" + word.lemma[-6:])
        out.extend("g:" + padded[i : i + 5] for i in range(len(padded) - 4))
    out.extend("c:" + c for c in word.concepts)
    return out


def pair_features(a: WordType, b: WordType) -> list[str]:
    """Names of the features two neighbouring words bring together."""
    left = "#num" if "#num" in a.classes else a.lemma
    right = "#num" if "#num" in b.classes else b.lemma
    return [f"b:{left}_{right}"]


def cue_features(evidence: Evidence, u: int) -> dict[str, float]:
    """Cues of unit ``u`` and of its neighbours, and the unit's zone, as named values in 0..1."""
    kinds = evidence.kinds
    own = kinds[u]
    out = {"k:" + k: 1.0 for k in own}
    names = sorted(own)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            out[f"kk:{a}+{b}"] = 1.0
    if u:
        for k in kinds[u - 1]:
            out["kp:" + k] = 0.5
    if u + 1 < len(kinds):
        for k in kinds[u + 1]:
            out["kn:" + k] = 0.5
    n = len(kinds)
    zone = evidence.zones[u]
    if u == 0:
        out["z:first"] = 1.0
    elif u == 1:
        out["z:second"] = 1.0
    if u >= n - 2 and n > 3:
        out["z:last"] = 1.0
    for name in ("fineprint", "after_cta", "quoted", "bracketed", "heading"):
        if getattr(zone, name):
            out["z:" + name] = 1.0
    return out


def length_scale(n_words: int) -> float:
    """How a unit's word features are scaled, so that long units are not loud ones."""
    return float(1.0 / np.sqrt(n_words + 3.0))


class RoleModel:
    """Linear role scores from plain arrays.

    Parameters
    ----------
    names : sequence of str
        Feature names, sorted.
    weights : ndarray of shape (n_features, n_roles)
    bias : ndarray of shape (n_roles,)
    """

    def __init__(self, names: Iterable[str], weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> None:
        self.names = list(names)
        self.index: Mapping[str, int] = {n: i for i, n in enumerate(self.names)}
        self.weights = np.asarray(weights, dtype=np.float32)
        self.bias = np.asarray(bias, dtype=np.float64)
        self._words: dict[WordType, npt.NDArray[np.float32]] = {}
        self._zero = np.zeros(self.weights.shape[1], dtype=np.float32)

    def word_vector(self, word: WordType) -> npt.NDArray[np.float32]:
        """Sum of the weights of a word's features; cached by word type."""
        found = self._words.get(word)
        if found is None:
            if len(self._words) > 200_000:
                self._words.clear()
            rows = [i for f in word_features(word) if (i := self.index.get(f)) is not None]
            found = self.weights[rows].sum(axis=0) if rows else self._zero
            self._words[word] = found
        return found

    def scores(self, evidence: Evidence) -> Floats:
        """Role scores in log-odds, shape (n_units, n_roles)."""
        analysis = evidence.analysis
        words = analysis.words
        out = np.tile(self.bias, (len(analysis.units), 1))
        if not analysis.units:
            return out
        matrix = np.array([self.word_vector(w) for w in words])
        get = self.index.get
        for u, unit in enumerate(analysis.units):
            total = matrix[unit.first : unit.last].sum(axis=0, dtype=np.float64)
            rows = [i for a, b in pairwise(words[unit.first : unit.last]) for f in pair_features(a, b) if (i := get(f)) is not None]
            if rows:
                total += self.weights[rows].sum(axis=0)
            out[u] += total * length_scale(unit.last - unit.first)
            for name, value in cue_features(evidence, u).items():
                at = get(name)
                if at is not None:
                    out[u] += value * self.weights[at]
        return out
