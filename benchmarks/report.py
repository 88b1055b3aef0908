"""How fast the HTML report of many documents opens and filters in Chromium.

    python benchmarks/report.py [--documents N] [--share FLOAT] [--keep FILE]

Needs the dependency group ``browser`` and a Chromium (CHROMIUM names another than /usr/bin/chromium).
"""

from __future__ import annotations

import os
import random
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import click
from playwright.sync_api import Page, sync_playwright

import hiddensale
from hiddensale import report
from hiddensale.catalogue import DISCLOSURES, PATTERNS, pointers
from hiddensale.messages import sentence
from hiddensale.schema import Finding, Reason, ScanResult, Span

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
WORDS = (
    "tarjous",
    "sinulle",
    "maksutta",
    "kuukausi",
    "toimitus",
    "kortti",
    "jäsen",
    "hinta",
    "soita",
    "tilaa",
    "voitto",
    "arvonta",
    "esittely",
    "sopimus",
    "kampanja",
    "asiakas",
    "kirja",
    "lehti",
    "näyte",
    "postikulut",
    "free",
    "offer",
    "month",
    "member",
    "price",
    "card",
    "call",
    "winner",
    "draw",
    "visit",
    "order",
    "sample",
    "postage",
    "gift",
    "terms",
    "apply",
    "today",
)
REASONS = ("wording any", "wording flagged", "words", "catch score", "lure score", "report mean", "all else", "that it is this pattern")


def results(n: int, share: float) -> Iterator[ScanResult]:
    """Documents as a scan gives them, ``share`` of them with a finding; texts of 30 to 150 words."""
    rng = random.Random(20261122)
    for i in range(n):
        source, lang = f"ads/batch-{i % 400:03}.jsonl", "fi" if i % 3 else "en"
        meta = {"advertiser": f"Advertiser {int(rng.paretovariate(0.6)) % 900}", "date": f"{2022 + i % 5}-{i % 12 + 1:02}-{i % 28 + 1:02}"}
        if rng.random() >= share:
            yield ScanResult(f"doc-{i}", source, lang, False, 0.0, {}, (), "", meta=meta)
            continue
        words = rng.choices(WORDS, k=rng.randint(30, 150))
        text = " ".join(words)
        lure, catch = Span(0, len(words[0]), words[0]), Span(len(text) - len(words[-1]), len(text), words[-1])
        pattern, disclosure, score = rng.choice(PATTERNS), rng.choice(DISCLOSURES), rng.random()
        reasons = tuple(Reason(name, rng.uniform(-1, 1)) for name in REASONS)
        message = sentence(pattern, "makes", disclosure, lure, catch, lang)
        finding = Finding(pattern, score, disclosure != "clear", "makes", disclosure, lure, catch, message, pointers(pattern, lang), reasons)
        yield ScanResult(f"doc-{i}", source, lang, finding.flagged, score, {}, (finding,), text, meta=meta)


def timed(page: Page, action: str) -> float:
    """Milliseconds from an action in the page until its effect is painted."""
    return page.evaluate(
        """action => new Promise(done => {
            const start = performance.now();
            new Function(action)();
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
        })""",
        action,
    )


@click.command()
@click.option("--documents", type=int, default=100_000, show_default=True)
@click.option("--share", type=float, default=0.2, show_default=True, help="Share of documents with a finding.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave the report here.")
def main(documents: int, share: float, keep: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = keep or Path(folder) / "report.html"
        start = time.perf_counter()
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(report.as_html(results(documents, share), ui_lang="en", meta=report.about(hiddensale.load())))
        click.echo(f"written: {documents} documents, {path.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - start:.1f} s")
        tracemalloc.start()
        for _ in report.as_html(results(min(documents, 20_000), share), ui_lang="en"):
            pass
        click.echo(f"memory while writing: {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB at most")
        tracemalloc.stop()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
            for _ in range(2):
                page = context.new_page()
                page.goto(path.resolve().as_uri(), wait_until="commit", timeout=120_000)
                page.wait_for_function("performance.getEntriesByName('shown').length", timeout=120_000)
                page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
                shown, painted = page.evaluate("[performance.getEntriesByName('shown')[0].startTime, performance.now()]")
                click.echo(f"open: shown after {shown:.0f} ms, painted by {painted:.0f} ms")
                # The typed search waits 80 ms for the next key; that is part of what the reader sees.
                search = page.evaluate(
                    """() => new Promise(done => {
                        const count = document.getElementById("count"), query = document.getElementById("query"), start = performance.now();
                        new MutationObserver((_, seen) => { seen.disconnect(); requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))); }).observe(count, {childList: true});
                        query.value = "winner postage"; query.dispatchEvent(new Event("input"));
                    })"""
                )
                click.echo(f"first search of the texts, at once after opening: {search:.0f} ms")
                page.evaluate("document.getElementById('clear').click()")
                for name, action in {
                    "pattern": "document.querySelector('#by-pattern button').click()",
                    "and language": "document.querySelector('#by-lang button').click()",
                    "clear": "document.getElementById('clear').click()",
                    "all texts": "const v = document.getElementById('view'); v.value = 'all'; v.dispatchEvent(new Event('change'))",
                    "by source": "const s = document.getElementById('sort'); s.value = 'source'; s.dispatchEvent(new Event('change'))",
                    "by date": "const s = document.getElementById('sort'); s.value = 'date'; s.dispatchEvent(new Event('change'))",
                    "advertiser": "document.querySelector('#by-advertiser button').click()",
                    "month": "document.querySelector('#months button').click()",
                }.items():
                    click.echo(f"filter, {name}: {timed(page, action):.0f} ms")
                page.close()
            browser.close()


if __name__ == "__main__":
    main()
