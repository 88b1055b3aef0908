from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from hiddensale.catalogue import PATTERNS
from hiddensale.cli import main
from hiddensale.sarif import as_sarif, uri
from hiddensale.schema import Finding, ScanError, ScanResult, Span

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.schema.json").read_text(encoding="utf-8-sig"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def result(text: str, lure: str, catch: str | None = None, **more: Any) -> ScanResult:
    def span(piece: str) -> Span:
        at = text.index(piece)
        return Span(at, at + len(piece), piece)

    flagged = more.pop("flagged", True)
    message = more.pop("message", "viesti")
    finding = Finding("free-but-fees", 0.91, flagged, "makes", "buried", span(lure), span(catch) if catch else None, message, ("FI-KSL-2-6",))
    return ScanResult(**{"id": "ad.txt", "source": "ads/ad.txt", "lang": "fi", "flagged": flagged, "score": 0.91, "scores": {}, "findings": (finding,), "text": text} | more)


def log(*results: ScanResult, **options: Any) -> dict[str, Any]:
    data = json.loads("".join(as_sarif(results, **options)))
    VALIDATOR.validate(data)
    (run,) = data["runs"]
    return run


@pytest.mark.parametrize("options", [(), ("--all",), ("--all", "--ui-lang", "fi")])
def test_examples_validate(examples_dir: Path, options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, ["scan", str(examples_dir), "--format", "sarif", *options])
    data = json.loads(done.stdout)
    VALIDATOR.validate(data)
    (run,) = data["runs"]
    assert len(run["results"]) >= 10
    assert {r["level"] for r in run["results"]} == ({"warning", "note"} if options else {"warning"})
    for row in run["results"]:
        assert run["tool"]["driver"]["rules"][row["ruleIndex"]]["id"] == row["ruleId"]
    assert len(run["tool"]["driver"]["properties"]["modelSha256"]) == 64


def test_regions_cut_the_lure_out_of_the_file(examples_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(examples_dir)
    data = json.loads(CliRunner().invoke(main, ["scan", ".", "--format", "sarif", "--all"]).stdout)
    checked = 0
    for row in data["runs"][0]["results"]:
        place = row["locations"][0]["physicalLocation"]
        path = Path.cwd() / place["artifactLocation"]["uri"]
        assert path.is_file()
        region = place.get("region", {})
        if "snippet" in region:
            lines = path.read_text(encoding="utf-8").split("\n")
            assert region["startLine"] == region["endLine"]
            assert lines[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1] == region["snippet"]["text"] == row["properties"]["lure"]["text"]
            checked += 1
    assert checked >= 8


def test_rules_are_the_patterns_with_their_law() -> None:
    for ui in ("fi", "en"):
        run = log(ui_lang=ui)
        rules = run["tool"]["driver"]["rules"]
        assert [r["id"] for r in rules] == list(PATTERNS)
        assert rules[0]["name"] == "FreeButFees"
        assert rules[0]["properties"]["law"]["fi"][0] == {
            "id": "EU-UCPD-I-20",
            "place": "Dir. 2005/29/EC Annex I point 20",
            "name": rules[0]["properties"]["law"]["fi"][0]["name"],
            "level": "V",
        }
        assert run["language"] == ui
        for rule in rules:
            assert rule["defaultConfiguration"] == {"level": "warning"}
            assert "helpUri" not in rule
            assert all(rule[k]["text"] for k in ("shortDescription", "fullDescription", "help"))
            assert rule["help"]["markdown"].count("\n- ") >= 1
    assert run["results"] == []
    assert run["columnKind"] == "unicodeCodePoints"


@pytest.mark.parametrize(
    ("text", "lure", "place"),
    [
        ("ilmainen kirja", "ilmainen", (1, 1, 1, 9)),
        ("Hei\nsaat ilmaisen kirjan", "ilmaisen", (2, 6, 2, 14)),
        ("Hei\r\nsaat ilmaisen kirjan", "ilmaisen", (2, 6, 2, 14)),
        ("Hei\rsaat ilmaisen kirjan", "ilmaisen", (2, 6, 2, 14)),
        ("Hei\n\r\n\rsaat ilmaisen", "ilmaisen", (4, 6, 4, 14)),
        ("saat\nilmaisen\r\nkirjan nyt", "ilmaisen\r\nkirjan", (2, 1, 3, 7)),
        ("saat\rilmaisen\rkirjan\nnyt", "ilmaisen\rkirjan\n", (2, 1, 4, 1)),
        ("😀😀 ilmainen 👨‍👩‍👧", "ilmainen 👨‍👩‍👧", (1, 4, 1, 18)),
        ("e\u0301ta\u0308 ilmainen", "ilmainen", (1, 7, 1, 15)),
        ("a\u2028b\u0085c ilmainen", "ilmainen", (1, 7, 1, 15)),
    ],
)
def test_region_in_code_points(text: str, lure: str, place: tuple[int, int, int, int]) -> None:
    (row,) = log(result(text, lure))["results"]
    region = row["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"], region["endLine"], region["endColumn"]) == place
    assert text[region["charOffset"] : region["charOffset"] + region["charLength"]] == lure == region["snippet"]["text"]


def test_lure_and_catch_are_related_locations() -> None:
    (row,) = log(result("ilmainen kirja, kulut 5 €", "ilmainen", "kulut 5 €"), ui_lang="en")["results"]
    assert [(r["id"], r["message"]["text"], r["physicalLocation"]["region"]["charOffset"]) for r in row["relatedLocations"]] == [(1, "lure: ilmainen", 0), (2, "catch: kulut 5 €", 16)]
    (row,) = log(result("ilmainen kirja", "ilmainen"))["results"]
    assert len(row["relatedLocations"]) == 1
    assert row["properties"]["catch"] is None


def test_level_tells_flagged_from_the_others() -> None:
    run = log(result("ilmainen", "ilmainen"), result("ilmainen", "ilmainen", flagged=False))
    assert [r["level"] for r in run["results"]] == ["warning", "note"]


def test_rows_and_extracted_text_have_no_offsets_of_the_file() -> None:
    run = log(result("ilmainen", "ilmainen", id="7", source="ads.jsonl", line=7), result("ilmainen", "ilmainen", source="ad.html", extracted=True))
    row, page = (r["locations"][0] for r in run["results"])
    assert row["physicalLocation"] == {"artifactLocation": {"uri": "ads.jsonl"}, "region": {"startLine": 7}}
    assert row["logicalLocations"] == [{"name": "7", "fullyQualifiedName": "ads.jsonl#7", "kind": "row"}]
    assert page == {"physicalLocation": {"artifactLocation": {"uri": "ad.html"}}}
    assert run["results"][1]["properties"]["lure"] == {"start": 0, "end": 8, "text": "ilmainen"}


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("ilmainen kirja, kulut 5 €", "Hei!\n\nilmainen kirja. Osta. kulut 5 €", True),
        ("ilmainen kirja, kulut 5 €", "ILMAINEN kirja,\nkulut  5 €", True),
        ("ilmainen kirja, kulut 5 €", "ilmainen kirja, kulut 6 €", False),
    ],
)
def test_fingerprints_survive_edits_elsewhere(before: str, after: str, same: bool) -> None:
    def finding(text: str) -> str:
        at = text.lower().index("ilmainen")
        piece = text[at : at + 8]
        (row,) = log(result(text, piece, text[text.index("kulut") :]))["results"]
        return row["partialFingerprints"]["hiddensale/v1"]

    assert (finding(before) == finding(after)) is same


def test_what_could_not_be_read_is_a_notification() -> None:
    broken = ScanResult("2", "ads.jsonl", None, False, 0.0, {}, (), "", error=ScanError("bad-json", "line 2 is no JSON object"), line=2)
    run = log(broken, result("ilmainen", "ilmainen"))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    (note,) = invocation["toolExecutionNotifications"]
    assert (note["level"], note["descriptor"]["id"], note["message"]["text"]) == ("error", "bad-json", "line 2 is no JSON object")
    assert note["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "ads.jsonl"}, "region": {"startLine": 2}}
    assert log(broken)["invocations"][0]["executionSuccessful"] is False
    assert log()["invocations"][0]["executionSuccessful"] is True


def test_hostile_text_is_no_link_and_no_placeholder() -> None:
    bad = "[voita](https://bad.example) {0} \x1b[31m\u202e"
    run = log(result(bad, "voita", bad, message=f"viesti {bad}"))
    (row,) = run["results"]
    for text in (row["message"]["text"], row["relatedLocations"][1]["message"]["text"]):
        assert "](" not in text
        assert "{{0}}" in text
        assert not any(ch in text for ch in "\x1b\u202e")
    assert row["properties"]["catch"]["text"] == bad


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.txt", "a.txt"),
        ("./ads/../a b.txt", "a%20b.txt"),
        ("ads/100%.txt", "ads/100%25.txt"),
        ("a:b?c#d.txt", "a%3Ab%3Fc%23d.txt"),
        ("työ/\u0065\u0301.txt", "ty%C3%B6/e%CC%81.txt"),
        ("../a.txt", "../a.txt"),
        ("/no/such dir/a.txt", "file:///no/such%20dir/a.txt"),
        (str(Path.cwd() / "ads" / "a.txt"), "ads/a.txt"),
        ("<stdin>", "stdin"),
    ],
)
def test_uri(source: str, expected: str) -> None:
    assert uri(source) == expected


def test_rows_of_files_know_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'id,text\r\n1,"Voitit arvonnassa!\r\nSoitamme ja sovimme ajan, jolloin valmentajamme esittelee jäsenyydet."\r\n\r\n2,Kirjasto on auki arkisin\r\n3,"a",b\r\n', newline=""
    )
    (tmp_path / "b.jsonl").write_text('\n{"id": "x", "text": "Kirjasto on avoinna arkisin."}\nbroken\n')
    from hiddensale import readers

    assert [(d.id, d.line) for d in readers.read(tmp_path)] == [("1", 2), ("2", 5), ("3", 6), ("x", 2), ("3", 3)]
