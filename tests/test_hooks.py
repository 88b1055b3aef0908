"""The pre-commit hook and the GitHub Action call the program as it is."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from hiddensale.cli import main

ROOT = Path(__file__).resolve().parents[1]


def test_hook_entry_and_files(examples_dir: Path) -> None:
    source = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    entry = shlex.split(re.search(r"entry: (.*)", source).group(1))
    files = re.compile(re.search(r"files: (.*)", source).group(1))
    names = sorted(p for p in examples_dir.iterdir() if files.search(p.name))
    assert names == sorted(examples_dir.iterdir())
    assert not files.search("main.py")
    assert entry[0] == "hiddensale"
    assert CliRunner().invoke(main, [*entry[1:], str(examples_dir / "gymdraw.txt"), str(examples_dir / "library.txt")]).exit_code == 1
    assert CliRunner().invoke(main, [*entry[1:], str(examples_dir / "library.txt")]).exit_code == 0


@pytest.mark.parametrize(
    ("paths", "fail", "code", "status"),
    [
        ("gymdraw.txt library.txt", "false", 0, "1"),
        ("gymdraw.txt", "true", 1, "1"),
        ("library.txt", "true", 0, "0"),
        ("no-such.txt", "false", 2, "2"),
        ("$(touch pwned) library.txt", "false", 2, "2"),
    ],
)
def test_script_of_the_action(examples_dir: Path, tmp_path: Path, paths: str, fail: str, code: int, status: str) -> None:
    script = textwrap.dedent((ROOT / "action.yml").read_text(encoding="utf-8").split("run: |\n")[1])
    for name in ("gymdraw.txt", "library.txt"):
        (tmp_path / name).write_bytes((examples_dir / name).read_bytes())
    program = tmp_path / "bin" / "hiddensale"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hiddensale "$@"\n')
    program.chmod(0o755)
    inputs = {"PATHS": paths, "OUTPUT": "out.sarif", "CONFIG": "", "BASELINE": "", "FAIL": fail, "GITHUB_OUTPUT": str(tmp_path / "outputs")}
    env = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", **inputs}
    done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert (tmp_path / "outputs").read_text() == f"sarif=out.sarif\nstatus={status}\n"
    assert not (tmp_path / "pwned").exists()
    if code < 2:
        assert json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
