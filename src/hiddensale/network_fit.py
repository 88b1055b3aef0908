"""Learn a :class:`hiddensale.network.Network`: forward, backward and Adam in numpy, the same figures on every run.

Batches are rows of whole texts laid end to end, so nothing is padded; the texts of a contrast group share a batch, and
besides every answer the order of a hidden sale and its honest twin is learned. Dropout on words, word parts, units and cues;
Adam (Kingma and Ba 2015) with decoupled weight decay, in which a word part's vector moves only when it was seen.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hiddensale.evidence import Evidence
from hiddensale.network import (
    N_DISTANCES,
    N_PAIR_FACTS,
    N_PATTERNS,
    NEIGHBOURS,
    PAIR_COLUMNS,
    PARAMETERS,
    ROLE_FLOOR,
    ROLE_SCALE,
    WINDOW,
    cue_row,
    distances,
    liking,
    shares_of,
    windows,
    windows_back,
    word_names,
    word_scale,
)
from hiddensale.roles import ROLE_NAMES
from hiddensale.spans import TAGS
from hiddensale.wording import COLUMNS

F32 = npt.NDArray[np.float32]
# Besides what is shipped: whether a word lies in a lure or catch, opens or closes one. To learn it makes the windows better; the
# spans themselves are found better without it (:mod:`hiddensale.spans`).
LEARNED = (*PARAMETERS, "wt", "wu", "bt")
Parameters = dict[str, F32]


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes and schedule; chosen on the development split (docs/decisions).

    In an epoch every text is learned from, and every ``line_rest``-th line of the phrase books, the others in the epochs after it.
    """

    dims: int = 64
    hidden: int = 128
    cue_hidden: int = 48
    pair_hidden: int = 64
    heads: int = 8
    head_dims: int = 16
    epochs: int = 8
    line_rest: int = 3
    rate: float = 2e-3
    decay: float = 1e-2
    min_df: int = 4
    batch_words: int = 6000
    batch_texts: int = 64
    drop: float = 0.3
    drop_words: float = 0.2
    drop_parts: float = 0.3
    drop_cues: float = 0.2
    role_weight: float = 1.5
    any_weight: float = 4.0
    tag_weight: float = 3.0
    pair_weight: float = 1.0
    rank_weight: float = 1.0
    pick_weight: float = 0.5


@dataclass
class Text:
    """One text to learn from; a line of a phrase book has ``weight`` 0: its units count, the whole does not.

    ``cue_ids`` and ``cue_values`` are those of all units one after the other, ``cue_counts`` says how many are of each unit.
    ``roles`` and ``known`` have shape (n_units, n_roles), ``tags`` and ``tags_known`` (n_words, n_tags), ``pairs`` and
    ``pairs_known`` (n_patterns, n_pair_columns), ``answers`` (n_columns,). ``group`` is empty for a text alone.
    """

    types: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]
    cue_ids: npt.NDArray[np.int32]
    cue_values: F32
    cue_counts: npt.NDArray[np.int32]
    roles: F32
    known: F32
    tags: F32
    tags_known: F32
    pairs: F32
    pairs_known: F32
    answers: F32
    weight: float
    group: str = ""


@dataclass
class Gold:
    """The answers to learn for one text, as :class:`Text` wants them."""

    roles: npt.NDArray[Any]
    known: npt.NDArray[Any]
    tags: npt.NDArray[Any]
    tags_known: npt.NDArray[Any]
    pairs: npt.NDArray[Any]
    pairs_known: npt.NDArray[Any]
    answers: npt.NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Which word parts and cues are learned, and of which parts each word type is made (sparse, scaled)."""

    names: list[str]
    cue_names: list[str]
    rows: Any
    # Where each cue of the vocabulary stands among the sorted names.
    cue_place: npt.NDArray[np.int32]


class Vocabulary:
    """Word types of a corpus, their parts and the cue names: numbers in place of names."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, int], int] = {}
        self._keep: list[Any] = []
        self.parts: list[list[str]] = []
        self.cues: dict[str, int] = {}

    def text(self, evidence: Evidence, gold: Gold, weight: float, group: str = "") -> Text:
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
        rows = [cue_row(evidence, u) for u in range(len(a.units))]
        ids = np.array([self.cues.setdefault(k, len(self.cues)) for row in rows for k in row], dtype=np.int32)
        values = np.array([v for row in rows for v in row.values()], dtype=np.float32)
        counts = np.array([len(row) for row in rows], dtype=np.int32)
        f32 = {k: v.astype(np.float32) for k, v in vars(gold).items()}
        return Text(types, lengths, ids, values, counts, **f32, weight=weight, group=group)

    def table(self, texts: Sequence[Text], min_df: int) -> Table:
        """Fix what is learned: the word parts that at least ``min_df`` texts hold, and every cue."""
        from scipy.sparse import csr_matrix

        df: Counter[str] = Counter()
        for text in texts:
            df.update({n for i in np.unique(text.types) for n in self.parts[i]})
        names = sorted(n for n, c in df.items() if c >= min_df)
        index = {n: i for i, n in enumerate(names)}
        ids = [[index[n] for n in parts if n in index] for parts in self.parts]
        scale = np.repeat([word_scale(len(row)) for row in ids], [len(row) for row in ids]).astype(np.float32)
        flat = np.array([i for row in ids for i in row], dtype=np.int32)
        rows = csr_matrix((scale, flat, np.concatenate([[0], np.cumsum([len(row) for row in ids])])), shape=(len(ids), len(names)))
        cue_names = sorted(self.cues)
        place = np.empty(len(cue_names), dtype=np.int32)
        place[[self.cues[n] for n in cue_names]] = np.arange(len(cue_names))
        return Table(names, cue_names, rows, place)


def _batches(texts: Sequence[Text], settings: NetworkSettings, rng: np.random.Generator) -> Iterator[list[Text]]:
    groups: dict[str, list[Text]] = {}
    for i, text in enumerate(texts):
        groups.setdefault(text.group or f"\0{i}", []).append(text)
    sets = list(groups.values())
    batch: list[Text] = []
    n_words = 0
    for text in (t for k in rng.permutation(len(sets)) for t in sets[k]):
        if batch and (n_words + len(text.types) > settings.batch_words or len(batch) >= settings.batch_texts):
            yield batch
            batch, n_words = [], 0
        batch.append(text)
        n_words += len(text.types)
    if batch:
        yield batch


def _schedule(texts: Sequence[Text], settings: NetworkSettings, rng: np.random.Generator) -> Iterator[list[Text]]:
    """The batches of all epochs."""
    whole = [t for t in texts if t.weight]
    lines = [t for t in texts if not t.weight]
    order = rng.permutation(len(lines))
    for epoch in range(settings.epochs):
        yield from _batches([*whole, *(lines[i] for i in order[epoch % settings.line_rest :: settings.line_rest])], settings, rng)


@dataclass
class _Batch:
    words: Any  # sparse (n_types_here, n_names): which vectors make a word, scaled
    names: npt.NDArray[np.intp]  # the word parts that stand here
    name_at: npt.NDArray[np.int32]  # for every entry of ``words`` the place of its word part among them
    # Of every word and its neighbours in the window, shape (n_words, n_window): where they stand, whether in the same unit, and which row of
    # (word type, place in the window) they are.
    beside: npt.NDArray[np.intp]
    within: npt.NDArray[np.bool_]
    around: npt.NDArray[np.int32]
    unit_of: npt.NDArray[np.intp]
    unit_lengths: npt.NDArray[np.int32]
    unit_starts: npt.NDArray[np.intp]
    text_of: npt.NDArray[np.intp]
    text_starts: npt.NDArray[np.intp]
    cues: Any  # sparse (n_units, n_cues)
    roles: F32
    known: F32
    tags: F32
    tags_known: F32
    pairs: F32
    pairs_known: F32
    answers: F32
    weight: F32
    hidden: npt.NDArray[np.intp]  # each hidden sale
    honest: npt.NDArray[np.intp]  # and its honest twin


def _lay(batch: Sequence[Text], table: Table) -> _Batch:
    from scipy.sparse import csr_matrix

    types = np.concatenate([t.types for t in batch])
    here, token = np.unique(types, return_inverse=True)
    lengths = np.concatenate([t.lengths for t in batch])
    n_units = np.array([len(t.lengths) for t in batch])
    unit_of = np.repeat(np.arange(len(lengths)), lengths)
    unit_starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp)
    beside = np.arange(len(token))[:, None] + np.array(WINDOW)
    within = (beside >= 0) & (beside < len(token))
    beside = np.where(within, beside, 0)
    within &= unit_of[beside] == unit_of[:, None]
    around = (token[beside] * len(WINDOW) + np.arange(len(WINDOW))).astype(np.int32)
    text_starts = np.concatenate([[0], np.cumsum(n_units)[:-1]]).astype(np.intp)
    place = table.cue_place[np.concatenate([t.cue_ids for t in batch])]
    ends = np.concatenate([[0], np.cumsum(np.concatenate([t.cue_counts for t in batch]))])
    cues = csr_matrix((np.concatenate([t.cue_values for t in batch]), place, ends), shape=(len(lengths), len(table.cue_names)))
    twins = _twins(batch)
    words = table.rows[here]
    names = np.flatnonzero(np.bincount(words.indices, minlength=words.shape[1]))
    place_of = np.empty(words.shape[1], dtype=np.int32)
    place_of[names] = np.arange(len(names))
    return _Batch(
        words,
        names,
        place_of[words.indices],
        beside,
        within,
        around,
        unit_of,
        lengths.astype(np.int32),
        unit_starts,
        np.repeat(np.arange(len(batch)), n_units),
        text_starts,
        cues,
        np.concatenate([t.roles for t in batch]),
        np.concatenate([t.known for t in batch]),
        np.concatenate([t.tags for t in batch]),
        np.concatenate([t.tags_known for t in batch]),
        np.stack([t.pairs for t in batch]),
        np.stack([t.pairs_known for t in batch]),
        np.stack([t.answers for t in batch]),
        np.array([t.weight for t in batch], dtype=np.float32),
        np.array([i for i, _ in twins], dtype=np.intp),
        np.array([j for _, j in twins], dtype=np.intp),
    )


def _twins(batch: Sequence[Text]) -> list[tuple[int, int]]:
    """The places of each hidden sale of a batch and of its honest twins."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(batch):
        if text.group and text.weight:
            groups[text.group].append(i)
    return sorted((i, j) for mine in groups.values() for i in mine for j in mine if batch[i].answers[0] > batch[j].answers[0])


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
        "wa": matrix(unit, 3 * s.heads * s.head_dims),
        "ba": np.zeros((s.heads, N_DISTANCES), dtype=np.float32),
        "wp": matrix(s.heads * s.head_dims, s.hidden, 0.7),
        "wr": matrix(unit + s.hidden, len(ROLE_NAMES), 0.3),
        "br": np.full(len(ROLE_NAMES), -3.0, dtype=np.float32),
        "wt": matrix(s.hidden, len(TAGS), 0.3),
        "wu": matrix(s.hidden, len(TAGS), 0.3),
        "bt": np.full(len(TAGS), -2.0, dtype=np.float32),
        "wq": matrix(2 * s.hidden + N_PAIR_FACTS, s.pair_hidden),
        "bq": np.zeros((N_PATTERNS, s.pair_hidden), dtype=np.float32),
        "vo": matrix(s.pair_hidden, len(PAIR_COLUMNS), 0.3),
        "bv": np.full((N_PATTERNS, len(PAIR_COLUMNS)), -2.0, dtype=np.float32),
        "wd": matrix(2 * s.hidden + len(ROLE_NAMES), s.hidden),
        "bd": np.zeros(s.hidden, dtype=np.float32),
        "wo": matrix(s.hidden, len(COLUMNS), 0.3),
        "bo": np.full(len(COLUMNS), -1.5, dtype=np.float32),
    }


def _mask(rng: np.random.Generator | None, shape: tuple[int, ...], drop: float) -> F32 | float:
    if rng is None or drop == 0:
        return 1.0
    # A byte a draw: drawing floats took a tenth of the time to learn.
    limit = round(drop * 256)
    drawn = np.frombuffer(rng.bytes(int(np.prod(shape))), dtype=np.uint8).reshape(shape)
    return (drawn >= limit).astype(np.float32) * np.float32(256 / (256 - limit))


def loss_and_gradient(p: Parameters, b: _Batch, s: NetworkSettings, rng: np.random.Generator | None, *, told: bool = True) -> tuple[float, dict[str, Any]]:
    """Loss of a batch (0 unless ``told``: to learn, the gradient is enough) and its gradient; ``rng`` draws the dropout, None for none.

    The gradient of ``emb`` is a pair: the rows that were touched, and theirs.
    """
    from scipy.sparse import csr_matrix
    from thinc.api import NumpyOps

    pool = NumpyOps()
    # Forward.
    words, cues = b.words, b.cues
    if rng is not None:
        words, cues = words.copy(), cues.copy()
        words.data = words.data * _mask(rng, words.data.shape, s.drop_parts)
        cues.data = cues.data * _mask(rng, cues.data.shape, s.drop_cues)
    parts = csr_matrix((words.data, b.name_at, words.indptr), shape=(words.shape[0], len(b.names)))
    vectors = np.tanh(parts @ p["emb"][b.names])
    # A convolution over words that are often the same: every word type is multiplied once for every place in the window, and each
    # window is the sum of the rows that stand in it.
    n_words, n_window = b.around.shape
    kept = (b.within * np.broadcast_to(_mask(rng, (n_words, 1), s.drop_words), (n_words, 1))[b.beside, 0]).astype(vectors.dtype)
    gather = csr_matrix((kept.ravel(), b.around.ravel(), np.arange(0, b.around.size + 1, n_window)), shape=(n_words, n_window * len(vectors)))
    w1 = p["w1"].reshape(n_window, s.dims, s.hidden).transpose(1, 0, 2).reshape(s.dims, -1)
    h1 = gather @ (vectors @ w1).reshape(-1, s.hidden)
    h1 += p["b1"]
    np.maximum(h1, 0, out=h1)
    top1, which = pool.reduce_max(h1, b.unit_lengths)
    m1 = _mask(rng, top1.shape, s.drop)
    c = np.maximum(cues @ p["wc"] + p["bc"], 0)
    unit = np.concatenate([top1 * m1, c], axis=1)
    x2 = windows(unit, b.text_of, NEIGHBOURS)
    attention = _Attention(unit @ p["wa"], p["ba"], b.text_starts)
    h2 = np.maximum(x2 @ p["w2"] + p["b2"] + attention.out @ p["wp"], 0)
    m2 = _mask(rng, h2.shape, s.drop)
    h2 = h2 * m2
    xr = np.concatenate([unit, h2], axis=1)
    r = xr @ p["wr"] + p["br"]
    mt = _mask(rng, h1.shape, s.drop)
    h1t = h1 * mt
    t: Any = h1t @ p["wt"] + (h2 @ p["wu"])[b.unit_of] + p["bt"]
    top2 = np.maximum.reduceat(h2, b.text_starts, axis=0)
    n_units = np.diff(np.append(b.text_starts, len(h2))).astype(np.float32)[:, None]
    mean2 = np.add.reduceat(h2, b.text_starts, axis=0) / n_units
    top_r = np.maximum.reduceat(r, b.text_starts, axis=0)
    xd = np.concatenate([top2, mean2, np.maximum(top_r, ROLE_FLOOR) * ROLE_SCALE], axis=1)
    hd = np.maximum(xd @ p["wd"] + p["bd"], 0)
    md = _mask(rng, hd.shape, s.drop)
    hd = hd * md
    o = hd @ p["wo"] + p["bo"]
    n = N_PATTERNS
    weight = np.exp(r[:, : 2 * n] - top_r[b.text_of, : 2 * n])
    weight = weight / np.add.reduceat(weight, b.text_starts, axis=0)[b.text_of]
    of_text = [slice(a, z) for a, z in pairwise([*b.text_starts, len(r)])]
    context = np.stack([weight[mine].T @ h2[mine] for mine in of_text])
    number = (np.arange(len(r)) - b.text_starts[b.text_of])[:, None].astype(r.dtype)
    place = np.add.reduceat(weight * number, b.text_starts, axis=0)
    apart = place[:, n:] - place[:, :n]
    tops = np.maximum(top_r, ROLE_FLOOR) * ROLE_SCALE
    facts = np.stack([tops[:, :n], tops[:, n : 2 * n], np.tanh(apart), np.log1p(np.abs(apart))], axis=2)
    xq = np.concatenate([context[:, :n], context[:, n:], facts], axis=2)
    q = np.maximum(xq @ p["wq"] + p["bq"], 0)
    mq = _mask(rng, q.shape, s.drop)
    q = q * mq
    v: Any = q @ p["vo"] + p["bv"]
    o[:, 1 : 1 + n] += v[:, :, 0]
    o[:, 1 + n : 1 + 2 * n] += v[:, :, 1]
    # Loss and its gradient at the outputs.
    column = np.ones(len(COLUMNS), dtype=np.float32)
    column[0] = s.any_weight
    whole: Any = b.weight / np.float32(max(float(b.weight.sum()), 1.0))
    wr = b.known * np.float32(s.role_weight / len(r))
    wt: Any = b.tags_known * np.float32(s.tag_weight / len(t))
    wv: Any = b.pairs_known * np.float32(s.pair_weight) * whole[:, None, None]
    wo: Any = column * whole[:, None]
    ahead: Any = o[b.hidden, 0] - o[b.honest, 0]
    step = np.float32(s.rank_weight / max(float(b.weight.sum()), 1.0))
    # Which unit of its text carries the lure or catch: the share of the weight that lies on the right units (cross-entropy).
    gold = b.roles[:, : 2 * n]
    share = np.add.reduceat(weight * gold, b.text_starts, axis=0)
    wp = np.where(np.add.reduceat(gold, b.text_starts, axis=0) > 0, np.float32(s.pick_weight) * whole[:, None], 0)
    loss = 0.0
    if told:
        losses = (
            -wp * np.log(np.maximum(share, 1e-12)),
            wr * _cross_entropy(r, b.roles),
            wt * _cross_entropy(t, b.tags),
            wv * _cross_entropy(v, b.pairs),
            wo * _cross_entropy(o, b.answers),
            step * _cross_entropy(ahead, np.ones_like(ahead)),
        )
        loss = float(sum(part.sum() for part in losses))
    dr = wr * (_sigmoid(r) - b.roles)
    dr[:, : 2 * n] += wp[b.text_of] * weight * (1 - gold / np.maximum(share, 1e-12)[b.text_of])
    dt = wt * (_sigmoid(t) - b.tags)
    do = wo * (_sigmoid(o) - b.answers)
    dahead = step * (_sigmoid(ahead) - 1)
    np.add.at(do[:, 0], b.hidden, dahead)
    np.add.at(do[:, 0], b.honest, -dahead)
    dv = wv * (_sigmoid(v) - b.pairs)
    dv[:, :, 0] += do[:, 1 : 1 + n]
    dv[:, :, 1] += do[:, 1 + n : 1 + 2 * n]
    # Backward.
    g: dict[str, Any] = {"wo": hd.T @ do, "bo": do.sum(axis=0)}
    g["vo"], g["bv"] = np.tensordot(q, dv, axes=((0, 1), (0, 1))), dv.sum(axis=0)
    dq = (dv @ p["vo"].T) * mq * (q > 0)
    g["wq"], g["bq"] = np.tensordot(xq, dq, axes=((0, 1), (0, 1))), dq.sum(axis=0)
    dxq = dq @ p["wq"].T
    g["wt"], g["bt"] = h1t.T @ dt, dt.sum(axis=0)
    dunit_t = np.add.reduceat(dt, b.unit_starts, axis=0)
    g["wu"] = h2.T @ dunit_t
    dhd = (do @ p["wo"].T) * md * (hd > 0)
    g["wd"], g["bd"] = xd.T @ dhd, dhd.sum(axis=0)
    dxd = dhd @ p["wd"].T
    hidden = s.hidden
    dtop2, dmean2, dtops = dxd[:, :hidden], dxd[:, hidden : 2 * hidden], dxd[:, 2 * hidden :].copy()
    dtops[:, :n] += dxq[:, :, 2 * hidden]
    dtops[:, n : 2 * n] += dxq[:, :, 2 * hidden + 1]
    dtop_r = dtops * ROLE_SCALE * (top_r > ROLE_FLOOR)
    dr = dr + np.where(r == top_r[b.text_of], dtop_r[b.text_of], 0)
    dapart = dxq[:, :, 2 * hidden + 2] * (1 - np.tanh(apart) ** 2) + dxq[:, :, 2 * hidden + 3] * np.sign(apart) / (1 + np.abs(apart))
    dplace = np.concatenate([-dapart, dapart], axis=1)
    dcontext = np.concatenate([dxq[:, :, :hidden], dxq[:, :, hidden : 2 * hidden]], axis=1)
    dweight = np.concatenate([h2[mine] @ one.T for mine, one in zip(of_text, dcontext, strict=True)]) + number * dplace[b.text_of]
    dweight *= weight
    dr[:, : 2 * n] += dweight - weight * np.add.reduceat(dweight, b.text_starts, axis=0)[b.text_of]
    g["wr"], g["br"] = xr.T @ dr, dr.sum(axis=0)
    dxr = dr @ p["wr"].T
    dh2 = dxr[:, unit.shape[1] :] + (dmean2 / n_units)[b.text_of] + np.where(h2 == top2[b.text_of], dtop2[b.text_of], 0)
    dh2 = dh2 + dunit_t @ p["wu"].T
    for mine, one in zip(of_text, dcontext, strict=True):
        dh2[mine] += weight[mine] @ one
    dh2 = dh2 * m2 * (h2 > 0)
    g["w2"], g["b2"] = x2.T @ dh2, dh2.sum(axis=0)
    g["wp"] = attention.out.T @ dh2
    dasked, g["ba"] = attention.back(dh2 @ p["wp"].T)
    g["wa"] = unit.T @ dasked
    dunit = dxr[:, : unit.shape[1]] + windows_back(dh2 @ p["w2"].T, b.text_of, NEIGHBOURS) + dasked @ p["wa"].T
    dc = dunit[:, hidden:] * (c > 0)
    g["wc"], g["bc"] = cues.T @ dc, dc.sum(axis=0)
    dtop1 = dunit[:, :hidden] * m1
    dh1 = (dt @ p["wt"].T) * mt
    dh1 += pool.backprop_reduce_max(np.ascontiguousarray(dtop1), which, b.unit_lengths)
    dh1 *= h1 > 0
    g["b1"] = dh1.sum(axis=0)
    drows = (gather.T @ dh1).reshape(len(vectors), -1)
    g["w1"] = (vectors.T @ drows).reshape(s.dims, n_window, s.hidden).transpose(1, 0, 2).reshape(p["w1"].shape)
    dvectors = (drows @ w1.T) * (1 - vectors**2)
    g["emb"] = (b.names, parts.T @ dvectors)
    return loss, g


# Texts whose numbers of units differ by less than this are laid side by side, the shorter ones filled up.
_FILLED = 8


class _Attention:
    """:func:`hiddensale.network.attended` for the texts of a batch, and its way back."""

    def __init__(self, asked: F32, bias: F32, starts: npt.NDArray[np.intp]) -> None:
        self._bias = bias
        lengths = np.diff(np.append(starts, len(asked)))
        self.out = np.empty((len(asked), asked.shape[1] // 3), dtype=asked.dtype)
        # A unit alone attends to itself.
        self._alone = starts[lengths == 1]
        self.out[self._alone] = asked[self._alone, -self.out.shape[1] :]
        self._sets: list[tuple[Any, Any, Any, Any, Any]] = []
        size = -(-lengths // _FILLED)
        for k in np.unique(size[lengths > 1]):
            mine = (size == k) & (lengths > 1)
            n = int(lengths[mine].max())
            there = np.arange(n) < lengths[mine, None]
            rows = np.where(there, starts[mine, None] + np.arange(n), 0)
            heads = np.ascontiguousarray(asked[rows].reshape(len(rows), n, 3, len(bias), -1).transpose(2, 0, 3, 1, 4))
            step = distances(0, n, slice(0, n))
            # Nothing attends to what merely fills a text up, but for itself, so that its shares are numbers; nothing is made of them.
            missing = np.where(there[:, None, :] | (np.eye(n, dtype=bool) & ~there[:, :, None]), 0, -np.inf).astype(asked.dtype)
            share = shares_of(heads[0], heads[1], liking(bias, step) + missing[:, None])
            self._sets.append((rows, there, heads, step, share))
            self.out[rows[there]] = (share @ heads[2]).transpose(0, 2, 1, 3).reshape(len(rows), n, -1)[there]

    def back(self, dout: F32) -> tuple[F32, F32]:
        """The gradients of queries, keys and values, and of the bias, from that of :attr:`out`."""
        n_heads, width = len(self._bias), dout.shape[1]
        dasked = np.zeros((len(dout), 3 * width), dtype=dout.dtype)
        dasked[self._alone, 2 * width :] = dout[self._alone]
        dbias = np.zeros((n_heads, N_DISTANCES + 1), dtype=dout.dtype)
        for rows, there, (query, key, value), step, share in self._sets:
            m, n = rows.shape
            down = (dout[rows] * there[:, :, None]).reshape(m, n, n_heads, -1).transpose(0, 2, 1, 3)
            dscore = down @ value.swapaxes(2, 3)
            dscore -= np.einsum("mhij,mhij->mhi", share, dscore)[..., None]
            dscore *= share
            of_distance = dscore.sum(axis=0)
            for h in range(n_heads):
                dbias[h] += np.bincount(step.ravel(), of_distance[h].ravel(), minlength=N_DISTANCES + 1).astype(dout.dtype)
            dscore *= dout.dtype.type(query.shape[3] ** -0.5)
            parts = np.stack([dscore @ key, dscore.swapaxes(2, 3) @ query, share.swapaxes(2, 3) @ down])
            dasked[rows[there]] = parts.transpose(1, 3, 0, 2, 4).reshape(m, n, -1)[there]
        return dasked, dbias[:, :N_DISTANCES]


def _sigmoid(z: F32) -> F32:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def _cross_entropy(z: F32, y: F32) -> F32:
    return np.asarray(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


# So many rows, their moments and what is made of them stay in the processor's cache.
_ROWS_AT_ONCE = 1024


class _Adam:
    def __init__(self, p: Parameters, decay: float) -> None:
        # Both moments of a number side by side: the rows of word parts are many and scattered, so each is fetched once.
        self._moments = {k: np.zeros((len(v), 2, *v.shape[1:]), dtype=v.dtype) for k, v in p.items()}
        self._decay = decay
        self._steps = 0

    def step(self, p: Parameters, g: dict[str, Any], rate: float) -> None:
        self._steps += 1
        scale = rate * math.sqrt(1 - 0.999**self._steps) / (1 - 0.9**self._steps)
        for name in LEARNED:
            gradient = g[name]
            if not isinstance(gradient, tuple):
                self._move(p, name, slice(None), gradient, scale, rate)
                continue
            rows, gradient = gradient
            for begin in range(0, len(rows), _ROWS_AT_ONCE):
                self._move(p, name, rows[begin : begin + _ROWS_AT_ONCE], gradient[begin : begin + _ROWS_AT_ONCE], scale, rate)

    def _move(self, p: Parameters, name: str, rows: Any, gradient: F32, scale: float, rate: float) -> None:
        moments, now = self._moments[name][rows], p[name][rows]
        first, second = moments[:, 0], moments[:, 1]
        first *= 0.9
        first += 0.1 * gradient
        second *= 0.999
        second += 0.001 * gradient * gradient
        step = np.sqrt(second)
        step += 1e-8
        np.divide(first, step, out=step)
        step *= scale
        if now.ndim == 2:
            step += rate * self._decay * now
        now -= step
        self._moments[name][rows], p[name][rows] = moments, now


def fit(texts: Sequence[Text], table: Table, settings: NetworkSettings, seed: int) -> Parameters:
    """Learn the parameters of one member of a network.

    Parameters
    ----------
    texts : sequence of Text
        Numbered by the vocabulary that made ``table``.
    table : Table
    settings : NetworkSettings
    seed : int
        Of the start, the order and the dropout; one seed gives one result, however many processors there are.

    Returns
    -------
    dict of str to ndarray
        The arrays of :data:`LEARNED`.
    """
    from threadpoolctl import threadpool_limits

    texts = [t for t in texts if len(t.types)]
    rng = np.random.default_rng(seed)
    p = _start(len(table.names), len(table.cue_names), settings, rng)
    adam = _Adam(p, settings.decay)
    n_steps = sum(1 for _ in _schedule(texts, settings, np.random.default_rng(seed + 1)))
    # One thread: sums are then added in one order, and folds run side by side.
    with threadpool_limits(limits=1):
        for done, batch in enumerate(_schedule(texts, settings, rng)):
            _, gradient = loss_and_gradient(p, _lay(batch, table), settings, rng, told=False)
            rate = settings.rate * 0.5 * (1 + math.cos(math.pi * min(done / n_steps, 1.0)))
            adam.step(p, gradient, rate)
    return p
