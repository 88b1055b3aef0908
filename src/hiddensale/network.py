"""A small neural network that reads a text word by word, unit by unit: windows of words, then of units, then the whole.

It is the first stage's second opinion. Where the linear scores add up what every word says by itself, the network
learns turns of phrase: five neighbouring words make a window, the strongest windows make the unit, a unit is read
together with the units before and after it and with those farther away that it attends to, and the strongest units make
the text. It gives every unit the same role scores as :mod:`hiddensale.roles`, every pattern the answers of
:data:`PAIR_COLUMNS` from the units that look most like its lure and its catch, and the text the answers of
:data:`hiddensale.wording.COLUMNS`.

A network has several members, learned from different parts of the corpus, whose answers are averaged (Breiman 1996,
"Bagging predictors"): what one of them takes from the chance of its documents, the others do not.

Plain arrays, numpy only; :mod:`hiddensale.network_fit` learns them. Words are sums of learned vectors of their form,
lemma, concepts and parts (Bojanowski et al. 2017, "Enriching word vectors with subword information"), windows are a
convolution with maximum over the unit (Kim 2014, "Convolutional neural networks for sentence classification"), units attend to
units as words do in a transformer (Vaswani et al. 2017, "Attention is all you need").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hiddensale.analysis import Analysis, Unit, WordType
from hiddensale.catalogue import DISCLOSURES, PATTERNS
from hiddensale.evidence import Evidence
from hiddensale.quantising import quantise, restore
from hiddensale.roles import ROLE_NAMES, cue_features
from hiddensale.wording import COLUMNS

Floats = npt.NDArray[np.float64]
# Answers about one pattern, from the units most like its lure and its catch.
PAIR_COLUMNS: tuple[str, ...] = ("flagged", "present", "reports", *DISCLOSURES)
N_PATTERNS = len(PATTERNS)
# What is known of a pattern's pair besides the two units: both role scores, the order, the distance.
N_PAIR_FACTS = 4
WINDOW = (-2, -1, 0, 1, 2)
NEIGHBOURS = (-1, 0, 1)
# A unit attends to the units of its text up to so many before and after it, which is all of nearly any text, so that the longest text costs
# no more than its units. How far away they are is known in steps that grow with the distance.
REACH = 64
_STEPS = 8
N_DISTANCES = 2 * _STEPS + 1
_DISTANCES = np.arange(-REACH, REACH + 1)
_DISTANCE_OF = (np.sign(_DISTANCES) * np.minimum(np.floor(1.5 * np.log2(np.abs(_DISTANCES) + 1.0)), _STEPS)).astype(np.intp) + _STEPS
# Units read together see each other's reaches: few at a time, so that little is reckoned that nobody attends to.
_ATTENDING_AT_ONCE = 64
# The strongest role scores of a text enter the last layer at about the size of the other inputs.
ROLE_SCALE = 0.3
ROLE_FLOOR = -8.0
_MAX_PARTS = 20
# A long text is read in pieces of whole units: the hidden numbers of all its words at once would not fit in memory.
_WORDS_AT_ONCE = 20_000
PARAMETERS = ("emb", "w1", "b1", "wc", "bc", "w2", "b2", "wa", "ba", "wp", "wr", "br", "wq", "bq", "vo", "bv", "wd", "bd", "wo", "bo")
# Too large for a wheel in full precision: one byte a weight, a step per column.
QUANTISED = ("emb", "w1", "w2", "wa", "wp", "wd", "wq")
Parameters = Mapping[str, npt.NDArray[np.floating]]


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


@dataclass(frozen=True, slots=True)
class Reading:
    """What the network says of one text, all in log-odds.

    ``roles`` of shape (n_units, n_roles), columns as in :data:`hiddensale.roles.ROLE_NAMES`; ``pairs`` of shape
    (n_patterns, n_pair_columns), columns as in :data:`PAIR_COLUMNS`; ``answers`` of shape (n_columns,), columns as in
    :data:`hiddensale.wording.COLUMNS`.
    """

    roles: Floats
    pairs: Floats
    answers: Floats


class Network:
    """Reads texts with plain arrays.

    Parameters
    ----------
    names : sequence of str
        Names of the rows of ``emb``, sorted; the same for all members.
    cue_names : sequence of str
        Names of the rows of ``wc``, sorted.
    members : sequence of mapping of str to ndarray
        For each member the arrays named in :data:`PARAMETERS`.
    """

    def __init__(self, names: Sequence[str], cue_names: Sequence[str], members: Sequence[Parameters]) -> None:
        self.names = list(names)
        self.cue_names = list(cue_names)
        self.index: Mapping[str, int] = {n: i for i, n in enumerate(self.names)}
        self.cue_index: Mapping[str, int] = {n: i for i, n in enumerate(self.cue_names)}
        # Double precision while reading: the last digits then do not depend on the machine's matrix library.
        self.members: list[dict[str, Floats]] = [{k: np.asarray(p[k], dtype=np.float32 if k == "emb" else np.float64) for k in PARAMETERS} for p in members]
        self._words: dict[WordType, Floats] = {}

    def member(self, number: int) -> Network:
        """A network of one of the members alone."""
        return Network(self.names, self.cue_names, [self.members[number]])

    def word_vector(self, word: WordType, lang: str) -> Floats:
        """The vectors of a word, shape (n_members, n_dims); cached by word type."""
        found = self._words.get(word)
        if found is None:
            if len(self._words) > 100_000:
                self._words.clear()
            rows = [i for n in word_names(word, lang) if (i := self.index.get(n)) is not None]
            total = np.array([p["emb"][rows].sum(axis=0, dtype=np.float64) if rows else np.zeros(p["emb"].shape[1]) for p in self.members])
            found = self._words[word] = np.tanh(total * word_scale(len(rows)))
        return found

    def read(self, evidence: Evidence) -> Reading:
        """Read a text."""
        analysis = evidence.analysis
        units = analysis.units
        if not units:
            return Reading(np.zeros((0, len(ROLE_NAMES))), np.zeros((N_PATTERNS, len(PAIR_COLUMNS))), np.zeros(len(COLUMNS)))
        strongest = np.concatenate([self._strongest(analysis, block) for block in _blocks(units)], axis=1)
        rows = [[(at, value) for name, value in cue_row(evidence, u).items() if value and (at := self.cue_index.get(name)) is not None] for u in range(len(units))]
        seen = np.array(sorted({at for row in rows for at, _ in row}), dtype=np.intp)
        column = {int(at): k for k, at in enumerate(seen)}
        cues = np.zeros((len(units), len(seen)))
        for u, row in enumerate(rows):
            for at, value in row:
                cues[u, column[at]] = value
        found = [_read(p, strongest[m], cues @ p["wc"][seen]) for m, p in enumerate(self.members)]
        return Reading(*(np.mean(part, axis=0) for part in zip(*found, strict=True)))

    def _strongest(self, analysis: Analysis, units: Sequence[Unit]) -> Floats:
        """The strongest answer of every hidden number among the words of each unit, shape (n_members, n_units, n_hidden)."""
        start = units[0].first
        words = np.array([self.word_vector(w, analysis.lang) for w in analysis.words[start : units[-1].last]])
        firsts = [u.first - start for u in units]
        unit_of = np.repeat(np.arange(len(units)), [u.last - u.first for u in units])
        out = []
        for m, p in enumerate(self.members):
            hidden = np.maximum(windows(words[:, m], unit_of, WINDOW) @ p["w1"] + p["b1"], 0.0)
            out.append(np.maximum.reduceat(hidden, firsts, axis=0))
        return np.stack(out)

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        """The parameters as they are shipped; the first axis of each counts the members."""
        out: dict[str, npt.NDArray[np.generic]] = {}
        for name in PARAMETERS:
            value = np.stack([p[name] for p in self.members])
            if name in QUANTISED:
                out[f"{prefix}.{name}"], out[f"{prefix}.{name}.step"] = quantise(value)
            else:
                out[f"{prefix}.{name}"] = value.astype(np.float16)
        return out

    @classmethod
    def from_arrays(cls, prefix: str, names: Sequence[str], cue_names: Sequence[str], arrays: Mapping[str, npt.NDArray[np.generic]]) -> Network:
        """The inverse of :meth:`arrays`."""
        parts: dict[str, npt.NDArray[np.floating]] = {}
        for name in PARAMETERS:
            stored = arrays[f"{prefix}.{name}"]
            if name in QUANTISED:
                parts[name] = restore(stored.astype(np.int8), arrays[f"{prefix}.{name}.step"].astype(np.float64)).astype(np.float32)
            else:
                parts[name] = stored.astype(np.float64)
        return cls(names, cue_names, [{name: value[m] for name, value in parts.items()} for m in range(len(parts["emb"]))])


def _blocks(units: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
    """The units in their order, as many at a time as hold :data:`_WORDS_AT_ONCE` words, or one longer one."""
    begin = 0
    for u in range(1, len(units) + 1):
        if u == len(units) or units[u].last - units[begin].first > _WORDS_AT_ONCE:
            yield units[begin:u]
            begin = u


def _read(p: Mapping[str, Floats], strongest: Floats, cues: Floats) -> tuple[Floats, Floats, Floats]:
    """One member's reading of a text: roles, pairs, answers."""
    n = len(strongest)
    unit = np.concatenate([strongest, np.maximum(cues + p["bc"], 0.0)], axis=1)
    wide = np.maximum(windows(unit, np.zeros(n, dtype=np.intp), NEIGHBOURS) @ p["w2"] + p["b2"] + attended(unit @ p["wa"], p["ba"]) @ p["wp"], 0.0)
    roles = np.concatenate([unit, wide], axis=1) @ p["wr"] + p["br"]
    top = np.maximum(roles.max(axis=0), ROLE_FLOOR) * ROLE_SCALE
    whole = np.maximum(np.concatenate([wide.max(axis=0), wide.mean(axis=0), top]) @ p["wd"] + p["bd"], 0.0)
    answers = whole @ p["wo"] + p["bo"]
    # The units a pattern's lure and catch are sought in: weighed by their role scores.
    scores = roles[:, : 2 * N_PATTERNS]
    weight = np.exp(scores - scores.max(axis=0))
    weight /= weight.sum(axis=0)
    context = weight.T @ wide
    place = np.arange(n) @ weight
    apart = place[N_PATTERNS:] - place[:N_PATTERNS]
    facts = np.stack([top[:N_PATTERNS], top[N_PATTERNS : 2 * N_PATTERNS], np.tanh(apart), np.log1p(np.abs(apart))], axis=1)
    both = np.concatenate([context[:N_PATTERNS], context[N_PATTERNS:], facts], axis=1)
    pairs = np.maximum(both @ p["wq"] + p["bq"], 0.0) @ p["vo"] + p["bv"]
    answers[1 : 1 + N_PATTERNS] += pairs[:, 0]
    answers[1 + N_PATTERNS : 1 + 2 * N_PATTERNS] += pairs[:, 1]
    return roles, pairs, answers


def attended(asked: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """What every unit of a text takes from the units it attends to, shape (n_units, n_heads * n_dims).

    Parameters
    ----------
    asked : ndarray of shape (n_units, 3 * n_heads * n_dims)
        Queries, keys and values.
    bias : ndarray of shape (n_heads, N_DISTANCES)
        How much each head likes each distance.
    """
    n = len(asked)
    query, key, value = heads_of(asked, len(bias))
    out = np.empty_like(query)
    for begin in range(0, n, _ATTENDING_AT_ONCE):
        end = min(begin + _ATTENDING_AT_ONCE, n)
        seen = slice(max(begin - REACH, 0), min(end + REACH, n))
        out[:, begin:end] = shares_of(query[:, begin:end], key[:, seen], liking(bias, distances(begin, end, seen))) @ value[:, seen]
    return np.asarray(out.transpose(1, 0, 2).reshape(n, -1))


def heads_of(asked: npt.NDArray[np.floating], n_heads: int) -> npt.NDArray[np.floating]:
    """Queries, keys and values by head, shape (3, n_heads, n_units, n_dims)."""
    return asked.reshape(len(asked), 3, n_heads, -1).transpose(1, 2, 0, 3)


def distances(begin: int, end: int, seen: slice) -> npt.NDArray[np.intp]:
    """The step of the distance from each unit of ``begin`` to ``end`` to each of ``seen``; :data:`N_DISTANCES` where it is out of reach."""
    apart = np.arange(seen.start, seen.stop)[None, :] - np.arange(begin, end)[:, None]
    return np.where(np.abs(apart) <= REACH, _DISTANCE_OF[np.clip(apart, -REACH, REACH) + REACH], N_DISTANCES)


def liking(bias: npt.NDArray[np.floating], step: npt.NDArray[np.intp]) -> npt.NDArray[np.floating]:
    """How much each head likes each unit for its distance, shape (n_heads, *step.shape); nothing out of reach is liked at all."""
    far = np.full((len(bias), 1), -np.inf, dtype=bias.dtype)
    return np.asarray(np.concatenate([bias, far], axis=1)[:, step])


def shares_of(query: npt.NDArray[np.floating], key: npt.NDArray[np.floating], liked: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """How much of its attention each unit gives to each other, shape (..., n_heads, n_units, n_seen); its sum is 1.

    ``query`` and ``key`` have shape (..., n_heads, n, n_dims).
    """
    share = query @ key.swapaxes(-1, -2)
    share *= share.dtype.type(query.shape[-1] ** -0.5)
    share += liked
    share -= share.max(axis=-1, keepdims=True)
    np.exp(share, out=share)
    share /= share.sum(axis=-1, keepdims=True)
    return np.asarray(share)


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
