"""Every command in README.md and docs/ is run, and prints what stands there.

``python tests/test_docs.py --write`` writes the present output into the pages.
"""

from __future__ import annotations

import doctest
import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import hiddensale

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CONSOLE = re.compile(r"```console\n\$ (hiddensale[^\n]*)\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
STRICTNESS = re.compile(r"(<!-- strictness (\w\w) -->\n)(.*?)(<!-- /strictness -->)", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def output(command: str) -> str:
    args = [sys.executable, "-m", "hiddensale", *shlex.split(command)[1:]]
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(args, cwd=ROOT, capture_output=True, text=True, check=False, env=env).stdout


def blocks() -> list[tuple[str, str, str]]:
    return [(str(page.relative_to(ROOT)), m.group(1), m.group(2)) for page in PAGES for m in CONSOLE.finditer(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "command", "shown"), blocks(), ids=[f"{p}: {c}" for p, c, _ in blocks()])
def test_commands_print_what_the_page_shows(page: str, command: str, shown: str) -> None:
    assert output(command).rstrip("\n") == shown.rstrip("\n")


def strictness(ui_lang: str) -> str:
    """What findings of some score and over are worth on the test split, from the model's manifest."""
    figures = json.loads((ROOT / "models" / "base" / "manifest.json").read_text(encoding="utf-8"))["figures"]["test"]
    columns = {
        "en": "score | texts flagged | P | R | honest look-alikes flagged | reports flagged",
        "fi": "varmuus | epäiltyjä tekstejä | P | R | rehellisiä epäillään | uutistekstejä epäillään",
    }[ui_lang]
    whole = {"en": ("Finnish", "English", "all that is flagged"), "fi": ("suomi", "englanti", "kaikki epäilyt")}[ui_lang]
    rows = [f"| {columns} |", "|---|---|---|---|---|---|"]
    for lang, name in zip(("fi", "en"), whole, strict=False):
        for v in figures[lang]["strictness"]:
            if v["from"] in (0.0, 0.6, 0.8, 0.9):
                score = f"{v['from']:.1f}" if v["from"] else whole[2]
                rows.append(f"| {name}: {score} | {v['flagged']} | {v['precision']:.2f} | {v['recall']:.2f} | {v['honest']:.1%} | {v['reports']:.1%} |")
    return "\n".join(rows) + "\n"


def test_the_pages_on_scores_show_the_figures_of_the_model() -> None:
    shown = {m[2]: m[3] for page in PAGES for m in STRICTNESS.finditer(page.read_text(encoding="utf-8"))}
    assert shown == {"en": strictness("en"), "fi": strictness("fi")}


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_python_of_a_page_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for match in PYTHON.finditer(page.read_text(encoding="utf-8")):
        exec(compile(match.group(1), str(page), "exec"), {"__name__": "page"})
    capsys.readouterr()


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


MODULES = [m.name for m in pkgutil.iter_modules(hiddensale.__path__) if m.name != "__main__"]


@pytest.mark.parametrize("name", ["", *MODULES])
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(f"hiddensale.{name}" if name else "hiddensale")
    namespace = {"np": __import__("numpy")} | vars(module)
    assert doctest.testmod(module, globs=namespace, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def write() -> None:
    for page in PAGES:
        source = page.read_text(encoding="utf-8")
        source = CONSOLE.sub(lambda m: f"```console\n$ {m.group(1)}\n{output(m.group(1)).rstrip()}\n```", source)
        page.write_text(STRICTNESS.sub(lambda m: m[1] + strictness(m[2]) + m[4], source), encoding="utf-8")


if __name__ == "__main__" and "--write" in sys.argv:
    write()
