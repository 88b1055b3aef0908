"""What the scripts under benchmarks/ compute; the figures themselves are measured by running them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from hiddensale.corpus import Example, Label

ROOT = Path(__file__).resolve().parents[1]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def example(ident: str, text: str, pattern: str = "", group: str = "", catch: tuple[int, int] | None = None, **more: Any) -> Example:
    labels = (Label(pattern, (0, 4), catch, "vague", "makes"),) if pattern else ()
    return Example(ident, "en", text, labels, group or ident, **more)


# --- refit -----------------------------------------------------------------------------------------------------


def test_refit_keeps_a_pages_strings_together() -> None:
    refit = script("refit")
    rng = np.random.default_rng(1)
    y, pages = rng.integers(0, 2, 300), rng.integers(0, 60, 300).astype(str)
    for inside, outside in refit.folds("by page", 0, y, pages):
        assert not set(pages[inside]) & set(pages[outside])
    assert sum(len(outside) for _, outside in refit.folds("random", 0, y, pages)) == 300


def test_refit_weights_say_which_class_a_feature_speaks_for() -> None:
    from scipy.sparse import csr_matrix

    refit = script("refit")
    x = csr_matrix(np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]))
    ratio = refit.NaiveBayesWeights().fit(x, np.array([1, 1, 0, 0])).ratio_
    assert ratio[0] > 0 > ratio[1]
    assert ratio[2] == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["refit"])
def test_a_benchmark_without_its_data_says_so(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = script(name)
    monkeypatch.setattr(module, "DATA", tmp_path / "none.tsv")
    result = CliRunner().invoke(module.main, [])
    assert result.exit_code == 0
    assert result.output.startswith("skipped: ")


# --- baselines -------------------------------------------------------------------------------------------------


def test_keywords_flag_a_lure_and_a_catch_of_one_pattern() -> None:
    baselines = script("baselines")
    judge = baselines.keywords("en", [])
    scores, hit = judge(["Your free sample is here. You only pay the postage.", "Your free sample is here.", "The library opens at ten."])
    assert hit.tolist() == [True, False, False]
    assert scores[0] > scores[1] > scores[2]


def test_thresholds_are_chosen_on_groups_that_were_not_seen() -> None:
    baselines = script("baselines")
    train = [example(f"d{i}", f"text {i}", "free-but-fees" if i % 2 else "", group=f"g{i // 2}") for i in range(80)]
    seen: list[tuple[set[str], set[str]]] = []

    def fit(docs: Any) -> Any:
        groups = {d.group for d in docs}

        def score(texts: Any) -> np.ndarray:
            seen.append((groups, {x.group for x in train if x.text in set(texts)}))
            return np.array([4.0 if int(t.split()[1]) % 2 else -4.0 for t in texts])

        return score

    judge = baselines.with_threshold("en", fit, train, 4)
    assert len(seen) == 4
    assert all(not inside & outside for inside, outside in seen)
    p, hit = judge(["text 1", "text 2"])
    assert hit.tolist() == [True, False]
    assert 0 <= p.min() < p.max() <= 1


def test_figures_of_a_row() -> None:
    baselines = script("baselines")
    docs = [example("a", "text", "free-but-fees", "g"), example("b", "text", "", "g"), example("c", "text", "", "h", kind="ordinary")]
    row = baselines.figures(docs, np.array([0.9, 0.8, 0.1]), np.array([True, True, False]), np.array([True, False]))
    assert row == ("0.500", "1.000", "0.667", "1.000", "100.0% of 1", "–", "0/1", "50.00% of 2")
    assert baselines.contrast(docs, np.array([True, False, True])) == (1, 1)


def test_the_table_has_a_line_for_every_detector_and_set() -> None:
    baselines = script("baselines")
    train = [example(f"t{i}", "free sample, pay the postage" if i % 2 else "open at ten", "free-but-fees" if i % 2 else "") for i in range(40)]
    held = [example("d1", "free sample, pay the postage", "free-but-fees", split="dev"), example("d2", "open at ten", split="dev")]
    log: list[str] = []
    lines = baselines.run({"keywords": baselines.keywords, "tf-idf": baselines.tfidf}, [*train, *held], [], {"en": ["open at noon"]}, log.append)
    assert [(line.documents, line.detector) for line in lines] == [("en dev", "keywords"), ("en dev", "tf-idf")]
    assert all(line.markdown().count("|") == len(baselines.COLUMNS) + 1 for line in lines)


# --- ageing ----------------------------------------------------------------------------------------------------


def test_ageing_reads_the_bounds() -> None:
    ageing = script("ageing")
    text = '[project]\ndependencies = ["numpy>=2.0", "scikit-learn>=1.6", "spacy>=3.8.2", "click>=8.1"]\n'
    assert ageing.lowest(text) == ["numpy==2.0.0", "scikit-learn==1.6.0", "spacy==3.8.2"]
    assert set(ageing.bounds((ROOT / "pyproject.toml").read_text(encoding="utf-8"))) >= set(ageing.PINNED)


def scored(value: float, *, flagged: bool = False, sha: str = "x") -> dict[str, Any]:
    return {"sha256": sha, "rows": {"a": {"scores": {"free-but-fees": value}, "flagged": flagged, "spans": []}}}


def test_ageing_finds_the_largest_difference() -> None:
    ageing = script("ageing")
    assert ageing.compare(scored(0.5), scored(0.5)) == (0.0, "", [])
    largest, where, other = ageing.compare(scored(0.5), scored(0.75, flagged=True))
    assert (largest, where, other) == (0.25, "a, free-but-fees", ["a"])
    assert ageing.compare(scored(float("nan")), scored(0.5))[0] > ageing.TOLERANCE
    with pytest.raises(ValueError, match="other models"):
        ageing.compare(scored(0.5), scored(0.5, sha="y"))


# --- unseen ----------------------------------------------------------------------------------------------------


def test_unseen_takes_out_a_kind_of_catch_with_its_groups() -> None:
    unseen = script("unseen")
    train = [example("a", "x", "free-but-fees", "g1"), example("b", "x", "", "g1"), example("c", "x", "free-but-fees", "g2"), example("d", "x", "", "g3")]
    dev = [example("e", "x", "free-but-fees"), example("f", "x")]
    found = {x.id: {} for x in (*train, *dev)} | {"a": {"free-but-fees": {"catch.fee-postage"}}, "e": {"free-but-fees": {"catch.fee-postage"}}}
    (one,) = unseen.slices(train, dev, found, 2, 1)
    assert one.kind == "catch.fee-postage"
    assert one.gone.tolist() == [True, True, False, False]
    assert one.tested_train.tolist() == [True, False, False, False]
    assert one.tested_dev.tolist() == [True, False]
    assert unseen.slices(train, dev, found, 2, 3) == []


def test_unseen_finds_the_kinds_in_a_catch() -> None:
    from hiddensale.analysis import Analyser
    from hiddensale.packs import live_lemmatizer, load_pack

    unseen = script("unseen")
    pack = load_pack("en")
    analyser = Analyser(pack, live_lemmatizer(pack))
    text = "Free sample! You only pay the postage."
    at = text.index("pay the postage")
    found = unseen.catch_kinds(example("a", text, "free-but-fees", catch=(at, len(text) - 1)), analyser)
    assert "catch.fee-postage" in found["free-but-fees"]
    assert unseen.catch_kinds(example("b", text), analyser) == {}


@pytest.mark.parametrize("split", ["train", "dev"])
def test_unseen_measures_a_kind_that_one_split_does_not_use(split: str) -> None:
    from scipy.sparse import csr_matrix

    unseen = script("unseen")
    # Twelve training documents, half of them flagged; the feature tells. The kind is used in one split alone.
    y = np.array([True, False] * 6)
    x = csr_matrix(np.stack([y, ~y], axis=1).astype(float))
    x_dev, honest = x[:4], ~y[:4]
    nobody, used = np.zeros(12, dtype=bool), y & (np.arange(12) < 4)
    in_train, in_dev = (used, nobody[:4]) if split == "train" else (nobody, used[:4])
    one = unseen.Slice("free-but-fees", "catch.postage", in_train, in_train, in_dev, np.arange(12) % unseen.N_PARTS)
    assert unseen.unseen_and_seen(one, x, y, x_dev, honest) == [(1.0, 1.0), (1.0, 1.0)]


def test_unseen_recall_is_read_at_a_share_of_honest_texts() -> None:
    unseen = script("unseen")
    honest = np.arange(100, dtype=np.float64)
    assert unseen.recall_at(np.array([98.0, 50.0]), honest, 0.05) == 0.5
