"""How a whole text is worded: a linear model over lemmas, pairs of lemmas, word parts and concepts.

One of the judge's witnesses, never the judge: its scores are features beside the evidence of the pairs. It is learned on
a corpus in which style does not tell the label, and leaves punctuation, capitals, emoji and the digits of numbers out.
Per word type the word-part features are known once and for all, so a text costs a few array look-ups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hiddensale.analysis import Analysis, WordType
from hiddensale.catalogue import DISCLOSURES, PATTERNS

Floats = npt.NDArray[np.float64]
# For each text: is anything flagged; which pattern is flagged; which pattern is it about (honest look-alikes too); does it report
# an offer; how openly is a catch told.
COLUMNS: tuple[str, ...] = ("any", *(f"flagged:{p}" for p in PATTERNS), *(f"about:{p}" for p in PATTERNS), "reports", *DISCLOSURES)
# From here on the answers are about the text, before it (but for the first) about one pattern each.
OF_TEXT = COLUMNS.index("reports")
# Blocks of features, each scaled to length 1 times its weight: lemmas and their pairs, word parts, concepts.
BLOCKS = ("l", "g", "c")
BLOCK_WEIGHTS = (1.0, 1.0, 0.4)
_DIGITS = str.maketrans("0123456789", "0000000000")
_MIN_PART, _MAX_PART = 2, 5


def is_worded(word: WordType) -> bool:
    """Whether a token counts: words, numbers and currency do, punctuation and emoji do not."""
    return word.lower[:1].isalnum() or "#cur" in word.classes


def word_parts(word: WordType) -> list[str]:
    """Pieces of two to five letters of a word with its borders; digits are all alike."""
    padded = " " + word.lower.translate(_DIGITS)[:40] + " "
    return ["g" + padded[i : i + n] for n in range(_MIN_PART, _MAX_PART + 1) for i in range(len(padded) - n + 1)]


def word_names(word: WordType) -> list[str]:
    """All features one word brings by itself."""
    lemma = "#num" if "#num" in word.classes else word.lemma
    return ["l" + lemma, *word_parts(word), *("c" + c for c in word.concepts)]


def pair_names(words: Sequence[WordType]) -> list[str]:
    """Features of neighbouring words."""
    lemmas = ["#num" if "#num" in w.classes else w.lemma for w in words]
    return [f"l{a}_{b}" for a, b in pairwise(lemmas)]


def counts(analysis: Analysis) -> Counter[str]:
    """How often each feature stands in a text."""
    words = [w for w in analysis.words if is_worded(w)]
    out: Counter[str] = Counter(pair_names(words))
    for word in words:
        out.update(word_names(word))
    return out


class WordingModel:
    """Scores of a text from plain arrays.

    Parameters
    ----------
    names : sequence of str
        Feature names, sorted; the first letter is the block.
    idf : ndarray of shape (n_features,)
        Inverse document frequencies.
    weights : ndarray of shape (n_features, n_columns)
    bias : ndarray of shape (n_columns,)
    """

    def __init__(self, names: Sequence[str], idf: npt.NDArray[np.floating], weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> None:
        self.names = list(names)
        self.index: Mapping[str, int] = {n: i for i, n in enumerate(self.names)}
        self.idf = np.asarray(idf, dtype=np.float64)
        self.weights = np.asarray(weights, dtype=np.float32)
        self.bias = np.asarray(bias, dtype=np.float64)
        self._block = np.array([BLOCKS.index(n[0]) for n in self.names], dtype=np.int8) if self.names else np.zeros(0, dtype=np.int8)
        self._words: dict[WordType, npt.NDArray[np.int64]] = {}

    def _ids(self, word: WordType) -> npt.NDArray[np.int64]:
        found = self._words.get(word)
        if found is None:
            if len(self._words) > 200_000:
                self._words.clear()
            get = self.index.get
            found = self._words[word] = np.array([i for n in word_names(word) if (i := get(n)) is not None], dtype=np.int64)
        return found

    def vector(self, analysis: Analysis) -> tuple[npt.NDArray[np.int64], Floats]:
        """The features of a text that the model knows and their scaled values."""
        words = [w for w in analysis.words if is_worded(w)]
        get = self.index.get
        pieces = [self._ids(w) for w in words]
        pieces.append(np.array([i for n in pair_names(words) if (i := get(n)) is not None], dtype=np.int64))
        ids, n = np.unique(np.concatenate(pieces), return_counts=True)
        return ids, self.scaled(ids, n)

    def scaled(self, ids: npt.NDArray[np.integer], n: npt.NDArray[Any]) -> Floats:
        """The values of features ``ids`` that stand ``n`` times each in a text."""
        values = (1.0 + np.log(n)) * self.idf[ids]
        block = self._block[ids]
        for b, weight in enumerate(BLOCK_WEIGHTS):
            mine = block == b
            length = float(np.sqrt(np.square(values[mine]).sum()))
            if length:
                values[mine] *= weight / length
        return np.asarray(values)

    def scores(self, analysis: Analysis) -> Floats:
        """Log-odds of shape (n_columns,), columns as in :data:`COLUMNS`."""
        ids, values = self.vector(analysis)
        return np.asarray(values @ self.weights[ids] + self.bias)
