"""Wording that was not learned from: a kind of catch is taken out of training, and the documents that use it are tested on.

    python benchmarks/unseen.py [--kinds N] [--least N]

For each language and pattern the commonest kinds of catch cues (kinds.toml: postage, card details, door work, …) are taken in turn. Every
training document with a catch of the pattern in which a cue of the kind stands is dropped, its contrast group with it. What is learned from the rest
(unseen) is tested on these documents and those of the dev split with such a catch, against all honest dev documents of the language. Beside it the same
documents, each told by a model that has not seen its group but has seen two thirds of the others with the same kind of catch (seen).

What is reduced, so that it runs in minutes on two cores: the detector is not trained. In its place stands a linear model over the estimator's
lemmas, word parts, concepts and cue kinds, one a language, and again without what comes from the packs (concepts and cues). No roles, no pairs, no
network, no second stage. Document frequencies are those of the whole train split. The figures tell what the features carry over, not how good the
shipped model is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.svm import LinearSVC

from hiddensale import HiddenSaleClassifier
from hiddensale.analysis import Analyser
from hiddensale.catalogue import PATTERNS
from hiddensale.corpus import Example, load
from hiddensale.evaluation import average_precision
from hiddensale.evidence import gather
from hiddensale.packs import kinds, live_lemmatizer, load_pack
from hiddensale.training import grouped_folds

ROOT = Path(__file__).resolve().parents[1]
LANGS = ("fi", "en")
N_PARTS = 3
# Recall is read where this share of the honest dev documents is flagged.
FALSE_ALARMS = 0.05
FEATURES = {"with packs": ("words", "parts", "concepts", "cues"), "without": ("words", "parts")}


def catch_kinds(example: Example, analyser: Analyser) -> dict[str, set[str]]:
    """Per flagged pattern of a document the kinds of catch cues, fit for the pattern, that touch its catch span."""
    spans = [(x.pattern, x.catch) for x in example.labels if x.flagged and x.catch is not None]
    if not spans:
        return {}
    analysis = analyser.analyse(example.text)
    table = kinds()
    out: dict[str, set[str]] = {}
    for hit in gather(analyser, analysis).hits:
        if hit.role != "catch":
            continue
        start, end = analysis.starts[hit.first], analysis.ends[hit.last - 1]
        for pattern, span in spans:
            if pattern in table[hit.key].patterns and start < span[1] and end > span[0]:
                out.setdefault(pattern, set()).add(hit.key)
    return out


@dataclass(frozen=True)
class Slice:
    """One kind of catch: which training documents go (their groups with them), which of all documents are tested on, and the part each group falls into."""

    pattern: str
    kind: str
    gone: np.ndarray
    tested_train: np.ndarray
    tested_dev: np.ndarray
    part: np.ndarray


def slices(train: Sequence[Example], dev: Sequence[Example], found: Mapping[str, Mapping[str, set[str]]], per_pattern: int, least: int) -> list[Slice]:
    """The commonest kinds of each pattern that at least ``least`` flagged documents use."""
    out = []
    groups = [x.group for x in train]
    part = grouped_folds(groups, N_PARTS)
    for pattern in PATTERNS:
        common = Counter(k for x in (*train, *dev) for k in found[x.id].get(pattern, ()))
        for kind, n in sorted(common.items(), key=lambda kv: (-kv[1], kv[0]))[:per_pattern]:
            if n < least:
                continue
            tested_train, tested_dev = (np.array([kind in found[x.id].get(pattern, ()) for x in docs]) for docs in (train, dev))
            named = {g for g, hit in zip(groups, tested_train, strict=True) if hit}
            out.append(Slice(pattern, kind, np.array([g in named for g in groups]), tested_train, tested_dev, part))
    return out


def recall_at(scores: np.ndarray, honest: np.ndarray, share: float) -> float:
    """Share of ``scores`` above all but ``share`` of the honest ones."""
    return float((scores > np.quantile(honest, 1 - share)).mean())


def ranked(tested: np.ndarray, honest: np.ndarray) -> tuple[float, float]:
    """Average precision and recall of flagged documents among honest ones."""
    gold = np.concatenate([np.ones(len(tested), dtype=bool), np.zeros(len(honest), dtype=bool)])
    return average_precision(gold, np.concatenate([tested, honest])), recall_at(tested, honest, FALSE_ALARMS)


def told(model: Any, x: Any) -> np.ndarray:
    """Scores of the rows; none for no rows (a kind of catch that no document of a split uses), which scikit-learn refuses."""
    return model.decision_function(x) if x.shape[0] else np.zeros(0)


def unseen_and_seen(one: Slice, x: Any, y: np.ndarray, x_dev: Any, honest: np.ndarray) -> list[tuple[float, float]]:
    """(AP, recall) without the kind in training, and with it."""

    def model(keep: np.ndarray) -> Any:
        return LinearSVC(C=0.5, random_state=0).fit(x[keep], y[keep])

    without = model(~one.gone)
    out = [ranked(np.concatenate([told(without, x[one.tested_train]), told(without, x_dev[one.tested_dev])]), told(without, x_dev[honest]))]
    parts = []
    for k in range(N_PARTS):
        mine = one.tested_train & (one.part == k)
        some = model(~(one.gone & (one.part == k)))
        # No model has seen a dev document; the first tells them.
        dev = told(some, x_dev[one.tested_dev]) if k == 0 else np.zeros(0)
        parts.append((np.concatenate([told(some, x[mine]), dev]), told(some, x_dev[honest])))
    # The honest documents' mean over the models: each model's scores are on nearly the same scale.
    out.append(ranked(np.concatenate([t for t, _ in parts]), np.mean([h for _, h in parts], axis=0)))
    return out


@click.command()
@click.option("--kinds", "per_pattern", default=2, show_default=True, help="Kinds of catch a pattern.")
@click.option("--least", default=15, show_default=True, help="Flagged documents that must use a kind.")
def main(per_pattern: int, least: int) -> None:
    start = time.perf_counter()
    examples = load([ROOT / "corpus"])
    click.echo(f"unseen / seen; recall where {FALSE_ALARMS:.0%} of honest dev documents are flagged\n")
    click.echo("| lang | pattern | kind of catch | tested on | AP | recall | AP without packs | recall without packs |\n|---|---|---|---|---|---|---|---|")
    everything: list[tuple[int, np.ndarray]] = []
    for lang in LANGS:
        train = [x for x in examples if x.lang == lang and x.split == "train"]
        dev = [x for x in examples if x.lang == lang and x.split == "dev"]
        pack = load_pack(lang)
        analyser = Analyser(pack, live_lemmatizer(pack))
        found = {x.id: catch_kinds(x, analyser) for x in (*train, *dev)}
        y = np.array([x.flagged for x in train])
        honest = np.array([not x.flagged for x in dev])
        matrices = []
        for blocks in FEATURES.values():
            # Only the features are taken from the estimator; what is learned below is learned from what stays.
            model = HiddenSaleClassifier(lang=lang, features=blocks, min_df=2).fit([x.text for x in train], y)
            matrices.append((model.design_matrix([x.text for x in train]), model.design_matrix([x.text for x in dev])))
        for one in slices(train, dev, found, per_pattern, least):
            table = np.array([unseen_and_seen(one, x, y, x_dev, honest) for x, x_dev in matrices])  # matrix, unseen or seen, figure
            n = int(one.tested_train.sum() + one.tested_dev.sum())
            everything.append((n, table))
            click.echo(f"| {lang} | {one.pattern} | {one.kind.removeprefix('catch.')} | {n} | {cells(table, 2)} |")
    if everything:
        click.echo(f"| | **mean of {len(everything)}** | | {sum(n for n, _ in everything)} | {cells(np.mean([t for _, t in everything], axis=0), 3)} |")
    click.echo(f"\n{time.perf_counter() - start:.0f} s")


def cells(table: np.ndarray, digits: int) -> str:
    return " | ".join(" / ".join(f"{v:.{digits}f}" for v in table[m, :, figure]) for m in range(len(FEATURES)) for figure in (0, 1))


if __name__ == "__main__":
    main()
