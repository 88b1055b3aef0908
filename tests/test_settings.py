from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hiddensale.cli import main
from hiddensale.settings import find


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["scan", *args])


def shown(*args: str) -> dict[str, tuple[str, str]]:
    done = run("--show-config", *args)
    assert done.exit_code == 0, done.stderr
    rows = [line.split("  ", 1) for line in done.stdout.splitlines()]
    return {key: (rest.strip().split("  ")[0], rest.split("  ")[-1].strip()) for key, rest in rows}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    return tmp_path


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({"hiddensale.toml": ""}, "hiddensale.toml"),
        ({"hiddensale.toml": "", "a/hiddensale.toml": ""}, "a/hiddensale.toml"),
        ({"a/pyproject.toml": "[tool.hiddensale]", "hiddensale.toml": ""}, "a/pyproject.toml"),
        ({"a/pyproject.toml": "[tool.other]", "hiddensale.toml": ""}, "hiddensale.toml"),
        ({"a/pyproject.toml": "tool = 1", "hiddensale.toml": ""}, "hiddensale.toml"),
        ({"a/pyproject.toml": "[tool.hiddensale]", "a/hiddensale.toml": ""}, "a/hiddensale.toml"),
    ],
)
def test_the_nearest_file_counts(home: Path, files: dict[str, str], found: str | None) -> None:
    for name, content in files.items():
        (home / name).write_text(content, encoding="utf-8")
    assert find(Path.cwd()) == (home / found if found else None)


def test_each_value_says_where_it_came_from(home: Path) -> None:
    file = home / "hiddensale.toml"
    file.write_text('[scan]\nformat = "csv"\njobs = 2\nall = true\npattern = ["pay-to-work"]\nmin-score = 1\n[[allow]]\npath = "x"\nreason = "y"\n', encoding="utf-8")
    rows = shown("--jobs", "3", "--ui-lang", "fi")
    assert rows["format"] == ('"csv"', str(file))
    assert rows["jobs"] == ("3", "command line")
    assert rows["all"] == ("true", str(file))
    assert rows["pattern"] == ('["pay-to-work"]', str(file))
    assert rows["min-score"] == ("1.0", str(file))
    assert rows["ui-lang"] == ('"fi"', "command line")
    assert rows["lang"] == ('"auto"', "default")
    assert rows["baseline"] == ("not set", "default")
    assert rows["[[allow]]"] == ("1", str(file))
    assert not {"config", "output", "evidence", "show-config", "help"} & set(rows)


def test_a_named_file_takes_the_place_of_the_found_one(home: Path) -> None:
    (home / "hiddensale.toml").write_text('[scan]\nformat = "csv"\n', encoding="utf-8")
    (home / "mine.toml").write_text('[scan]\nlang = "fi"\n', encoding="utf-8")
    rows = shown("--config", str(home / "mine.toml"))
    assert rows["format"] == ("not set", "default")
    assert rows["lang"] == ('"fi"', str(home / "mine.toml"))


def test_pyproject(home: Path) -> None:
    file = home / "pyproject.toml"
    file.write_text('[tool.hiddensale.scan]\nformat = "json"\n[[tool.hiddensale.allow]]\npath = "x"\nreason = "y"\n', encoding="utf-8")
    rows = shown()
    assert rows["format"] == ('"json"', str(file))
    assert rows["[[allow]]"] == ("1", str(file))


def test_paths_are_told_from_the_file(home: Path) -> None:
    (home / "hiddensale.toml").write_text('[scan]\nbaseline = "known.json"\n', encoding="utf-8")
    assert shown()["baseline"][0] == f'"{home / "known.json"}"'
    assert f"{home / 'known.json'}: cannot be read" in run(str(home)).stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("hiddensale.toml", "[scan]\nfarmat = 'csv'", "unknown key 'farmat' under [scan]; known: format, input-format,"),
        ("hiddensale.toml", "[scan]\nformat = 'xml'", "format = 'xml': 'xml' is not one of"),
        ("hiddensale.toml", "[scan]\nformat = 1", "format = 1 is of the wrong type; it takes a text in quotes"),
        ("hiddensale.toml", "[scan]\njobs = 1.5", "jobs = 1.5 is of the wrong type; it takes a whole number"),
        ("hiddensale.toml", "[scan]\njobs = true", "jobs = True is of the wrong type; it takes a whole number"),
        ("hiddensale.toml", "[scan]\njobs = -1", "jobs = -1: -1 is not in the range"),
        ("hiddensale.toml", "[scan]\nmin-score = '0.5'", "min-score = '0.5' is of the wrong type; it takes a number"),
        ("hiddensale.toml", "[scan]\nall = 'yes'", "all = 'yes' is of the wrong type; it takes true or false"),
        ("hiddensale.toml", "[scan]\npattern = 'pay-to-work'", "pattern = 'pay-to-work' is of the wrong type; it takes a list of texts"),
        ("hiddensale.toml", "[scan]\npattern = [1]", "pattern = [1] is of the wrong type"),
        ("hiddensale.toml", "[scan]\noutput = 'x'", "output = 'x': --output is for one run; take it out and give it on the command line"),
        ("hiddensale.toml", "[scan]\nevidence = 'x'", "--evidence is for one run"),
        ("hiddensale.toml", "[scan]\nconfig = 'x'", "--config is for one run"),
        ("hiddensale.toml", "[skan]", "unknown table or key 'skan'; options go under [scan]"),
        ("hiddensale.toml", "scan = 1", "scan = 1 is no table"),
        ("hiddensale.toml", "[scan", "no TOML"),
        ("pyproject.toml", "[tool.hiddensale]\nformat = 'csv'", "unknown table or key 'tool.hiddensale.format'; options go under [tool.hiddensale.scan]"),
        ("pyproject.toml", "[tool]\nhiddensale = 1", "tool.hiddensale is no table"),
    ],
)
def test_a_faulty_file_names_file_key_value_and_remedy(home: Path, name: str, content: str, message: str) -> None:
    (home / name).write_text(content, encoding="utf-8")
    for args in (("--show-config",), (str(home), "--format", "json", "--jobs", "1")):
        done = run(*args)
        assert done.exit_code == 2
        assert message in done.stderr
        assert str(home / name) in done.stderr
        assert not done.stdout
