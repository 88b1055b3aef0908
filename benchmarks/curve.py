"""The learning curve: how well the two witnesses rank texts after 25, 50, 75 and 100 % of the training groups.

What is reduced: the second stage is left out. The score of a text is the sum of the log-odds of the wording model and of the
network that any hidden sale is there; the phrase books are learned from in full at every point. So the curve tells what
more documents bring, not the figures of the shipped model.

    python benchmarks/curve.py [--write]

``--write`` puts the table into corpus/README.md and the plot into corpus/learning-curve.svg.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from hiddensale import network_fit, phrases, training
from hiddensale.building import write_between
from hiddensale.corpus import Example, load
from hiddensale.evaluation import average_precision
from hiddensale.network import Network

ROOT = Path(__file__).resolve().parents[1]
PROBE = ROOT.parent / "shared" / "probe" / "probe.jsonl"
SHARES = (0.25, 0.5, 0.75, 1.0)


def part(examples: list[Example], share: float) -> list[int]:
    """Numbers of the documents in the first ``share`` of the groups, in an order that depends on their names alone."""
    return [i for i, x in enumerate(examples) if int(hashlib.sha256(x.group.encode()).hexdigest()[:8], 16) / 16**8 < share]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    settings = training.Settings()
    corpus = load([ROOT / "corpus"])
    learn = [x for x in corpus if x.split == "train"]
    book = phrases.load([ROOT / "corpus"])
    sets = {"dev": [x for x in corpus if x.split == "dev"]}
    if PROBE.is_file():
        sets["probe"] = load([PROBE])
    else:
        print(f"{PROBE} is not there: measured on dev only")
    tables = training.lemma_tables([*((x.lang, x.text) for x in learn), *((x.lang, x.text) for x in book)], ["fi", "en"])
    analysers = training.make_analysers(tables)
    docs = training.prepare(learn, analysers)
    lines = training.prepare_phrases(book, analysers)
    held = {name: training.prepare(examples, analysers) for name, examples in sets.items()}
    vocabulary = network_fit.Vocabulary()
    weight = training.document_weights(docs, settings)
    texts = [vocabulary.text(p.evidence, training.network_gold(p), w, p.example.group) for p, w in zip(docs, weight, strict=True)]
    extra = [vocabulary.text(p.evidence, training.network_gold(p, line=True), 0.0) for p in lines]
    table = vocabulary.table([*texts, *extra], settings.network.min_df)
    parts = [part(learn, share) for share in SHARES]

    from joblib import Parallel, delayed

    fitted = Parallel(n_jobs=2)(delayed(network_fit.fit)([*(texts[i] for i in ids), *extra], table, settings.network, training.SEED) for ids in parts)
    networks = [Network(table.names, table.cue_names, [parameters]) for parameters in fitted]
    columns = [(name, lang) for name in held for lang in ("fi", "en")]
    rows = []
    for share, ids, network in zip(SHARES, parts, networks, strict=True):
        row = [f"{share:.0%}", str(len(ids))]
        wording = {}
        for lang in ("fi", "en"):
            fitter = training.WordingFit([docs[i] for i in ids if learn[i].lang == lang], settings)
            wording[lang] = fitter.model(np.ones(sum(learn[i].lang == lang for i in ids), dtype=bool))
        for name, lang in columns:
            mine = [p for p in held[name] if p.example.lang == lang]
            scores = np.array([wording[lang].scores(p.evidence.analysis)[0] + network.read(p.evidence).answers[0] for p in mine])
            row.append(f"{average_precision(np.array([p.example.flagged for p in mine]), scores):.3f}")
        rows.append(row)
        print(" ".join(row), flush=True)
    head = ["training groups", "documents", *(f"{name} {lang}, average precision" for name, lang in columns)]
    lines_ = "\n".join("| " + " | ".join(r) + " |" for r in (head, ["---"] * len(head), *rows))
    print(lines_)
    if write:
        write_between(ROOT / "corpus" / "README.md", "curve", lines_)
        (ROOT / "corpus" / "learning-curve.svg").write_text(plot([f"{n} {lang}" for n, lang in columns], rows), encoding="utf-8")


def plot(names: list[str], rows: list[list[str]]) -> str:
    """Lines over the share of the training groups, as SVG."""
    left, top, width, height, low = 50, 20, 420, 260, 0.6
    colours = ("#005f8a", "#b34700", "#3d7a00", "#7a2d8f")
    marks = []
    for k, (name, colour) in enumerate(zip(names, colours, strict=False)):
        at = [(left + width * float(r[0].rstrip("%")) / 100, top + height * (1 - (float(r[2 + k]) - low) / (1 - low))) for r in rows]
        dash = ("", "6 4", "2 3", "9 3 2 3")[k]
        marks.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in at)}"/>')
        marks.append(f'<text x="{at[-1][0] + 8:.1f}" y="{at[-1][1] + 4:.1f}" fill="{colour}">{name}</text>')
    for value in (0.6, 0.7, 0.8, 0.9, 1.0):
        y = top + height * (1 - (value - low) / (1 - low))
        marks.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/><text x="8" y="{y + 4:.1f}">{value:.1f}</text>')
    marks += [f'<text x="{left + width * share - 14:.0f}" y="{top + height + 20}">{share:.0%}</text>' for share in SHARES]
    body = "\n".join(marks)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="320" font-family="sans-serif" font-size="12" role="img"><title>Average precision over the share of the training groups</title>\n{body}\n</svg>\n'


if __name__ == "__main__":
    main()
