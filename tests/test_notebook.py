from __future__ import annotations

import builtins
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import hiddensale
from hiddensale.errors import ConfigError, MissingExtra
from hiddensale.schema import Finding, ScanError, ScanResult, Span

TEXT = "Hei 😀!\nSaat ilmaisen kirjan.\nMaksat postikulut 9,90 €."


def span(piece: str, text: str = TEXT) -> Span:
    return Span(text.index(piece), text.index(piece) + len(piece), piece)


FINDING = Finding("free-but-fees", 0.91, True, "makes", "buried", span("ilmaisen"), span("postikulut 9,90 €"), "viesti", ("FI-KSL-2-6",))
RESULT = ScanResult("ad.txt", "ads/ad.txt", "fi", True, 0.91, {"free-but-fees": 0.91}, (FINDING,), TEXT, meta={"advertiser": "Kirja Oy"})
BROKEN = ScanResult("b.txt", "b.txt", None, False, 0.0, {"free-but-fees": 0.0}, (), "", error=ScanError("empty", "no <text>"))


class Parser(HTMLParser):
    """Text, marks and every tag with its attributes; complains about what is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))


def test_lure_and_catch_are_marked_and_named() -> None:
    page = Parser(RESULT._repr_html_())
    assert [text for tag, text in page.texts if tag == "mark"] == ["ilmaisen", "postikulut 9,90 €"]
    assert [text for tag, text in page.texts if tag == "span"][:2] == ["houkutin", "koukku"]
    assert "".join(text for tag, text in page.texts if tag in ("div", "mark")).count("Saat ilmaisen kirjan.") == 1
    told = "".join(text for _, text in page.texts)
    for piece in ("ads/ad.txt", "free-but-fees", "viesti", "0.91", "kerrottu piilossa"):
        assert piece in told


def test_marks_that_overlap_keep_the_text_whole() -> None:
    text = "Ilmainen kirja ja kulut."
    a = replace(FINDING, lure=span("Ilmainen kirja", text), catch=span("kirja ja kulut", text))
    b = replace(FINDING, pattern="prize-with-fees", lure=span("kirja", text), catch=None, clarify={})
    page = Parser(replace(RESULT, text=text, findings=(a, b))._repr_html_())
    assert "".join(t for tag, t in page.texts if tag == "mark") == "Ilmainen kirja ja kulut"
    labels = [t for tag, t in page.texts if tag == "span"]
    assert labels[:2] == ["houkutin 1, houkutin 2", "koukku 1"]
    assert any("pienistä muutoksista" in t for _, t in page.texts)


def test_far_parts_of_a_long_text_are_left_out() -> None:
    text = "alku " * 2000 + "ilmainen kirja" + " väli" * 2000 + " kulut 9 €" + " loppu" * 2000
    page = RESULT.__class__._repr_html_(replace(RESULT, text=text, findings=(replace(FINDING, lure=span("ilmainen kirja", text), catch=span("kulut 9 €", text)),)))
    assert len(page) < 5000
    assert page.count(" … ") == 3


def test_without_findings_without_text_and_failed() -> None:
    assert "Ei löydöksiä." in replace(RESULT, findings=())._repr_html_()
    assert "viesti" in replace(RESULT, text="")._repr_html_()
    assert "no &lt;text&gt;" in BROKEN._repr_html_()


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</div></mark>", "\x1b[2J\x00", "\u202egnp.exe", "&lt;b&gt;"]


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_text_is_text(bad: str) -> None:
    text = f"Ilmainen {bad} kirja {bad} kulut {bad}"
    found = replace(FINDING, lure=span(f"Ilmainen {bad}", text), catch=span(f"kulut {bad}", text), message=bad, clarify={"text": bad})
    for result in (replace(RESULT, text=text, findings=(found,), source=bad, id=bad), replace(BROKEN, source=bad, error=ScanError("empty", bad))):
        page = result._repr_html_()
        parsed = Parser(page)
        assert {tag for tag, _ in parsed.tags} <= {"div", "mark", "span", "b", "br"}
        assert {key for _, attrs in parsed.tags for key in attrs} <= {"class", "style", "lang"}
        assert not any(ch in page for ch in "\x1b\x00\u202e")


def test_no_colour_of_its_own_for_text() -> None:
    page = RESULT._repr_html_()
    assert "color: inherit" in page
    assert "#" not in page


# --- frames ------------------------------------------------------------------------------------------------------------


def test_a_row_per_finding() -> None:
    frame = hiddensale.to_frame([RESULT, BROKEN, replace(RESULT, findings=(FINDING, replace(FINDING, catch=None, clarify={"text": "sano"})))])
    assert list(frame["pattern"]) == ["free-but-fees"] * 3
    assert list(frame["catch"])[:2] == ["postikulut 9,90 €"] * 2
    assert frame["catch"].isna().tolist() == [False, False, True]
    assert frame["catch_start"].dtype == "Int64"
    assert frame["clarify"].iloc[2] == "sano"
    assert list(frame["meta.advertiser"]) == ["Kirja Oy"] * 3
    assert [TEXT[a:b] for a, b in zip(frame["lure_start"], frame["lure_end"], strict=True)] == ["ilmaisen"] * 3


def test_a_row_per_document() -> None:
    frame = hiddensale.to_frame(iter([RESULT, BROKEN]), rows="document")
    assert list(frame["flagged"]) == [True, False]
    assert list(frame["free-but-fees"]) == [0.91, 0.0]
    assert list(frame["error"])[1] == "empty"


@pytest.mark.parametrize("rows", ["finding", "document"])
def test_one_result_and_none(rows: str) -> None:
    full, empty = hiddensale.to_frame(RESULT, rows=rows), hiddensale.to_frame([], rows=rows)
    assert len(full) == 1
    assert len(empty) == 0
    assert dict(full.drop(columns="meta.advertiser").dtypes) == dict(empty.dtypes)


def test_wrong_rows_and_a_missing_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="rows is 'finding' or 'document', got 'row'"):
        hiddensale.to_frame([], rows="row")
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"hiddensale\.to_frame needs an optional dependency: pip install 'hiddensale\[pandas\]'"):
        hiddensale.to_frame([])


def test_scanning_imports_neither() -> None:
    code = "import sys, hiddensale.detector; sys.exit('pandas' in sys.modules or 'hiddensale.notebook' in sys.modules or 'hiddensale.frames' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
