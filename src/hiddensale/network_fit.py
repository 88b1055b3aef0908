"""Learn a :class:`hiddensale.network.Network`: forward, backward and Adam in numpy, the same figures on every run.

Batches are rows of whole texts laid end to end, so nothing is padded. Dropout on words, word parts, units and cues;
Adam (Kingma and Ba 2015) with decoupled weight decay, in which a word part's vector moves only when it was seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hiddensale.evidence import Evidence
from hiddensale.network import COLUMNS, NEIGHBOURS, PARAMETERS, ROLE_FLOOR, ROLE_SCALE, WINDOW, Network, cue_row, windows, windows_back, word_names, word_scale
from hiddensale.roles import ROLE_NAMES

F32 = npt.NDArray[np.float32]
Parameters = dict[str, F32]


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes and schedule; chosen on the development split (docs/decisions)."""

    dims: int = 64
    hidden: int = 128
    cue_hidden: int = 48
    epochs: int = 10
    rate: float = 2e-3
    decay: float = 1e-2
    min_df: int = 3
    batch_words: int = 6000
    batch_texts: int = 64
    drop: float = 0.3
    drop_words: float = 0.1
    drop_parts: float = 0.3
    drop_cues: float = 0.2
    role_weight: float = 1.5
    any_weight: float = 4.0


@dataclass
class Text:
    """One text to learn from; a line of a phrase book has ``weight`` 0: its units count, the whole does not.

    ``roles`` and ``known`` have shape (n_units, n_roles), ``answers`` and ``answers_known`` shape (n_columns,).
    """

    types: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]
    cues: list[list[tuple[int, float]]]
    roles: F32
    known: F32
    answers: F32
    answers_known: F32
    weight: float


class Vocabulary:
    """Word types of a corpus, their parts and the cue names: numbers in place of names."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, int], int] = {}
        self._keep: list[Any] = []
        self.parts: list[list[str]] = []
        self.cues: dict[str, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Fitting, which may run in another process, needs the names alone.
        return {"_types": {}, "_keep": [], "parts": self.parts, "cues": self.cues}

    def text(self, evidence: Evidence, roles: npt.NDArray[Any], known: npt.NDArray[Any], answers: npt.NDArray[Any], answers_known: npt.NDArray[Any], weight: float) -> Text:
        """Number a text's words and cues."""
        a = evidence.analysis
        types = np.empty(len(a.words), dtype=np.int32)
        for i, word in enumerate(a.words):
            key = (a.lang, id(word))
            at = self._types.get(key)
            if at is None:
                at = self._types[key] = len(self.parts)
                self._keep.append(word)
                self.parts.append(word_names(word, a.lang))
            types[i] = at
        lengths = np.array([u.last - u.first for u in a.units], dtype=np.int32)
        cues = [[(self.cues.setdefault(k, len(self.cues)), v) for k, v in cue_row(evidence, u).items()] for u in range(len(a.units))]
        return Text(types, lengths, cues, roles.astype(np.float32), known.astype(np.float32), answers.astype(np.float32), answers_known.astype(np.float32), weight)


def _batches(texts: Sequence[Text], settings: NetworkSettings, rng: np.random.Generator) -> Iterator[list[Text]]:
    batch: list[Text] = []
    n_words = 0
    for i in rng.permutation(len(texts)):
        text = texts[i]
        if batch and (n_words + len(text.types) > settings.batch_words or len(batch) >= settings.batch_texts):
            yield batch
            batch, n_words = [], 0
        batch.append(text)
        n_words += len(text.types)
    if batch:
        yield batch


@dataclass
class _Batch:
    words: Any  # sparse (n_types_here, n_names): which vectors make a word, scaled
    token: npt.NDArray[np.intp]
    unit_of: npt.NDArray[np.intp]
    unit_starts: npt.NDArray[np.intp]
    text_of: npt.NDArray[np.intp]
    text_starts: npt.NDArray[np.intp]
    cues: Any  # sparse (n_units, n_cues)
    roles: F32
    known: F32
    answers: F32
    answers_known: F32
    weight: F32


def _lay(batch: Sequence[Text], rows: Any, n_cues: int) -> _Batch:
    from scipy.sparse import csr_matrix

    types = np.concatenate([t.types for t in batch])
    here, token = np.unique(types, return_inverse=True)
    lengths = np.concatenate([t.lengths for t in batch])
    n_units = np.array([len(t.lengths) for t in batch])
    unit_starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp)
    text_starts = np.concatenate([[0], np.cumsum(n_units)[:-1]]).astype(np.intp)
    pairs = [c for t in batch for c in t.cues]
    cues = csr_matrix(
        (np.array([v for c in pairs for _, v in c], dtype=np.float32), np.array([k for c in pairs for k, _ in c], dtype=np.int32), np.concatenate([[0], np.cumsum([len(c) for c in pairs])])),
        shape=(len(pairs), n_cues),
    )
    return _Batch(
        rows[here],
        token.astype(np.intp),
        np.repeat(np.arange(len(lengths)), lengths),
        unit_starts,
        np.repeat(np.arange(len(batch)), n_units),
        text_starts,
        cues,
        np.concatenate([t.roles for t in batch]),
        np.concatenate([t.known for t in batch]),
        np.stack([t.answers for t in batch]),
        np.stack([t.answers_known for t in batch]),
        np.array([t.weight for t in batch], dtype=np.float32),
    )


def _start(n_names: int, n_cues: int, s: NetworkSettings, rng: np.random.Generator) -> Parameters:
    def matrix(a: int, b: int, scale: float = 1.0) -> F32:
        return np.asarray(rng.standard_normal((a, b)) * np.sqrt(1.5 / a) * scale, dtype=np.float32)

    unit = s.hidden + s.cue_hidden
    return {
        "emb": (rng.standard_normal((n_names, s.dims)) * 0.05).astype(np.float32),
        "w1": matrix(len(WINDOW) * s.dims, s.hidden),
        "b1": np.zeros(s.hidden, dtype=np.float32),
        "wc": matrix(n_cues, s.cue_hidden),
        "bc": np.zeros(s.cue_hidden, dtype=np.float32),
        "w2": matrix(len(NEIGHBOURS) * unit, s.hidden),
        "b2": np.zeros(s.hidden, dtype=np.float32),
        "wr": matrix(unit + s.hidden, len(ROLE_NAMES), 0.3),
        "br": np.full(len(ROLE_NAMES), -3.0, dtype=np.float32),
        "wd": matrix(2 * s.hidden + len(ROLE_NAMES), s.hidden),
        "bd": np.zeros(s.hidden, dtype=np.float32),
        "wo": matrix(s.hidden, len(COLUMNS), 0.3),
        "bo": np.full(len(COLUMNS), -1.5, dtype=np.float32),
    }


def _mask(rng: np.random.Generator | None, shape: tuple[int, ...], drop: float) -> F32 | float:
    if rng is None or drop == 0:
        return 1.0
    return (rng.random(shape, dtype=np.float32) >= drop).astype(np.float32) / np.float32(1 - drop)


def loss_and_gradient(p: Parameters, b: _Batch, s: NetworkSettings, rng: np.random.Generator | None) -> tuple[float, dict[str, Any]]:
    """Loss of a batch and its gradient; ``rng`` draws the dropout, None for none.

    The gradient of ``emb`` is a pair: the rows that were touched, and theirs.
    """
    # Forward.
    words, cues = b.words, b.cues
    if rng is not None:
        words, cues = words.copy(), cues.copy()
        words.data = words.data * _mask(rng, words.data.shape, s.drop_parts)
        cues.data = cues.data * _mask(rng, cues.data.shape, s.drop_cues)
    vectors = np.tanh(words @ p["emb"])
    keep = _mask(rng, (len(b.token), 1), s.drop_words)
    x1 = windows(vectors[b.token] * keep, b.unit_of, WINDOW)
    h1 = np.maximum(x1 @ p["w1"] + p["b1"], 0)
    top1 = np.maximum.reduceat(h1, b.unit_starts, axis=0)
    m1 = _mask(rng, top1.shape, s.drop)
    c = np.maximum(cues @ p["wc"] + p["bc"], 0)
    unit = np.concatenate([top1 * m1, c], axis=1)
    x2 = windows(unit, b.text_of, NEIGHBOURS)
    h2 = np.maximum(x2 @ p["w2"] + p["b2"], 0)
    m2 = _mask(rng, h2.shape, s.drop)
    h2 = h2 * m2
    xr = np.concatenate([unit, h2], axis=1)
    r = xr @ p["wr"] + p["br"]
    top2 = np.maximum.reduceat(h2, b.text_starts, axis=0)
    n_units = np.diff(np.append(b.text_starts, len(h2))).astype(np.float32)[:, None]
    mean2 = np.add.reduceat(h2, b.text_starts, axis=0) / n_units
    top_r = np.maximum.reduceat(r, b.text_starts, axis=0)
    xd = np.concatenate([top2, mean2, np.maximum(top_r, ROLE_FLOOR) * ROLE_SCALE], axis=1)
    hd = np.maximum(xd @ p["wd"] + p["bd"], 0)
    md = _mask(rng, hd.shape, s.drop)
    hd = hd * md
    o = hd @ p["wo"] + p["bo"]
    # Loss and its gradient at the outputs.
    column = np.ones(len(COLUMNS), dtype=np.float32)
    column[0] = s.any_weight
    wr = b.known * np.float32(s.role_weight / len(r))
    wo = b.answers_known * column * b.weight[:, None] / np.float32(max(float(b.weight.sum()), 1.0))
    loss = float((wr * _cross_entropy(r, b.roles)).sum() + (wo * _cross_entropy(o, b.answers)).sum())
    dr = wr * (_sigmoid(r) - b.roles)
    do = wo * (_sigmoid(o) - b.answers)
    # Backward.
    g: dict[str, Any] = {"wo": hd.T @ do, "bo": do.sum(axis=0)}
    dhd = (do @ p["wo"].T) * md * (hd > 0)
    g["wd"], g["bd"] = xd.T @ dhd, dhd.sum(axis=0)
    dxd = dhd @ p["wd"].T
    hidden = s.hidden
    dtop2, dmean2, dtop_r = dxd[:, :hidden], dxd[:, hidden : 2 * hidden], dxd[:, 2 * hidden :] * ROLE_SCALE * (top_r > ROLE_FLOOR)
    dr = dr + np.where(r == top_r[b.text_of], dtop_r[b.text_of], 0)
    g["wr"], g["br"] = xr.T @ dr, dr.sum(axis=0)
    dxr = dr @ p["wr"].T
    dh2 = dxr[:, unit.shape[1] :] + (dmean2 / n_units)[b.text_of] + np.where(h2 == top2[b.text_of], dtop2[b.text_of], 0)
    dh2 = dh2 * m2 * (h2 > 0)
    g["w2"], g["b2"] = x2.T @ dh2, dh2.sum(axis=0)
    dunit = dxr[:, : unit.shape[1]] + windows_back(dh2 @ p["w2"].T, b.text_of, NEIGHBOURS)
    dc = dunit[:, hidden:] * (c > 0)
    g["wc"], g["bc"] = cues.T @ dc, dc.sum(axis=0)
    dtop1 = dunit[:, :hidden] * m1
    dh1 = np.where((h1 == top1[b.unit_of]) & (h1 > 0), dtop1[b.unit_of], 0)
    g["w1"], g["b1"] = x1.T @ dh1, dh1.sum(axis=0)
    dx = windows_back(dh1 @ p["w1"].T, b.unit_of, WINDOW) * keep
    dvectors = _sum_by(dx, b.token, len(vectors)) * (1 - vectors**2)
    touched = np.unique(words.indices)
    g["emb"] = (touched, words[:, touched].T @ dvectors)
    return loss, g


def _sum_by(rows: F32, owner: npt.NDArray[np.intp], n: int) -> F32:
    from scipy.sparse import csr_matrix

    m = len(owner)
    return np.asarray(csr_matrix((np.ones(m, dtype=np.float32), owner, np.arange(m + 1)), shape=(m, n)).T @ rows)


def _sigmoid(z: F32) -> F32:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def _cross_entropy(z: F32, y: F32) -> F32:
    return np.asarray(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


class _Adam:
    def __init__(self, p: Parameters, decay: float) -> None:
        self._first = {k: np.zeros_like(v) for k, v in p.items()}
        self._second = {k: np.zeros_like(v) for k, v in p.items()}
        self._decay = decay
        self._steps = 0

    def step(self, p: Parameters, g: dict[str, Any], rate: float) -> None:
        self._steps += 1
        scale = rate * np.sqrt(1 - 0.999**self._steps) / (1 - 0.9**self._steps)
        for name in PARAMETERS:
            rows: Any = slice(None)
            gradient = g[name]
            if isinstance(gradient, tuple):
                rows, gradient = gradient
            first = self._first[name][rows] = 0.9 * self._first[name][rows] + 0.1 * gradient
            second = self._second[name][rows] = 0.999 * self._second[name][rows] + 0.001 * gradient * gradient
            step = scale * first / (np.sqrt(second) + 1e-8)
            if p[name].ndim == 2:
                step = step + rate * self._decay * p[name][rows]
            p[name][rows] = (p[name][rows] - step).astype(np.float32)


def fit(texts: Sequence[Text], vocabulary: Vocabulary, settings: NetworkSettings, seed: int) -> Network:
    """Learn a network from ``texts`` that ``vocabulary`` has numbered.

    Parameters
    ----------
    texts : sequence of Text
    vocabulary : Vocabulary
    settings : NetworkSettings
    seed : int
        Of the start, the order and the dropout; one seed gives one network, however many processors there are.

    Returns
    -------
    Network
    """
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    texts = [t for t in texts if len(t.types)]
    df: Counter[str] = Counter()
    for text in texts:
        df.update({n for i in np.unique(text.types) for n in vocabulary.parts[i]})
    names = sorted(n for n, c in df.items() if c >= settings.min_df)
    index = {n: i for i, n in enumerate(names)}
    ids = [[index[n] for n in parts if n in index] for parts in vocabulary.parts]
    rows = csr_matrix(
        (
            np.array([word_scale(len(row)) for row in ids for _ in row], dtype=np.float32),
            np.array([i for row in ids for i in row], dtype=np.int32),
            np.concatenate([[0], np.cumsum([len(row) for row in ids])]),
        ),
        shape=(len(ids), len(names)),
    )
    cue_names = sorted(vocabulary.cues)
    order = np.array([vocabulary.cues[n] for n in cue_names])
    rng = np.random.default_rng(seed)
    p = _start(len(names), len(vocabulary.cues), settings, rng)
    adam = _Adam(p, settings.decay)
    counting = np.random.default_rng(seed + 1)
    n_steps = settings.epochs * sum(1 for _ in _batches(texts, settings, counting))
    done = 0
    # One thread: sums are then added in one order, and folds run side by side.
    with threadpool_limits(limits=1):
        for _ in range(settings.epochs):
            for batch in _batches(texts, settings, rng):
                _, gradient = loss_and_gradient(p, _lay(batch, rows, len(vocabulary.cues)), settings, rng)
                rate = settings.rate * 0.5 * (1 + np.cos(np.pi * min(done / n_steps, 1.0)))
                adam.step(p, gradient, rate)
                done += 1
    return Network(names, cue_names, {**p, "wc": p["wc"][order]})
