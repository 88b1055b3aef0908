"""In how many flagged documents of a split a small change is found that the model no longer flags.

    python benchmarks/clarify.py [--model FOLDER] [--split dev] [--show] [--by-hand FILE]

The share says what the model makes of the suggestions, not that the changed text is fair. With ``--by-hand`` it reads documents that a person changed
after the suggestion (benchmarks/clarify_by_hand.jsonl) and says how many of them are no longer flagged.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from hiddensale.catalogue import PATTERNS
from hiddensale.corpus import load as load_corpus
from hiddensale.detector import Detector, load

ROOT = Path(__file__).resolve().parents[1]
LANGS = ("fi", "en")


@click.command()
@click.option("--model", type=click.Path(path_type=Path))
@click.option("--split", default="dev", show_default=True)
@click.option("--show", is_flag=True, help="Print each suggestion.")
@click.option("--by-hand", type=click.Path(exists=True, path_type=Path), help="JSON Lines with id, lang, suggestion and text.")
def main(model: Path | None, split: str, show: bool, by_hand: Path | None) -> None:
    detector = load(model)
    if by_hand is not None:
        rewritten(detector, by_hand)
        return
    asked: Counter[tuple[str, str]] = Counter()
    helped: Counter[tuple[str, str]] = Counter()
    kinds: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    freed: Counter[str] = Counter()
    right: Counter[bool] = Counter()
    right_helped: Counter[bool] = Counter()
    for example in load_corpus([ROOT / "corpus"]):
        if example.split != split:
            continue
        result = detector.scan(example.text, example.lang)
        if not result.flagged:
            continue
        hot = [f for f in detector.clarify(result).findings if f.flagged]
        documents[example.lang] += 1
        freed[example.lang] += all(f.clarify for f in hot)
        for f in hot:
            asked[example.lang, f.pattern] += 1
            helped[example.lang, f.pattern] += bool(f.clarify)
            right[example.flagged] += 1
            right_helped[example.flagged] += bool(f.clarify)
            kinds[f.clarify["kind"] if f.clarify else "(none)"] += 1
            if show:
                told = f"{f.clarify['text']} {f.clarify['score_before']:.2f} → {f.clarify['score_after']:.2f}" if f.clarify else "(none)"
                click.echo(f"{example.id}\t{f.pattern}\t{f.disclosure}\t{told}")
    click.echo(f"flagged findings on {split}, and in how many a change was found that takes the flag away by the model:")
    for lang in LANGS:
        for p in PATTERNS:
            if asked[lang, p]:
                click.echo(f"  {lang} {p:<22} {helped[lang, p]:>3} of {asked[lang, p]:>3}  {helped[lang, p] / asked[lang, p]:.2f}")
        n = sum(v for (at, _), v in asked.items() if at == lang)
        good = sum(v for (at, _), v in helped.items() if at == lang)
        click.echo(f"  {lang} all                    {good:>3} of {n:>3}  {good / max(n, 1):.2f}; in {freed[lang]} of {documents[lang]} documents for every flag")
    total, good = asked.total(), helped.total()
    click.echo(
        f"both languages: {good} of {total} ({good / max(total, 1):.2f}); rightly flagged documents {right_helped[True]} of {right[True]}, wrongly flagged ones {right_helped[False]} of {right[False]}"
    )
    click.echo("by kind: " + ", ".join(f"{k} {n}" for k, n in kinds.most_common()))


def rewritten(detector: Detector, path: Path) -> None:
    """Say how many documents that were changed by hand are no longer flagged; name the others."""
    texts = {example.id: example for example in load_corpus([ROOT / "corpus"])}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    done: Counter[str] = Counter()
    before: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for row in rows:
        original = texts[row["id"]]
        was, now = detector.scan(original.text, original.lang), detector.scan(row["text"], original.lang)
        count[original.lang] += 1
        before[original.lang] += was.flagged
        done[original.lang] += was.flagged and not now.flagged
        if now.flagged:
            click.echo(f"still flagged: {row['id']} {', '.join(f'{f.pattern} {f.score:.2f}' for f in now.findings if f.flagged)}")
    for lang in LANGS:
        click.echo(f"{lang}: of {count[lang]} documents changed by hand {before[lang]} were flagged before, {done[lang]} of these are no longer")
    click.echo(f"both languages: {done.total()} of {before.total()} ({done.total() / max(before.total(), 1):.2f})")


if __name__ == "__main__":
    main()
