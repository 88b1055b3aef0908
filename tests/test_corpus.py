from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hiddensale.agreement import Reading, compare, kappa
from hiddensale.checking import check, near_copies
from hiddensale.cli import main
from hiddensale.corpus import Example, load
from hiddensale.errors import CorpusError
from hiddensale.evaluation import average_precision, calibration_error, f1, token_f1
from hiddensale.schema import Span
from hiddensale.viewing import page

GOOD = {
    "id": "a",
    "lang": "fi",
    "genre": "sms",
    "text": "Ilmainen kirja. Maksat 9 euroa.",
    "labels": [{"pattern": "free-but-fees", "lure": [0, 8], "catch": [16, 30], "disclosure": "buried", "stance": "makes"}],
    "group": None,
    "split": "train",
}


def write(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"".join(line(r) + b"\n" for r in rows))
    return path


def line(row: object) -> bytes:
    """A row as JSON; a string or bytes as they are."""
    return row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)).encode()


def changed(**keys: object) -> dict:
    return {**GOOD, **keys}


def label(**keys: object) -> dict:
    return {**GOOD, "labels": [{**GOOD["labels"][0], **keys}]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (changed(text=" "), "text is empty"),
        ({"id": "a"}, "the key 'lang' is missing"),
        (changed(split="later"), "split is one of"),
        (changed(labels="none"), "labels is a list"),
        (label(pattern="free"), "unknown pattern 'free'"),
        (label(stance="says"), "stance is makes or reports"),
        (label(disclosure=None), "disclosure is one of"),
        (label(lure=None), "has a lure"),
        (label(catch=None), "needs a catch"),
        (label(catch=[16, 99]), "outside the text"),
        (label(catch=[16, 29]), "cuts a word"),
        (label(catch=[15, 30]), "white space"),
        (label(lure=[8, 0]), "outside the text"),
        (changed(near=5), "near is a list"),
        (changed(twin_of=["x"]), "twin_of is the id"),
        ("{oops", "no JSON: Expecting property name"),
        ("[" * 100_000, "no JSON: maximum recursion depth"),
        ("1" * 5000, "no JSON: Exceeds the limit"),
        (b'{"id": "\xe4"}', "no UTF-8 (byte 0xe4 at 8); save the file as UTF-8"),
        (["list"], "JSON object"),
        (changed(text="Soita 040 123 4567, saat ilmaisen kirjan.", labels=[]), "phone number that could be real"),
        (changed(text="Katso www.kauppa.fi ja tilaa.", labels=[]), "address that could be real"),
        (changed(text="HyvÃ¤Ã¤ pÃ¤ivÃ¤Ã¤", labels=[]), "damaged encoding"),
        (changed(text="Hei {L:ilmainen} kirja", labels=[]), "unfilled slot"),
    ],
)
def test_faults_name_file_and_line(tmp_path: Path, row: object, message: str) -> None:
    path = write(tmp_path, changed(id="b", text="Kirjasto on auki tänään.", labels=[]), row)
    faults, _ = check([path])
    assert any(message in f.message for f in faults), faults
    assert all(f.line == 2 for f in faults)
    result = CliRunner().invoke(main, ["corpus", "check", str(path)])
    assert result.exit_code == 1
    assert f"{path}:2:" in result.stderr


def test_a_good_corpus_passes(tmp_path: Path) -> None:
    faults, notes = check([write(tmp_path, GOOD)])
    assert not faults
    assert notes[0].startswith("1 documents, 1 groups, 1 flagged")


def test_every_fault_of_a_corpus_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, changed(split="later"), "{oops", GOOD, b"\xe4", changed(id="b", labels="none"))
    result = CliRunner().invoke(main, ["corpus", "check", str(path)])
    assert result.exit_code == 1
    told = [line.removeprefix(f"{path}:").partition(":") for line in result.stderr.splitlines()]
    assert [(number, message.split()[0]) for number, _, message in told] == [("1", "split"), ("2", "no"), ("4", "no"), ("5", "labels")]


@pytest.mark.parametrize(("row", "message"), [("{oops", "no JSON"), (b"\xe4", "no UTF-8"), (changed(split="later"), "split is one of")])
def test_what_reads_a_corpus_stops_at_its_first_fault(tmp_path: Path, row: object, message: str) -> None:
    path = write(tmp_path, GOOD, row)
    with pytest.raises(CorpusError, match=f"c.jsonl:2: {message}"):
        load([path])


def test_a_fault_stands_at_the_document_it_is_of(tmp_path: Path) -> None:
    unsafe = changed(text="Katso www.kauppa.fi ja tilaa.", labels=[])
    for rows, lines in (((unsafe, GOOD), [2, 1]), ((changed(split="later"), unsafe), [1, 2])):
        faults, _ = check([write(tmp_path, *rows)])
        assert [f.line for f in faults] == lines, faults


def test_ids_groups_and_copies(tmp_path: Path) -> None:
    long = "yksi kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän kymmenen yksitoista"
    path = write(
        tmp_path,
        changed(id="a", text=long, labels=[]),
        changed(id="a", text="muu teksti", labels=[]),
        changed(id="c", text=long + " loppu", labels=[]),
        changed(id="d", text="ensimmäinen", labels=[], group="g", split="train"),
        changed(id="e", text="toinen", labels=[], group="g", split="test"),
    )
    messages = " ".join(f.message for f in check([path])[0])
    assert "stands already" in messages
    assert "near copy of a" in messages
    assert "lies in several splits" in messages


def test_near_copies_ignores_contrast_groups() -> None:
    text = "a b c d e f g h i j"
    same = [Example(i, "en", text, (), "g") for i in "xy"]
    assert near_copies(same, 0.1) == []
    assert near_copies([Example("x", "en", text, (), "x"), Example("y", "en", text, (), "y")], 0.1)[0][0] == 1.0


def test_the_page_carries_hostile_text_inert(tmp_path: Path) -> None:
    path = write(tmp_path, changed(text="</script><script>alert(1)</script> ilmainen", labels=[]))
    html = page(load([path]))
    assert "</script><script>alert" not in html
    assert html.count("<script>") == 1


@pytest.mark.parametrize(("counts", "result"), [((1, 0, 0), (1, 1, 1)), ((0, 0, 0), (0, 0, 0)), ((1, 1, 1), (0.5, 0.5, 0.5)), ((0, 3, 2), (0, 0, 0))])
def test_f1(counts: tuple[int, int, int], result: tuple[float, float, float]) -> None:
    assert f1(*counts) == result


def test_average_precision_agrees_with_scikit_learn() -> None:
    import numpy as np
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        y = rng.random(60) < 0.3
        s = rng.integers(0, 8, 60) / 8
        if y.any():
            assert average_precision(y, s) == pytest.approx(average_precision_score(y, s))


def test_calibration_error() -> None:
    import numpy as np

    assert calibration_error(np.array([True, False]), np.array([1.0, 0.0])) == 0
    assert calibration_error(np.array([False, False]), np.array([0.75, 0.75])) == pytest.approx(0.75)


@pytest.mark.parametrize(("gold", "found", "value"), [((0, 3), (0, 3), 1.0), ((0, 3), (4, 7), 0.0), ((0, 7), (0, 3), 2 / 3)])
def test_token_f1(gold: tuple[int, int], found: tuple[int, int], value: float) -> None:
    assert token_f1("aaa bbb ccc", gold, Span(*found, "")) == pytest.approx(value)


def test_agreement(tmp_path: Path) -> None:
    examples = load([write(tmp_path, GOOD, changed(id="b", labels=[]))])
    mark = {"pattern": "free-but-fees", "stance": "makes", "disclosure": "vague", "lure": "Ilmainen kirja", "catch": "Maksat 9 euroa"}
    out = compare(examples, {"a": Reading("a", (mark,)), "b": Reading("b", ())})["fi"]
    assert out["flagged"] == 1
    assert out["disclosure"] == 0
    assert out["catch"] == 1
    assert out["lure"] == pytest.approx(2 / 3)
    assert kappa([]) == 0
