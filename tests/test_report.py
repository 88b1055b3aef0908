from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hiddensale import report
from hiddensale.cli import main
from hiddensale.messages import sentence
from hiddensale.report import as_html
from hiddensale.schema import Finding, Reason, ScanError, ScanResult, Span

TEXT = "😀👍🏽 Saat ilmaisen kirjan.\nMaksat postikulut 9,90 €."


def span(piece: str, text: str = TEXT) -> Span:
    at = text.index(piece)
    return Span(at, at + len(piece), piece)


LURE, CATCH = span("ilmaisen"), span("postikulut 9,90 €")
USUAL = sentence("free-but-fees", "makes", "buried", LURE, CATCH, "fi")
FINDING = Finding("free-but-fees", 0.91, True, "makes", "buried", LURE, CATCH, USUAL, ("FI-KSL-2-6",), (Reason("words", 0.5), Reason("all else", 1.8)))
RESULT = ScanResult("ad-1", "ads/ad.txt", "fi", True, 0.91, {"free-but-fees": 0.91}, (FINDING,), TEXT, meta={"advertiser": "Oy Ab", "date": "2026-03-04T10:00", "medium": "sms"})
CLEAN = ScanResult("ad-2", "ads/b.txt", "en", False, 0.0, {}, (), "a text nobody needs to carry")
BROKEN = ScanResult("ad-3", "ads/c.txt", None, False, 0.0, {}, (), "", error=ScanError("empty", "no text"))


class Scripts(HTMLParser):
    """What a browser would take for elements: names, and the scripts' contents by class."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.data: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self.kind: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag in ("script", "style"):
            self.kind = dict(attrs).get("class") or tag
            self.data.setdefault(self.kind, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.kind = None

    def handle_data(self, data: str) -> None:
        if self.kind:
            self.data[self.kind][-1] += data

    def json(self, kind: str) -> list[Any]:
        return [json.loads(text) for text in self.data[kind]]


def page(*results: ScanResult, **more: Any) -> Scripts:
    return Scripts("".join(as_html(results, **more)))


def test_chunks_carry_what_a_reader_needs() -> None:
    scripts = page(RESULT, CLEAN, BROKEN, ui_lang="fi")
    (index,), (told,) = scripts.json("index"), scripts.json("told")
    ids, sources, langs, advertisers, dates, rows, failed = index["documents"]
    assert ids == ["ad-1", "ad-2", "ad-3"]
    assert [index["names"][n] for n in sources] == ["ads/ad.txt", "ads/b.txt", "ads/c.txt"]
    assert [index["names"][n] for n in langs] == ["fi", "en", ""]
    assert index["names"][advertisers[0]] == "Oy Ab"
    assert dates == ["2026-03-04", "", ""]
    assert failed == [0, 0, 1]
    assert rows == [0, -1, 1]
    text, (finding,), extra, error = told["rows"][0]
    assert (text, extra, error) == (TEXT, [["medium", "sms"]], 0)
    assert [told["terms"][n] for n in finding[3]] == ["FI-KSL-2-6"]
    assert [[told["terms"][n], weight] for n, weight in finding[4]] == [["words", 0.5], ["all else", 1.8]]
    assert told["rows"][1][3] == ["empty", "no text"]
    assert CLEAN.text not in json.dumps(told)


def test_offsets_count_code_points() -> None:
    (told,) = page(RESULT).json("told")
    text, ((lure, catch, *_),), *_ = told["rows"][0]
    assert text[slice(*lure)] == LURE.text
    assert text[slice(*catch)] == CATCH.text


def test_the_page_can_say_the_usual_sentence_in_both_languages() -> None:
    scripts = page(RESULT)
    (words,), (told,), (setting,) = scripts.json("words"), scripts.json("told"), scripts.json("setting")
    assert told["rows"][0][1][0][5] == 0
    for lang in report.UI_LANGS:
        frame = words[lang]["sentences"][0][0][1][1]
        filled = frame.replace(setting["marks"][0], LURE.text).replace(setting["marks"][1], CATCH.text)
        assert filled == sentence("free-but-fees", "makes", "buried", LURE, CATCH, lang)


def test_that_nothing_helps_is_said_in_both_languages() -> None:
    page = "".join(as_html([replace(RESULT, findings=(replace(FINDING, clarify={}),))], ui_lang="en"))
    assert "None of the small changes that were tried" in page
    assert "Mikään kokeilluista pienistä muutoksista" in page


def test_another_sentence_and_clarify_are_carried() -> None:
    found = replace(FINDING, message="own words", clarify={"text": "say the price"})
    (told,) = page(replace(RESULT, findings=(found,))).json("told")
    assert told["rows"][0][1][0][5:] == ["own words", {"text": "say the price"}]


@pytest.mark.parametrize(
    ("meta", "date"),
    [
        ({"date": "2026-03-04"}, "2026-03-04"),
        ({"time": "2026-03-04T12:00:00Z"}, "2026-03-04"),
        ({"month": "2026-03"}, "2026-03"),
        ({"Date": "Tue, 3 Mar 2026 09:00:00 +0200"}, "2026-03-03"),
        ({"date": "2026-13-01"}, ""),
        ({"date": "soon", "month": "2026-02"}, "2026-02"),
        ({"date": ["x"]}, ""),
        ({"date": "Mon, 20 Nov 1995 19:12:08 +99999999999999999999"}, ""),
        ({"date": "Mon, 20 Nov 99999999999999999999 19:12:08 +0000", "month": "2026-02"}, "2026-02"),
        ({}, ""),
    ],
)
def test_dates(meta: dict[str, Any], date: str) -> None:
    (index,) = page(replace(CLEAN, meta=meta)).json("index")
    assert index["documents"][4] == [date]


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]></style><img src=x onerror=alert(1)>",
    "\u2028alert(1)\u2029",
    "&lt;b&gt;&amp;",
    "\x00\x1b[2J\x9b31m",
    "a\u202egnp.exe\u2066",
    "\ud800 alone",
    '"\\";{}[]',
    "<!-- chunks -->\n",
    "$lang ${title} $$",
]


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_values_stay_data(bad: str) -> None:
    text = f"{bad} {TEXT}"
    found = replace(FINDING, lure=span("ilmaisen", text), catch=span("postikulut 9,90 €", text), message=bad, reasons=(Reason(bad, 1.0),), law=(bad,), clarify={"text": bad, bad: [bad]})
    result = ScanResult(bad, bad, "fi", True, 0.9, {}, (found,), text, meta={"advertiser": bad, bad: bad, "list": [bad]})
    broken = replace(BROKEN, id=bad, source=bad, error=ScanError(bad, bad))
    whole = "".join(as_html([result, broken], ui_lang="en", meta={"version": bad, "model": bad, "packs": {bad: bad}}))
    plain = page(RESULT, BROKEN, ui_lang="en")
    scripts = Scripts(whole)
    assert scripts.names == plain.names
    assert [a for a in scripts.attributes if a[0].startswith("on")] == []
    (told,) = scripts.json("told")
    assert told["rows"][0][0] == text
    assert told["rows"][1][3] == [bad, bad]
    whole.encode("utf-8")
    for chunk in (*scripts.data["index"], *scripts.data["told"], *scripts.data["setting"], *scripts.data["words"]):
        assert not re.search("[<>&\u2028\u2029\x00-\x1f]", chunk)


def test_results_are_consumed_as_the_page_is_written() -> None:
    taken = 0

    def endless() -> Iterator[ScanResult]:
        nonlocal taken
        while True:
            taken += 1
            yield CLEAN

    pieces = as_html(endless(), ui_lang="en")
    next(pieces)
    assert taken == 0
    next(pieces)
    assert 0 < taken <= 500
    before = taken
    next(pieces)
    assert taken == 2 * before


def test_long_texts_make_short_chunks() -> None:
    long = replace(RESULT, text=TEXT + "x" * 300_000)
    assert len(page(*[long] * 6).data["told"]) == 4  # two a chunk, and the last one empty


def test_nothing_is_loaded_and_only_own_code_runs() -> None:
    whole = "".join(as_html([RESULT], ui_lang="en"))
    scripts = Scripts(whole)
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', whole).group(1))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (source,) = scripts.data[kind]
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'" in policy
    assert [a for a in scripts.attributes if a[0] in ("src", "href") and not (a[1] or "").startswith(("data:,", "#"))] == []
    assert not re.search(r"url\(|@import|@font-face", scripts.data["style"][0])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|fetch\(|XMLHttp|localStorage", scripts.data["script"][0])


def test_both_languages_are_complete_and_nothing_is_left_over() -> None:
    def keys(table: dict[str, Any], lead: str = "") -> set[str]:
        return {key for name, value in table.items() for key in (keys(value, f"{lead}{name}.") if isinstance(value, dict) else {lead + name})}

    words = report.texts()
    assert set(words) == set(report.UI_LANGS)
    assert keys(words["fi"]) == keys(words["en"])
    for lang in report.UI_LANGS:
        for name, value in words[lang].items():
            assert value, name
            if isinstance(value, str):
                assert sorted(re.findall(r"\{\w+\}", value)) == sorted(re.findall(r"\{\w+\}", words["en"][name])), name
    page_source, script = (files("hiddensale").joinpath(f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "js"))
    used = set(re.findall(r'data-t(?:-\w+)?="([\w-]+)"', page_source)) | set(re.findall(r'"([a-z]+(?:-[\w]+)*)"', script)) | {"title"}
    known = {name for name, value in words["en"].items() if isinstance(value, str)}
    made = re.compile(r"(by|level|trust|view|sort|to|count)-|(source|advertiser)-has$|lure$|catch$")
    assert {k for k in known - used if not made.match(k)} == set()
    assert set(re.findall(r'\bt\("([\w-]+)"[,)]', script)) <= known
    assert set(re.findall(r'data-t(?:-\w+)?="([\w-]+)"', page_source)) <= known


@pytest.mark.parametrize("lang", report.UI_LANGS)
def test_the_words_stand_in_the_page_from_the_start(lang: str) -> None:
    whole = "".join(as_html([], ui_lang=lang))
    assert f'<html lang="{lang}">' in whole
    assert html.escape(report.texts()[lang]["pointer"]) in whole
    assert "data-t=" in whole
    assert not re.search(r'data-t="[\w-]+"></', whole)


def test_about_names_model_and_measured_figures(detector: Any) -> None:
    meta = report.about(detector)
    assert meta["split"] in ("test", "dev")
    assert set(meta["figures"]) == {"all", "fi", "en"}
    assert 0 < meta["figures"]["all"]["any"]["precision"] <= 1
    assert meta["packs"]
    assert "/" not in meta["model"]
    json.dumps(meta)


def test_scan_writes_a_report(tmp_path: Path, examples_dir: Path) -> None:
    target = tmp_path / "report.html"
    done = CliRunner().invoke(main, ["scan", str(examples_dir / "ads.jsonl"), "--format", "html", "--output", str(target), "--ui-lang", "fi"])
    assert done.exit_code == 1
    assert not done.stdout
    scripts = Scripts(target.read_text(encoding="utf-8"))
    assert scripts.json("setting")[0]["lang"] == "fi"
    assert scripts.json("setting")[0]["meta"]["version"]
    assert "Energiakartta" in scripts.json("index")[0]["names"]
