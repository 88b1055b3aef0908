"""What each part of the judge is worth: it is learned without the part, on the train split, and measured on dev and other hands' documents.

    python benchmarks/ablation.py [--limit N] [--write]

The figure is the average precision of "any hidden sale", and the F1 at the threshold the training rule chooses on grouped folds; patterns, spans and gates
play no part in it. Leaving out a witness of the second stage takes seconds; without packs and with half of the corpus the first stage is learned again,
so the whole takes about three times as long as ``hiddensale train``; ``--limit`` takes only so many documents and lines of phrase books, to try the script out. ``--write`` puts the table between the marks in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hiddensale import phrases, training
from hiddensale.analysis import Analyser
from hiddensale.building import write_between
from hiddensale.corpus import Example, load
from hiddensale.evaluation import average_precision, f1
from hiddensale.judge import sigmoid
from hiddensale.relations import document_names

ROOT = Path(__file__).resolve().parents[1]
PROBE = ROOT.parent / "shared" / "probe" / "probe.jsonl"
LANGS = ("fi", "en")
Floats = npt.NDArray[np.float64]


def is_witness(name: str) -> bool:
    return name.startswith(("wording ", "network "))


def is_role(name: str) -> bool:
    """Whether a column is a role score, or is read at the units that the role scores point at."""
    return not is_witness(name) and not name.startswith(("is ", "units", "words", "quoted share", "rule "))


def is_relation(name: str) -> bool:
    """Whether a column tells how lure and catch stand to each other and what stands beside them."""
    scores = ("lure score", "lure margin", "lure second", "catch score", "catch margin", "catch second", "top lure:", "top catch:")
    return not is_witness(name) and not name.startswith((*scores, "is "))


# What is left out of the second stage: a rule over its column names.
LEFT_OUT: dict[str, Callable[[str], bool]] = {
    "nothing": lambda _: False,
    "no roles (witnesses about the whole text only)": is_role,
    "no relation features": is_relation,
    "no wording": lambda n: n.startswith("wording "),
    "no network answers": lambda n: n.startswith("network "),
    "no witness about the whole text": is_witness,
}


def bare(analysers: dict[str, Analyser]) -> dict[str, Analyser]:
    """Analysers that find no cue and know no concept."""
    out = {}
    for lang, analyser in analysers.items():
        out[lang] = Analyser(replace(analyser.pack, concepts={}, cues=()), analyser.lemmatizer)
    return out


def half(examples: Sequence[Example]) -> list[Example]:
    """The documents of half of the groups, by the hash of their names."""
    return [x for x in examples if hashlib.sha256(f"half:{x.group}".encode()).digest()[0] < 128]


def measure(stage: training.FirstStage, held: dict[str, list[training.Prepared]], settings: training.Settings, drop: Callable[[str], bool]) -> list[str]:
    """Average precision and F1, a column for each set and language."""
    keep = np.array([not drop(name) for name in document_names()])
    y = training.targets(stage.docs)["flagged"].max(axis=1)
    x = stage.rows.doc[:, keep]
    any_settings = training.any_settings(settings)
    weight = training.document_weights(stage.docs, any_settings)
    raw = np.zeros(len(y))
    for k in range(training.N_FOLDS):
        inside = stage.folds != k
        raw[~inside] = training.fit_head(x[inside], y[inside], any_settings, weight[inside]).predict(x[~inside])
    head = training.fit_head(x, y, any_settings, weight)
    cells = []
    for name, docs in held.items():
        rows = stage.describe(docs).doc[:, keep]
        for lang in LANGS:
            mine = np.array([p.example.lang == lang for p in stage.docs])
            scale, offset = training.platt(raw[mine], y[mine])
            limit = training.choose_threshold(sigmoid(scale * raw[mine] + offset), y[mine] == 1, y[mine] == 0, settings.budget)
            here = [i for i, p in enumerate(docs) if p.example.lang == lang]
            gold = np.array([docs[i].example.flagged for i in here])
            scores = sigmoid(scale * head.predict(rows[here]) + offset)
            hit = scores >= limit
            cells.append(f"{average_precision(gold, scores):.3f} / {f1(int((hit & gold).sum()), int((hit & ~gold).sum()), int((~hit & gold).sum()))[2]:.3f}")
            print(f"  {name} {lang} {cells[-1]}", flush=True)
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    write, limit = arguments.write, arguments.limit
    settings = training.Settings()
    corpus = load([ROOT / "corpus"])
    learn = [x for x in corpus if x.split == "train"]
    if limit:
        learn = sorted(learn, key=lambda x: hashlib.sha256(x.group.encode()).digest())[:limit]
    book = phrases.load([ROOT / "corpus"])[:limit]
    sets = {"dev": [x for x in corpus if x.split == "dev"]}
    if PROBE.is_file():
        sets["other hands"] = load([PROBE])
    else:
        print(f"{PROBE} is not there: measured on dev only")
    tables = training.lemma_tables([*((x.lang, x.text) for x in learn), *((x.lang, x.text) for x in book)], LANGS)
    whole = training.make_analysers(tables)
    rows = []
    for label, analysers, examples in (("", whole, learn), ("no packs", bare(whole), learn), ("half of the training groups", whole, half(learn))):
        docs, lines = training.prepare_all(examples, book, analysers, settings.n_jobs)
        stage = training.first_stage(docs, lines, settings, tables, log=lambda line: print(line, flush=True))
        held = {name: training.prepare(one, analysers) for name, one in sets.items()}
        for rule, drop in LEFT_OUT.items() if not label else ((label, LEFT_OUT["nothing"]),):
            print(rule, flush=True)
            rows.append([rule, *measure(stage, held, settings, drop)])
    head = ["learned without", *(f"{name} {lang}, average precision / F1" for name in sets for lang in LANGS)]
    table = "\n".join("| " + " | ".join(r) + " |" for r in (head, ["---"] * len(head), *rows))
    print(table)
    if write:
        write_between(ROOT / "docs" / "benchmarks.md", "ablation", table)


if __name__ == "__main__":
    main()
