"""A small neural network that reads a text word by word, unit by unit: windows of words, then of units, then the whole.

It is the first stage's second opinion. Where the linear scores add up what every word says by itself, the network
learns turns of phrase: five neighbouring words make a window, the strongest windows make the unit, a unit is read
together with the units before and after it, and the strongest units make the text. It gives every unit the same role
scores as :mod:`hiddensale.roles`, and the text the answers of :data:`COLUMNS`.

Plain arrays, numpy only; :mod:`hiddensale.network_fit` learns them. Words are sums of learned vectors of their form,
lemma, concepts and parts (Bojanowski et al. 2017, "Enriching word vectors with subword information"), windows are a
convolution with maximum over the unit (Kim 2014, "Convolutional neural networks for sentence classification").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hiddensale.analysis import WordType
from hiddensale.catalogue import DISCLOSURES
from hiddensale.evidence import Evidence
from hiddensale.roles import ROLE_NAMES, cue_features
from hiddensale.wording import COLUMNS as WORDING_COLUMNS

Floats = npt.NDArray[np.float64]
# Answers about the whole text: those of the wording model, whether some offer is reported, how any catch is told.
COLUMNS: tuple[str, ...] = (*WORDING_COLUMNS, "reports", *DISCLOSURES)
WINDOW = (-2, -1, 0, 1, 2)
NEIGHBOURS = (-1, 0, 1)
# The strongest role scores of a text enter the last layer at about the size of the other inputs.
ROLE_SCALE = 0.3
ROLE_FLOOR = -8.0
_MAX_PARTS = 20
PARAMETERS = ("emb", "w1", "b1", "wc", "bc", "w2", "b2", "wr", "br", "wd", "bd", "wo", "bo")
# Too large for a wheel in full precision: one byte a weight, a step per column.
QUANTISED = ("emb", "w1", "w2", "wd")


def word_names(word: WordType, lang: str) -> list[str]:
    """Names of the learned vectors whose sum is a word; concepts and classes are shared by all languages."""
    if "#num" in word.classes:
        return ["#num"]
    out = [f"{lang}l:{word.lemma}"]
    if word.lower != word.lemma:
        out.append(f"{lang}w:{word.lower}")
    out += ["c:" + c for c in word.concepts]
    if word.lower[:1].isalpha():
        padded = f"^{word.lower[:30]}$"
        if len(padded) > 7:
            out += [f"{lang}p:{padded[:6]}", f"{lang}s:{padded[-5:]}"]
        out += [f"{lang}g:{padded[i : i + 4]}" for i in range(len(padded) - 3)]
    return [*word.classes, *out][:_MAX_PARTS]


def cue_row(evidence: Evidence, u: int) -> dict[str, float]:
    """Cues and zone of unit ``u``; the network finds pairs of cues by itself."""
    return {k: v for k, v in cue_features(evidence, u).items() if not k.startswith("kk:")}


class Network:
    """Role scores of units and answers about the text, from plain arrays.

    Parameters
    ----------
    names : sequence of str
        Names of the rows of ``emb``, sorted.
    cue_names : sequence of str
        Names of the rows of ``wc``, sorted.
    parameters : mapping of str to ndarray
        The arrays named in :data:`PARAMETERS`.
    """

    def __init__(self, names: Sequence[str], cue_names: Sequence[str], parameters: Mapping[str, npt.NDArray[np.floating]]) -> None:
        self.names = list(names)
        self.cue_names = list(cue_names)
        self.index: Mapping[str, int] = {n: i for i, n in enumerate(self.names)}
        self.cue_index: Mapping[str, int] = {n: i for i, n in enumerate(self.cue_names)}
        # Double precision while reading: the last digits then do not depend on the machine's matrix library.
        self.parameters: dict[str, Floats] = {k: np.asarray(parameters[k], dtype=np.float32 if k == "emb" else np.float64) for k in PARAMETERS}
        self._words: dict[WordType, Floats] = {}

    def word_vector(self, word: WordType, lang: str) -> Floats:
        """The vector of a word, shape (n_dims,); cached by word type."""
        found = self._words.get(word)
        if found is None:
            if len(self._words) > 200_000:
                self._words.clear()
            rows = [i for n in word_names(word, lang) if (i := self.index.get(n)) is not None]
            emb = self.parameters["emb"]
            total = emb[rows].sum(axis=0, dtype=np.float64) if rows else np.zeros(emb.shape[1])
            found = self._words[word] = np.tanh(total * word_scale(len(rows)))
        return found

    def read(self, evidence: Evidence) -> tuple[Floats, Floats]:
        """Read a text.

        Parameters
        ----------
        evidence : Evidence

        Returns
        -------
        roles : ndarray of shape (n_units, n_roles)
            Log-odds, columns as in :data:`hiddensale.roles.ROLE_NAMES`.
        answers : ndarray of shape (n_columns,)
            Log-odds, columns as in :data:`COLUMNS`.
        """
        p = self.parameters
        analysis = evidence.analysis
        units = analysis.units
        if not units:
            return np.zeros((0, len(ROLE_NAMES))), np.zeros(len(COLUMNS))
        words = np.array([self.word_vector(w, analysis.lang) for w in analysis.words])
        unit_of = np.repeat(np.arange(len(units)), [u.last - u.first for u in units])
        hidden = np.maximum(windows(words, unit_of, WINDOW) @ p["w1"] + p["b1"], 0.0)
        strongest = np.maximum.reduceat(hidden, [u.first for u in units], axis=0)
        cues = np.tile(p["bc"], (len(units), 1))
        for u in range(len(units)):
            for name, value in cue_row(evidence, u).items():
                at = self.cue_index.get(name)
                if at is not None:
                    cues[u] += value * p["wc"][at]
        unit = np.concatenate([strongest, np.maximum(cues, 0.0)], axis=1)
        wide = np.maximum(windows(unit, np.zeros(len(units), dtype=np.intp), NEIGHBOURS) @ p["w2"] + p["b2"], 0.0)
        roles = np.concatenate([unit, wide], axis=1) @ p["wr"] + p["br"]
        top = np.maximum(roles.max(axis=0), ROLE_FLOOR) * ROLE_SCALE
        whole = np.maximum(np.concatenate([wide.max(axis=0), wide.mean(axis=0), top]) @ p["wd"] + p["bd"], 0.0)
        return roles, whole @ p["wo"] + p["bo"]

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        """The parameters as they are shipped."""
        out: dict[str, npt.NDArray[np.generic]] = {}
        for name, value in self.parameters.items():
            if name in QUANTISED:
                step = np.maximum(np.abs(value).max(axis=0).astype(np.float64), 1e-12) / 127.0
                out[f"{prefix}.{name}.step"] = step
                out[f"{prefix}.{name}"] = np.round(value / step).astype(np.int8)
            else:
                out[f"{prefix}.{name}"] = value.astype(np.float16)
        return out

    @classmethod
    def from_arrays(cls, prefix: str, names: Sequence[str], cue_names: Sequence[str], arrays: Mapping[str, npt.NDArray[np.generic]]) -> Network:
        """The inverse of :meth:`arrays`."""
        parameters: dict[str, npt.NDArray[np.floating]] = {}
        for name in PARAMETERS:
            value = np.asarray(arrays[f"{prefix}.{name}"], dtype=np.float64)
            parameters[name] = value * np.asarray(arrays[f"{prefix}.{name}.step"], dtype=np.float64) if name in QUANTISED else value
        return cls(names, cue_names, parameters)


def word_scale(n_parts: int) -> float:
    """How the sum of a word's vectors is scaled: long words are not loud ones."""
    return 2.0 / float(np.sqrt(max(n_parts, 1)))


def windows(rows: npt.NDArray[np.floating], owner: npt.NDArray[np.integer], shifts: Sequence[int]) -> npt.NDArray[np.floating]:
    """Each row beside its neighbours at ``shifts``, shape (n, n_dims * n_shifts); zeros where the neighbour has another owner.

    Examples
    --------
    >>> windows(np.array([[1.0], [2.0], [3.0]]), np.array([0, 0, 1]), (-1, 0, 1)).tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 0.0], [0.0, 3.0, 0.0]]
    """
    n, d = rows.shape
    out = np.zeros((n, d * len(shifts)), dtype=rows.dtype)
    for k, s in enumerate(shifts):
        to, from_ = _aligned(n, s)
        same = (owner[to] == owner[from_])[:, None]
        out[to, k * d : (k + 1) * d] = rows[from_] * same
    return out


def _aligned(n: int, shift: int) -> tuple[slice, slice]:
    """Rows that have a neighbour at ``shift``, and those neighbours."""
    if shift < 0:
        return slice(min(-shift, n), n), slice(0, max(n + shift, 0))
    return slice(0, max(n - shift, 0)), slice(min(shift, n), n)


def windows_back(gradient: npt.NDArray[np.floating], owner: npt.NDArray[np.integer], shifts: Sequence[int]) -> npt.NDArray[np.floating]:
    """The gradient of :func:`windows` with regard to its rows."""
    n = len(gradient)
    d = gradient.shape[1] // len(shifts)
    out = np.zeros((n, d), dtype=gradient.dtype)
    for k, s in enumerate(shifts):
        to, from_ = _aligned(n, s)
        same = (owner[to] == owner[from_])[:, None]
        out[from_] += gradient[to, k * d : (k + 1) * d] * same
    return out
