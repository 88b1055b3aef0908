from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hiddensale.cli import main
from hiddensale.ignoring import directives
from hiddensale.readers import read
from hiddensale.schema import Document

HIDDEN = "ONNEKSI OLKOON! Voitit kuntosalin arvonnassa kehonkoostumusmittauksen. Soitamme ja sovimme ajan, jolloin valmentajamme esittelee salin ja jäsenyydet."
ASK = "hiddensale: ignore prize-to-pitch esimerkki kurssilta"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["scan", "--format", "jsonl", *args])


@pytest.fixture
def ads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ads").mkdir()
    path = tmp_path / "ads" / "gym.txt"
    path.write_text(HIDDEN, encoding="utf-8")
    return path


# --- baseline -----------------------------------------------------------------------------------------------------


def test_a_baseline_is_written_and_leaves_known_findings_out(ads: Path, tmp_path: Path) -> None:
    assert run("ads", "--write-baseline", "known.json").exit_code == 1
    data = json.loads(Path("known.json").read_text(encoding="utf-8"))
    (row,) = data["findings"]
    assert (data["kind"], data["version"]) == ("hiddensale-baseline", 2)
    assert (row["pattern"], row["source"], row["id"]) == ("prize-to-pitch", "ads/gym.txt", "gym.txt")
    done = run("ads", "--baseline", "known.json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["findings"] == []
    assert "left out: 1 in the baseline" in done.stderr
    assert "left out" not in run("ads", "--baseline", "known.json", "--quiet").stderr


def test_a_baseline_serves_from_any_folder(ads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(str(ads), "--write-baseline", "known.json")
    assert run(os.path.relpath(ads), "--baseline", "known.json").exit_code == 0
    monkeypatch.chdir(ads.parent)
    assert run("gym.txt", "--baseline", "../known.json").exit_code == 0


def test_keys_survive_edits_elsewhere_and_no_others(ads: Path) -> None:
    run("ads", "--write-baseline", "known.json")
    ads.write_text(f"Hyvä asiakas!\r\n\r\n{HIDDEN}\r\n\r\nTerveisin salin väki.", encoding="utf-8", newline="")
    assert run("ads", "--baseline", "known.json").exit_code == 0
    ads.write_text(HIDDEN.replace("jäsenyydet", "vuosijäsenyydet ja lisäpalvelut"), encoding="utf-8")
    assert run("ads", "--baseline", "known.json").exit_code == 1
    ads.write_text(HIDDEN, encoding="utf-8")
    ads.rename(ads.with_name("other.txt"))
    assert run("ads", "--baseline", "known.json").exit_code == 1, "another file is another finding"


def test_a_baseline_can_be_written_anew(ads: Path) -> None:
    run("ads", "--write-baseline", "known.json")
    first = Path("known.json").read_bytes()
    assert run("ads", "--baseline", "known.json", "--write-baseline", "known.json").exit_code == 0
    assert Path("known.json").read_bytes() == first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "no JSON"),
        ("[]", "no baseline ('kind' is not 'hiddensale-baseline')"),
        ('{"fingerprints": ["abc"]}', "'fingerprints' is of an older baseline (version 1"),
        ('{"kind": "hiddensale-baseline", "version": 3}', "version = 3, this hiddensale reads 2; update hiddensale"),
        ('{"kind": "hiddensale-baseline", "version": "2"}', "version = '2', this hiddensale reads 2; write it again"),
        ('{"kind": "hiddensale-baseline", "version": 2, "findings": {}}', "'findings' is not a list"),
        ('{"kind": "hiddensale-baseline", "version": 2, "findings": [{"key": "a"}, {"key": 5}]}', "finding 2 has no 'key'"),
    ],
)
def test_a_faulty_baseline(ads: Path, content: str | None, message: str) -> None:
    if content is not None:
        Path("known.json").write_text(content, encoding="utf-8")
    done = run("ads", "--baseline", "known.json")
    assert done.exit_code == 2
    assert message in done.stderr
    assert "known.json" in done.stderr
    assert "--write-baseline" in done.stderr or "update hiddensale" in done.stderr


# --- allow-list ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "left_out"),
    [
        ('pattern = "prize-to-pitch"', True),
        ('pattern = "pay-to-work"', False),
        ('path = "ads/*.txt"', True),
        ('path = "*"', True),
        ('path = "*.md"', False),
        ('phrase = "KUNTOSALIN  arvonnassa"', True),
        ('phrase = "lottoarvonnassa"', False),
        ('pattern = "prize-to-pitch"\npath = "ads/gym.*"\nphrase = "arvonnassa"', True),
        ('pattern = "prize-to-pitch"\npath = "other/*"', False),
    ],
)
def test_allow_list(ads: Path, entry: str, left_out: bool) -> None:
    Path("hiddensale.toml").write_text(f'[[allow]]\n{entry}\nreason = "we know"\n', encoding="utf-8")
    for options in ((), ("--all",)):
        done = run("ads", *options)
        assert done.exit_code == (0 if left_out else 1)
        assert ("left out: 1 on the allow list" in done.stderr) is left_out
        assert (json.loads(done.stdout)["findings"] == []) is left_out


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('pattern = "pay-to-work"', "has no reason"),
        ('reason = "x"', "has only a reason"),
        ('reason = ""\npath = "a"', "reason = '' is no text"),
        ('reason = "x"\npath = 5', "path = 5 is no text"),
        ('reason = "x"\npattern = "free"', "pattern = 'free' is no pattern"),
        ('reason = "x"\npatern = "free"', "unknown key 'patern'; known: pattern, path, phrase, reason"),
    ],
)
def test_a_faulty_allow_list(ads: Path, entry: str, message: str) -> None:
    Path("hiddensale.toml").write_text(f'[[allow]]\npath = "z"\nreason = "fine"\n[[allow]]\n{entry}\n', encoding="utf-8")
    done = run("ads")
    assert done.exit_code == 2
    assert "hiddensale.toml: [[allow]] entry 2:" in done.stderr
    assert message in done.stderr


def test_allow_is_a_list_of_tables(ads: Path) -> None:
    Path("hiddensale.toml").write_text("[allow]\npath = 'x'\n", encoding="utf-8")
    assert "write each as [[allow]]" in run("ads").stderr


# --- ignores in texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gym.txt", f"{ASK}\n{HIDDEN}"),
        ("gym.txt", f"{HIDDEN}\r\n  {ASK}  \r\n"),
        ("gym.md", f"# Sali\n\n<!-- {ASK} -->\n\n{HIDDEN}"),
        ("gym.html", f"<html><!--{ASK}--><body><p>{HIDDEN}</p></body></html>"),
    ],
)
def test_a_text_may_ask_only_where_it_is_honoured(ads: Path, name: str, text: str) -> None:
    ads.unlink()
    ads.with_name(name).write_bytes(text.encode("utf-8"))
    # A low least score: this is about ignoring, not about how sure the model is of the text with a heading before it.
    assert run("ads", "--min-score", "0.2").exit_code == 1, "off by default: an advertiser could write it"
    done = run("ads", "--honour-ignores", "--min-score", "0.2")
    assert done.exit_code == 0
    assert "left out: 1 ignored by the text's own wish" in done.stderr
    Path("hiddensale.toml").write_text("[scan]\nhonour-ignores = true\n", encoding="utf-8")
    assert run("ads").exit_code == 0
    assert run("ads", "--jobs", "2").exit_code == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hiddensale: ignore prize-to-pitch", "gives no reason"),
        ("<!-- hiddensale: ignore prize-to-pitch -->", "gives no reason"),
        ("hiddensale: ignore everything because I say so", "names no pattern"),
        ("hiddensale: ignore", "names no pattern"),
        ("hiddensale: skip prize-to-pitch please", "names no pattern"),
    ],
)
def test_an_ignore_that_is_not_followed_says_so(ads: Path, line: str, message: str) -> None:
    ads.write_text(f"{HIDDEN}\n\n{line}\n", encoding="utf-8")
    done = run("ads", "--honour-ignores")
    assert done.exit_code == 1
    assert "ads/gym.txt: 'hiddensale:" in done.stderr
    assert message in done.stderr


@pytest.mark.parametrize("text", [f"See {ASK}", f"{ASK[:10]}\n{ASK[10:]}", "the word hiddensale alone"])
def test_only_a_line_of_its_own_counts(text: str) -> None:
    assert directives(Document(text)) == []


def test_several_in_one_text() -> None:
    text = "hiddensale: ignore pay-to-work a\nFree!\n<!-- hiddensale: ignore free-but-fees b c -->\n"
    assert [(i.pattern, i.reason) for i in directives(Document(text))] == [("pay-to-work", "a"), ("free-but-fees", "b c")]


def test_visible_text_of_a_page_asks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(f"<html><body><p>{ASK}</p></body></html>", encoding="utf-8")
    (document,) = read(path)
    assert directives(document) == []


def test_other_patterns_stay(ads: Path) -> None:
    ads.write_text(f"{HIDDEN}\nhiddensale: ignore pay-to-work not a job\n", encoding="utf-8")
    assert run("ads", "--honour-ignores").exit_code == 1


def test_only_the_document_that_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ads.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in (HIDDEN, f"{HIDDEN}\n{ASK}", "", HIDDEN)), encoding="utf-8")
    for jobs in ("1", "2"):
        rows = [json.loads(line) for line in run("ads.jsonl", "--honour-ignores", "--jobs", jobs).stdout.splitlines()]
        assert [r["flagged"] for r in rows] == [True, False, False, True]
