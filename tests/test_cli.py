from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from hiddensale.catalogue import PATTERNS
from hiddensale.cli import main

HIDDEN = "ONNEKSI OLKOON! Voitit kuntosalin arvonnassa kehonkoostumusmittauksen. Soitamme ja sovimme ajan, jolloin valmentajamme esittelee salin ja jäsenyydet."
HONEST = "Kirjasto on avoinna arkisin klo 10-18. Tervetuloa lainaamaan kirjoja, lautapelejä ja soittimia. Kirjastokortin saat tiskiltä."


def run(*args: str, data: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, list(args), input=data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hidden.txt").write_text(HIDDEN, encoding="utf-8")
    (tmp_path / "honest.txt").write_text(HONEST, encoding="utf-8")
    return tmp_path


def records(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_exit_status_tells_flagged_from_clean(folder: Path) -> None:
    assert run("scan", str(folder / "honest.txt")).exit_code == 0
    assert run("scan", str(folder / "hidden.txt")).exit_code == 1
    assert run("scan", str(folder)).exit_code == 1


def test_records_have_the_shape_of_the_schema(folder: Path, examples_dir: Path) -> None:
    schema = json.loads(files("hiddensale").joinpath("record.schema.json").read_text(encoding="utf-8"))
    result = run("scan", str(folder), str(examples_dir), "--format", "jsonl", "--all")
    rows = records(result)
    assert len(rows) > 20
    for row in rows:
        jsonschema.validate(row, schema)
        assert list(row["scores"]) == list(PATTERNS)
    assert json.loads(run("scan", str(folder), str(examples_dir), "--format", "json", "--all").stdout) == rows


def test_one_record_per_line_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "ads.jsonl"
    path.write_text("\n".join([json.dumps({"id": "a", "text": HIDDEN}), "broken", json.dumps({"id": "b", "text": HONEST, "lang": "fi"})]), encoding="utf-8")
    result = run("scan", str(path), "--format", "jsonl")
    rows = records(result)
    assert [r["id"] for r in rows] == ["a", "2", "b"]
    assert [bool(r["error"]) for r in rows] == [False, True, False]
    assert result.exit_code == 1
    assert "1 of 3 documents could not be scanned" in result.stderr


def test_the_language_that_is_named_holds_for_texts_that_do_not_say_theirs(tmp_path: Path) -> None:
    path = tmp_path / "ads.jsonl"
    rows = [{"id": "short", "text": "Xyz 123"}, {"id": "own", "text": HONEST, "lang": "fi"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    guessed = records(run("scan", str(path), "--format", "jsonl"))
    assert [(r["lang"], r["error"] and r["error"]["code"]) for r in guessed] == [(None, "unknown-language"), ("fi", None)]
    for jobs in ("1", "2"):
        named = records(run("scan", str(path), "--format", "jsonl", "--lang", "en", "--jobs", jobs))
        assert [(r["lang"], r["error"]) for r in named] == [("en", None), ("fi", None)]


def test_training_runs_in_an_environment_in_which_every_processor_learns_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def run_instead(command: list[str], *, env: dict[str, str], check: bool) -> subprocess.CompletedProcess[str]:
        started.append((command[1:], env["OPENBLAS_CORETYPE"], env["NPY_DISABLE_CPU_FEATURES"].split()[0]))
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("subprocess.run", run_instead)
    for name in ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"):
        monkeypatch.delenv(name, raising=False)
    assert run("train", "a", "-b", "--jobs", "1", "--output", "m").exit_code == 2
    assert run("train", "a", "--jobs", "1", "--output", "m", "--", "-b").exit_code == 7
    assert started == [(["-m", "hiddensale", "train", "--output", "m", "--jobs", "1", "--", "a", "-b"], "Haswell", "AVX512F")]


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_training_without_a_corpus_says_so_on_every_processor(monkeypatch: pytest.MonkeyPatch, machine: str, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    result = run("train", "/no/corpus")
    assert result.exit_code == 2
    assert "no such file" in result.stderr + capfd.readouterr().err


def test_standard_input(folder: Path) -> None:
    (row,) = records(run("scan", "-", data=HIDDEN))
    assert row["source"] == "<stdin>"
    assert row["flagged"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("scan", "/no/such/file"), "no such file"),
        (("scan", HIDDEN * 3), "no such file"),
        (("scan", "--format", "xml", "."), "Invalid value for '--format'"),
        (("scan", "--min-score", "2", "."), "Invalid value for '--min-score'"),
        (("scan", "--pattern", "nothing", "."), "unknown pattern 'nothing'"),
        (("scan", "--model", "/no/model", "."), "no model there"),
        (("scan", "--config", "/no/config", "."), "cannot be read"),
        (("scan", "--baseline", "/no/baseline", "."), "cannot be read"),
        (("explain", "nothing"), "unknown pattern"),
        (("evaluate", "/no/corpus"), "no such file"),
        (("evaluate", "/no/corpus", "--gate"), "give --split dev or --split test"),
        (("evaluate", "/no/corpus", "--gate", "--split", "train"), "give --split dev or --split test"),
        (("corpus", "check", "/no/corpus"), "no such file"),
        (("frobnicate",), "No such command"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_status_2(args: tuple[str, ...], message: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (RuntimeError("of \x1b[31m a text"), 2, r"unexpected error, RuntimeError 'of \x1b[31m a text' at test_cli.py:"),
        (EOFError(), 2, "unexpected error, EOFError"),
        (OSError(28, "No space left on device"), 2, "input or output: No space left on device"),
        (PermissionError(13, "Permission denied", "/x"), 2, "/x: Permission denied"),
        (MemoryError(), 2, "the memory ran out"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C"),
    ],
)
def test_a_scan_that_breaks_off_has_not_found_anything(folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, message: str) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("hiddensale.detector.Detector.scan_many", broken)
    result = run("scan", str(folder), "--write-baseline", str(folder / "known.json"))
    assert result.exit_code == status
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert sorted(p.name for p in folder.iterdir()) == ["hidden.txt", "honest.txt"]


def test_a_file_that_may_not_be_looked_at_is_no_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", refuse)
    result = run("scan", "/locked/ad.txt")
    assert result.exit_code == 2
    assert "/locked/ad.txt: cannot be read (Permission denied)" in result.stderr


def test_nothing_readable_is_status_2(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x00\x00")
    result = run("scan", str(tmp_path / "a.txt"))
    assert result.exit_code == 2
    assert records(result)[0]["error"]["code"] == "undecodable"
    assert run("scan", str(tmp_path), "--pattern", "pay-to-work").exit_code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "nothing to scan" in run("scan", str(empty)).stderr


def test_output_is_written_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "x.jsonl"
    target.parent.mkdir()
    result = run("scan", str(folder / "hidden.txt"), "--output", str(target))
    assert result.exit_code == 1
    assert json.loads(target.read_text(encoding="utf-8"))["flagged"]
    assert [p.name for p in target.parent.iterdir()] == ["x.jsonl"]
    result = run("scan", str(folder), "--output", str(tmp_path / "missing" / "x.jsonl"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_output_never_replaces_what_is_no_file(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for target in (pipe, tmp_path):
        result = run("scan", str(folder / "hidden.txt"), "--output", str(target))
        assert result.exit_code == 2
        assert "no regular file" in result.stderr or "is a directory" in result.stderr


def test_a_lone_surrogate_does_not_stop_the_scan(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Ilmainen \\ud800 kirja sinulle", "lang": "fi"}\n{"text": "Kirjasto on auki.", "lang": "fi"}\n', encoding="utf-8")
    rows = records(run("scan", str(path), "--format", "jsonl", "--all"))
    assert [r["error"] for r in rows] == [None, None]


def test_only_and_min_score(folder: Path) -> None:
    (row,) = records(run("scan", str(folder / "hidden.txt"), "--pattern", "pay-to-work"))
    assert not row["flagged"]
    assert run("scan", str(folder / "honest.txt"), "--min-score", "1").exit_code == 0


def test_csv_has_a_row_for_every_document(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("scan", str(folder), "--format", "csv").stdout)))
    assert [r["id"] for r in rows] == ["hidden.txt", "honest.txt"]
    assert rows[0]["pattern"] == "prize-to-pitch"
    assert rows[1]["pattern"] == ""


def test_text_shows_line_marks_sentence_and_rules(folder: Path) -> None:
    out = run("scan", str(folder / "hidden.txt"), "--format", "text").stdout
    assert "prize-to-pitch" in out
    assert "^" in out
    assert "~" in out
    assert "KSL 2:4" in " ".join(out.split())
    assert "1 flagged" in out
    assert "\x1b" not in out


def test_config_fills_options_and_the_command_line_wins(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "h.toml"
    config.write_text('[scan]\nformat = "csv"\nmin-score = 1.0\n', encoding="utf-8")
    result = run("scan", str(folder / "hidden.txt"), "--config", str(config))
    assert result.stdout.startswith("id,source")
    assert result.exit_code == 0
    assert run("scan", str(folder / "hidden.txt"), "--config", str(config), "--min-score", "0.2").exit_code == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[scan]\nfarmat = 'csv'", "unknown key 'farmat'"),
        ("[scan]\nformat = 'xml'", "format = 'xml'"),
        ("[scan", "no TOML"),
        ("[skan]\n", "unknown table"),
        ("[scan]\nmin-score = 'much'", "min-score"),
    ],
)
def test_broken_config(folder: Path, tmp_path: Path, source: str, message: str) -> None:
    config = tmp_path / "h.toml"
    config.write_text(source, encoding="utf-8")
    result = run("scan", str(folder), "--config", str(config))
    assert result.exit_code == 2
    assert message in result.stderr
    assert str(config) in result.stderr


def test_patterns_and_explain() -> None:
    lines = run("patterns").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(PATTERNS)
    assert [p["id"] for p in json.loads(run("patterns", "--format", "json").stdout)] == list(PATTERNS)
    for ui in ("fi", "en"):
        page = run("explain", "prize-to-pitch", "--ui-lang", ui).stdout
        assert "prize-to-pitch" in page
        assert len(page) > 600


@pytest.mark.parametrize("command", [(), ("scan",), ("patterns",), ("explain",), ("train",), ("evaluate",), ("corpus",), ("corpus", "check"), ("corpus", "build"), ("verify",), ("compare",)])
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert len(result.stdout) > 80


def test_help_starts_without_the_heavy_libraries() -> None:
    code = "import sys; from click.testing import CliRunner; from hiddensale.cli import main; CliRunner().invoke(main, ['scan', '--help']); sys.exit(sum(m in sys.modules for m in ('spacy', 'sklearn', 'numpy', 'joblib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_scan_needs_no_scikit_learn() -> None:
    code = "import sys, hiddensale; hiddensale.scan('Voitit arvonnassa! Soitamme ja sovimme ajan.', lang='fi'); sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_several_processes_say_the_same(examples_dir: Path) -> None:
    one = run("scan", str(examples_dir), "--format", "jsonl").stdout
    two = run("scan", str(examples_dir), "--format", "jsonl", "--jobs", "2").stdout
    assert one == two


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("args", "status"),
    [
        (("scan", "{ads}/hidden.txt", "{ads}/honest.txt"), 1),
        (("scan", "{ads}/honest.txt"), 0),
        (("scan", "{ads}/honest.txt", "{ads}/hidden.txt", "--write-baseline", "{ads}/known.json"), 1),
        (("scan", "{ads}/honest.txt", "{ads}/hidden.txt", "--evidence", "{ads}/packs"), 1),
        (("compare", "{ads}/honest.txt", "{ads}/hidden.txt"), 1),
        (("patterns",), 0),
    ],
)
def test_a_reader_that_goes_away_changes_no_status(folder: Path, args: tuple[str, ...], status: int) -> None:
    command = shlex.join([sys.executable, "-m", "hiddensale", *(a.format(ads=folder) for a in args)])
    done = subprocess.run(["bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (status, b"")
    # Both are of the whole scan: what is flagged came after the reader had gone.
    if "--write-baseline" in args:
        assert len(json.loads((folder / "known.json").read_text(encoding="utf-8"))["findings"]) == 1
    if "--evidence" in args:
        assert len(json.loads((folder / "packs" / "index.json").read_text(encoding="utf-8"))["findings"]) == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed(shell: str) -> None:
    result = CliRunner().invoke(main, [], prog_name="hiddensale", env={"_HIDDENSALE_COMPLETE": f"{shell}_source"})
    assert result.exit_code == 0
    assert "hiddensale" in result.stdout
    assert f"{shell}_complete" in result.stdout


def test_clarify_is_made_only_on_request(folder: Path) -> None:
    (plain,) = records(run("scan", str(folder / "hidden.txt")))
    (asked,) = records(run("scan", str(folder / "hidden.txt"), "--clarify", "--ui-lang", "en"))
    assert "clarify" not in plain["findings"][0]
    told = asked["findings"][0].pop("clarify")
    assert asked["findings"][0].keys() == plain["findings"][0].keys()
    assert told["score_after"] < told["score_before"]
    assert "“" in told["text"]
    out = " ".join(run("scan", str(folder / "hidden.txt"), "--clarify", "--ui-lang", "en", "--format", "text").stdout.split())
    assert " ".join(told["text"].split()) in out


def test_clarify_is_not_tried_for_sarif_which_has_no_place_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("hiddensale.detector.Detector.clarify", never)
    result = run("scan", str(folder), "--clarify", "--format", "sarif")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)["runs"][0]["results"]) == 1
    assert "sarif has no place for what --clarify finds" in result.stderr
    assert not run("scan", str(folder), "--clarify", "--format", "sarif", "--quiet").stderr


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A corpus that calls a hidden sale honest; its id is hostile to a page."""
    path = tmp_path / "c.jsonl"
    rows = [{"id": "<b>", "text": HIDDEN}, {"id": "b", "text": HONEST}]
    path.write_text("\n".join(json.dumps({**row, "lang": "fi", "labels": [], "split": "dev"}) for row in rows), encoding="utf-8")
    return path


def test_evaluate_tells_errors_within_its_json(labelled: Path) -> None:
    figures = json.loads(run("evaluate", str(labelled), "--format", "json").stdout)
    told = json.loads(run("evaluate", str(labelled), "--format", "json", "--errors").stdout)
    (wrong,) = told.pop("errors")
    assert told == figures
    assert set(figures) == {"fi", "all"}
    assert (wrong["id"], wrong["sort"], wrong["gold"], wrong["said"]) == ("<b>", "lookalike", [], ["prize-to-pitch"])
    # As the text has it.
    assert run("evaluate", str(labelled), "--errors").stdout.splitlines()[-1].split("\t") == ["<b>", "lookalike", "gold -", "said prize-to-pitch", f"{wrong['score']:.2f}"]


def test_evaluate_as_a_page(labelled: Path) -> None:
    page = run("evaluate", str(labelled), "--format", "html", "--errors").stdout
    assert page.startswith("<!doctype html>")
    assert "any hidden sale    P 0.000" in page
    assert "&lt;b&gt;\tlookalike" in page
    assert not any(x in page for x in ("<b>", "<script", "src=", "href="))


def test_clarify_counts_what_a_baseline_leaves_out_as_known(folder: Path) -> None:
    known = folder / "known.json"
    assert run("scan", str(folder), "--write-baseline", str(known)).exit_code == 1
    result = run("scan", str(folder), "--baseline", str(known), "--clarify")
    assert result.exit_code == 0
    assert not any(row["findings"] for row in records(result))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("env", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": ""}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_on_a_terminal(folder: Path, env: dict[str, str], coloured: bool) -> None:
    out, err = on_terminal([str(folder / "hidden.txt")], env)
    assert "prize-to-pitch" in out
    assert ("\x1b[" in out) is coloured
    # Results on the terminal and a bar would run into each other.
    assert "scanning" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("more", "shown"), [([], True), (["--quiet"], False), (["--no-progress"], False)])
def test_progress_while_results_go_to_a_file(folder: Path, more: list[str], shown: bool) -> None:
    out, err = on_terminal([str(folder), "--output", str(folder / "out.jsonl"), *more], {"TERM": "xterm"})
    assert out == ""
    assert ("scanning" in err) is shown
    if shown:
        assert "/2  " in err
        assert err.endswith("\r\x1b[K")


def on_terminal(args: list[str], env: dict[str, str]) -> tuple[str, str]:
    """What ``scan`` writes on a terminal: standard output and standard error."""
    import pty

    (out_ours, out_theirs), (err_ours, err_theirs) = pty.openpty(), pty.openpty()
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "COLUMNS")}
    process = subprocess.Popen([sys.executable, "-m", "hiddensale", "scan", *args], stdin=subprocess.DEVNULL, stdout=out_theirs, stderr=err_theirs, env=clean | env)
    os.close(out_theirs)
    os.close(err_theirs)
    texts = []
    for handle in (out_ours, err_ours):
        pieces = []
        try:
            while piece := os.read(handle, 65536):
                pieces.append(piece)
        except OSError:  # Linux says so when the other end is closed
            pass
        os.close(handle)
        texts.append(b"".join(pieces).decode("utf-8"))
    process.wait()
    return texts[0], texts[1]
