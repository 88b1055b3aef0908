from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hiddensale import __version__, dossier, dossier_page, verifying
from hiddensale.cli import main
from hiddensale.schema import Finding, ScanResult, Span

HIDDEN = "ONNEKSI OLKOON! Voitit kuntosalin arvonnassa kehonkoostumusmittauksen. Soitamme ja sovimme ajan, jolloin valmentajamme esittelee salin ja jäsenyydet."
HONEST = "Kirjasto on avoinna arkisin klo 10-18. Tervetuloa lainaamaan kirjoja, lautapelejä ja soittimia. Kirjastokortin saat tiskiltä."
ROW = {"id": "../Työ #1", "text": HIDDEN, "url": "https://sali.example/<b>", "date": "2026-11-01", "medium": "sms", "advertiser": "Sali & Co"}


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def ads(tmp_path: Path) -> Path:
    path = tmp_path / "ads.jsonl"
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in (ROW, {"text": HONEST}, {"id": "../Työ #1", "text": HIDDEN})), encoding="utf-8")
    return path


@pytest.fixture
def packs(ads: Path, tmp_path: Path) -> Path:
    assert run("scan", str(ads), "--evidence", str(tmp_path / "packs"), "--seen-at", "2026-11-21T14:30:00+02:00").exit_code == 1
    return tmp_path / "packs"


def folders(packs: Path) -> list[Path]:
    return sorted(p for p in packs.iterdir() if p.is_dir())


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_pack_holds_what_a_reader_needs(packs: Path) -> None:
    first, second = folders(packs)
    assert first.name.startswith("tyo-1--prize-to-pitch--")
    assert second.name == f"{first.name}-2"
    one = read(first / "finding.json")
    assert (one["schema"], one["kind"], one["seen_at"], one["lang"]) == (1, "hiddensale-finding", "2026-11-21T14:30:00+02:00", "fi")
    assert one["program"] == {"name": "hiddensale", "version": __version__}
    assert one["settings"] == {"min_score": None, "lang": "auto", "patterns": [], "all": False}
    assert {len(one["model"]["arrays_sha256"]), len(one["model"]["manifest_sha256"]), len(one["packs"]["fi"]["sha256"])} == {64}
    assert one["input"]["meta"] == {k: ROW[k] for k in ("url", "date", "medium", "advertiser")}
    assert (one["input"]["id"], one["input"]["line"], one["input"]["extracted"]) == ("../Työ #1", 1, False)
    assert one["text"] == HIDDEN
    assert one["text_sha256"] == dossier.digest(HIDDEN)
    for role in ("lure", "catch"):
        span = one["finding"][role]
        assert HIDDEN[span["start"] : span["end"]] == span["text"]
    assert len(one["scores"]) == 10
    assert [(r["id"], r["level"]) for r in one["rules"]] == [(r, "V") for r in one["finding"]["law"]]
    assert one["law_read"] == "2026-11-21"
    assert one["finding"]["reasons"]
    assert one["not_seen"] == dossier_page.WORDS["fi"]["not_seen"]


def test_the_index_names_every_pack(packs: Path) -> None:
    index = read(packs / "index.json")
    assert [r["folder"] for r in index["findings"]] == [f.name for f in folders(packs)]
    for row in index["findings"]:
        assert row["sha256"] == {name: dossier.digest((packs / row["folder"] / name).read_bytes()) for name in ("finding.json", "finding.html")}


def test_packs_are_the_same_byte_for_byte(ads: Path, tmp_path: Path, packs: Path) -> None:
    again = tmp_path / "again"
    run("scan", str(ads), "--evidence", str(again), "--seen-at", "2026-11-21T14:30:00+02:00", "--jobs", "2")
    files = sorted(p.relative_to(packs) for p in packs.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert len(files) == 5
    assert all((packs / f).read_bytes() == (again / f).read_bytes() for f in files)


def test_no_clock_unless_given(ads: Path, tmp_path: Path) -> None:
    run("scan", str(ads), "--evidence", str(tmp_path / "p"))
    assert read(folders(tmp_path / "p")[0] / "finding.json")["seen_at"] is None


def test_all_shown_findings_and_none(examples_dir: Path, tmp_path: Path) -> None:
    run("scan", str(examples_dir), "--evidence", str(tmp_path / "flagged"))
    run("scan", str(examples_dir), "--evidence", str(tmp_path / "all"), "--all")
    run("scan", str(examples_dir / "library.txt"), "--evidence", str(tmp_path / "none"))
    assert len(folders(tmp_path / "flagged")) < len(folders(tmp_path / "all"))
    assert read(tmp_path / "none" / "index.json")["findings"] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("keyfob.html", "HTML"), ("avaimenpera.eml", "sähköpostista")],
)
def test_extracted_text_is_told(examples_dir: Path, tmp_path: Path, name: str, said: str) -> None:
    run("scan", str(examples_dir / name), "--all", "--evidence", str(tmp_path / "p"))
    one = read(folders(tmp_path / "p")[0] / "finding.json")
    assert said in one["not_seen"][-1]
    assert len(one["not_seen"]) == 6


def test_the_page_is_inert_and_marked(packs: Path, tmp_path: Path) -> None:
    page = (folders(packs)[0] / "finding.html").read_text(encoding="utf-8")
    assert '<html lang="fi">' in page
    assert "Sali &amp; Co" in page
    assert "https://sali.example/&lt;b&gt;" in page
    assert page.count('<mark class="lure">') == page.count('<mark class="catch">') == 1
    assert not any(x in page.lower() for x in ("<script", "<img", "<link", "src=", "href=", "@import"))
    assert "default-src 'none'" in page
    # The parts of the score have words, as in the report.
    assert "kaikki muu yhteensä" in page
    assert "all else" not in page


def test_a_hostile_page(tmp_path: Path) -> None:
    text = "</div><script>alert(1)</script> \u202e\x1b[31m 'free' & more"
    finding = Finding("free-but-fees", 0.9, True, "makes", "vague", Span(0, len(text), text), None, text)
    result = ScanResult("</title>", "<x>", "en", True, 0.9, {"free-but-fees": 0.9}, (finding,), text, meta={"<k>": ["<v>", 1]})
    context = {"program": {}, "model": {}, "packs": {}, "settings": {}, "seen_at": None}
    page = dossier_page.page(dossier.record(result, finding, context, "en"))
    body = page.split("<body>")[1]
    assert not any(x in body for x in ("<script", "</title>", "<x>", "<k>", "<v>", "\x1b", "\u202e"))
    assert "&lt;script&gt;" in body


def test_ui_lang_chooses_the_page(ads: Path, tmp_path: Path) -> None:
    run("scan", str(ads), "--evidence", str(tmp_path / "p"), "--ui-lang", "en")
    page = (folders(tmp_path / "p")[0] / "finding.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in page
    assert "What was not seen" in page


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--evidence", "{tmp}"), "there is something already"),
        (("--evidence", "{tmp}/no/such"), "cannot be written"),
        (("--evidence", "{tmp}/p", "--seen-at", "yesterday"), "--seen-at 'yesterday' is no ISO 8601"),
        (("--seen-at", "2026-11-21"), "give --evidence too"),
    ],
)
def test_wrong_usage(ads: Path, tmp_path: Path, args: tuple[str, ...], message: str) -> None:
    result = run("scan", str(ads), *(a.format(tmp=tmp_path) for a in args))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert [p.name for p in tmp_path.iterdir()] == ["ads.jsonl"]


def test_nothing_is_left_when_the_scan_fails(ads: Path, tmp_path: Path) -> None:
    result = run("scan", str(ads), "--evidence", str(tmp_path / "p"), "--output", str(tmp_path / "no" / "x"))
    assert result.exit_code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["ads.jsonl"]


def test_verify_takes_folder_file_and_all(packs: Path) -> None:
    one = folders(packs)[0]
    for target, n in ((packs, 2), (one, 1), (one / "finding.json", 1)):
        result = run("verify", str(target))
        assert result.exit_code == 0, result.stderr
        lines = result.stdout.splitlines()
        assert len(lines) == n
        assert all("prize-to-pitch holds (0." in line for line in lines)
    row = json.loads(run("verify", str(one), "--format", "json").stdout)[0]
    assert (row["status"], row["old_score"], row["made_by_other"]) == ("holds", row["new_score"], [])


def reseal(edit: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], None]:
    """An edit by someone who also counts the digests anew: what another program version could have written."""

    def change(one: dict[str, Any]) -> None:
        edit(one)
        one["text_sha256"] = dossier.digest(one["text"])
        one["record_sha256"] = dossier.seal(one)

    return change


@pytest.mark.parametrize(
    ("edit", "status", "said", "code"),
    [
        (lambda one: one.update(text=one["text"] + "!"), "edited", "the text is not the one its SHA-256", 1),
        (lambda one: one["finding"]["lure"].update(text="muuta"), "edited", "the quote of the lure is not what stands at", 1),
        (lambda one: one["finding"]["catch"].update(start=0), "edited", "the quote of the catch", 1),
        (lambda one: one["finding"]["lure"].update(start=-5), "edited", "the quote of the lure", 1),
        (lambda one: one["finding"].update(lure=None), "edited", "the lure has no offsets", 1),
        (lambda one: one["finding"].update(score=0.5), "edited", "another part of the record was changed", 1),
        (lambda one: one["input"]["meta"].update(advertiser="X"), "edited", "another part of the record was changed", 1),
        (reseal(lambda one: one["finding"].update(score=0.5)), "changed score", "holds with a changed score: 0.5000, now 0.", 0),
        (reseal(lambda one: one["finding"].update(disclosure="absent")), "holds", "disclosure was absent, now ", 0),
        (reseal(lambda one: one["finding"].update(pattern="pay-to-work")), "no longer holds", "this pattern is not found any more", 1),
        (reseal(lambda one: one["finding"].update(flagged=False)), "no longer holds", "it is flagged now", 1),
        (reseal(lambda one: one["settings"].update(min_score=0.999)), "no longer holds", "not f", 1),
        (reseal(lambda one: one["finding"].update(lure={"start": 140, "end": 149, "text": one["text"][140:149]})), "no longer holds", "another lure is found", 1),
        (reseal(lambda one: one["model"].update(arrays_sha256="0" * 64)), "holds", "made by another version: model 000000000000, now ", 0),
        (reseal(lambda one: one["model"].update(manifest_sha256="0" * 64)), "holds", "manifest of the model 000000000000, now ", 0),
        (reseal(lambda one: one["packs"]["fi"].update(sha256="0" * 64, version="0")), "holds", "language pack fi 0 (000000000000), now ", 0),
        (reseal(lambda one: one["program"].update(version="0.0.1")), "holds", f"hiddensale 0.0.1, now {__version__}", 0),
        (lambda one: one.update(schema=0), "unreadable", "schema = 0, this hiddensale reads 1; scan the text again", 2),
        (lambda one: one.update(schema=2), "unreadable", "schema = 2, this hiddensale reads 1; update hiddensale", 2),
        (lambda one: one.update(schema="1"), "unreadable", "schema = '1' is no number", 2),
        (lambda one: one.update(kind="x"), "unreadable", "no evidence pack", 2),
        (lambda one: one.pop("text"), "unreadable", "text is missing or of the wrong type", 2),
        (lambda one: one["finding"].update(pattern="x"), "unreadable", "finding.pattern = 'x' is no pattern", 2),
        (lambda one: one["finding"].update(score="high"), "unreadable", "finding.score is missing", 2),
        (reseal(lambda one: one["settings"].update(min_score=7)), "unreadable", "settings cannot be used", 2),
        (reseal(lambda one: one["settings"].update(min_score=[7])), "unreadable", "settings cannot be used", 2),
        (reseal(lambda one: one["settings"].update(patterns=7)), "unreadable", "settings cannot be used", 2),
        (reseal(lambda one: one.update(lang="sv")), "unreadable", "the model knows fi, en", 2),
    ],
)
def test_verify_tells_what_became_of_a_pack(packs: Path, edit: Callable[[dict[str, Any]], object], status: str, said: str, code: int) -> None:
    path = folders(packs)[0] / "finding.json"
    one = read(path)
    edit(one)
    path.write_text(json.dumps(one), encoding="utf-8")
    result = run("verify", str(path))
    assert said in result.output
    assert result.exit_code == code
    assert str(path.parent) in result.output
    (row,) = json.loads(run("verify", str(path), "--format", "json").stdout)
    assert row["status"] == status
    assert run("verify", str(packs)).exit_code == max(code, 1), "the index knows that the file was changed"


def test_verify_makes_one_detector_for_packs_of_the_same_settings(ads: Path, packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = tmp_path / "more"
    run("scan", str(ads), "--evidence", str(more), "--min-score", "0.3", "--pattern", "prize-to-pitch")
    made = []

    class Counted(verifying.Detector):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(kwargs)
            super().__init__(*args, **kwargs)

    verifying._with_settings.cache_clear()
    monkeypatch.setattr(verifying, "Detector", Counted)
    result = run("verify", str(packs), *map(str, folders(packs)), str(more))
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 6)
    assert made == [{"patterns": None, "min_score": None}, {"patterns": ("prize-to-pitch",), "min_score": 0.3}]
    verifying._with_settings.cache_clear()


def test_verify_of_a_whole_scan_goes_by_its_index(packs: Path) -> None:
    first, second = folders(packs)
    with (first / "finding.html").open("a", encoding="utf-8") as page:
        page.write("<p>more</p>")
    shutil.rmtree(second)
    result = run("verify", str(packs))
    assert result.exit_code == 2
    assert "was edited; finding.html is not what index.json was written with" in result.stdout
    assert "finding.json, finding.html is missing, though index.json names it" in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file or folder"),
        ("{", "no JSON"),
        ("[]", "no evidence pack"),
        ('{"kind": "hiddensale-finding", "schema": 1}', "text is missing"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_verify_of_what_is_no_pack(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "finding.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = run("verify", str(path))
    assert result.exit_code == 2
    assert message in result.stderr
    assert str(path) in result.stderr
    assert "Traceback" not in result.output


def test_verify_of_an_index_that_points_elsewhere(packs: Path) -> None:
    index = read(packs / "index.json")
    index["findings"][0]["folder"] = "../secret"
    (packs / "index.json").write_text(json.dumps(index), encoding="utf-8")
    result = run("verify", str(packs))
    assert result.exit_code == 2
    assert "'../secret' is no name of a pack" in result.stderr
    (packs / "index.json").write_text('{"kind": "hiddensale-evidence", "schema": 1, "findings": 3}', encoding="utf-8")
    assert "'findings' is not a list" in run("verify", str(packs)).stderr
    (packs / "index.json").unlink()
    assert "neither finding.json nor index.json" in run("verify", str(packs)).stderr
