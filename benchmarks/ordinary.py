"""False alarms on ordinary text: Finnish web pages and strings of English shops. Nothing here is labelled for our patterns.

    python benchmarks/ordinary.py [--model FOLDER] [--show]

Reads ../shared/data beside the checkout; says so and stops where it is missing.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click

from hiddensale.detector import load

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@click.command()
@click.option("--model", type=click.Path(path_type=Path))
@click.option("--show", is_flag=True, help="Print what is flagged, with lure and catch.")
def main(model: Path | None, show: bool) -> None:
    if not DATA.is_dir():
        click.echo(f"skipped: {DATA} is not there; it is no part of the project")
        sys.exit(0)
    pages = [line.split("\t", 1)[1] for line in (DATA / "fincore-dev.tsv").read_text(encoding="utf-8").splitlines()]
    with (DATA / "ec-darkpattern.tsv").open(encoding="utf-8", newline="") as stream:
        strings = [row["text"] for row in csv.DictReader(stream, delimiter="\t") if (row["text"] or "").strip()]
    detector = load(model)
    for name, texts, lang in (("FinCORE pages", pages, "fi"), ("shop strings", strings, "en")):
        results = list(detector.scan_many(texts, lang=lang))
        flagged = [(i, r) for i, r in enumerate(results) if r.flagged]
        click.echo(f"{name}: {len(flagged)} of {len(results)} flagged ({len(flagged) / len(results):.2%})")
        for i, r in flagged if show else ():
            f = next(f for f in r.findings if f.flagged)
            click.echo(f"  {i + 1}: {f.pattern} {f.score:.2f} | lure: {f.lure.text[:80]!r} | catch: {(f.catch.text if f.catch else '')[:80]!r} | {texts[i][:100]!r}")


if __name__ == "__main__":
    main()
