from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hiddensale.cli import main
from hiddensale.comparing import as_text, between
from hiddensale.schema import Finding, ScanResult, Span

BEFORE = "Voitit lahjan! Soitamme ja esittelemme jäsenyydet."


def result(text: str, lure: str | None, catch: str | None = None, score: float = 0.9, **facts: Any) -> ScanResult:
    def span(piece: str) -> Span:
        return Span(text.index(piece), text.index(piece) + len(piece), piece)

    found = ()
    if lure is not None:
        finding = {"flagged": True, "stance": "makes", "disclosure": "vague"} | facts
        found = (Finding("prize-to-pitch", score, lure=span(lure), catch=span(catch) if catch else None, message="", **finding),)
    return ScanResult("a", "a", "fi", bool(found), score, {"prize-to-pitch": score}, found, text)


OLD = result(BEFORE, "lahjan", "esittelemme jäsenyydet")


@pytest.mark.parametrize(
    ("new", "what", "lure", "catch"),
    [
        (OLD, "same", "same", "same"),
        (result("Hei!\n\n" + BEFORE + " Kiitos.", "lahjan", "esittelemme jäsenyydet"), "same", "same", "same"),
        (result(BEFORE, "lahjan", "esittelemme jäsenyydet", score=0.8), "same", "same", "same"),
        (result("Soitamme ja esittelemme jäsenyydet. Voitit lahjan!", "lahjan", "esittelemme jäsenyydet"), "changed", "moved", "same"),
        (result("Voitit lahjan! Soitamme ja kerromme jäsenyydestä.", "lahjan", "kerromme jäsenyydestä"), "changed", "same", "reworded"),
        (result("Voitit LAHJAN! Soitamme ja esittelemme  jäsenyydet.", "LAHJAN", "esittelemme  jäsenyydet"), "same", "same", "same"),
        (result("Voitit lahjan! Soitamme.", "lahjan"), "changed", "same", "went"),
        (result(BEFORE, "lahjan", "esittelemme jäsenyydet", disclosure="clear"), "changed", "same", "same"),
        (result(BEFORE, "lahjan", "esittelemme jäsenyydet", stance="reports"), "changed", "same", "same"),
        (result(BEFORE, "lahjan", "esittelemme jäsenyydet", flagged=False), "changed", "same", "same"),
        (result("Kirjasto on auki.", None), "went", "went", "went"),
    ],
)
def test_what_became_of_a_finding(new: ScanResult, what: str, lure: str, catch: str) -> None:
    (change,) = between(OLD, new)
    assert (change.what, change.lure.what, change.catch.what) == (what, lure, catch)
    (back,) = between(new, OLD)
    assert back.what == {"went": "came"}.get(what, what)


def test_ratio_of_new_words() -> None:
    (change,) = between(OLD, result("Voitit lahjan! Soitamme ja esittelemme jäsenyyden.", "lahjan", "esittelemme jäsenyyden"))
    assert change.catch.ratio == 0.9545
    assert change.lure.ratio == 1.0


def test_text_for_a_person() -> None:
    old = result("Voitit lahjan! Soitamme pian ja esittelemme jäsenyydet.", "lahjan", "esittelemme jäsenyydet")
    new = result("Soitamme pian ja kerromme jäsenyydestä. Saat lahjan!", "lahjan", "kerromme jäsenyydestä", 0.8, disclosure="buried")
    assert as_text(between(old, new), "en").splitlines() == [
        "prize-to-pitch prize into a sales pitch: changed",
        "  score: 0.90 → 0.80",
        "  disclosure: told vaguely → told but buried",
        "  lure moved (7 → 45): “lahjan”",
        "  catch reworded (70% alike): “esittelemme jäsenyydet” → “kerromme jäsenyydestä”",
    ]
    assert as_text(between(OLD, OLD), "fi").splitlines()[-1] == "Löydökset eivät muuttuneet."
    assert as_text([], "en") == "Nothing found in either.\n"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["compare", *args])


def test_compare_of_files(examples_dir: Path) -> None:
    hidden, honest = str(examples_dir / "avaimenpera.eml"), str(examples_dir / "avaimenpera-rehti.txt")
    assert run(hidden, hidden).exit_code == 0
    done = run(hidden, honest, "--format", "json")
    assert done.exit_code == 1
    data = json.loads(done.stdout)
    assert (data["schema"], data["old"], data["new"], data["changed"]) == (1, hidden, honest, True)
    (row,) = data["findings"]
    assert (row["pattern"], row["change"], row["flagged"]) == ("gift-to-contract", "went", [True, None])
    assert run(hidden, honest, "--ui-lang", "fi").stdout.startswith("gift-to-contract")


@pytest.mark.parametrize(
    ("old", "message"),
    [
        ("no-such.txt", "no such file"),
        (".", "is a folder"),
        ("ads.jsonl", "holds 4 documents"),
        ("binary.txt", "binary data"),
        ("empty.txt", "no text"),
    ],
)
def test_what_cannot_be_compared(tmp_path: Path, examples_dir: Path, old: str, message: str) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\x00\x00")
    (tmp_path / "empty.txt").write_text(" ")
    (tmp_path / "ads.jsonl").write_bytes((examples_dir / "ads.jsonl").read_bytes())
    done = run(str(tmp_path / old), str(examples_dir / "library.txt"))
    assert done.exit_code == 2
    assert message in done.stderr
    assert str(tmp_path) in done.stderr
