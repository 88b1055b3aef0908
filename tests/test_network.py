from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from hiddensale import network_fit
from hiddensale.analysis import WordType
from hiddensale.detector import Detector
from hiddensale.evidence import gather
from hiddensale.network import COLUMNS, N_DISTANCES, N_PATTERNS, PAIR_COLUMNS, REACH, Network, attended, distances, heads_of, windows, windows_back, word_names
from hiddensale.network_fit import LEARNED, NetworkSettings, Table, Text
from hiddensale.roles import ROLE_NAMES
from hiddensale.spans import TAGS

SMALL = NetworkSettings(dims=3, hidden=4, cue_hidden=2, heads=2, head_dims=3)


def _text(rng: np.random.Generator, lengths: list[int], group: str = "") -> Text:
    n = len(lengths)
    return Text(
        rng.integers(0, 6, sum(lengths)).astype(np.int32),
        np.array(lengths, dtype=np.int32),
        rng.integers(0, 5, n).astype(np.int32),
        np.ones(n, dtype=np.float32),
        np.ones(n, dtype=np.int32),
        rng.integers(0, 2, (n, len(ROLE_NAMES))).astype(np.float32),
        np.ones((n, len(ROLE_NAMES)), dtype=np.float32),
        rng.integers(0, 2, (sum(lengths), len(TAGS))).astype(np.float32),
        rng.integers(0, 2, (sum(lengths), len(TAGS))).astype(np.float32),
        rng.integers(0, 2, (N_PATTERNS, len(PAIR_COLUMNS))).astype(np.float32),
        rng.integers(0, 2, (N_PATTERNS, len(PAIR_COLUMNS))).astype(np.float32),
        rng.integers(0, 2, len(COLUMNS)).astype(np.float32),
        1.0,
        group,
    )


def _table(names: list[str], n_types: int, n_cues: int, rng: np.random.Generator) -> Table:
    rows = csr_matrix(rng.random((n_types, len(names))) * (rng.random((n_types, len(names))) > 0.4))
    return Table(names, [f"k{i}" for i in range(n_cues)], rows, np.arange(n_cues, dtype=np.int32))


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    texts = [_text(rng, [3, 1], "g"), _text(rng, [5]), _text(rng, [2, 2, 4], "g")]
    texts[0].answers[0], texts[2].answers[0] = 1, 0
    batch = network_fit._lay(texts, _table(list("abcdefg"), 6, 5, rng))
    assert (batch.hidden.tolist(), batch.honest.tolist()) == ([0], [2])
    p = {k: v.astype(np.float64) * 2 + rng.normal(size=v.shape) * 0.1 for k, v in network_fit._start(7, 5, SMALL, rng).items()}
    _, gradient = network_fit.loss_and_gradient(p, batch, SMALL, None)  # type: ignore[arg-type]
    assert set(gradient) == set(LEARNED)
    for name, value in p.items():
        found = gradient[name]
        if isinstance(found, tuple):
            full = np.zeros_like(value)
            full[found[0]] = found[1]
            found = full
        for _ in range(10):
            at = tuple(int(rng.integers(0, n)) for n in value.shape)
            there, step = value[at], 1e-5
            value[at] = there + step
            up, _ = network_fit.loss_and_gradient(p, batch, SMALL, None)  # type: ignore[arg-type]
            value[at] = there - step
            down, _ = network_fit.loss_and_gradient(p, batch, SMALL, None)  # type: ignore[arg-type]
            value[at] = there
            assert (up - down) / (2 * step) == pytest.approx(found[at], abs=1e-6), (name, at)


def test_the_gradient_needs_no_loss() -> None:
    rng = np.random.default_rng(1)
    batch = network_fit._lay([_text(rng, [3, 1]), _text(rng, [5])], _table(list("abcdefg"), 6, 5, rng))
    p = network_fit._start(7, 5, SMALL, rng)
    loss, gradient = network_fit.loss_and_gradient(p, batch, SMALL, np.random.default_rng(2))
    untold, same = network_fit.loss_and_gradient(p, batch, SMALL, np.random.default_rng(2), told=False)
    assert loss > 0 == untold
    for name in LEARNED:
        assert np.array_equal(gradient[name][1] if name == "emb" else gradient[name], same[name][1] if name == "emb" else same[name]), name


def test_every_unit_of_a_batch_keeps_its_cues() -> None:
    rng = np.random.default_rng(2)
    one, two = _text(rng, [3, 1, 2], "g"), _text(rng, [2])
    one.cue_ids, one.cue_values, one.cue_counts = np.array([4, 0, 2], dtype=np.int32), np.array([1, 2, 3], dtype=np.float32), np.array([2, 0, 1], dtype=np.int32)
    two.cue_ids, two.cue_values, two.cue_counts = np.array([1], dtype=np.int32), np.array([5], dtype=np.float32), np.array([1], dtype=np.int32)
    table = _table(list("abcdefg"), 6, 5, rng)
    table.cue_place[:] = [4, 3, 2, 1, 0]
    assert network_fit._lay([one, two], table).cues.toarray().tolist() == [[1, 0, 0, 0, 2], [0, 0, 0, 0, 0], [0, 0, 3, 0, 0], [0, 0, 0, 5, 0]]


def test_windows_stop_at_the_border_of_their_owner() -> None:
    rows = np.arange(1.0, 6.0)[:, None]
    owner = np.array([0, 0, 0, 1, 1])
    assert windows(rows, owner, (-2, 0, 1)).tolist() == [[0, 1, 2], [0, 2, 3], [1, 3, 0], [0, 4, 5], [0, 5, 0]]


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_windows_back_is_the_transpose(n: int) -> None:
    rng = np.random.default_rng(n)
    owner = np.sort(rng.integers(0, 3, n))
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(n, 10))
    shifts = (-2, -1, 0, 1, 2)
    assert (windows(x, owner, shifts) * y).sum() == pytest.approx((x * windows_back(y, owner, shifts)).sum())


def _word(lower: str, lemma: str, classes: tuple[str, ...] = (), concepts: tuple[str, ...] = ()) -> WordType:
    return WordType(lower, lemma, frozenset(), classes, concepts)


@pytest.mark.parametrize(
    ("word", "lang", "names"),
    [
        (_word("99", "99", ("#num",)), "fi", ["#num"]),
        (_word("€", "€", ("#cur",)), "en", ["#cur", "enl:€"]),
        (_word("fee", "fee", (), ("payment",)), "en", ["enl:fee", "c:payment", "eng:^fee", "eng:fee$"]),
        (_word("lehden", "lehti"), "fi", ["fil:lehti", "fiw:lehden", "fip:^lehde", "fis:hden$", "fig:^leh", "fig:lehd", "fig:ehde", "fig:hden", "fig:den$"]),
    ],
)
def test_names_of_a_word(word: WordType, lang: str, names: list[str]) -> None:
    assert word_names(word, lang) == names


def test_a_network_survives_its_arrays_and_reads_the_same(detector: Detector) -> None:
    network = detector.model.network
    again = Network.from_arrays("n", network.names, network.cue_names, network.arrays("n"))
    analyser = detector.analyser("fi")
    evidence = gather(analyser, analyser.analyse("Voitit arvonnassa!\nEdustajamme tuo palkinnon kotiisi ja esittelee patjat."))
    read = network.read(evidence)
    assert read.roles.shape == (len(evidence.analysis.units), len(ROLE_NAMES))
    assert read.pairs.shape == (N_PATTERNS, len(PAIR_COLUMNS))
    assert read.answers.shape == (len(COLUMNS),)
    members = [network.member(k).read(evidence) for k in range(len(network.members))]
    assert len(members) > 1
    for part in ("roles", "pairs", "answers"):
        assert getattr(read, part) == pytest.approx(getattr(again.read(evidence), part), abs=1e-4)
        assert getattr(read, part) == pytest.approx(np.mean([getattr(m, part) for m in members], axis=0))


def test_one_seed_gives_one_network() -> None:
    rng = np.random.default_rng(5)
    table = _table(list("abcdefg"), 6, 5, rng)
    texts = [_text(rng, [3, 2, 4], f"g{i % 7}") for i in range(20)]
    settings = NetworkSettings(dims=3, hidden=4, cue_hidden=2, epochs=2, min_df=1)
    one, two = (network_fit.fit(texts, table, settings, 7) for _ in range(2))
    assert all((one[k] == two[k]).all() for k in LEARNED)
    other = network_fit.fit(texts, table, settings, 8)
    assert any((one[k] != other[k]).any() for k in LEARNED)


def test_the_table_holds_the_parts_that_texts_share() -> None:
    rng = np.random.default_rng(3)
    vocabulary = network_fit.Vocabulary()
    vocabulary.parts = [["a", "b"], ["b"], ["c"], ["a"], ["a"], ["a"]]
    vocabulary.cues = {"k:z": 0, "k:a": 1}
    text, other = _text(rng, [3]), _text(rng, [2])
    text.types, other.types = np.array([0, 0, 2], dtype=np.int32), np.array([0, 1], dtype=np.int32)
    table = vocabulary.table([text, other], 2)
    assert table.names == ["a", "b"]
    assert table.cue_names == ["k:a", "k:z"]
    assert table.cue_place.tolist() == [1, 0]
    assert (table.rows.toarray() > 0).tolist() == [[True, True], [False, True], [False, False], [True, False], [True, False], [True, False]]


def test_it_learns_what_one_word_says() -> None:
    rng = np.random.default_rng(6)
    table = Table([f"w{i}" for i in range(12)], ["k"], csr_matrix(2.0 * np.eye(12, dtype=np.float32)), np.zeros(1, dtype=np.int32))
    texts = []
    for _ in range(200):
        text = _text(rng, [5, 3])
        text.types = rng.integers(1, 12, 8).astype(np.int32)
        text.cue_ids, text.cue_values, text.cue_counts = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32), np.zeros(2, dtype=np.int32)
        bad = bool(rng.random() < 0.5)
        if bad:
            text.types[int(rng.integers(0, 8))] = 0
        text.roles[:], text.tags_known[:], text.pairs_known[:], text.answers[:] = 0, 0, 0, 0
        text.answers[0] = bad
        texts.append(text)
    parameters = network_fit.fit(texts, table, NetworkSettings(dims=8, hidden=16, cue_hidden=2, epochs=25, min_df=1, rate=1e-2), 1)
    assert parameters["emb"].shape == (12, 8)
    # The word that says it is the one whose vector stands apart.
    emb = parameters["emb"]
    apart = np.linalg.norm(emb - emb.mean(axis=0), axis=1)
    assert table.names[int(apart.argmax())] == "w0"


def test_a_long_text_is_read_in_pieces_and_alike(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "A free book for you. You pay the postage.\n" * 30 + "Terms: the subscription goes on at £24 a month.\n"
    evidence = gather(detector.analyser("en"), detector.analyser("en").analyse(text))
    whole = detector.model.network.read(evidence)
    for words in (1, 7, 40):
        monkeypatch.setattr("hiddensale.network._WORDS_AT_ONCE", words)
        pieces = detector.model.network.read(evidence)
        for a, b in ((whole.roles, pieces.roles), (whole.pairs, pieces.pairs), (whole.answers, pieces.answers)):
            assert a == pytest.approx(b, abs=1e-9)


def test_every_epoch_reads_all_texts_and_every_other_line() -> None:
    rng = np.random.default_rng(4)
    texts = [_text(rng, [3]) for _ in range(12)]
    for line in texts[5:]:
        line.weight = 0.0
    settings = NetworkSettings(epochs=4, line_rest=2)
    seen = Counter(id(text) for batch in network_fit._schedule(texts, settings, np.random.default_rng(1)) for text in batch)
    assert [seen[id(text)] for text in texts[:5]] == [4] * 5
    assert [seen[id(line)] for line in texts[5:]] == [2] * 7


def _attending(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(n, 3 * 2 * 3)), rng.normal(size=(2, N_DISTANCES))


@pytest.mark.parametrize("n", [1, 5, 65, 300, 600])
def test_every_unit_attends_to_those_in_its_reach(n: int) -> None:
    asked, bias = _attending(n, np.random.default_rng(n))
    found = attended(asked, bias)
    query, key, value = heads_of(asked, 2)
    for i in {0, n // 2, n - 1}:
        near = [j for j in range(n) if abs(i - j) <= REACH]
        for h in range(2):
            score = np.array([query[h, i] @ key[h, j] / np.sqrt(3) + bias[h, distances(i, i + 1, slice(j, j + 1))[0, 0]] for j in near])
            share = np.exp(score - score.max())
            assert found[i, 3 * h : 3 * h + 3] == pytest.approx(share @ value[h][near] / share.sum())


def test_a_far_unit_changes_nothing() -> None:
    asked, bias = _attending(200, np.random.default_rng(0))
    before = attended(asked, bias)
    asked[150] += 5.0
    changed = np.flatnonzero((attended(asked, bias) != before).any(axis=1))
    assert (changed.min(), changed.max()) == (150 - REACH, 199)


def test_distances_go_in_growing_steps() -> None:
    middle = N_DISTANCES // 2
    steps = distances(100, 101, slice(0, 201))[0]
    assert steps[100] == middle
    assert [int(steps[100 + d]) - middle for d in (-1, 1, 2, 3, 5, 6, 7, 9, 39, 40, 64)] == [-1, 1, 2, 3, 3, 4, 4, 4, 7, 8, 8]
    assert set(steps[:36]) == set(steps[165:]) == {N_DISTANCES}
