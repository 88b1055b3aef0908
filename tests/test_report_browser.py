"""The HTML report in headless Chromium. Needs the dependency group ``browser`` and a Chromium; skipped where one is missing.

CHROMIUM names another program than the one found on the path.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hiddensale.catalogue import PATTERNS, patterns, pointers
from hiddensale.messages import sentence
from hiddensale.report import as_html, texts
from hiddensale.schema import Finding, Reason, ScanError, ScanResult, Span

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
HOSTILE = "<img src=x onerror=\"document.title='run'\"> </script><script>document.title='run'</script> \u202egnp.exe \x1b[31m"
FIGURES = {
    "n": 100,
    "hidden": 40,
    "any": {"precision": 0.84, "recall": 0.41},
    "patterns": {p: {"precision": 0.75, "recall": 0.5, "n": 26} for p in PATTERNS},
    "false_alarms": {"ordinary": {"flagged": 1, "n": 48}, "lookalike": {"flagged": 13, "n": 176}},
}
META = {"version": "0.1.0", "created": "2026-11-21", "model": "base", "sha256": "ab" * 32, "packs": {"fi": "1", "en": "1"}, "corpus": "cd" * 32, "min_score": None, "split": "test"}
META["figures"] = {"all": FIGURES, "fi": FIGURES, "en": FIGURES}


def result(number: int, pattern: str = "free-but-fees", lang: str = "fi", **more: Any) -> ScanResult:
    text = more.pop("text", f"😀👍🏽 Teksti {number}: saat ilmaisen kirjan.\nMaksat vain postikulut 9,90 €. 😀 Tervetuloa!")
    lure, catch = (Span(text.index(p), text.index(p) + len(p), p) for p in ("ilmaisen", "postikulut 9,90 €"))
    disclosure, flagged = more.pop("disclosure", "buried"), more.pop("flagged", True)
    reasons = (Reason("wording any", 1.2), Reason("network flagged:gift-to-contract", 0.4), Reason("disclosure.price before lure end", -0.2), Reason("unheard of", -0.3), Reason("all else", 0.1))
    score = more.pop("score", 0.5 + number / 1000)
    message = sentence(pattern, "makes", disclosure, lure, catch, lang)
    finding = Finding(pattern, score, flagged, "makes", disclosure, lure, catch, message, pointers(pattern, lang), reasons, more.pop("clarify", None))
    meta = {"advertiser": more.pop("advertiser", f"Mainostaja {number % 3}"), "date": f"2026-{number % 6 + 1:02}-10", **more.pop("meta", {})}
    return ScanResult(more.pop("id", f"ad-{number}"), f"ads/batch-{number % 30}.jsonl", lang, flagged, score, {}, (finding,), text, meta=meta)


def sample() -> Iterator[ScanResult]:
    yield from (result(n, PATTERNS[n % 4], "fi" if n % 3 else "en") for n in range(120))
    yield result(200, "prize-to-pitch", flagged=False, disclosure="clear")
    yield result(
        201,
        "pay-to-work",
        score=0.999,
        id=HOSTILE,
        advertiser=HOSTILE,
        meta={HOSTILE: HOSTILE},
        clarify={"text": "Sano hinta otsikossa.", "suggestion": HOSTILE},
        text=f"{HOSTILE} saat ilmaisen kirjan, maksat postikulut 9,90 €",
    )
    yield result(202, "pay-to-work", score=0.99, text="Alku. " + "Täytettä tekstiin. " * 300 + "Saat ilmaisen kirjan. " + "Lisää täytettä. " * 300 + "Maksat postikulut 9,90 €. Loppu 😀")
    (untold,) = result(203).findings
    untold = replace(untold, catch=None, disclosure="absent", message=sentence("free-but-fees", "makes", "absent", untold.lure, None, "fi"), score=0.4)
    yield replace(result(203), findings=(untold,))
    yield from (ScanResult(f"clean-{n}", "ads/clean.jsonl", "en", False, 0.0, {}, (), "") for n in range(30))
    yield ScanResult("broken", "ads/broken.txt", None, False, 0.0, {}, (), "", error=ScanError("empty", "no text <b>here</b>"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the dependency group browser (pip install --group browser)")
    if CHROMIUM is None:
        pytest.skip("needs a Chromium on the path, or its place in CHROMIUM")
    with playwright.sync_playwright() as driver:
        # Each launch has a fresh profile.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text("".join(as_html(sample(), ui_lang="en", meta=META)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The report, opened; afterwards it must have caused no error and asked for nothing."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **getattr(request, "param", {})})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda asked: faults.append(asked.url) if not asked.url.startswith((address, "data:")) else None)
    page.goto(address)
    page.wait_for_function("performance.getEntriesByName('shown').length")
    yield page
    assert faults == []
    assert page.title() != "run"
    context.close()


def count(page: Any, expected: str) -> None:
    page.wait_for_function("text => document.getElementById('count').textContent === text", arg=expected, timeout=5000)


def test_opens_with_the_flagged_findings_and_figures(page: Any) -> None:
    assert page.inner_text("h1") == "123 of 155 texts are flagged"
    count(page, "123 findings in 123 texts")
    assert page.locator("article").count() == 50
    assert page.inner_text("#page") == "Page 1 of 3"
    assert "75%" in page.inner_text("#by-pattern li:first-child")
    assert "84%" in page.inner_text("#trust")
    assert "abababababab" in page.inner_text("footer")
    assert page.locator("#months li").count() == 6
    assert page.locator("#by-source li").count() == 20


def test_lure_and_catch_are_marked_past_emojis(page: Any) -> None:
    page.fill("#query", '"teksti 5:"')
    count(page, "1 finding in 1 text")
    # The labels are no part of the text.
    marked = page.evaluate("[...document.querySelectorAll('article mark')].map(m => { const c = m.cloneNode(true); c.querySelectorAll('.tag').forEach(t => t.remove()); return c.textContent; })")
    assert marked == ["ilmaisen", "postikulut 9,90 €"]
    assert page.locator("mark .tag").all_inner_texts() == ["lure", "catch"]
    assert page.locator(".frame svg").count() == 1
    page.locator("mark.lure .tag").click()
    assert page.evaluate("document.activeElement.dataset.role") == "catch"


def test_a_finding_without_a_catch(page: Any) -> None:
    page.fill("#query", '"teksti 203:"')
    count(page, "1 finding in 1 text")
    assert page.locator("mark").count() == 1
    assert texts()["en"]["no-catch"] in page.inner_text("article")


def test_the_sentence_is_the_records_own(page: Any) -> None:
    page.fill("#query", '"TEKSTI 7:" kirjan')
    count(page, "1 finding in 1 text")
    (finding,) = result(7, PATTERNS[3]).findings
    for lang in ("en", "fi"):
        page.click(f"[data-lang={lang}]")
        assert page.inner_text(".message") == sentence(finding.pattern, "makes", "buried", finding.lure, finding.catch, lang)


def test_filters_work_together_and_are_kept_in_the_address(page: Any) -> None:
    page.click('#by-pattern button[data-value="0"]')
    count(page, "31 findings in 31 texts")
    page.click("#by-lang button >> nth=0")
    count(page, "21 findings in 21 texts")
    assert page.locator("button[aria-pressed=true][data-facet]").count() == 2
    page.click("#months button >> nth=1")
    shown = page.inner_text("#count")
    kept = page.url
    page.goto("about:blank")
    page.goto(kept)
    page.wait_for_function("performance.getEntriesByName('shown').length")
    count(page, shown)
    page.click(".chip >> nth=0")
    page.click("#clear")
    count(page, "123 findings in 123 texts")
    page.fill("#from", "0.6")
    count(page, "22 findings in 22 texts")
    page.fill("#to", "0.61")
    count(page, "11 findings in 11 texts")
    page.click("#clear")
    page.locator("#by-source input").fill("batch-7.")
    count(page, "4 findings in 4 texts")
    page.click("#clear")
    page.fill("#query", "nowhere to be found")
    count(page, "Nothing under these filters")


def test_views_and_sorting(page: Any) -> None:
    page.select_option("#view", "findings")
    count(page, "124 findings in 124 texts")
    page.select_option("#view", "all")
    count(page, "155 texts")
    page.select_option("#view", "errors")
    count(page, "1 text")
    assert "no text <b>here</b>" in page.inner_text("article")
    page.select_option("#view", "flagged")
    page.select_option("#sort", "source")
    assert page.inner_text("article .facts .path >> nth=0") == "ads/batch-0.jsonl"
    page.select_option("#sort", "date")
    assert page.locator("article time").first.get_attribute("datetime") == "2026-06-10"


def test_keyboard(page: Any) -> None:
    focus = "[...document.querySelectorAll('article')].indexOf(document.activeElement)"
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focus) == 1
    page.keyboard.press("k")
    assert page.evaluate(focus) == 0
    for _ in range(50):
        page.keyboard.press("j")
    assert (page.inner_text("#page"), page.evaluate(focus)) == ("Page 2 of 3", 0)
    page.keyboard.press("ArrowLeft")
    assert (page.inner_text("#page"), page.evaluate(focus)) == ("Page 1 of 3", 49)
    page.keyboard.press("]")
    assert page.inner_text("#page") == "Page 2 of 3"
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    count(page, "Nothing under these filters")
    page.keyboard.press("Escape")
    assert page.input_value("#query") == "jk?"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.uncheck("#keys")
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()
    page.keyboard.press("?")
    assert not page.locator("#help").is_visible()


def test_language_and_theme_switch(page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("#theme")
    assert page.evaluate(paper) != light
    page.click("[data-lang=fi]")
    assert page.evaluate("document.documentElement.lang") == "fi"
    count(page, "123 löydöstä 123 tekstissä")
    body = page.inner_text("body")
    assert patterns()["free-but-fees"].name["fi"] in body
    fi, en = texts()["fi"], texts()["en"]
    assert not [key for key in ("figures", "trust", "why", "rules", "print-page") if en[key] in body or fi[key] not in body]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["wording: some hidden sale", "neural network: hidden “gift into a contract”", "price no later than right after the lure", "unheard of", "all else together"]),
        ("fi", ["sanamuodot: jokin piilomyynti", "neuroverkko: piilossa ”lahjasta sopimukseen”", "hinta viimeistään heti houkuttimen jälkeen", "unheard of", "kaikki muu yhteensä"]),
    ],
)
def test_reasons_are_in_words(page: Any, lang: str, words: list[str]) -> None:
    page.click(f"[data-lang={lang}]")
    assert page.locator("article").nth(1).locator(".reasons .name").all_inner_texts() == words


def test_hostile_text_is_shown_as_signs(page: Any) -> None:
    first = page.locator("article").first
    shown = first.inner_text()
    assert "<img src=x onerror=" in shown
    assert "</script><script>" in shown
    assert not re.search("[\u202e\x1b]", page.inner_text("body"))
    assert "U+202E" in first.locator(".sign").all_inner_texts()
    assert "Sano hinta otsikossa." in first.locator(".clarify").inner_text()
    assert page.locator("img").count() == 0
    attributes = page.evaluate("[...document.querySelectorAll('body *')].flatMap(n => [...n.attributes]).map(a => a.value).join(' ')")
    assert not re.search("[\u202e\x1b]", attributes)


def test_long_texts_are_cut_around_the_spans(page: Any) -> None:
    long = page.locator("article").nth(1)
    assert long.locator(".gap").count() == 2
    assert len(long.locator(".text").inner_text()) < 2500
    long.locator("> .quiet").click()
    assert "Loppu 😀" in long.locator(".text").inner_text()
    assert long.locator(".gap").count() == 0


def test_print_shows_findings_and_nothing_else(page: Any) -> None:
    page.evaluate("window.print = () => {}")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in (".masthead", "aside", "#filters", "#pager", ".print-one"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("article:visible").count() == 50
    page.emulate_media(media="screen")
    page.locator(".print-one").nth(2).click()
    page.emulate_media(media="print")
    assert page.locator("article:visible").count() == 1
    assert "not a verdict" in page.locator("article:visible").inner_text()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article:visible").count() == 50


@pytest.mark.parametrize("page", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
def test_phone_width_does_not_scroll_sideways(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.click("#figures > summary")
    page.click('#by-pattern button[data-value="1"]')
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize(
    "page",
    [{"bypass_csp": True, "color_scheme": scheme, "viewport": {"width": width, "height": 900}} for scheme in ("light", "dark") for width in (1280, 360)],
    indirect=True,
    ids=["light", "light phone", "dark", "dark phone"],
)
def test_accessible(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the dependency group browser").Axe()
    page.evaluate("document.getElementById('figures').open = true")
    page.click('#by-pattern button[data-value="0"]')
    page.locator(".rules summary").first.click()
    for view, query in (("flagged", ""), ("flagged", '"teksti 203:"'), ("all", "")):
        page.select_option("#view", view)
        page.fill("#query", query)
        page.wait_for_timeout(200)
        assert violations(axe, page) == []
    page.click("#open-help")
    assert violations(axe, page) == []


def violations(axe: Any, page: Any) -> list[str]:
    # What is laid out only in view is measured as a reader would see it.
    page.add_style_tag(content="article { content-visibility: visible !important } * { transition: none !important }")
    return [f"{v['id']}: {json.dumps([n['html'][:150] for n in v['nodes'][:3]])}" for v in axe.run(page).response["violations"]]
