from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import delayed
from scipy.sparse import csr_matrix

from hiddensale.artifacts import Model
from hiddensale.catalogue import PATTERNS
from hiddensale.corpus import Example, Label
from hiddensale.detector import Detector
from hiddensale.evaluation import Figures, Outcome, against_cues, evaluate, gate, strictness
from hiddensale.evidence import Evidence, gather
from hiddensale.judge import OUTWEIGHS, Head, Linear, Trees, gates_open, sigmoid
from hiddensale.phrases import Phrase, read_book
from hiddensale.relations import choose_pairs, describe, describe_document, document_names, feature_names
from hiddensale.roles import ROLE_NAMES, SPEAKS, TOLD, RoleModel, cue_features, length_scale, pair_features, word_features
from hiddensale.schema import Finding, ScanResult, Span
from hiddensale.spans import SpanModel, best_run, run_scores
from hiddensale.training import (
    N_FOLDS,
    Learner,
    Settings,
    UnitTable,
    WordingFit,
    _fit_columns,
    average_roles,
    average_wording,
    bin_edges,
    describe_all,
    describe_folds,
    export_trees,
    fit_head,
    fit_roles,
    fit_spans,
    grouped_folds,
    learn_together,
    lemma_tables,
    make_analysers,
    platt,
    prepare,
    prepare_all,
    role_share,
    tables_and_prepared,
)
from hiddensale.wording import COLUMNS, WordingModel, counts

RNG = np.random.default_rng(3)
X = RNG.normal(size=(400, 12))
Y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(np.int8)


def test_exported_trees_say_what_scikit_learn_says() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=9, early_stopping=False, random_state=0).fit(X, Y)
    assert export_trees(model).predict(X) == pytest.approx(model.decision_function(X), abs=1e-9)


@pytest.mark.parametrize(
    ("column", "edges"),
    [([3.0, 1.0, 3.0], [2.0]), ([5.0, 5.0], []), ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 6.0]), ([0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 2.0])],
)
def test_bins_end_at_their_edges(column: list[float], edges: list[float]) -> None:
    assert bin_edges(np.array(column), 4).tolist() == edges


def test_trees_learned_on_bins_ask_for_values() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    edges = [bin_edges(column, 16) for column in X.T]
    binned = np.stack([np.searchsorted(e, column) for e, column in zip(edges, X.T, strict=True)], axis=1)
    model = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=9, early_stopping=False, random_state=0).fit(binned, Y)
    assert export_trees(model, edges).predict(X) == pytest.approx(model.decision_function(binned), abs=1e-9)


def test_trees_of_a_weighted_head_split_at_the_edges_of_bins() -> None:
    weight = np.where(X[:, 3] > 0, 3.0, 1.0)
    head = fit_head(X, Y, replace(Settings(), trees=20, leaves=4, min_leaf=10), weight)
    splits = [(int(f), float(t)) for t, f in zip(head.trees.threshold, head.trees.feature, strict=True) if f >= 0]
    assert splits
    assert all(t in bin_edges(X[:, f]) for f, t in splits)
    assert ((head.trees.predict(X) > 0) == Y).mean() > 0.8


def test_shares_add_up_to_the_score() -> None:
    head = fit_head(X, Y, Settings(trees=60, min_leaf=5))
    for row in X[:20]:
        shares, rest = head.contributions(row)
        assert shares.sum() + rest == pytest.approx(head.predict(row[None, :])[0], abs=1e-9)
    assert ((head.predict(X) > 0) == Y).mean() > 0.85


def test_a_head_survives_its_arrays() -> None:
    head = fit_head(X, Y, Settings(trees=5))
    again = Head.from_arrays("h", head.arrays("h"))
    assert (again.predict(X) == head.predict(X)).all()


def test_one_tree_by_hand() -> None:
    i32 = np.int32
    trees = Trees(np.array([0], i32), np.array([1, -1, -1], i32), np.array([0.5, 0, 0]), np.array([1, 0, 0], i32), np.array([2, 0, 0], i32), np.array([0.2, -1.0, 2.0]), 0.1)
    x = np.array([[9.0, 0.5], [9.0, 0.6]])
    assert trees.predict(x) == pytest.approx([-0.9, 2.1])
    assert trees.contributions(x[1]) == pytest.approx([0.0, 1.8])
    assert trees.base() == pytest.approx(0.3)
    linear = Linear(np.array([2.0, 0.0]), 1.0, np.array([8.0, 0.0]), np.array([0.5, 1.0]))
    assert linear.predict(x) == pytest.approx([5.0, 5.0])


@pytest.mark.parametrize(("z", "p"), [(0.0, 0.5), (800.0, 1.0), (-800.0, 0.0)])
def test_sigmoid(z: float, p: float) -> None:
    assert sigmoid(z) == pytest.approx(p)


def test_platt_keeps_the_order_and_finds_the_scale() -> None:
    z = RNG.normal(size=5000) * 3
    y = (RNG.random(5000) < sigmoid(0.5 * z - 1)).astype(np.int8)
    scale, offset = platt(z, y)
    assert scale == pytest.approx(0.5, abs=0.06)
    assert offset == pytest.approx(-1, abs=0.15)


def test_folds_keep_groups_together_and_never_change() -> None:
    groups = [f"g{i // 3}" for i in range(300)]
    folds = grouped_folds(groups)
    assert (folds == grouped_folds(groups)).all()
    assert all(len({int(f) for g, f in zip(groups, folds, strict=True) if g == name}) == 1 for name in set(groups))
    assert set(folds) == set(range(N_FOLDS))


def unit_row(evidence: Evidence, u: int) -> dict[str, float]:
    """All features of one unit with their values, one by one: what RoleModel.scores adds up and UnitTable holds in a row."""
    unit = evidence.analysis.units[u]
    words = evidence.analysis.words[unit.first : unit.last]
    scale = length_scale(len(words))
    out: dict[str, float] = {}
    for word in words:
        for name in word_features(word):
            out[name] = out.get(name, 0.0) + scale
    for a, b in pairwise(words):
        for name in pair_features(a, b):
            out[name] = out.get(name, 0.0) + scale
    out.update(cue_features(evidence, u))
    return out


def test_role_scores_are_the_sum_of_the_named_features(detector: Detector) -> None:
    analyser = detector.analyser("fi")
    evidence = gather(analyser, analyser.analyse("Ilmainen kirja kotiisi!\nMaksat vain postikulut 9,90 €.\n* Ehdot: tilaus jatkuu."))
    roles = detector.model.roles
    scores = roles.scores(evidence)
    assert scores.shape == (len(evidence.analysis.units), len(ROLE_NAMES))
    for u in range(len(scores)):
        by_name = roles.bias + sum(value * roles.weights[i] for name, value in unit_row(evidence, u).items() if (i := roles.index.get(name)) is not None)
        assert scores[u] == pytest.approx(by_name, abs=1e-3)


def test_rows_have_the_named_columns(detector: Detector) -> None:
    analyser = detector.analyser("en")
    evidence = gather(analyser, analyser.analyse("Win a car. Our adviser visits you."))
    roles = detector.model.roles.scores(evidence)
    wording = detector.model.wording["en"].scores(evidence.analysis)
    reading = detector.model.network.read(evidence)
    x = describe(evidence, roles, choose_pairs(roles), wording, reading)
    assert x.shape == (len(PATTERNS), len(feature_names()))
    assert describe_document(x, wording, reading).shape == (len(document_names()),)
    assert np.isfinite(x).all()
    assert wording.shape == (len(COLUMNS),)
    assert len(set(feature_names())) == len(feature_names())


def test_a_lure_repeated_in_the_fine_print_does_not_hide_the_earlier_one(detector: Detector) -> None:
    analyser = detector.analyser("en")
    evidence = gather(analyser, analyser.analyse("Win a car.\nOpen from 9 to 5.\nThe car is yours at £10 a month for 36 months."))
    roles = detector.model.roles.scores(evidence)
    at = PATTERNS.index("prize-with-fees")
    roles[:, [at, len(PATTERNS) + at]] = [[1.0, -9.0], [-9.0, -7.0], [3.0, 4.0]]
    pairs = choose_pairs(roles)
    assert (pairs[at].lure, pairs[at].catch) == (2, 2)
    reading = detector.model.network.read(evidence)
    row = dict(zip(feature_names(), describe(evidence, roles, pairs, detector.model.wording["en"].scores(evidence.analysis), reading)[at], strict=True))
    assert (row["earlier lure score"], row["earlier lure unit number"], row["earlier lure units apart"], row["catch elsewhere score"]) == (1.0, 0.0, 2.0, -7.0)
    # The three first units are always looked at; the price stands in the third.
    assert row["disclosure.price-period before earlier lure end"] == row["disclosure.price-period at catch"] == 1.0


def test_each_column_answers_its_own_question() -> None:
    x = csr_matrix(RNG.normal(size=(60, 4)))
    y = (x.toarray()[:, [0, 1, 2, 3, 0]] > [0, 0.2, -0.2, 0, 9]).astype(np.int8)
    weights, bias = _fit_columns(x, y, 1.0)
    # The last is never true.
    assert weights[:, :4].argmax(axis=0).tolist() == [0, 1, 2, 3]
    assert (weights[:, 4].tolist(), bias[4]) == ([0.0] * 4, -8.0)


FREE_BOOK = "A free book, a free cup.\nYou pay the postage only. It renews."


def test_the_table_of_units_holds_their_rows(detector: Detector) -> None:
    evidence = gather(detector.analyser("en"), detector.analyser("en").analyse(FREE_BOOK))
    table = UnitTable()
    n = len(evidence.analysis.units)
    for u in range(n):
        table.add(evidence, u)
    table.add(evidence, 0, line=True)
    names, x = table.matrix(1)
    rows = [{names[i]: value for i, value in zip(row.indices, row.data, strict=True)} for row in x]
    assert rows[:n] == [unit_row(evidence, u) for u in range(n)]
    # A line of a phrase book has no place in a text.
    assert rows[n] == {k: v for k, v in rows[0].items() if not k.startswith("z:")}
    assert "z:first" in rows[0]
    kept, part = table.matrix(2)
    df = Counter(name for row in rows for name in row)
    assert kept == sorted(name for name, count in df.items() if count >= 2)
    assert part.shape == (n + 1, len(kept))


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_roles_are_learned_alike_in_any_number_of_processes(detector: Detector, n_jobs: int) -> None:
    analysers = {"en": detector.analyser("en")}
    offers = []
    for thing in ("book", "cup", "pen", "hat"):
        for cost in ("postage", "handling"):
            lure, catch = f"A free {thing}!", f"You pay the {cost}."
            label = Label("free-but-fees", (0, len(lure) - 1), (len(lure) + 1, len(lure) + len(catch)), "vague" if cost == "postage" else "buried", "makes")
            offers.append((f"{lure} {catch}", (label,)))
    examples = [Example(f"x{i}", "en", text, labels, f"x{i}") for i, (text, labels) in enumerate([*offers, *((f"The library is open until {hour}.", ()) for hour in range(5, 13))])]
    docs, lines = prepare_all(examples, [Phrase("en", "free-but-fees", "lure", "a free book", (0, 11))], analysers, 1)
    folds = np.arange(len(docs)) % N_FOLDS
    alone, scores = learn_together({"roles": fit_roles(docs, lines, folds, Settings(n_jobs=1, role_min_df=1))}, 1)["roles"]
    models, again = learn_together({"roles": fit_roles(docs, lines, folds, Settings(n_jobs=n_jobs, role_min_df=1))}, n_jobs)["roles"]
    for a, b in zip(alone, models, strict=True):
        assert (a.weights == b.weights).all()
        assert (a.bias == b.bias).all()
    assert all((a == b).all() for a, b in zip(scores, again, strict=True))
    lure = ROLE_NAMES.index("lure:free-but-fees")
    assert min(scores[i][0, lure] for i in range(8)) > max(scores[i][0, lure] for i in range(8, 16))


def _adder(numbers: list[int]) -> Learner[list[int]]:
    done = yield [delayed(pow)(number, 2) for number in numbers]
    return [*numbers, sum(done)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_each_learner_is_sent_what_comes_of_its_own_calls(n_jobs: int) -> None:
    told: list[str] = []
    learned = learn_together({"few": _adder([1]), "many": _adder([2, 3, 4, 5]), "some": _adder([6, 7])}, n_jobs, told.append)
    assert learned == {"few": [1, 1], "many": [2, 3, 4, 5, 54], "some": [6, 7, 85]}
    assert told == ["learned few", "learned many", "learned some"]


@pytest.mark.slow
def test_taken_apart_once_a_text_is_what_it_is_to_the_analyser_of_run_time() -> None:
    texts = [("en", "A free book! You paid the postages."), ("fi", "Ilmaisia kirjoja! Maksoit vain postikuluista."), ("en", "You paid for books.")]
    examples = [Example(f"x{i}", lang, text, (), f"x{i}") for i, (lang, text) in enumerate(texts)]
    book = [Phrase("fi", "free-but-fees", "catch", "maksat postikulut", (0, 17)), Phrase("en", "free-but-fees", "lure", "a free book", (0, 11))]
    tables, docs, lines = tables_and_prepared(examples, book, ["fi", "en"], 2)
    assert tables == lemma_tables([*texts, *((x.lang, x.text) for x in book)], ["fi", "en"])
    assert tables["en"]["postages"] == "postage"
    for found, expected in zip((docs, lines), prepare_all(examples, book, make_analysers(tables), 1), strict=True):
        for one, other in zip(found, expected, strict=True):
            assert (one.example, one.lure_units, one.catch_units) == (other.example, other.lure_units, other.catch_units)
            a, b = one.evidence.analysis, other.evidence.analysis
            assert [(w.lower, w.lemma, w.concepts) for w in a.words] == [(w.lower, w.lemma, w.concepts) for w in b.words]
            assert (a.starts, a.ends, a.units) == (b.starts, b.ends, b.units)
            assert [(h.cue.id, h.first, h.last) for h in one.evidence.hits] == [(h.cue.id, h.first, h.last) for h in other.evidence.hits]
    # The same word is the same object in documents and lines.
    assert docs[0].evidence.analysis.words[1] is lines[1].evidence.analysis.words[1]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_text_is_read_by_the_member_that_has_not_seen_it(detector: Detector, n_jobs: int) -> None:
    texts = [("en", "A free book. You pay the postage."), ("fi", "Ilmainen kirja. Maksat postikulut."), ("en", "The library is open until eight."), ("fi", "Tule mukaan arvontaan!")]
    examples = [Example(f"x{i}", lang, text, (), f"x{i}") for i, (lang, text) in enumerate(texts)]
    book = [
        Phrase("fi", "free-but-fees", "catch", "maksat postikulut", (0, 17)),
        Phrase("sv", "free-but-fees", "catch", "du betalar", (0, 10)),
        Phrase("en", "free-but-fees", "lure", "a free book", (0, 11)),
    ]
    docs, lines = prepare_all(examples, book, {lang: detector.analyser(lang) for lang in ("fi", "en")}, n_jobs)
    assert [p.example.text for p in docs] == [text for _, text in texts]
    # There is no analyser for Swedish, so its line is left out.
    assert [p.example.text for p in lines] == ["maksat postikulut", "a free book"]
    network = detector.model.network
    folds = np.array([2, 0, 2, 1])
    roles = [RNG.normal(size=(len(p.evidence.analysis.units), len(ROLE_NAMES))) for p in docs]
    wording = RNG.normal(size=(len(docs), len(COLUMNS)))
    rows = describe_folds(docs, folds, roles, wording, network, n_jobs)
    for i, k in enumerate(folds):
        alone = describe_all([docs[i]], [roles[i]], wording[i : i + 1], network.member(int(k)))
        assert (rows.x[i] == alone.x[0]).all()
        assert (rows.doc[i] == alone.doc[0]).all()
        assert rows.pairs[i] == alone.pairs[0]


def test_a_text_has_the_same_vector_when_learned_from_and_when_read(detector: Detector) -> None:
    texts = ["Ilmainen kirja kotiisi! Maksat vain postikulut 9,90 euroa, vain ne.", "Ilmainen kirja.", "Maksat vain kotiisi!"]
    hidden = (Label("free-but-fees", (0, 14), (24, 45), "vague", "makes"),)
    examples = [Example(f"x{i}", "fi", text, () if i else hidden, f"x{i}") for i, text in enumerate(texts)]
    docs, _ = prepare_all(examples, [], {"fi": detector.analyser("fi")}, 1)
    fitter = WordingFit(docs, Settings())
    model = fitter.model(np.ones(3, dtype=bool))
    for i, p in enumerate(docs):
        ids, values = model.vector(p.evidence.analysis)
        assert fitter.scores(model, np.arange(3) == i)[0] == pytest.approx(model.scores(p.evidence.analysis))
        # Only what two texts hold is learned from.
        held = counts(p.evidence.analysis).keys() & {n for q in docs if q is not p for n in counts(q.evidence.analysis)}
        assert {model.names[i] for i in ids} == held
        assert len(values) == len(held) > 0


def test_the_wording_does_not_see_style(detector: Detector) -> None:
    analyser = detector.analyser("fi")
    plain = counts(analyser.analyse("Ilmainen kirja maksaa 57 euroa"))
    loud = counts(analyser.analyse("ILMAINEN KIRJA!!! 😀 maksaa 99 euroa!!!"))
    assert plain == loud


def _tags(inside: list[float]) -> Any:
    return np.stack([np.array(inside, dtype=float), np.zeros(len(inside)), np.zeros(len(inside))], axis=1)


@pytest.mark.parametrize(
    ("inside", "run"),
    [([-10, 20, 10, -30], (1, 3)), ([1.0], (0, 1)), ([-50, -1, -40], (1, 2)), ([10, -1, 30], (0, 3))],
)
def test_best_run_of_clear_scores_has_the_largest_sum(inside: list[float], run: tuple[int, int]) -> None:
    assert best_run(run_scores(_tags(inside)), np.ones(len(inside), dtype=bool)) == run


def test_best_run_agrees_with_all_the_likely_ones() -> None:
    # Two words alone are the likeliest run, but nearly every reader marks more.
    scores = np.full((4, 4), -np.inf)
    scores[0, 1], scores[0, 3], scores[0, 2], scores[1, 3] = np.log([0.3, 0.25, 0.25, 0.2])
    assert best_run(scores, np.ones(4, dtype=bool)) == (0, 3)


def test_run_scores_are_sums() -> None:
    tags = RNG.normal(size=(5, 3))
    scores = run_scores(tags)
    for i in range(5):
        for j in range(5):
            assert scores[i, j] == (pytest.approx(tags[i : j + 1, 0].sum() + tags[i, 1] + tags[j, 2]) if j >= i else -np.inf)


def test_spans_are_learned_from_marked_runs(detector: Detector) -> None:
    # A reader who marks the price and nothing else.
    texts = [(f"{opening} {amount} euroa {rest}", f"{amount} euroa") for opening in ("Maksat", "Hinta on", "Kortti maksaa") for amount in (5, 12, 90) for rest in ("kuussa.", "joka kerta.", "vain.")]
    examples = [Example(f"x{i}", "fi", text, (Label("free-but-fees", None, (text.index(span), text.index(span) + len(span)), "vague", "makes"),), f"x{i}") for i, (text, span) in enumerate(texts)]
    docs = prepare(examples, {"fi": detector.analyser("fi")})
    spans = learn_together({"spans": fit_spans([*docs, *docs], replace(Settings(), span_l2=0.1))}, 1)["spans"]
    (other,) = prepare([Example("y", "fi", "Tuote maksaa 37 euroa heti.", (), "y")], {"fi": detector.analyser("fi")})
    first, last = spans.find(other.evidence, 0, "free-but-fees", "catch")
    assert [w.lower for w in other.evidence.analysis.words[first:last]] == ["37", "euroa"]


def _leaning(detector: Detector, lang: str, likely: str) -> tuple[SpanModel, Evidence]:
    """A model that finds the words between [[ and ]] likely, of both roles, and the text without these marks."""
    evidence = gather(detector.analyser(lang), detector.analyser(lang).analyse(likely.replace("[[", "").replace("]]", "")))
    start, end = likely.index("[["), likely.index("]]") - 2
    inside = [3.0 if start <= s < end else -2.0 for s in evidence.analysis.starts]

    class Leaning(SpanModel):
        def tag_scores(self, evidence: Evidence, u: int, pattern: str) -> Any:
            unit = evidence.analysis.units[u]
            return np.array([[x, 0.0, 0.0, x, 0.0, 0.0] for x in inside[unit.first : unit.last]])

    return Leaning([], np.zeros((0, 6)), np.zeros(6)), evidence


@pytest.mark.parametrize(
    ("lang", "likely", "span"),
    [
        ("en", "You pay [[24 x £12 (£288 in]] all) after that.", "24 x £12 (£288 in all)"),
        ("en", "Line rental extra [[(£11.00 monthly)]] after that.", "£11.00 monthly"),
        ("en", "Cheques are presented at the [[close) of a proposal]], says the letter.", "of a proposal"),
        ("en", "Send [[copies ______ ]]of the book.", "copies"),
        ("fi", "Arvomme 10 000 €[[:n remontin yhdelle]] talolle.", "€:n remontin yhdelle"),
        ("fi", "Saat [[EU:]]n tuen.", "EU:n"),
        ("fi", "[[Sitten 44,90 €/kk (36]] kk).", "Sitten 44,90 €/kk (36 kk)"),
    ],
)
def test_spans_cut_no_brackets_and_no_endings(detector: Detector, lang: str, likely: str, span: str) -> None:
    spans, evidence = _leaning(detector, lang, likely)
    a, start = evidence.analysis, likely.index("[[")
    (unit,) = [u for u, x in enumerate(a.units) if a.starts[x.first] <= start < a.ends[x.last - 1]]
    first, last = spans.find(evidence, unit, "free-but-fees", "catch")
    assert a.text[a.starts[first] : a.ends[last - 1]] == span


@pytest.mark.parametrize(
    ("lure", "likely", "catch"),
    [
        ("free book", "A free [[book you pay the postage]] of.", "you pay the postage"),
        ("A free book you pay the postage of", "A free book [[you pay the postage]] of.", "you pay the postage"),
        ("postage", "[[A free book you pay the postage]] of.", "A free book you pay the"),
    ],
)
def test_a_catch_that_goes_beyond_the_lure_is_sought_outside_of_it(detector: Detector, lure: str, likely: str, catch: str) -> None:
    spans, evidence = _leaning(detector, "en", likely)
    a = evidence.analysis
    beside = (a.starts.index(a.text.index(lure)), a.ends.index(a.text.index(lure) + len(lure)) + 1)
    first, last = spans.find(evidence, 0, "free-but-fees", "catch", beside)
    assert a.text[a.starts[first] : a.ends[last - 1]] == catch


def test_the_shipped_linear_models_are_the_means_of_the_folds(detector: Detector) -> None:
    analyser = detector.analyser("en")
    evidence = gather(analyser, analyser.analyse("A free book. You pay the postage.\nIt renews."))
    rng = np.random.default_rng(1)
    names = sorted({name for u in range(3) for name in unit_row(evidence, u)})
    roles = [RoleModel(names, rng.normal(size=(len(names), len(ROLE_NAMES))), rng.normal(size=len(ROLE_NAMES))) for _ in range(3)]
    # Weights are shipped in half precision, and those next to nothing are dropped.
    assert average_roles(roles).scores(evidence) == pytest.approx(np.mean([m.scores(evidence) for m in roles], axis=0), abs=0.05)
    words = sorted(counts(evidence.analysis))
    wording = [WordingModel(words, np.ones(len(words)), rng.normal(size=(len(words), len(COLUMNS))), rng.normal(size=len(COLUMNS))) for _ in range(3)]
    mean = np.mean([m.scores(evidence.analysis) for m in wording], axis=0)
    assert average_wording(wording).scores(evidence.analysis) == pytest.approx(mean, abs=0.05)


AGAINST = [
    ("a catch told with a cue", "Free book! You pay the postage only.", "postage", False),
    ("a catch told without one", "Free book! Seven of them leave our cellar.", "Seven of them", True),
    ("an honest text with a cue of a catch", "Library news. You pay the postage only.", None, True),
    ("an honest text without", "The library is closed on Monday.", None, False),
]


@pytest.mark.parametrize(("text", "catch", "against"), [row[1:] for row in AGAINST], ids=[row[0] for row in AGAINST])
def test_when_the_cues_speak_against_the_truth(detector: Detector, text: str, catch: str | None, against: bool) -> None:
    labels = ()
    if catch is not None:
        at = text.index(catch)
        labels = (Label("free-but-fees", (0, 9), (at, at + len(catch)), "vague", "makes"),)
    assert against_cues(detector, Example("x", "en", text, labels, "x")) is against


class Always:
    """A head that gives every row the same answer."""

    def __init__(self, z: float) -> None:
        self.z = z

    def predict(self, x: Any) -> Any:
        return np.full(len(x), self.z)

    def contributions(self, x: Any) -> Any:
        return np.zeros(len(x)), self.z


@pytest.mark.parametrize(
    ("reports", "clear", "said"),
    [(-5.0, -5.0, set()), (5.0, -5.0, {("reports", "vague")}), (-5.0, 5.0, {("makes", "clear")})],
    ids=["hidden, but not surely", "reported", "told clearly"],
)
def test_what_is_said_of_a_pattern_under_the_threshold(detector: Detector, reports: float, clear: float, said: set[tuple[str, str]]) -> None:
    z = {"any": -9.0, "present": 9.0, "reports": reports, "clear": clear, "vague": 0.0, "buried": -1.0, "absent": -1.0}
    model = replace(detector.model, heads={name: Always(z.get(name, 0.0)) for name in detector.model.heads})
    result = Detector(model).scan("Ilmainen kirja kotiisi!\nMaksat vain postikulut.", "fi")
    assert not result.flagged
    assert {(f.stance, f.disclosure) for f in result.findings} == said


@pytest.mark.parametrize(("later", "chosen"), [(0.1, 1), (0.5, 3)], ids=["as likely: the first", "likelier: the later"])
def test_of_units_that_say_the_lure_alike_the_first_is_chosen(later: float, chosen: int) -> None:
    scores = np.full((5, len(ROLE_NAMES)), -9.0)
    at = PATTERNS.index("free-but-fees")
    scores[1, at], scores[3, at], scores[2, len(PATTERNS) + at] = 0.0, later, 1.0
    assert (choose_pairs(scores)[at].lure, choose_pairs(scores)[at].catch) == (chosen, 2)


def _sure_and_untold(detector: Detector) -> Model:
    """A model that is sure of every pattern, and that its catch is not told."""
    z = {"reports": -9.0, "clear": -9.0, "vague": -9.0, "buried": -9.0}
    return replace(detector.model, heads={name: Always(z.get(name, 9.0)) for name in detector.model.heads}, gates=np.full_like(detector.model.gates, -99.0))


@pytest.mark.parametrize(
    ("text", "catch"),
    [
        ("Voitit matkan kahdelle!\n\nSoita 0700 00000, niin kerromme lisää.", "0700 00000"),
        ("Onneksi olkoon, sinut on valittu!\n\nPalkinto luovutetaan, kun puolisot tulevat paikalle yhdessä.", "puolisot"),
    ],
)
def test_what_gives_an_untold_catch_away_is_quoted(detector: Detector, text: str, catch: str) -> None:
    (found,) = Detector(_sure_and_untold(detector), patterns=["prize-to-pitch"]).scan(text, "fi").findings
    assert (found.flagged, found.disclosure) == (True, "absent")
    assert found.catch is not None
    assert catch in found.catch.text


PRIZE_LINE = "Our records show that your second prize in the Spring Shoppers Draw is not yet claimed. Ring the claims desk on 0900 000 0000. Have a pen ready. Lines £3.60/min."


@pytest.mark.parametrize(
    ("pattern", "lang", "text", "disclosure", "catch"),
    [
        ("prize-with-fees", "en", PRIZE_LINE, "buried", "Lines £3.60/min"),
        ("prize-with-fees", "en", PRIZE_LINE.replace(" Lines £3.60/min.", ""), "absent", None),
        ("prize-with-fees", "en", PRIZE_LINE.replace("Lines £3.60/min", "Lines are open till nine"), "absent", None),
        ("prize-with-fees", "en", PRIZE_LINE.replace("£3.60/min", "cost 153p a min"), "buried", "Lines cost 153p a min"),
        ("prize-with-fees", "fi", "Voitit television! Soita palkintolinjalle 0700 000 00. Ota kynä esiin. Puhelu 2,95 €/min.", "buried", "Puhelu 2,95 €/min"),
        ("free-but-fees", "fi", "Saat kirjan ilmaiseksi kotiisi. Tilaa heti. Postikulut 8,90 €.", "buried", "Postikulut 8,90 €"),
        ("free-but-fees", "fi", "Saat kirjan ilmaiseksi kotiisi. Tilaa heti. Myös sidottuna.", "absent", None),
        # What a salesperson may earn does not tell that the work is selling.
        ("sales-job-in-disguise", "en", "Marketing assistants wanted for our new office. Start on Monday. Commission of £40 for each one.", "absent", None),
    ],
)
def test_a_price_that_is_there_is_never_called_untold(detector: Detector, pattern: str, lang: str, text: str, disclosure: str, catch: str | None) -> None:
    (found,) = Detector(_sure_and_untold(detector), patterns=[pattern]).scan(text, lang).findings
    assert found.disclosure == disclosure
    assert catch is None or (found.catch is not None and found.catch.text == catch)


@pytest.mark.parametrize(("told", "quoted"), [("absent", None), ("vague", "Voitit")])
def test_what_can_quote_nothing_but_the_lure_is_not_flagged_unless_every_score_is_asked_for(detector: Detector, told: str, quoted: str | None) -> None:
    model = _sure_and_untold(detector)
    model = replace(model, heads={**model.heads, told: Always(19.0)})
    result = Detector(model, patterns=["prize-to-pitch"]).scan("Voitit!", "fi")
    assert not result.flagged
    assert result.findings == ()
    assert result.scores["prize-to-pitch"] > 0.9
    (found,) = Detector(model, patterns=["prize-to-pitch"], min_score=0.5).scan("Voitit!", "fi").findings
    assert (found.flagged, found.disclosure, found.catch and found.catch.text) == (True, told, quoted)


def test_texts_about_other_patterns_count_rest_times_or_not_at_all(detector: Detector) -> None:
    examples = [Example(f"x{i}", "en", "A free book.", (), f"g{i}", near=("free-but-fees",)) for i in range(60)]
    shares = [role_share(p, 3) for p in prepare(examples, {"en": detector.analyser("en")})]
    mine, other = ROLE_NAMES.index("lure:free-but-fees"), ROLE_NAMES.index("catch:pay-to-work")
    assert all((share[:, mine] == 1).all() and (share[:, TOLD:] == 1).all() for share in shares)
    # Who speaks is learned from all that reports, and from some of the rest.
    assert {(float(share[0, other]), float(share[0, SPEAKS])) for share in shares} == {(0.0, 0.0), (3.0, 3.0)}
    told = Label("free-but-fees", (0, 6), (7, 12), "vague", "reports")
    (report,) = prepare([Example("r", "en", "A free book.", (told,), "g0")], {"en": detector.analyser("en")})
    assert (role_share(report, 3)[:, SPEAKS] == 1).all()
    # There is little ordinary text, so all of it says what no pattern is.
    ordinary = prepare([Example(f"o{i}", "en", "The library is open.", (), f"o{i}", kind="ordinary") for i in range(4)], {"en": detector.analyser("en")})
    assert all((role_share(p, 3)[:, other] == 1).all() for p in ordinary)


def test_a_pattern_may_have_several_phrase_books(tmp_path: Path) -> None:
    book = tmp_path / "fi-free-but-fees-2.txt"
    book.write_text("# fi free-but-fees\nK Maksat {postikulut}.\nN Postikulut maksaa liitto.\n", encoding="utf-8")
    assert [(x.lang, x.pattern, x.span) for x in read_book(book)] == [("fi", "free-but-fees", (7, 17)), ("fi", "free-but-fees", None)]


def test_the_slice_without_twins_holds_the_texts_alone(detector: Detector) -> None:
    texts = [("a", "g1"), ("b", "g1"), ("c", "g2")]
    figures = evaluate(detector, [Example(name, "en", "The library is closed on Monday.", (), group) for name, group in texts])
    assert figures.slices["en"]["slices"]["alone, without a twin"]["n"] == 1


def _outcome(name: str, score: float | None, labels: tuple[Label, ...] = (), kind: str = "lookalike") -> Outcome:
    found = () if score is None else (Finding("pay-to-work", score, True, "makes", "vague", Span(0, 4, "Work"), None, ""),)
    result = ScanResult(name, "", "en", bool(found), score or 0.0, dict.fromkeys(PATTERNS, score or 0.0), found, "Work at home.")
    return Outcome(Example(name, "en", result.text, labels, name, kind=kind), result)


def test_figures_from_a_score_on() -> None:
    hidden = (Label("pay-to-work", (0, 4), None, "vague", "makes"),)
    outcomes = [
        _outcome("sure", 0.85, hidden),
        _outcome("likely", 0.6, hidden),
        _outcome("missed", None, hidden),
        _outcome("accused", 0.7),
        _outcome("honest", None),
        _outcome("talk", 0.8, kind="talk"),
    ]
    rows = {r["from"]: r for r in strictness(outcomes)}
    assert list(rows) == [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    assert rows[0.0] == rows[0.5] | {"from": 0.0}
    assert rows[0.5] == pytest.approx({"from": 0.5, "flagged": 4, "precision": 0.5, "recall": 2 / 3, "f1": 4 / 7, "honest": 0.5, "reports": 1.0})
    assert rows[0.7] == {"from": 0.7, "flagged": 3, "precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3, "honest": 0.5, "reports": 1.0}
    assert rows[0.8] == {"from": 0.8, "flagged": 2, "precision": 0.5, "recall": 1 / 3, "f1": 0.4, "honest": 0.0, "reports": 1.0}
    assert rows[0.9] == {"from": 0.9, "flagged": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0, "honest": 0.0, "reports": 0.0}


def _shipped(detector: Detector) -> dict[str, Any]:
    return json.loads(json.dumps(detector.model.manifest["figures"]["dev"]))


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("fi", "any", "f1"), -0.019, None),
        (("fi", "any", "f1"), -0.03, "fi: F1 of any hidden sale was "),
        (("en", "macro_f1"), -0.03, "en: macro F1 was "),
        (("en", "honest", "share"), 0.03, "en: false alarms on honest look-alikes was "),
        (("en", "honest", "share"), -0.03, None),
        (("fi", "reports", "share"), 0.03, "fi: false alarms on reports was "),
        (("fi", "strictness", 4, "precision"), -0.03, "fi: precision from .8 on was "),
        (("fi", "contrast", "share"), -0.03, "fi: contrast groups was "),
        (("en", "spans", "catch"), -0.03, "en: catch spans was "),
        (("fi", "patterns", "pay-to-work", "f1"), -0.05, None),
        (("fi", "patterns", "pay-to-work", "f1"), -0.07, "fi: F1 of pay-to-work was "),
        (("fi", "slices", "long (150 words or more)", "accuracy"), -0.03, "fi: accuracy of slice 'long (150 words or more)' was "),
        (("fi", "slices", "short (30 words or fewer)", "n"), -math.inf, "fi: slice 'short (30 words or fewer)' is empty"),
        (("fi", "patterns", "pay-to-work", "n"), -math.inf, "fi: no flagged document of pay-to-work"),
        (("fi", "n"), -math.inf, "slice fi is empty"),
    ],
)
def test_the_gate_tells_a_real_fall_and_an_empty_slice(detector: Detector, path: tuple[Any, ...], value: float, fault: str | None) -> None:
    now = _shipped(detector)
    at: Any = now
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = max(0, at[path[-1]] + value)
    faults = gate(Figures([], now), {"figures": {"dev": _shipped(detector)}}, "dev")
    assert [f[: len(fault or "")] for f in faults] == ([fault] if fault else [])


def test_the_gate_of_a_language_that_is_gone_and_of_figures_that_were_never_stored(detector: Detector) -> None:
    stored = {"figures": {"dev": _shipped(detector)}}
    now = _shipped(detector)
    del now["en"]
    assert gate(Figures([], now), stored, "dev") == ["slice en is empty"]
    assert gate(Figures([], now), {}, "dev") == ["the manifest holds no figures for split 'dev'; train again"]


@pytest.mark.parametrize(
    ("p_any", "share", "about", "lure", "n_tokens", "open_"),
    [
        (0.65, 0.4, 0.0, -5.0, 100, True),
        (0.64, 0.4, 2.0, -5.0, 100, True),
        (0.64, 0.4, 1.9, -5.0, 100, False),
        (0.65, 0.3, 0.0, -5.0, 100, False),
        (0.65, 0.4, -0.1, -5.0, 100, False),
        (0.9, 0.4, -1.0, -5.0, 100, True),
        (0.9, 0.4, -1.1, -5.0, 100, False),
        (0.65, 0.4, 0.0, -5.1, 100, False),
        (0.65, 0.4, 0.0, -3.1, 20, False),
        (0.65, 0.4, 0.0, -3.0, 20, True),
        (0.65, 0.4, 0.0, -3.1, 21, True),
    ],
    ids=[
        "all met",
        "unsure, but surely about it",
        "unsure",
        "another pattern",
        "not about it",
        "sure, so it may lie between two",
        "but not far",
        "no lure",
        "short, no plain lure",
        "short, plain lure",
        "a message, not a snippet",
    ],
)
def test_gates(p_any: float, share: float, about: float, lure: float, n_tokens: int, open_: bool) -> None:
    gates = np.array([0.35, 0.0, -5.0, -3.0, -1.0, 1.0, 2.0, 0.0])
    assert gates_open(gates, p_any, np.array([share]), np.array([about]), np.array([lure]), n_tokens).tolist() == [open_]


def test_a_further_pattern_needs_a_text_that_is_surely_about_it(detector: Detector) -> None:
    text = (
        "Asiakasneuvoja kotoa käsin, vapaat työajat!\nEt tarvitse kokemusta, koulutamme.\n"
        "Työssäsi soitat asiakkaille ja kerrot eduistamme, palkkio määräytyy tulosten mukaan.\n"
        "Ennen aloitusta maksat koulutuspaketin 149 €, se palautuu ensimmäisistä palkkioista."
    )
    both = [f.pattern for f in detector.scan(text, "fi").findings if f.flagged]
    assert both == ["sales-job-in-disguise", "pay-to-work"]
    strict = detector.model.gates.copy()
    strict[:, 5] = 20.0
    model = replace(detector.model, gates=strict)
    one = Detector(model).scan(text, "fi")
    assert [f.pattern for f in one.findings if f.flagged] == ["sales-job-in-disguise"]
    # Asked for alone it is no other finding.
    assert not Detector(model, patterns=["pay-to-work"]).scan(text, "fi").flagged


# A hidden sale that the judge is surer of than OUTWEIGHS.
RAZOR = (
    "Hei! Sait ilmaisen partahöylän 🎁 Lunasta se tästä linkistä, maksat vain toimituksen 3,95 €.\n\n\nTilaamalla hyväksyt ehdot. Terät toimitetaan jatkossa kuukausittain 24,90 €/kk, 12 kk sopimus."
)


def test_what_is_told_clearly_is_not_hidden(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    result = detector.scan(RAZOR, "fi")
    assert [(f.pattern, f.disclosure) for f in result.findings if f.flagged] == [("free-to-subscription", "buried")]
    gates = detector.model.gates.copy()
    gates[:, 7] = -20.0  # as if every catch read as told clearly by as much
    told = Detector(replace(detector.model, gates=gates))
    # Who is sure is not turned by that.
    assert result.score >= OUTWEIGHS
    assert told.scan(RAZOR, "fi").flagged
    monkeypatch.setattr("hiddensale.detector.OUTWEIGHS", 1.0)
    assert not told.scan(RAZOR, "fi").flagged
    assert told.scan(RAZOR, "fi").scores == result.scores
    # Who sets a least score of their own asks for no gates.
    assert Detector(replace(detector.model, gates=gates), min_score=0.5).scan(RAZOR, "fi").flagged


def test_what_reads_as_a_report_is_not_flagged_unless_the_judge_is_sure(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    head = detector.model.heads["reports"]
    reporting = replace(head, linear=replace(head.linear, bias=head.linear.bias + 100.0))
    told = Detector(replace(detector.model, heads={**detector.model.heads, "reports": reporting}))
    assert told.scan(RAZOR, "fi").flagged
    monkeypatch.setattr("hiddensale.detector.OUTWEIGHS", 1.0)
    result = told.scan(RAZOR, "fi")
    assert not result.flagged
    assert {f.stance for f in result.findings} == {"reports"}
