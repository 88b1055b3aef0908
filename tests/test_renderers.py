from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from hiddensale.renderers import as_csv, as_json, as_jsonl, as_text, cell
from hiddensale.schema import Finding, ScanError, ScanResult, Span
from hiddensale.terminal import Mark, Style, excerpt, inert, line_column, width

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


HOSTILE = ["\x1b[2J\x1b]0;x\x07", "a\u202egnp.exe", "x\x00y", "\u2066hidden\u2069", "\r\noverwrite", "\x9b31m", "\u200fx\u061c\ufeff", "\u2028y\u2029\x85z\x7f", "\\\u202e"]


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_text_comes_out_inert(bad: str) -> None:
    text = f"Ilmainen {bad} kirja, maksat kulut."
    lure, catch = Span(0, 8, "Ilmainen"), Span(text.index("maksat"), len(text) - 1, "maksat kulut")
    found = replace(FINDING, lure=lure, catch=catch, message=f"viesti {bad}")
    result = replace(RESULT, text=text, findings=(found,), source=f"ad{bad}.txt", id=f"ad{bad}")
    for output in ("".join(as_text([result], color=False)), "".join(as_csv([result]))):
        assert not any(ch in output for ch in "\x1b\x07\x00\x9b\u202e\u2066")


@pytest.mark.parametrize("bad", HOSTILE)
@pytest.mark.parametrize(("render", "read"), [(as_json, lambda text: json.loads(text)[0]), (as_jsonl, json.loads)], ids=["json", "jsonl"])
def test_json_is_inert_and_keeps_every_sign(render: Callable[[Iterable[ScanResult]], Iterator[str]], read: Callable[[str], dict[str, Any]], bad: str) -> None:
    result = replace(RESULT, findings=(replace(FINDING, message=f"viesti {bad}"),), source=f"ad{bad}.txt", id=f"ad{bad} ä€😀")
    output = "".join(render([result]))
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]", output) == []
    assert "ä€😀" in output
    assert ScanResult.from_dict(read(output), TEXT) == result


@pytest.mark.parametrize(
    ("value", "shown"),
    [("=1+1", "'=1+1"), ("+358", "'+358"), ("-x", "'-x"), ("@a", "'@a"), ("\tx", "'\tx"), ("plain", "plain"), (True, "true"), (None, ""), (-3, "-3"), (0.5, "0.5")],
)
def test_cells_are_no_formulas(value: object, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("äö€", 3), ("😀", 2), ("e\u0301", 1), ("👍", 2), ("👍🏽", 2), ("👩‍👧‍👦", 2), ("❤️", 2), ("❤", 1), ("1️⃣", 1), ("🇫🇮", 2), ("日本", 4), ("a\u200bb", 2), ("tar\u00adjous", 8), ("", 0)],
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(("at", "place"), [(0, (1, 1)), (6, (1, 7)), (9, (3, 2))])
def test_line_and_column(at: int, place: tuple[int, int]) -> None:
    assert line_column(TEXT, at) == place


def test_inert_keeps_ordinary_text() -> None:
    assert inert("Hyvää päivää, 9,90 €!\n• 😀") == "Hyvää päivää, 9,90 €!\n• 😀"


# --- exact output ------------------------------------------------------------------------------------------------------


def marked(text: str, lure: str, catch: str | None, columns: int = 60) -> str:
    def of(piece: str) -> Span:
        return Span(text.index(piece), text.index(piece) + len(piece), piece)

    marks = [Mark(of(lure), "lure", "^", 33), *([Mark(of(catch), "catch", "~", 31)] if catch else [])]
    return "\n".join(excerpt(text, marks, columns, Style(color=False)))


def test_marks_of_two_lines_are_joined() -> None:
    assert marked(TEXT, "ilmaisen", "postikulut 9,90 €") == (
        "    3 |   Saat ilmaisen kirjan.\n"
        "      | ╭──────^^^^^^^^ lure\n"
        "    4 | │ Maksat postikulut 9,90 €.\n"
        "      | ╰────────~~~~~~~~~~~~~~~~~ catch"
    )  # fmt: skip


def test_lines_between_are_left_out() -> None:
    assert marked("Ilmainen.\na\nb\nMaksat 9 €.", "Ilmainen", "9 €") == (
        "    1 |   Ilmainen.\n"
        "      | ╭─^^^^^^^^ lure\n"
        "      ⋮ │\n"
        "    4 | │ Maksat 9 €.\n"
        "      | ╰────────~~~ catch"
    )  # fmt: skip


def test_marks_of_one_line_share_it() -> None:
    assert marked("Saat 👩‍👧 ilmaisen kirjan, kulut 9 €.", "ilmaisen", "kulut 9 €") == (
        "    1 | Saat 👩‍👧 ilmaisen kirjan, kulut 9 €.\n"
        "      |         ^^^^^^^^─────────~~~~~~~~~\n"
        "      |         lure             catch"
    )  # fmt: skip


def test_labels_of_short_marks_do_not_touch() -> None:
    assert marked("0 €* 9 €", "0", "€* 9") == (
        "    1 | 0 €* 9 €\n"
        "      | ^─~~~~\n"
        "      | lure  catch"
    )  # fmt: skip


def test_one_mark_alone() -> None:
    assert marked("Ilmainen kirja.", "Ilmainen kirja", None) == "    1 | Ilmainen kirja.\n      | ^^^^^^^^^^^^^^ lure"


def test_a_mark_over_several_lines_and_the_catch_first() -> None:
    assert marked("Maksat kulut,\n9 €, ja\nsaat sen ilmaiseksi.", "ilmaiseksi", "kulut,\n9 €") == (
        "    1 |   Maksat kulut,\n"
        "      | ╭────────~~~~~~ catch\n"
        "    2 | │ 9 €, ja\n"
        "      | │ ~~~\n"
        "    3 | │ saat sen ilmaiseksi.\n"
        "      | ╰──────────^^^^^^^^^^ lure"
    )  # fmt: skip


def test_a_long_line_is_cut_between_words_around_each_mark() -> None:
    text = "alku " * 30 + "ilmainen kirja " + "keski " * 30 + "kulut 9 € " + "loppu " * 30
    assert marked(text, "ilmainen kirja", "kulut 9 €") == (
        "    1 |   …alku alku alku alku ilmainen kirja keski…\n"
        "      | ╭──────────────────────^^^^^^^^^^^^^^ lure\n"
        "    1 | │ …keski keski keski kulut 9 € loppu loppu…\n"
        "      | ╰────────────────────~~~~~~~~~ catch"
    )  # fmt: skip


@pytest.mark.parametrize("filler", ["sana ", "日本 ", "👍🏽 ", "e\u0301 ", "❤️ ", "x"])
@pytest.mark.parametrize("columns", [50, 80, 120])
def test_no_line_is_wider_than_the_terminal(filler: str, columns: int) -> None:
    text = filler * 60 + "ilmainen kirja " + filler * 60 + "kulut 9 €" + filler * 60
    lines = marked(text, "ilmainen kirja", "kulut 9 €", columns).splitlines()
    assert max(map(width, lines)) <= columns
    for sign, words in (("^", "ilmainen kirja"), ("~", "kulut 9 €")):
        at = next(i for i, line in enumerate(lines) if sign in line)
        assert width(lines[at - 1].split(words)[0]) == lines[at].index(sign)


def test_the_whole_output() -> None:
    rows = [
        replace(RESULT, id="r1", source="ads.jsonl"),
        replace(RESULT, id="r2", source="ads.jsonl", findings=(replace(FINDING, pattern="prize-with-fees", catch=None, clarify={}),)),
        BROKEN,
        replace(RESULT, flagged=False, findings=()),
    ]
    assert "".join(as_text(rows, ui_lang="en", columns=72)) == (
        "ads.jsonl\n"
        "  #r1\n"
        "  3:6  free-but-fees free that costs\n"
        "     makes the offer · told but buried · sure 0.91\n"
        "    3 |   Saat ilmaisen kirjan.\n"
        "      | ╭──────^^^^^^^^ lure\n"
        "    4 | │ Maksat postikulut 9,90 €.\n"
        "      | ╰────────~~~~~~~~~~~~~~~~~ catch\n"
        "     viesti\n"
        "     may touch: misleading information, Finnish Consumer Protection Act\n"
        "     (KSL 2:6) [V]\n"
        "\n"
        "  #r2\n"
        "  3:6  prize-with-fees prize with fees\n"
        "     makes the offer · told but buried · sure 0.91\n"
        "    3 | Saat ilmaisen kirjan.\n"
        "      |      ^^^^^^^^ lure\n"
        "     viesti\n"
        "     → None of the small changes that were tried takes the flag away.\n"
        "       The text would have to be written anew, with the sale, its price\n"
        "       and its length told first.\n"
        "     may touch: KSL 2:6 [V]\n"
        "\n"
        "b.txt\n"
        "  ! empty: no text\n"
        "\n"
        "4 texts, 2 flagged, 1 not scanned\n"
        "  free-but-fees          free that costs     1  █\n"
        "  prize-with-fees        prize with fees     1  █\n"
        "Pointer to a rule this text may touch (read 21 Nov 2026). Not a finding\n"
        "of unlawfulness and not legal advice; based only on the text given.\n"
    )


def test_where_findings_are_many_the_summary_says_in_which_files() -> None:
    rows = [replace(RESULT, id=f"{k}.txt", source=f"ads/{'b' * (k % 3)}/{k % 3}.txt") for k in range(20)]
    tail = "".join(as_text(rows, ui_lang="fi", columns=72)).split("20 tekstiä")[1].splitlines()
    assert tail[:5] == [
        ", epäilyttäviä 20: free-but-fees 20",
        "Eniten epäilyjä:",
        "  ads//0.txt       7  ███████",
        "  ads/b/1.txt      7  ███████",
        "  ads/bb/2.txt     6  ██████",
    ]


def test_colours_change_nothing_but_colours() -> None:
    plain, coloured = ("".join(as_text([RESULT, BROKEN], color=c)) for c in (False, True))
    assert "\x1b[1;33milmaisen\x1b[0m" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain
