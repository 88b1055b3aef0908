"""From a corpus to a model: roles, spans, heads, calibration, thresholds.

Training mirrors detection: the same code makes evidence, role scores and pair features. Every witness of the first stage
is learned once for each fold, without it; the second stage learns from what they say of the groups they have not seen,
and is calibrated the same way. What is shipped is their mean (Breiman 1996, "Bagging predictors").
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hiddensale import network_fit
from hiddensale.analysis import Analyser, Analysis, WordType
from hiddensale.catalogue import DISCLOSURES, PATTERNS
from hiddensale.corpus import Example, Label, digest
from hiddensale.errors import CorpusError
from hiddensale.evidence import Evidence, gather, units_of
from hiddensale.judge import Head, Linear, Trees, gates_open, sigmoid
from hiddensale.lexicon import build_table
from hiddensale.network import PAIR_COLUMNS, Network
from hiddensale.network_fit import NetworkSettings
from hiddensale.packs import live_lemmatizer, load_pack, run_time_lemmatizer
from hiddensale.phrases import Phrase
from hiddensale.quantising import quantise, restore
from hiddensale.relations import Pair, choose_pairs, describe, describe_document, feature_names
from hiddensale.roles import ROLE_NAMES, SPEAKS, TOLD, RoleModel, cue_features, length_scale, pair_features, word_features
from hiddensale.spans import TAGS, SpanModel, run_scores, token_rows
from hiddensale.wording import COLUMNS, OF_TEXT, WordingModel, is_worded, pair_names, word_names

Floats = npt.NDArray[np.float64]
N_FOLDS = 4
SEED = 20261121
LANG_INDEX = {"fi": 0, "en": 1}


@dataclass(frozen=True)
class Settings:
    """What can be tuned; the values were chosen on the development split (docs/decisions)."""

    role_c: float = 1.0
    role_min_df: int = 3
    role_rest: int = 3
    span_l2: float = 10.0
    trees: int = 150
    leaves: int = 12
    learning_rate: float = 0.06
    min_leaf: int = 25
    l2: float = 5.0
    linear_c: float = 0.02
    share: float = 0.5
    any_trees: int = 100
    any_leaves: int = 6
    any_c: float = 0.05
    wording_c: float = 10.0
    wording_min_df: int = 2
    ordinary_weight: float = 4.0
    any_ordinary_weight: float = 15.0
    any_share: float = 0.25
    member_gain: float = 1.4
    network: NetworkSettings = field(default_factory=NetworkSettings)
    gates: tuple[float, ...] = (0.35, 0.0, -5.0, -3.0, -1.0, 0.5)
    # Under this no text is flagged, whatever the budget says: the corpus holds less ordinary text than the world.
    # In the order of LANG_INDEX; a language added later gets the strictest.
    least_thresholds: tuple[float, ...] = (0.48, 0.46)
    # The gate where the judge is unsure, a language each. English has no ordinary pages to choose it on, shop strings only.
    unsure_about: tuple[float, ...] = (2.0, 1.5)
    # It only closes, so the threshold, which is chosen without it, errs on the safe side.
    lead_of_clear: float = 1.0
    budget: float = 0.2
    n_jobs: int = 2


@dataclass
class Prepared:
    """A document with its evidence and the units its labels' spans lie in."""

    example: Example
    evidence: Evidence
    lure_units: list[list[int]]
    catch_units: list[list[int]]


def grouped_folds(groups: Sequence[str], n_folds: int = N_FOLDS, seed: int = SEED) -> npt.NDArray[np.int64]:
    """Fold number of each document; members of a group share it. Depends only on the group names and the seed."""
    return np.array([_drawn(f"{seed}:{g}", n_folds) for g in groups])


def _drawn(name: str, n: int) -> int:
    """A number under ``n`` that depends on the name alone."""
    import hashlib

    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % n


# A lemma that stands only once in the training texts gets no forms in the table.
_MIN_LEMMA_COUNT = 2


def lemma_tables(texts: Sequence[tuple[str, str]], langs: Sequence[str]) -> dict[str, dict[str, str]]:
    """Run-time lemma tables: the forms of every lemma that the packs or the training texts, (lang, text) each, use."""
    return {lang: _lemma_table(lang, [text for code, text in texts if code == lang])[0] for lang in langs}


def _lemma_table(lang: str, texts: Sequence[str]) -> tuple[dict[str, str], list[Analysis]]:
    """The table of one language, and the texts taken apart."""
    pack = load_pack(lang)
    live = live_lemmatizer(pack)
    # A pack may name an inflected form; the table wants its lemma.
    wanted = {live.lemma(w) for w in pack.vocabulary() if w.isalpha()}
    counts: Counter[str] = Counter()
    analyser = Analyser(pack, live)
    analyses = [analyser.analyse(text) for text in texts]
    for analysis in analyses:
        counts.update({w.lemma for w in analysis.words if w.lemma.isalpha()})
    wanted |= {w for w, c in counts.items() if c >= _MIN_LEMMA_COUNT}
    return build_table(str(pack.settings.get("simplemma", lang)), wanted), analyses


def tables_and_prepared(examples: Sequence[Example], book: Sequence[Phrase], langs: Sequence[str], n_jobs: int) -> tuple[dict[str, dict[str, str]], list[Prepared], list[Prepared]]:
    """:func:`lemma_tables` of documents and phrase-book lines and :func:`prepare_all` with analysers over them; every text is taken apart once."""
    from joblib import Parallel, delayed

    def one(lang: str) -> tuple[dict[str, str], list[Prepared], list[Prepared]]:
        docs = [x for x in examples if x.lang == lang]
        lines = [_as_document(phrase) for phrase in book if phrase.lang == lang]
        table, analyses = _lemma_table(lang, [x.text for x in (*docs, *lines)])
        analyser = make_analysers({lang: table})[lang]
        prepared = [_prepared(x, gather(analyser, analyser.with_words(analysis))) for x, analysis in zip((*docs, *lines), analyses, strict=True)]
        return table, prepared[: len(docs)], prepared[len(docs) :]

    parts = Parallel(n_jobs=n_jobs)(delayed(one)(lang) for lang in langs)
    tables = {lang: table for lang, (table, _, _) in zip(langs, parts, strict=True)}
    return tables, *_in_order(examples, book, {lang: (docs, lines) for lang, (_, docs, lines) in zip(langs, parts, strict=True)})


def make_analysers(tables: dict[str, dict[str, str]]) -> dict[str, Analyser]:
    """An analyser per language over run-time lemma tables."""
    out = {}
    for lang, table in tables.items():
        pack = load_pack(lang)
        out[lang] = Analyser(pack, run_time_lemmatizer(pack, table))
    return out


def prepare(examples: Sequence[Example], analysers: dict[str, Analyser]) -> list[Prepared]:
    """Evidence and gold units of labelled documents."""
    return [_prepared(x, gather(analysers[x.lang], analysers[x.lang].analyse(x.text))) for x in examples]


def _prepared(example: Example, evidence: Evidence) -> Prepared:
    return Prepared(example, evidence, [units_of(evidence, y.lure) for y in example.labels], [units_of(evidence, y.catch) for y in example.labels])


# --- stage one -------------------------------------------------------------------------------------------------


# Yields once, the calls to be worked on (of joblib's ``delayed``, at least one); is sent what comes of them, in their order; returns what was learned.
_T = TypeVar("_T")
Learner = Generator[Sequence[Any], Sequence[Any], _T]


def learn_together(learners: Mapping[str, Learner[Any]], n_jobs: int, log: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """What each of the learners learned, by name, with one pool of processes for them all.

    While the processes work on what one learner asks for, the next one makes ready, and none waits for the last of another's calls.
    """
    from joblib import Parallel

    asked: list[int] = []

    def calls() -> Iterator[Any]:
        for learner in learners.values():
            wanted = next(learner)
            asked.append(len(wanted))
            yield from wanted

    made = iter(Parallel(n_jobs=n_jobs, pre_dispatch="all", batch_size=1, max_nbytes=None, return_as="generator")(calls()))
    out: dict[str, Any] = {}
    for number, (name, learner) in enumerate(learners.items()):
        # How many it asks for is known when its first call is made.
        first = [next(made)]
        try:
            learner.send([*first, *islice(made, asked[number] - 1)])
        except StopIteration as end:
            out[name] = end.value
        log(f"learned {name}")
    return out


def role_targets(p: Prepared) -> npt.NDArray[np.int8]:
    """Gold roles of every unit, shape (n_units, n_roles)."""
    y = np.zeros((len(p.evidence.analysis.units), len(ROLE_NAMES)), dtype=np.int8)
    for label, lure, catch in zip(p.example.labels, p.lure_units, p.catch_units, strict=True):
        at = PATTERNS.index(label.pattern)
        y[lure, at] = 1
        y[catch, len(PATTERNS) + at] = 1
        if label.disclosure:
            y[catch, TOLD + DISCLOSURES.index(label.disclosure)] = 1
    if p.example.sort in ("report", "talk"):
        y[:, SPEAKS] = 1
    return y


def role_known(p: Prepared, *, line: bool = False) -> npt.NDArray[np.bool_]:
    """Which answers of :func:`role_targets` are known.

    An honest look-alike holds the lure of its pattern without a mark, so it says nothing about where that lure is.
    How openly a catch is told is known of the units that carry one, and of no ``line`` of a phrase book.
    """
    known = np.ones((len(p.evidence.analysis.units), len(ROLE_NAMES)), dtype=bool)
    labelled = {label.pattern for label in p.example.labels}
    for near in p.example.near:
        if near not in labelled:
            known[:, PATTERNS.index(near)] = False
    known[:, TOLD:] = False
    if not line:
        known[[u for label, units in zip(p.example.labels, p.catch_units, strict=True) if label.disclosure for u in units], TOLD:] = True
    return known


class _Matrix:
    """Sparse feature matrix with a sorted vocabulary of features seen often enough."""

    def __init__(self, rows: Sequence[dict[str, float]], min_df: int) -> None:
        counts: Counter[str] = Counter()
        for row in rows:
            counts.update(row.keys())
        self.names = sorted(n for n, c in counts.items() if c >= min_df)
        self.index = {n: i for i, n in enumerate(self.names)}

    def transform(self, rows: Sequence[dict[str, float]]) -> Any:
        from scipy.sparse import csr_matrix

        data: list[float] = []
        cols: list[int] = []
        ends = [0]
        for row in rows:
            for name, value in row.items():
                at = self.index.get(name)
                if at is not None:
                    cols.append(at)
                    data.append(value)
            ends.append(len(cols))
        out = csr_matrix((np.array(data), np.array(cols, dtype=np.int32), np.array(ends, dtype=np.int32)), shape=(len(rows), len(self.names)))
        out.sort_indices()
        return out


def _fit_columns(x: Any, y: npt.NDArray[np.int8], c: float, *, balanced: bool = False, known: npt.NDArray[np.bool_] | None = None, weight: Floats | None = None) -> tuple[Floats, Floats]:
    """One logistic regression per column of ``y``; weights (n_features, n_columns) and bias.

    ``balanced``: both answers of a column count alike. ``known`` and ``weight`` have the shape of ``y``.
    """
    from sklearn.linear_model import LogisticRegression

    def one(rows: Any, column: npt.NDArray[np.int8], importance: Floats | None) -> tuple[Floats, float]:
        if column.min() == column.max():
            return np.zeros(rows.shape[1]), (-8.0 if column.max() == 0 else 8.0)
        # The dual at a loose tolerance: its log-odds correlate with those of a strict one at .9999 and more, in half the time or less.
        weighing = {"class_weight": "balanced"} if balanced else {"intercept_scaling": 3.0}
        model = LogisticRegression(C=c, solver="liblinear", dual=True, random_state=SEED, max_iter=3000, tol=1.0, **weighing)
        model.fit(rows, column, sample_weight=importance)
        return model.coef_[0], float(model.intercept_[0])

    fitted = []
    for j in range(y.shape[1]):
        mine = slice(None) if known is None or known[:, j].all() else known[:, j]
        fitted.append(one(x[mine], y[mine, j], None if weight is None else weight[mine, j]))
    return np.stack([w for w, _ in fitted], axis=1), np.array([b for _, b in fitted])


def prepare_phrases(book: Sequence[Phrase], analysers: dict[str, Analyser]) -> list[Prepared]:
    """Phrase-book lines of the analysers' languages as tiny documents."""
    return prepare([_as_document(phrase) for phrase in book if phrase.lang in analysers], analysers)


def _as_document(phrase: Phrase) -> Example:
    """A line's span is its only label, a near miss has none."""
    lure, catch = (phrase.span, None) if phrase.role == "lure" else (None, phrase.span)
    labels = (Label(phrase.pattern, lure, catch, "vague", "makes"),) if phrase.span else ()
    return Example("", phrase.lang, phrase.text, labels, "")


def prepare_all(examples: Sequence[Example], book: Sequence[Phrase], analysers: dict[str, Analyser], n_jobs: int) -> tuple[list[Prepared], list[Prepared]]:
    """Documents and phrase-book lines, prepared language by language side by side; both in their order."""
    from joblib import Parallel, delayed

    def one(lang: str, analyser: Analyser) -> tuple[list[Prepared], list[Prepared]]:
        return prepare([x for x in examples if x.lang == lang], {lang: analyser}), prepare_phrases(book, {lang: analyser})

    # A language in one piece: its words stay the same objects in documents and lines.
    parts = Parallel(n_jobs=n_jobs)(delayed(one)(lang, analyser) for lang, analyser in analysers.items())
    return _in_order(examples, book, dict(zip(analysers, parts, strict=True)))


def _in_order(examples: Sequence[Example], book: Sequence[Phrase], parts: Mapping[str, tuple[list[Prepared], list[Prepared]]]) -> tuple[list[Prepared], list[Prepared]]:
    docs = {lang: iter(part[0]) for lang, part in parts.items()}
    lines = {lang: iter(part[1]) for lang, part in parts.items()}
    return [next(docs[x.lang]) for x in examples], [next(lines[phrase.lang]) for phrase in book if phrase.lang in lines]


class _Counted:
    """Features that are counted in rows of words; what a word brings is looked up once, not once for every row.

    Parameters
    ----------
    names_of : callable
        The names of a word's features.
    """

    def __init__(self, names_of: Callable[[WordType], list[str]]) -> None:
        self.numbers: dict[str, int] = {}
        self._names_of = names_of
        self._words: dict[WordType, list[int]] = {}
        self._ids = array("i")
        self._ends = [0]

    def number(self, name: str) -> int:
        """The column of a feature."""
        return self.numbers.setdefault(name, len(self.numbers))

    def add(self, words: Sequence[WordType], further: Iterable[str]) -> None:
        """Add a row: the features of words, and ``further`` ones."""
        for word in words:
            known = self._words.get(word)
            if known is None:
                known = self._words[word] = [self.number(name) for name in self._names_of(word)]
            self._ids.extend(known)
        self._ids.extend([self.number(name) for name in further])
        self._ends.append(len(self._ids))

    def matrix(self, values: Sequence[float] | Floats) -> Any:
        """Rows and columns; every time a feature stands in a row adds the row's value."""
        from scipy.sparse import csr_matrix

        out = csr_matrix((np.repeat(values, np.diff(self._ends)), np.array(self._ids), self._ends), shape=(len(values), len(self.numbers)))
        out.sum_duplicates()
        return out


def _frequent(numbers: Mapping[str, int], matrix: Any, min_df: int) -> tuple[list[str], Any]:
    """The features that at least ``min_df`` rows have, sorted by name, and their columns."""
    df = np.bincount(matrix.indices, minlength=matrix.shape[1])
    kept = sorted((name, i) for name, i in numbers.items() if df[i] >= min_df)
    out = matrix[:, [i for _, i in kept]]
    out.sort_indices()
    return [name for name, _ in kept], out


class UnitTable:
    """The features that :meth:`hiddensale.roles.RoleModel.scores` adds up, of many units as one matrix."""

    def __init__(self) -> None:
        self._words = _Counted(word_features)
        self._scales: list[float] = []
        self._cue_ids = array("i")
        self._cue_values = array("d")
        self._cue_ends = [0]

    def add(self, evidence: Evidence, u: int, *, line: bool = False) -> None:
        """Add a unit as the next row; a ``line`` of a phrase book has no place in a text."""
        unit = evidence.analysis.units[u]
        words = evidence.analysis.words[unit.first : unit.last]
        self._words.add(words, (name for a, b in pairwise(words) for name in pair_features(a, b)))
        self._scales.append(length_scale(len(words)))
        for name, value in cue_features(evidence, u).items():
            if not (line and name.startswith("z:")):
                self._cue_ids.append(self._words.number(name))
                self._cue_values.append(value)
        self._cue_ends.append(len(self._cue_ids))

    def matrix(self, min_df: int) -> tuple[list[str], Any]:
        """The features that at least ``min_df`` units have, sorted, and the matrix of shape (n_units, n_features)."""
        from scipy.sparse import csr_matrix

        words = self._words.matrix(self._scales)
        cues = csr_matrix((np.array(self._cue_values), np.array(self._cue_ids), self._cue_ends), shape=words.shape)
        return _frequent(self._words.numbers, words + cues, min_df)


def _rest_share(p: Prepared, rest: int) -> int:
    # By the hash of its group, so that a contrast group stays together.
    return rest if _drawn(f"rest:{p.example.group}", rest) == 0 else 0


def pattern_share(p: Prepared, rest: int) -> Floats:
    """How much a text counts for each pattern, shape (n_patterns,).

    The texts that are about a pattern count in full, and so does ordinary text, of which there is little. Of the others, which are most of the
    corpus and easy, every ``rest``-th is learned from, and counts ``rest`` times.
    """
    if p.example.sort in ("ordinary", "talk"):
        return np.ones(len(PATTERNS))
    mine = {*(label.pattern for label in p.example.labels), *p.example.near}
    return np.array([1.0 if pattern in mine else _rest_share(p, rest) for pattern in PATTERNS])


def role_share(p: Prepared, rest: int) -> Floats:
    """How much every unit counts for each role, shape (n_units, n_roles).

    Lures and catches as :func:`pattern_share` says. When it is learned who speaks, of the texts that make their offer themselves every ``rest``-th
    likewise.
    """
    out = np.ones((len(p.evidence.analysis.units), len(ROLE_NAMES)))
    out[:, : 2 * len(PATTERNS)] = np.tile(pattern_share(p, rest), 2)
    if p.example.sort not in ("report", "talk"):
        out[:, SPEAKS] = _rest_share(p, rest)
    return out


def fit_roles(docs: Sequence[Prepared], lines: Sequence[Prepared], folds: npt.NDArray[np.int64], settings: Settings) -> Learner[tuple[list[RoleModel], list[Floats]]]:
    """Learn the role scores from the units of ``docs`` and the ``lines`` of the phrase books.

    Returns
    -------
    list of RoleModel
        Model ``k`` has not seen fold ``k``.
    list of ndarray of shape (n_units, n_roles)
        For each of ``docs`` the role scores by the model that has not seen it.
    """
    from joblib import delayed, effective_n_jobs

    table = UnitTable()
    for p in docs:
        for u in range(len(p.evidence.analysis.units)):
            table.add(p.evidence, u)
    for p in lines:
        for u in range(len(p.evidence.analysis.units)):
            table.add(p.evidence, u, line=True)
    names, x = table.matrix(settings.role_min_df)
    y = np.concatenate([role_targets(p) for p in (*docs, *lines)])
    known = np.concatenate([*(role_known(p) for p in docs), *(role_known(p, line=True) for p in lines)])
    share = np.concatenate([*(role_share(p, settings.role_rest) for p in docs), *(np.ones((len(p.evidence.analysis.units), len(ROLE_NAMES))) for p in lines)])
    known &= share > 0
    n_units = [len(p.evidence.analysis.units) for p in (*docs, *lines)]
    fold = np.repeat([*folds, *(-1 for _ in lines)], n_units)
    # A process gets the rows once and learns its columns for every fold.
    n_jobs = effective_n_jobs(settings.n_jobs)
    columns = [range(y.shape[1])[k::n_jobs] for k in range(min(n_jobs, y.shape[1]))]
    done = yield [delayed(_fit_role_columns)(x, y[:, mine], fold, settings.role_c, known[:, mine], share[:, mine]) for mine in columns]
    scores = np.zeros(y.shape)
    models = []
    for k in range(N_FOLDS):
        weights = np.zeros((len(names), y.shape[1]), dtype=np.float16)
        bias = np.zeros(y.shape[1])
        for mine, part in zip(columns, done, strict=True):
            weights[:, mine], bias[mine] = part[k]
        models.append(RoleModel(names, weights, bias))
        scores[fold == k] = x[fold == k] @ models[-1].weights + models[-1].bias
    return models, np.split(scores, np.cumsum(n_units))[: len(docs)]


def _fit_role_columns(x: Any, y: npt.NDArray[np.int8], fold: npt.NDArray[np.int64], c: float, known: npt.NDArray[np.bool_], share: Floats) -> list[tuple[npt.NDArray[np.float16], Floats]]:
    """For every fold weights and bias of the columns of ``y``, learned without it."""
    out = []
    for k in range(N_FOLDS):
        inside = fold != k
        weights, bias = _fit_columns(x[inside], y[inside], c, known=known[inside], weight=share[inside])
        out.append((np.where(np.abs(weights) < 1e-3, 0.0, weights).astype(np.float16), bias))
    return out


def average_roles(models: Sequence[RoleModel]) -> RoleModel:
    """The model whose scores are the mean of theirs; they share their names."""
    weights = np.mean([m.weights for m in models], axis=0)
    keep = np.flatnonzero(np.abs(weights).max(axis=1) >= 0.02)
    return RoleModel([models[0].names[i] for i in keep], weights[keep].astype(np.float16), np.mean([m.bias for m in models], axis=0))


# --- spans -----------------------------------------------------------------------------------------------------


# Longer units are not learned from: the table of their runs grows with the square of their length.
_LONGEST_UNIT = 80


def fit_spans(docs: Sequence[Prepared], settings: Settings) -> Learner[SpanModel]:
    """Learn which run of words a reader marks, from the units that hold one."""
    from joblib import delayed

    units: dict[str, list[tuple[list[dict[str, float]], int, int]]] = {"lure": [], "catch": []}
    for p in docs:
        a = p.evidence.analysis
        for label, lure_units, catch_units in zip(p.example.labels, p.lure_units, p.catch_units, strict=True):
            for role, span, numbers in (("lure", label.lure, lure_units), ("catch", label.catch, catch_units)):
                if span is None or len(numbers) != 1:
                    continue
                unit = a.units[numbers[0]]
                inside = [i - unit.first for i in range(unit.first, unit.last) if a.starts[i] < span[1] and a.ends[i] > span[0]]
                if inside and unit.last - unit.first <= _LONGEST_UNIT:
                    units[role].append((token_rows(p.evidence, numbers[0], label.pattern), inside[0], inside[-1]))
    matrix = _Matrix([row for role in units.values() for rows, _, _ in role for row in rows], 3)
    jobs = []
    for role in ("lure", "catch"):
        # Units of one length lie together.
        ordered = sorted(units[role], key=lambda u: len(u[0]))
        x = matrix.transform([row for rows, _, _ in ordered for row in rows])
        lengths, first, last = np.array([(len(rows), a, b) for rows, a, b in ordered], dtype=np.intp).reshape(-1, 3).T
        jobs.append((x, lengths, first, last, settings.span_l2))
    parts = yield [delayed(_fit_runs)(*job) for job in jobs]
    weights = np.concatenate([w for w, _ in parts], axis=1)
    bias = np.concatenate([b for _, b in parts])
    keep = np.flatnonzero(np.abs(weights).max(axis=1) >= 0.01)
    assert weights.shape[1] == len(TAGS)
    return SpanModel([matrix.names[i] for i in keep], weights[keep].astype(np.float16), bias)


def _fit_runs(x: Any, lengths: npt.NDArray[np.intp], first: npt.NDArray[np.intp], last: npt.NDArray[np.intp], l2: float) -> tuple[Floats, Floats]:
    """Weights (n_features, 3) and bias under which the marked runs are likeliest among all runs of their units.

    ``x`` has a row for every word, unit after unit, in the order of the units' ``lengths``, which rise; ``first`` and ``last`` are the marked words.
    """
    from scipy.optimize import minimize

    back = x.T.tocsr()
    starts = np.concatenate([[0], np.cumsum(lengths)])
    blocks = [(int(n), np.flatnonzero(lengths == n)) for n in np.unique(lengths)]
    shape = (x.shape[1], 3)

    def loss(flat: Floats) -> tuple[float, Floats]:
        w = flat[: shape[0] * 3].reshape(shape)
        tags = x @ w + flat[shape[0] * 3 :]
        gradient = np.zeros_like(tags)
        total = 0.0
        for n, mine in blocks:
            rows = slice(starts[mine[0]], starts[mine[-1] + 1])
            score = run_scores(tags[rows].reshape(-1, n, 3))
            top = score.max(axis=(1, 2), keepdims=True)
            share = np.exp(score - top)
            mass = share.sum(axis=(1, 2), keepdims=True)
            share /= mass
            at = np.arange(len(mine))
            total += float((top + np.log(mass)).sum() - score[at, first[mine], last[mine]].sum())
            share[at, first[mine], last[mine]] -= 1.0
            opens, closes = share.sum(axis=2), share.sum(axis=1)
            inside = np.cumsum(opens, axis=1) - np.cumsum(closes, axis=1) + closes
            gradient[rows] = np.stack([inside, opens, closes], axis=2).reshape(-1, 3)
        out = np.concatenate([(back @ gradient + l2 * w).ravel(), gradient.sum(axis=0)])
        return total + 0.5 * l2 * float(np.square(w).sum()), out

    found = minimize(loss, np.zeros(shape[0] * 3 + 3), jac=True, method="L-BFGS-B", options={"maxiter": 100}).x
    return found[: shape[0] * 3].reshape(shape), found[shape[0] * 3 :]


# --- the wording -----------------------------------------------------------------------------------------------


def wording_targets(docs: Sequence[Prepared]) -> npt.NDArray[np.int8]:
    """Gold answers of the wording model, shape (n_docs, n_columns)."""
    y = np.zeros((len(docs), len(COLUMNS)), dtype=np.int8)
    for d, p in enumerate(docs):
        y[d, 0] = p.example.flagged
        for label in p.example.labels:
            at = PATTERNS.index(label.pattern)
            y[d, 1 + at] |= int(label.flagged)
            y[d, 1 + len(PATTERNS) + at] = 1
            y[d, OF_TEXT] |= int(label.stance == "reports")
            if label.disclosure:
                y[d, COLUMNS.index(label.disclosure)] = 1
        for near in p.example.near:
            y[d, 1 + len(PATTERNS) + PATTERNS.index(near)] = 1
    return y


def document_weights(docs: Sequence[Prepared], settings: Settings) -> Floats:
    """Ordinary text counts more: there is far more of it in the world than in the corpus."""
    return np.array([settings.ordinary_weight if p.example.sort in ("ordinary", "talk") else 1.0 for p in docs])


class WordingFit:
    """Vocabulary, document frequencies and matrix of one language; fits wording models on parts of it, in one process."""

    def __init__(self, docs: Sequence[Prepared], settings: Settings) -> None:
        self._settings = settings
        counted = _Counted(word_names)
        for p in docs:
            words = [w for w in p.evidence.analysis.words if is_worded(w)]
            counted.add(words, pair_names(words))
        self._names, self._x = _frequent(counted.numbers, counted.matrix(np.ones(len(docs))), settings.wording_min_df)
        df = np.bincount(self._x.indices, minlength=len(self._names))
        self._idf = np.log((1 + len(docs)) / (1 + df)) + 1.0
        empty = WordingModel(self._names, self._idf, np.zeros((len(self._names), 1)), np.zeros(1))
        for begin, end in pairwise(self._x.indptr):
            self._x.data[begin:end] = empty.scaled(self._x.indices[begin:end], self._x.data[begin:end])
        self._y = wording_targets(docs)
        # Whether an offer is reported and how openly its catch is told is asked of texts that hold one.
        self._known = np.ones(self._y.shape, dtype=bool)
        self._known[[not p.example.labels for p in docs], OF_TEXT:] = False
        share = np.array([pattern_share(p, settings.role_rest) for p in docs]).reshape(-1, len(PATTERNS))
        self._weight = np.tile(document_weights(docs, settings)[:, None], self._y.shape[1])
        self._weight[:, 1:OF_TEXT] *= np.tile(share, 2)
        self._known &= self._weight > 0

    def model(self, inside: npt.NDArray[np.bool_]) -> WordingModel:
        """A model learned from the documents ``inside``."""
        weights, bias = _fit_columns(self._x[inside], self._y[inside], self._settings.wording_c, balanced=True, known=self._known[inside], weight=self._weight[inside])
        return WordingModel(self._names, self._idf, weights, bias)

    def scores(self, model: WordingModel, inside: npt.NDArray[np.bool_]) -> Floats:
        """What one of the models says of the documents ``inside``, shape (n_inside, n_columns)."""
        return np.asarray(self._x[inside] @ model.weights + model.bias)


def fit_wording(docs: Sequence[Prepared], folds: npt.NDArray[np.int64], langs: Sequence[str], settings: Settings) -> Learner[tuple[dict[str, list[WordingModel]], Floats]]:
    """Learn the wording of every language, the languages side by side.

    Returns
    -------
    dict of str to list of WordingModel
        By language; model ``k`` has not seen fold ``k``.
    ndarray of shape (n_docs, n_columns)
        For each of ``docs`` the scores by the model that has not seen it.
    """
    from joblib import delayed

    def one(mine: Sequence[Prepared], fold: npt.NDArray[np.int64]) -> tuple[list[WordingModel], Floats]:
        fitter = WordingFit(mine, settings)
        models = [fitter.model(fold != k) for k in range(N_FOLDS)]
        scores = np.zeros((len(mine), len(COLUMNS)))
        for k, model in enumerate(models):
            scores[fold == k] = fitter.scores(model, fold == k)
        return models, scores

    of_lang = [[i for i, p in enumerate(docs) if p.example.lang == lang] for lang in langs]
    done = yield [delayed(one)([docs[i] for i in mine], folds[mine]) for mine in of_lang]
    scores = np.zeros((len(docs), len(COLUMNS)))
    for mine, (_, told) in zip(of_lang, done, strict=True):
        scores[mine] = told
    return {lang: models for lang, (models, _) in zip(langs, done, strict=True)}, scores


def average_wording(models: Sequence[WordingModel]) -> WordingModel:
    """The model whose scores are the mean of theirs, in the precision it is shipped in; they share their names."""
    weights = restore(*quantise(np.mean([m.weights for m in models], axis=0)))
    keep = np.flatnonzero(np.abs(weights).max(axis=1) > 0)
    return WordingModel([models[0].names[i] for i in keep], models[0].idf[keep], weights[keep], np.mean([m.bias for m in models], axis=0))


# --- the network -----------------------------------------------------------------------------------------------


def network_gold(p: Prepared, *, line: bool = False) -> network_fit.Gold:
    """Gold answers of the network about one text; of the text that a ``line`` of a phrase book stands in nothing is known."""
    a = p.evidence.analysis
    starts, ends = np.array(a.starts, dtype=np.int64), np.array(a.ends, dtype=np.int64)
    answers = wording_targets([p])[0]
    tags = np.zeros((len(a.words), len(TAGS)), dtype=np.int8)
    tags_known = np.ones_like(tags)
    if p.example.near and not p.example.labels:
        # An honest look-alike holds an unmarked lure somewhere.
        tags_known[:, :3] = 0
    pairs = np.zeros((len(PATTERNS), len(PAIR_COLUMNS)), dtype=np.int8)
    pairs_known = np.zeros_like(pairs)
    pairs_known[:, :2] = not line
    first_disclosure = PAIR_COLUMNS.index(DISCLOSURES[0])
    for label in p.example.labels:
        for base, span in ((0, label.lure), (3, label.catch)):
            inside = np.flatnonzero((starts < span[1]) & (ends > span[0])) if span else np.zeros(0, dtype=np.int64)
            if len(inside):
                tags[inside, base] = tags[inside[0], base + 1] = tags[inside[-1], base + 2] = 1
        if line:
            continue
        at = PATTERNS.index(label.pattern)
        pairs[at, 0] |= int(label.flagged)
        pairs[at, 1] = 1
        pairs[at, 2], pairs_known[at, 2] = label.stance == "reports", 1
        if label.disclosure:
            pairs[at, first_disclosure + DISCLOSURES.index(label.disclosure)] = 1
            pairs_known[at, first_disclosure:] = 1
    return network_fit.Gold(role_targets(p), role_known(p, line=line), tags, tags_known, pairs, pairs_known, answers)


def fit_network(docs: Sequence[Prepared], lines: Sequence[Prepared], folds: npt.NDArray[np.int64], settings: Settings) -> Learner[Network]:
    """A network whose member ``k`` has not seen fold ``k``."""
    from joblib import delayed

    vocabulary = network_fit.Vocabulary()
    weight = document_weights(docs, settings)
    texts = [vocabulary.text(p.evidence, network_gold(p), w, p.example.group) for p, w in zip(docs, weight, strict=True)]
    book = [vocabulary.text(p.evidence, network_gold(p, line=True), 0.0) for p in lines]
    table = vocabulary.table([*texts, *book], settings.network.min_df)
    parts = ([t for t, f in zip(texts, folds, strict=True) if f != k] for k in range(N_FOLDS))
    members = yield [delayed(network_fit.fit)([*part, *book], table, settings.network, SEED + k) for k, part in enumerate(parts)]
    network = Network(table.names, table.cue_names, members)
    # What the second stage learns from is what will be shipped.
    return Network.from_arrays("network", network.names, network.cue_names, network.arrays("network"))


# --- stage two -------------------------------------------------------------------------------------------------


@dataclass
class Rows:
    """Second-stage rows: ``x[d, p]`` describes pattern ``p`` of document ``d``, ``doc[d]`` the document."""

    x: Floats
    doc: Floats
    pairs: list[list[Pair]]


def describe_all(docs: Sequence[Prepared], roles: Sequence[Floats], wording: Sequence[Floats], network: Network) -> Rows:
    """Features of all documents from what the linear models said of them, ``roles`` of their units and ``wording``, and what the network reads."""
    x, doc, pairs = [], [], []
    for p, of_units, of_words in zip(docs, roles, wording, strict=True):
        reading = network.read(p.evidence)
        scores = (of_units + reading.roles) / 2
        chosen = choose_pairs(scores)
        one = describe(p.evidence, scores, chosen, of_words, reading)
        x.append(one)
        doc.append(describe_document(one, of_words, reading))
        pairs.append(chosen)
    return Rows(np.array(x), np.array(doc), pairs)


def describe_folds(docs: Sequence[Prepared], folds: npt.NDArray[np.int64], roles: Sequence[Floats], wording: Floats, network: Network, n_jobs: int) -> Rows:
    """Features of all documents, each read by the network's member that has not seen its fold."""
    from joblib import Parallel, delayed

    of_fold = [np.flatnonzero(folds == k) for k in range(len(network.members))]
    parts: list[Rows] = Parallel(n_jobs=n_jobs)(
        delayed(describe_all)([docs[int(i)] for i in mine], [roles[int(i)] for i in mine], wording[mine], network.member(k)) for k, mine in enumerate(of_fold) if len(mine)
    )
    # Back in the order of the documents.
    back = np.argsort(np.concatenate(of_fold))
    pairs = [row for part in parts for row in part.pairs]
    return Rows(np.concatenate([part.x for part in parts])[back], np.concatenate([part.doc for part in parts])[back], [pairs[i] for i in back])


def fit_head(x: Floats, y: npt.NDArray[np.int8], settings: Settings, weight: Floats | None = None) -> Head:
    """Trees and a linear model on the same rows, as plain arrays."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    # Binned here: with weights scikit-learn seeks the edges one by one, which takes longer than the trees.
    edges = [bin_edges(column) for column in x.T]
    binned = np.stack([np.searchsorted(e, column) for e, column in zip(edges, x.T, strict=True)], axis=1)
    boosted = HistGradientBoostingClassifier(
        max_iter=settings.trees,
        max_leaf_nodes=settings.leaves,
        learning_rate=settings.learning_rate,
        min_samples_leaf=settings.min_leaf,
        l2_regularization=settings.l2,
        early_stopping=False,
        random_state=SEED,
        max_features=0.3,
    )
    # One thread: on few cores the threads of the trees wait for each other far longer than they work.
    with threadpool_limits(limits=1):
        boosted.fit(binned, y, sample_weight=weight)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale < 1e-9, 1.0, scale)
    linear = LogisticRegression(C=settings.linear_c, max_iter=3000, random_state=SEED)
    linear.fit((x - mean) / scale, y, sample_weight=weight)
    return Head(export_trees(boosted, edges), Linear(linear.coef_[0].astype(np.float64), float(linear.intercept_[0]), mean, scale), settings.share)


def bin_edges(column: Floats, n_bins: int = 255) -> Floats:
    """Rising values that part a column into at most ``n_bins`` bins of about the same size; bin ``k`` ends with ``edges[k]``."""
    # Sorted once: with numpy's quantiles the edges took as long as the trees of a small head.
    rising = np.sort(column)
    distinct = rising[np.concatenate([[True], rising[1:] != rising[:-1]])]
    if len(distinct) > n_bins:
        share = np.linspace(0, 1, n_bins + 1)[1:-1]
        return np.unique(rising[np.ceil(len(rising) * share).astype(np.intp) - 1])
    return np.asarray((distinct[:-1] + distinct[1:]) / 2)


def export_trees(model: Any, edges: Sequence[Floats] | None = None) -> Trees:
    """A fitted binary ``HistGradientBoostingClassifier`` as flat arrays, with a value at every node.

    Where it was fitted on the numbers of bins, ``edges`` are those of each feature (:func:`bin_edges`).
    """
    roots: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    value: list[float] = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        offset = len(feature)
        roots.append(offset)
        values = nodes["value"].astype(np.float64).copy()
        counts = nodes["count"].astype(np.float64)
        for i in range(len(nodes) - 1, -1, -1):
            if not nodes[i]["is_leaf"]:
                a, b = int(nodes[i]["left"]), int(nodes[i]["right"])
                values[i] = (values[a] * counts[a] + values[b] * counts[b]) / max(counts[a] + counts[b], 1.0)
        for i, node in enumerate(nodes):
            leaf = bool(node["is_leaf"])
            feature.append(-1 if leaf else int(node["feature_idx"]))
            limit = 0.0 if leaf else float(node["num_threshold"])
            threshold.append(limit if leaf or edges is None else float(edges[int(node["feature_idx"])][int(limit)]))
            left.append(0 if leaf else offset + int(node["left"]))
            right.append(0 if leaf else offset + int(node["right"]))
            value.append(values[i])
    return Trees(
        np.array(roots, dtype=np.int32),
        np.array(feature, dtype=np.int32),
        np.array(threshold, dtype=np.float64),
        np.array(left, dtype=np.int32),
        np.array(right, dtype=np.int32),
        np.array(value, dtype=np.float64),
        float(np.ravel(model._baseline_prediction)[0]),
    )


def targets(docs: Sequence[Prepared]) -> dict[str, npt.NDArray[np.int8]]:
    """Gold answers of shape (n_docs, n_patterns): ``flagged``, ``present``, ``reports``, and ``disclosure`` (-1 none)."""
    n = len(docs)
    out = {k: np.zeros((n, len(PATTERNS)), dtype=np.int8) for k in ("flagged", "present", "reports")}
    out["disclosure"] = np.full((n, len(PATTERNS)), -1, dtype=np.int8)
    for d, p in enumerate(docs):
        for label in p.example.labels:
            at = PATTERNS.index(label.pattern)
            out["present"][d, at] = 1
            out["flagged"][d, at] |= int(label.flagged)
            out["reports"][d, at] = int(label.stance == "reports")
            if label.disclosure:
                out["disclosure"][d, at] = DISCLOSURES.index(label.disclosure)
    return out


# --- the whole -------------------------------------------------------------------------------------------------


def platt(z: Floats, y: npt.NDArray[np.int8]) -> tuple[float, float]:
    """Scale and offset that turn raw log-odds into calibrated ones, fitted by logistic regression."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit(z.reshape(-1, 1), y)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def choose_threshold(scores: Floats, gold: npt.NDArray[np.bool_], honest: npt.NDArray[np.bool_], budget: float) -> float:
    """The probability with the best F1 of any hidden sale among those that keep false alarms on honest texts in budget."""
    best, chosen = -1.0, 0.95
    for limit in np.round(np.arange(0.20, 0.991, 0.01), 2):
        hit = scores >= limit
        if honest.any() and hit[honest].mean() > budget:
            continue
        f = 2 * int((hit & gold).sum()) / max(int(hit.sum() + gold.sum()), 1)
        if f > best + 1e-9:
            best, chosen = f, float(limit)
    return chosen


@dataclass(frozen=True)
class FirstStage:
    """What the first stage learned, and what it says of the training documents that each part of it has not seen."""

    docs: list[Prepared]
    folds: npt.NDArray[np.int64]
    rows: Rows
    parts: Any

    def describe(self, docs: Sequence[Prepared]) -> Rows:
        """The second stage's rows of other documents."""
        parts = self.parts
        return describe_all(docs, [parts.roles.scores(p.evidence) for p in docs], [parts.wording[p.example.lang].scores(p.evidence.analysis) for p in docs], parts.network)


def first_stage(
    docs: list[Prepared],
    lines: Sequence[Prepared],
    settings: Settings,
    tables: dict[str, dict[str, str]],
    log: Callable[[str], None] = lambda _: None,
) -> FirstStage:
    """Learn roles, spans, wording and network from documents and phrase-book lines: each once for every fold, without it, and their means."""
    from hiddensale import artifacts

    folds = grouped_folds([p.example.group for p in docs])
    log(f"{sum(len(p.evidence.analysis.units) for p in docs)} units; learning the wording, roles, spans and network")
    learned = learn_together(
        {
            # Those that take longest come last: they are alike, and no process is left alone with one of them.
            "the wording": fit_wording(docs, folds, list(tables), settings),
            "roles": fit_roles(docs, lines, folds, settings),
            "spans": fit_spans([*docs, *lines], settings),
            "the network": fit_network(docs, lines, folds, settings),
        },
        settings.n_jobs,
        log,
    )
    fold_wording, word_scores = learned["the wording"]
    fold_roles, unit_scores = learned["roles"]
    spans, network = learned["spans"], learned["the network"]
    wording = {lang: average_wording(models) for lang, models in fold_wording.items()}
    log("describing the training documents")
    rows = describe_folds(docs, folds, unit_scores, word_scores, network, settings.n_jobs)
    return FirstStage(docs, folds, rows, artifacts.Parts(average_roles(fold_roles), spans, wording, network, tables))


def fit(examples: Sequence[Example], settings: Settings, book: Sequence[Phrase] = (), log: Callable[[str], None] = lambda _: None) -> Any:
    """Fit a model on training documents.

    Parameters
    ----------
    examples : sequence of Example
        All are learned from.
    settings : Settings
    book : sequence of Phrase
        Lines of phrase books, for the first stage and the spans.
    log : callable
        Told what is going on.

    Returns
    -------
    Model
        Without figures in its manifest.
    """
    langs = sorted({x.lang for x in examples}, key=lambda c: (c != "fi", c))
    log(f"{len(examples)} documents, {len(book)} phrase-book lines; making lemma tables")
    tables, docs, lines = tables_and_prepared(examples, book, langs, settings.n_jobs)
    stage = first_stage(docs, lines, settings, tables, log)
    return judge(examples, stage.docs, stage.rows, stage.folds, settings, stage.parts, log)


def any_settings(settings: Settings) -> Settings:
    """The settings of the head that tells whether a text holds any hidden sale."""
    return replace(settings, trees=settings.any_trees, leaves=settings.any_leaves, linear_c=settings.any_c, share=settings.any_share, ordinary_weight=settings.any_ordinary_weight)


def judge(examples: Sequence[Example], docs: Sequence[Prepared], rows: Rows, folds: npt.NDArray[np.int64], settings: Settings, parts: Any, log: Callable[[str], None]) -> Any:
    """Second stage: heads, calibration, thresholds; everything is calibrated on predictions for unseen groups."""
    from joblib import Parallel, delayed

    from hiddensale import artifacts

    log("learning the judge")
    langs = tuple(parts.wording)
    gold = targets(docs)
    any_gold = gold["flagged"].max(axis=1)
    n = len(PATTERNS)

    def flat(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return a.reshape(-1, rows.x.shape[2]) if a.ndim == 3 else a.ravel()

    counted = np.array([pattern_share(p, settings.role_rest) for p in docs])
    weight = document_weights(docs, settings)[:, None] * counted
    lure_column, words_column = (feature_names().index(name) for name in ("lure score", "words"))
    of_any = any_settings(settings)
    weight_any = document_weights(docs, of_any)
    raw_any = np.zeros(len(docs))
    raw_pattern = np.zeros((len(docs), n))
    raw_present = np.zeros((len(docs), n))
    raw_about = np.zeros((len(docs), n))
    about_gold = wording_targets(docs)[:, 1 + n : OF_TEXT]
    hot = any_gold == 1
    labelled = gold["present"] == 1
    small = replace(settings, trees=60, leaves=8)
    of_all = replace(settings, trees=80)
    parts_of = [folds != k for k in range(N_FOLDS)]
    jobs: list[tuple[Floats, npt.NDArray[np.int8], Settings, Floats | None]] = []
    for inside in (*parts_of, np.ones(len(docs), dtype=bool)):
        kept = inside[:, None] & (counted > 0)
        jobs += [
            (rows.doc[inside], any_gold[inside], of_any, weight_any[inside]),
            (flat(rows.x[inside & hot]), flat(gold["flagged"][inside & hot]), settings, None),
            (rows.x[kept], about_gold[kept], of_all, weight[kept]),
            (rows.x[kept], gold["present"][kept], of_all, counted[kept]),
        ]
    jobs.append((rows.x[labelled], gold["reports"][labelled], small, None))
    jobs += [(rows.x[labelled], (gold["disclosure"][labelled] == number).astype(np.int8), small, None) for number in range(len(DISCLOSURES))]
    fitted: list[Head] = Parallel(n_jobs=settings.n_jobs)(delayed(fit_head)(*job) for job in jobs)
    for k, inside in enumerate(parts_of):
        of_doc, of_pattern, of_about, of_present = fitted[4 * k : 4 * k + 4]
        others = flat(rows.x[~inside])
        raw_any[~inside] = of_doc.predict(rows.doc[~inside])
        raw_pattern[~inside] = of_pattern.predict(others).reshape(-1, n)
        raw_about[~inside] = of_about.predict(others).reshape(-1, n)
        raw_present[~inside] = of_present.predict(others).reshape(-1, n)
    heads = dict(zip(("any", "pattern", "about", "present", "reports", *DISCLOSURES), fitted[4 * N_FOLDS :], strict=True))
    scales = np.zeros((len(langs), 3, 2))
    thresholds = np.zeros(len(langs))
    gates = np.zeros((len(langs), len(artifacts.GATES)))
    for row, lang in enumerate(langs):
        mine = np.array([x.lang == lang for x in examples])
        # What is calibrated is told by single members; their mean, which is shipped, is surer.
        scales[row, 0] = settings.member_gain * np.array(platt(raw_any[mine], any_gold[mine]))
        scales[row, 1] = platt(raw_pattern[mine & hot].ravel(), gold["flagged"][mine & hot].ravel())
        scales[row, 2] = platt(raw_present[mine].ravel(), gold["present"][mine].ravel())
        p_any = sigmoid(scales[row, 0, 0] * raw_any[mine] + scales[row, 0, 1])
        share = sigmoid(scales[row, 1, 0] * raw_pattern[mine] + scales[row, 1, 1])
        at = LANG_INDEX.get(lang)
        gates[row] = [*settings.gates, settings.unsure_about[at] if at is not None else max(settings.unsure_about), settings.lead_of_clear]
        # The same decision as the detector's, on predictions for unseen groups.
        through = gates_open(gates[row], p_any[:, None], share, raw_about[mine], rows.x[mine][:, :, lure_column], np.expm1(rows.x[mine][:, :, words_column])).any(axis=1)
        chosen = choose_threshold(np.where(through, p_any, 0.0), any_gold[mine] == 1, any_gold[mine] == 0, settings.budget)
        thresholds[row] = max(chosen, settings.least_thresholds[at] if at is not None else max(settings.least_thresholds))
    log("thresholds " + ", ".join(f"{lang} {t:.3f}" for lang, t in zip(langs, thresholds, strict=True)))
    manifest: dict[str, Any] = {
        "langs": list(langs),
        "patterns": list(PATTERNS),
        "roles": list(ROLE_NAMES),
        "packs": {lang: load_pack(lang).digest for lang in langs},
        "pack_versions": {lang: load_pack(lang).version for lang in langs},
        "corpus_sha256": digest(examples),
        "n_train": len(examples),
        "seed": SEED,
        "settings": {k: v for k, v in asdict(settings).items() if k != "n_jobs"},
        "thresholds": {lang: float(t) for lang, t in zip(langs, thresholds, strict=True)},
    }
    return artifacts.Model(parts.roles, parts.spans, parts.wording, parts.network, heads, langs, scales, thresholds, gates, parts.lemmas, manifest)


# The matrix library and numpy choose their inner loops by the processor, and these differ in the last bit, of which thousands of steps of a
# network make another model. All x86-64 processors since 2013 have the loops that are asked for here; what is left out are wider ones.
_LOOPS = {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL X86_V4 AVX512_ICL AVX512_SPR"}


def same_loops(environ: Mapping[str, str], machine: str | None = None) -> dict[str, str] | None:
    """The environment in which every x86-64 processor learns the same model, or None if it is that already.

    Parameters
    ----------
    environ : mapping of str to str
        The environment as it is. What it says of these variables stays.
    machine : str, optional
        As :func:`platform.machine` tells, which is the default. On other kinds nothing is asked for.

    Returns
    -------
    dict or None
        To start a process with: libraries read it when they are imported.

    Examples
    --------
    >>> same_loops({"OPENBLAS_CORETYPE": "Zen"}, "x86_64")["OPENBLAS_CORETYPE"]
    'Zen'
    >>> same_loops({}, "arm64") is None
    True
    """
    import platform

    if (machine or platform.machine()).lower() not in ("x86_64", "amd64") or all(name in environ for name in _LOOPS):
        return None
    return {**_LOOPS, **environ}


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage: among millions of objects that stay to the end it finds none, again and again."""
    import gc

    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def train(paths: Sequence[Path], output: Path, *, n_jobs: int = 2, log: Callable[[str], None] = lambda _: None) -> None:
    """Fit, calibrate, evaluate; write model, manifest and card.

    Parameters
    ----------
    paths : sequence of Path
        Corpus files or folders.
    output : Path
        Model folder.
    n_jobs : int
        Processes while fitting; the result does not depend on it.
    log : callable
        Told what is going on.

    Notes
    -----
    The figures are the same on another processor only in the environment of :func:`same_loops`, in which ``hiddensale train`` runs it.
    """
    import platform

    import sklearn
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_info

    from hiddensale import __version__, artifacts, cards, phrases
    from hiddensale.corpus import load
    from hiddensale.detector import Detector
    from hiddensale.evaluation import Figures, evaluate

    examples = load(paths)
    learn = [x for x in examples if x.split == "train"]
    if not learn:
        raise CorpusError(f"no document of split train in {', '.join(map(str, paths))}")
    book = phrases.load(paths)
    artifacts.prepare_folder(output)
    log(f"{len(book)} phrase-book lines")
    with _uncollected():
        model = fit(learn, Settings(n_jobs=n_jobs), book, log)
    # What is shipped is rounded to half precision: measure what is shipped.
    arrays = artifacts.to_arrays(model)
    shipped = artifacts.from_arrays(arrays, model.manifest)
    detector = Detector(shipped)
    held = {split: [x for x in examples if x.split == split] for split in ("dev", "test")}
    held = {split: rows for split, rows in held.items() if rows}
    log("measuring on " + ", ".join(f"{len(rows)} documents of split {split}" for split, rows in held.items()))
    figures = Parallel(n_jobs=n_jobs)(delayed(evaluate)(detector, rows) for rows in held.values())
    measured: dict[str, Figures] = dict(zip(held, figures, strict=True))
    manifest = {
        **model.manifest,
        "n_phrases": len(book),
        "figures": {split: _rounded(f.to_dict()) for split, f in measured.items()},
        "versions": {"hiddensale": __version__, "python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__},
        "loops": sorted({f"{found['internal_api']} {found['architecture']}" for found in threadpool_info() if "architecture" in found}),
    }
    artifacts.save(replace(model, manifest=manifest), output, cards.card(manifest, measured))
    log(f"written: {output}")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return value
