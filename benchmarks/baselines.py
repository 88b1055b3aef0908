"""hiddensale beside three plain baselines, all measured in one run; prints one Markdown table.

    python benchmarks/baselines.py [--only NAME]… [--epochs N] [--limit N] [--model FOLDER]

- keywords: the lure and catch cues of the packs as a keyword search; flagged where a lure and a catch of one pattern are there.
- TF-IDF: words 1-2 and characters 3-5 of the whole document, logistic regression, one model a language.
- spaCy: its text categoriser (ensemble of bag of words and convolutions), one model a language.
- hiddensale: the shipped model.

TF-IDF and spaCy learn from the train split. Their threshold is chosen as that of the shipped model: predictions for groups not seen
(four grouped folds; two for spaCy, which learns slowly), calibrated by Platt's method, then ``training.choose_threshold`` with the same
budget of false alarms and the same least threshold of the language. Ordinary text weighs in TF-IDF as in hiddensale's first stage; spaCy has no weights.

Other hands' documents, Finnish pages and shop strings are read from ../shared beside the checkout and left out where they are missing.
"""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from hiddensale.analysis import Analyser
from hiddensale.corpus import Example, load
from hiddensale.errors import HiddensaleError
from hiddensale.evaluation import average_precision, f1
from hiddensale.evidence import Evidence, gather
from hiddensale.judge import sigmoid
from hiddensale.packs import kinds, live_lemmatizer, load_pack
from hiddensale.training import LANG_INDEX, SEED, Settings, choose_threshold, grouped_folds, platt

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
LANGS = ("fi", "en")
SPACY_FOLDS = 2
COLUMNS = ("documents", "detector", "P", "R", "F1", "AP", "honest look-alikes flagged", "reports flagged", "contrast groups right", "ordinary text flagged")

# What a detector says of texts of one language: scores and verdicts.
Judge = Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]]


# --- the detectors ---------------------------------------------------------------------------------------------


def keyword_score(evidence: Evidence) -> tuple[float, bool]:
    """How many kinds of lure and catch cues of one pattern meet, at best; flagged where both are there."""
    table = kinds()
    found: dict[str, tuple[set[str], set[str]]] = {}
    for unit in evidence.kinds:
        for key in unit:
            kind = table.get(key)  # what is negated has another key
            if kind is None or kind.role not in ("lure", "catch"):
                continue
            for pattern in kind.patterns:
                found.setdefault(pattern, (set(), set()))[kind.role == "catch"].add(key)
    both = [len(lures) + len(catches) for lures, catches in found.values() if lures and catches]
    one = [len(lures) + len(catches) for lures, catches in found.values()]
    # A text without a pair ranks under every text with one.
    return (100.0 + max(both), True) if both else (float(max(one, default=0)), False)


def keywords(lang: str, _: Sequence[Example]) -> Judge:
    pack = load_pack(lang)
    analyser = Analyser(pack, live_lemmatizer(pack))

    def judge(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        said = [keyword_score(gather(analyser, analyser.analyse(text))) for text in texts]
        return np.array([s for s, _ in said]), np.array([hit for _, hit in said])

    return judge


def with_threshold(lang: str, fit: Callable[[Sequence[Example]], Callable[[Sequence[str]], np.ndarray]], train: Sequence[Example], n_folds: int) -> Judge:
    """A judge from something that learns log-odds, its threshold chosen as the shipped model's is."""
    settings = Settings()
    gold = np.array([x.flagged for x in train])
    folds = grouped_folds([x.group for x in train], n_folds)
    raw = np.zeros(len(train))
    for k in range(n_folds):
        outside = np.flatnonzero(folds == k)
        raw[outside] = fit([train[i] for i in np.flatnonzero(folds != k)])([train[i].text for i in outside])
    scale, offset = platt(raw, gold.astype(np.int8))
    threshold = max(choose_threshold(sigmoid(scale * raw + offset), gold, ~gold, settings.budget), settings.least_thresholds[LANG_INDEX[lang]])
    score = fit(train)

    def judge(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        p = sigmoid(scale * score(texts) + offset)
        return p, p >= threshold

    return judge


def tfidf(lang: str, train: Sequence[Example]) -> Judge:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_union

    heavy = Settings().ordinary_weight

    def fit(docs: Sequence[Example]) -> Callable[[Sequence[str]], np.ndarray]:
        features = make_union(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2))
        x = features.fit_transform([d.text for d in docs])
        model = LogisticRegression(C=10.0, solver="liblinear", dual=True, max_iter=3000, random_state=SEED)
        model.fit(x, [d.flagged for d in docs], sample_weight=[heavy if d.sort in ("ordinary", "talk") else 1.0 for d in docs])
        return lambda texts: np.asarray(model.decision_function(features.transform(list(texts))))

    return with_threshold(lang, fit, train, 4)


def spacy_config() -> dict[str, Any]:
    """spaCy's ensemble, as its quickstart writes it for accuracy without vectors; a narrower tok2vec, for two cores."""
    linear = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 2, "no_output_layer": False, "length": 262144}
    embed = {"@architectures": "spacy.MultiHashEmbed.v2", "width": 64, "rows": [5000, 2000, 2000, 1000], "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"], "include_static_vectors": False}
    encode = {"@architectures": "spacy.MaxoutWindowEncoder.v2", "width": 64, "window_size": 1, "maxout_pieces": 3, "depth": 2}
    return {"model": {"@architectures": "spacy.TextCatEnsemble.v2", "linear_model": linear, "tok2vec": {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}}}


def spacy_textcat(epochs: int) -> Callable[[str, Sequence[Example]], Judge]:
    def make(lang: str, train: Sequence[Example]) -> Judge:
        import spacy
        from spacy.training import Example as SpacyExample
        from spacy.util import fix_random_seed, minibatch

        def fit(docs: Sequence[Example]) -> Callable[[Sequence[str]], np.ndarray]:
            fix_random_seed(SEED)
            shuffled = random.Random(SEED)
            nlp = spacy.blank(lang)
            nlp.add_pipe("textcat", config=spacy_config())
            data = [SpacyExample.from_dict(nlp.make_doc(d.text), {"cats": {"HIDDEN": float(d.flagged), "HONEST": float(not d.flagged)}}) for d in docs]
            optimizer = nlp.initialize(lambda: data)
            for _ in range(epochs):
                shuffled.shuffle(data)
                for batch in minibatch(data, 16):
                    nlp.update(batch, sgd=optimizer, drop=0.2)

            def score(texts: Sequence[str]) -> np.ndarray:
                p = np.clip([doc.cats["HIDDEN"] for doc in nlp.pipe(texts, batch_size=64)], 1e-7, 1 - 1e-7)
                return np.log(p / (1 - p))

            return score

        return with_threshold(lang, fit, train, SPACY_FOLDS)

    return make


def shipped(model: Path | None) -> Callable[[str, Sequence[Example]], Judge]:
    from hiddensale.detector import load as load_detector

    detector = load_detector(model)

    def make(lang: str, _: Sequence[Example]) -> Judge:
        def judge(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
            results = list(detector.scan_many(texts, lang=lang))
            return np.array([max(r.scores.values()) for r in results]), np.array([r.flagged for r in results])

        return judge

    return make


# --- the data and the figures ----------------------------------------------------------------------------------


def ordinary_texts() -> dict[str, list[str]]:
    """Ordinary text by language, where it is there."""
    out = {}
    pages, strings = SHARED / "data" / "fincore-dev.tsv", SHARED / "data" / "ec-darkpattern.tsv"
    if pages.is_file():
        out["fi"] = [line.split("\t", 1)[1] for line in pages.read_text(encoding="utf-8").splitlines()]
    if strings.is_file():
        with strings.open(encoding="utf-8", newline="") as stream:
            out["en"] = [row["text"] for row in csv.DictReader(stream, delimiter="\t") if (row["text"] or "").strip()]
    return out


def contrast(examples: Sequence[Example], hit: np.ndarray) -> tuple[int, int]:
    """How many contrast groups are right in every member, and how many there are."""
    groups: dict[str, list[bool]] = {}
    for x, said in zip(examples, hit, strict=True):
        groups.setdefault(x.group, []).append(x.flagged == bool(said))
    sets = [g for g in groups.values() if len(g) > 1]
    return sum(all(g) for g in sets), len(sets)


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    documents: str
    detector: str
    figures: tuple[str, ...]

    def markdown(self) -> str:
        return "| " + " | ".join((self.documents, self.detector, *self.figures)) + " |"


def figures(examples: Sequence[Example], scores: np.ndarray, hit: np.ndarray, ordinary: np.ndarray | None) -> tuple[str, ...]:
    """The cells of one row."""
    y = np.array([x.flagged for x in examples])
    p, r, f = f1(int((y & hit).sum()), int((~y & hit).sum()), int((y & ~hit).sum()))

    def share(*sorts: str) -> str:
        mine = np.array([x.sort in sorts for x in examples])
        return f"{hit[mine].mean():.1%} of {mine.sum()}" if mine.any() else "–"

    right, n = contrast(examples, hit)
    plain = "–" if ordinary is None else f"{ordinary.mean():.2%} of {len(ordinary)}"
    return (f"{p:.3f}", f"{r:.3f}", f"{f:.3f}", f"{average_precision(y, scores):.3f}", share("lookalike", "clear"), share("report", "talk"), f"{right}/{n}" if n else "–", plain)


def run(makers: dict[str, Callable[[str, Sequence[Example]], Judge]], examples: Sequence[Example], others: Sequence[Example], ordinary: dict[str, list[str]], log: Callable[[str], None]) -> list[Line]:
    """Fit every detector on train of each language, measure it on everything else."""
    lines: dict[tuple[str, str], list[Line]] = {}
    for lang in LANGS:
        mine = [x for x in examples if x.lang == lang]
        if not mine:
            continue
        sets = {f"{lang} {split}": [x for x in mine if x.split == split] for split in ("dev", "test")}
        sets[f"{lang} other hands"] = [x for x in others if x.lang == lang]
        for name, make in makers.items():
            start = time.perf_counter()
            judge = make(lang, [x for x in mine if x.split == "train"])
            plain = judge(ordinary[lang])[1] if lang in ordinary else None
            for title, docs in sets.items():
                if docs:
                    scores, hit = judge([x.text for x in docs])
                    lines.setdefault((lang, title), []).append(Line(title, name, figures(docs, scores, hit, plain)))
            log(f"{lang} {name}: {time.perf_counter() - start:.0f} s")
    return [line for rows in lines.values() for line in rows]


@click.command()
@click.option("--only", multiple=True, type=click.Choice(("keywords", "tf-idf", "spacy", "hiddensale")), help="Only these detectors.")
@click.option("--epochs", default=6, show_default=True, help="How often spaCy sees each document.")
@click.option("--limit", type=click.IntRange(min=50), help="Only so many training documents a language, to try the script out.")
@click.option("--model", type=click.Path(path_type=Path))
def main(only: tuple[str, ...], epochs: int, limit: int | None, model: Path | None) -> None:
    examples = load([ROOT / "corpus"])
    if limit:
        kept = [x for lang in LANGS for x in [y for y in examples if y.lang == lang and y.split == "train"][:limit]]
        examples = [*kept, *(x for x in examples if x.split != "train")]
    probe = SHARED / "probe" / "probe.jsonl"
    others = load([probe]) if probe.is_file() else []
    ordinary = ordinary_texts()
    makers: dict[str, Callable[[str, Sequence[Example]], Judge]] = {"keywords": keywords, "tf-idf": tfidf, "spacy": spacy_textcat(epochs)}
    try:
        makers["hiddensale"] = shipped(model)
    except HiddensaleError as error:
        click.echo(f"hiddensale is left out: {error}", err=True)
    makers = {name: make for name, make in makers.items() if not only or name in only}
    lines = run(makers, examples, others, ordinary, lambda text: click.echo(text, err=True))
    click.echo("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for line in lines:
        click.echo(line.markdown())
    if not others:
        click.echo(f"\nwithout other hands' documents: {probe} is not there")
    if len(ordinary) < len(LANGS):
        click.echo("\nwithout some ordinary text: ../shared/data is not complete")


if __name__ == "__main__":
    main()
