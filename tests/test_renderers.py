from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from hiddensale.renderers import as_csv, as_json, as_jsonl, as_text, cell, inert, line_column, width
from hiddensale.schema import Finding, ScanError, ScanResult, Span

TEXT = "Hei 😀!\n\nSaat ilmaisen kirjan.\nMaksat postikulut 9,90 €."


def span(piece: str) -> Span:
    at = TEXT.index(piece)
    return Span(at, at + len(piece), piece)


FINDING = Finding("free-but-fees", 0.91, True, "makes", "buried", span("ilmaisen"), span("postikulut 9,90 €"), "viesti", ("FI-KSL-2-6",))
RESULT = ScanResult("ad.txt", "ads/ad.txt", "fi", True, 0.91, {"free-but-fees": 0.91}, (FINDING,), TEXT)
BROKEN = ScanResult("b.txt", "b.txt", None, False, 0.0, {"free-but-fees": 0.0}, (), "", error=ScanError("empty", "no text"))


def test_the_lines_of_lure_and_catch_are_marked() -> None:
    lines = "".join(as_text([RESULT, BROKEN], ui_lang="en")).splitlines()
    lure = next(i for i, line in enumerate(lines) if "Saat ilmaisen" in line)
    assert lines[lure].index("ilmaisen") == lines[lure + 1].index("^")
    assert lines[lure + 1].count("^") == len("ilmaisen")
    catch = next(i for i, line in enumerate(lines) if "Maksat" in line)
    assert lines[catch].index("postikulut") == lines[catch + 1].index("~")
    assert any("3:6" in line for line in lines)
    assert any("b.txt" in line for line in lines)
    assert any(line.startswith("2 texts, 1 flagged, 1 not scanned") for line in lines)


def test_json_formats_agree() -> None:
    assert json.loads("".join(as_json([RESULT, BROKEN]))) == [json.loads(x) for x in as_jsonl([RESULT, BROKEN])]
    assert json.loads("".join(as_json([]))) == []


def test_a_record_survives_json() -> None:
    row = json.loads("".join(as_jsonl([RESULT])))
    assert ScanResult.from_dict(row, TEXT) == RESULT


def test_csv_rows() -> None:
    rows = list(csv.DictReader(io.StringIO("".join(as_csv([RESULT, BROKEN])))))
    assert [r["catch"] for r in rows] == ["postikulut 9,90 €", ""]
    assert rows[1]["error_code"] == "empty"


HOSTILE = ["\x1b[2J\x1b]0;x\x07", "a\u202egnp.exe", "x\x00y", "\u2066hidden\u2069", "\r\noverwrite", "\x9b31m"]


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_text_comes_out_inert(bad: str) -> None:
    text = f"Ilmainen {bad} kirja, maksat kulut."
    lure, catch = Span(0, 8, "Ilmainen"), Span(text.index("maksat"), len(text) - 1, "maksat kulut")
    found = replace(FINDING, lure=lure, catch=catch, message=f"viesti {bad}")
    result = replace(RESULT, text=text, findings=(found,), source=f"ad{bad}.txt", id=f"ad{bad}")
    for output in ("".join(as_text([result], color=False)), "".join(as_csv([result]))):
        assert not any(ch in output for ch in "\x1b\x07\x00\x9b\u202e\u2066")
    assert "\x1b" not in "".join(as_jsonl([result]))


@pytest.mark.parametrize(
    ("value", "shown"),
    [("=1+1", "'=1+1"), ("+358", "'+358"), ("-x", "'-x"), ("@a", "'@a"), ("\tx", "'\tx"), ("plain", "plain"), (True, "true"), (None, ""), (-3, "-3"), (0.5, "0.5")],
)
def test_cells_are_no_formulas(value: object, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("äö€", 3), ("😀", 2), ("e\u0301", 1), ("👍🏽"[:1], 2), ("", 0)])
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(("at", "place"), [(0, (1, 1)), (6, (1, 7)), (9, (3, 2))])
def test_line_and_column(at: int, place: tuple[int, int]) -> None:
    assert line_column(TEXT, at) == place


def test_inert_keeps_ordinary_text() -> None:
    assert inert("Hyvää päivää, 9,90 €!\n• 😀") == "Hyvää päivää, 9,90 €!\n• 😀"
