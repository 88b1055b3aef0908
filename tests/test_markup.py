from __future__ import annotations

from pathlib import Path

import pytest

from hiddensale.markup import read_marked, strip_markup

ONE = """@doc a-1
genre: sms
style: dry
label: free-but-fees buried makes
---
{L:Ilmainen} kirja! Käsittely {K:9,90 €} laskulla.

@twin a-1b of a-1
flips: verdict
near: free-but-fees
label: none
---
<<<
 Käsittely 9,90 € laskulla.
===
 Noudettavissa kirjastosta.
>>>
"""


def read(tmp_path: Path, source: str):
    path = tmp_path / "one.txt"
    path.write_text(source, encoding="utf-8")
    return read_marked(path, "fi", "train", "batch")


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("", "", []),
        ("ei merkkejä", "ei merkkejä", []),
        ("{L:a} b", "a b", [("L", 1, 0, 1)]),
        ("{L12:a} {K2:b}", "a b", [("L", 1, 0, 1), ("L", 2, 0, 1), ("K", 2, 2, 3)]),
        ("{L:a {K:b} c}", "a b c", [("L", 1, 0, 5), ("K", 1, 2, 3)]),
        ("sulku } ja { jäävät", "sulku } ja { jäävät", []),
        ("😀 {K:ä}", "😀 ä", [("K", 1, 2, 3)]),
    ],
)
def test_marks_become_spans(source: str, text: str, spans: list) -> None:
    marked = strip_markup(source)
    assert marked.text == text
    assert sorted(marked.spans) == sorted(spans)


def test_a_mark_that_is_never_closed_is_an_error() -> None:
    with pytest.raises(ValueError, match="never closed"):
        strip_markup("{L:auki")


def test_a_document_and_its_twin(tmp_path: Path) -> None:
    records, faults = read(tmp_path, ONE)
    assert not faults
    base, twin = records
    assert [base["text"][slice(*base["labels"][0][k])] for k in ("lure", "catch")] == ["Ilmainen", "9,90 €"]
    assert twin["text"] == "Ilmainen kirja! Noudettavissa kirjastosta."
    assert twin["labels"] == []
    assert base["group"] == twin["group"] == "a-1"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("buried makes", "hidden makes", "disclosure is one of"),
        ("free-but-fees buried", "free buried", "a label is 'PATTERN"),
        ("{L:Ilmainen}", "Ilmainen", "marks no lure"),
        ("{K:9,90 €}", "9,90 €", "marks no catch"),
        ("{L:Ilmainen}", "{L:Ilma}inen", "cuts a word"),
        ("style: dry", "style: odd", "style is one of"),
        ("flips: verdict", "flips: all", "says what it flips"),
        (" Käsittely 9,90 € laskulla.\n===", " Ei tällaista.\n===", "stands 0 times"),
        (" Noudettavissa kirjastosta.\n>>>", " Noudettavissa kirjastosta.\n<<<\nuusi\n===\nvanha\n>>>", "not closed with >>>"),
        ("@twin a-1b of a-1", "@twin a-1 of a-1", "used twice"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ONE
    _, faults = read(tmp_path, ONE.replace(old, new, 1))
    assert any(message in f.message for f in faults), faults
    assert all(f.line >= 1 for f in faults)
