"""What a new user does with a folder of fifty ads, from the first scan to the second month."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parent / "data"
HIDDEN = set(tomllib.loads((DATA / "fifty.toml").read_text(encoding="utf-8"))["hidden"])
# An ad that turns into a hidden sale in the second month.
CHANGED = (
    "ONNEKSI OLKOON! Voitit kuntosalin arvonnassa kehonkoostumusmittauksen ja kahden viikon salikortin, arvo 120 €.\n\n"
    "Soitamme ja sovimme ajan. Varaa tunti: valmentajamme esittelee salin ja käy kanssasi läpi, mikä jäsenyys sopii sinulle.\n"
)


def hiddensale(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """The command as a user types it, from the folder above the ads."""
    return subprocess.run([sys.executable, "-m", "hiddensale", *args], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(DATA / "fifty", folder / "ads")
    return folder


@pytest.fixture(scope="module")
def first(home: Path) -> list[dict]:
    done = hiddensale(home, "scan", "ads", "--format", "jsonl")
    assert done.returncode == 1
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_ads_are_fifty_and_mixed() -> None:
    documents = [(p.name, p.read_text(encoding="utf-8")) for p in (DATA / "fifty").iterdir() if p.suffix != ".jsonl"]
    for path in (DATA / "fifty").glob("*.jsonl"):
        documents += [(row["id"], row["text"]) for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())]
    assert len(documents) == 50
    assert {name for name, _ in documents} >= HIDDEN
    assert 20 <= len(HIDDEN) <= 30
    words = sorted(len(text.split()) for _, text in documents)
    assert words[0] < 15
    assert words[-1] > 120


def test_the_first_scan_reads_all_and_finds_much_of_what_is_hidden(first: list[dict]) -> None:
    assert len(first) == 50
    assert not any(row["error"] for row in first)
    assert {row["lang"] for row in first} == {"fi", "en"}
    flagged = {row["id"] for row in first if row["flagged"]}
    assert len(flagged & HIDDEN) >= len(HIDDEN) // 2
    assert len(flagged - HIDDEN) <= 1


def test_the_report_for_the_browser(home: Path, first: list[dict]) -> None:
    done = hiddensale(home, "scan", "ads", "--format", "html", "--output", "report.html", "--ui-lang", "fi")
    assert done.returncode == 1
    page = (home / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    documents = [d for part in re.findall(r'class="index">(.*?)</script>', page) for d in zip(*json.loads(part)["documents"], strict=True)]
    assert [d[0] for d in documents] == [row["id"] for row in first]
    # A finding prints by itself, without the frame around it.
    assert "@media print" in page
    assert "print-one" in page


def test_a_finding_as_a_page_to_print(home: Path, first: list[dict]) -> None:
    done = hiddensale(home, "scan", "ads", "--evidence", "packs", "--seen-at", "2026-11-21T14:30:00+02:00")
    assert done.returncode == 1
    pages = sorted((home / "packs").glob("*/finding.html"))
    assert len(pages) == sum(f["flagged"] for row in first for f in row["findings"])
    assert all("2026-11-21" in page.read_text(encoding="utf-8") and "<script" not in page.read_text(encoding="utf-8") for page in pages)
    assert hiddensale(home, "verify", "packs").returncode == 0


def test_the_second_month_shows_only_what_is_new(home: Path, first: list[dict]) -> None:
    written = hiddensale(home, "scan", "ads", "--write-baseline", "known.json", "--format", "jsonl")
    assert written.returncode == 1
    found = [f for row in first for f in row["findings"] if f["flagged"]]
    assert len(json.loads((home / "known.json").read_text(encoding="utf-8"))["findings"]) == len(found)

    again = hiddensale(home, "scan", "ads", "--baseline", "known.json", "--format", "jsonl")
    assert again.returncode == 0
    assert not any(json.loads(line)["findings"] for line in again.stdout.splitlines())
    assert f"left out: {len(found)} in the baseline" in again.stderr

    place = home / "ads" / "fi-21.txt"
    before = place.read_text(encoding="utf-8")
    place.write_text(CHANGED, encoding="utf-8")
    try:
        new = hiddensale(home, "scan", "ads", "--baseline", "known.json", "--format", "jsonl")
        assert new.returncode == 1
        (row,) = [r for r in map(json.loads, new.stdout.splitlines()) if r["flagged"]]
        assert row["id"] == "fi-21.txt"
        (finding,) = row["findings"]
        assert finding["pattern"] == "prize-to-pitch"

        told = hiddensale(home, "scan", "ads", "--baseline", "known.json", "--format", "text", "--ui-lang", "fi")
        assert "50 tekstiä, epäilyttäviä 1: prize-to-pitch 1" in told.stdout
        assert told.stdout.count("koukku") == 1
    finally:
        place.write_text(before, encoding="utf-8")


def test_asking_what_would_make_it_plain(home: Path, examples_dir: Path) -> None:
    draft = (examples_dir / "kuntosali.txt").read_text(encoding="utf-8")
    (home / "draft.txt").write_text(draft, encoding="utf-8")
    done = hiddensale(home, "scan", "draft.txt", "--clarify", "--format", "jsonl")
    (finding,) = json.loads(done.stdout)["findings"]
    assert done.returncode == 1
    told = finding["clarify"]
    assert told["score_after"] < told["score_before"] == finding["score"]
    # A long sentence is cut in the advice.
    assert told["sentence"][:60] in told["text"]
    assert 0 <= told["at"] <= len(draft)
