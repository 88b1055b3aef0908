"""Whether the shipped model says the same with the oldest and the newest libraries that pyproject.toml admits.

    python benchmarks/ageing.py [--work FOLDER] [--limit N]

Makes two virtual environments with the Python that runs this, installs the package in each (the lowest versions of numpy, scikit-learn and
spaCy that its bounds admit; the newest of everything), scores the example texts and documents of the dev split, and compares all scores.
Exit status 1 when two differ by more than 1e-9. Needs a package index; the environments stay in the folder, so a second run is quick.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
PINNED = ("numpy", "scikit-learn", "spacy")
TOLERANCE = 1e-9
_BOUND = re.compile(r"([A-Za-z0-9_.-]+)\s*>=\s*([0-9.]+)")

# Runs in each environment, which has nothing but the package.
SCORER = """
import json, sys
from importlib.metadata import version
from pathlib import Path
import hiddensale
from hiddensale import corpus, readers
root, limit = Path(sys.argv[1]), int(sys.argv[2])
detector = hiddensale.load()
out = {}
for document in readers.read(root / "examples"):
    if document.error is None:
        out[f"{document.source} {document.id}"] = detector.scan_document(document)
held = [x for x in corpus.load([root / "corpus"]) if x.split == "dev"]
for x in held[:: max(1, len(held) // limit)]:
    out[x.id] = detector.scan(x.text, x.lang)
versions = {name: version(name) for name in ("numpy", "scikit-learn", "scipy", "spacy", "thinc", "simplemma", "joblib")}
rows = {k: {"scores": dict(r.scores), "flagged": r.flagged, "spans": [[f.pattern, f.lure.start, f.lure.end] for f in r.findings]} for k, r in out.items()}
print(json.dumps({"versions": {"python": sys.version.split()[0], **versions}, "sha256": detector.model.manifest["sha256"], "rows": rows}))
"""


def bounds(pyproject: str) -> dict[str, str]:
    """Lower bounds of the run-time dependencies, by name."""
    return {m.group(1): m.group(2) for line in tomllib.loads(pyproject)["project"]["dependencies"] if (m := _BOUND.match(line))}


def lowest(pyproject: str) -> list[str]:
    """Requirements that take the oldest release admitted: ``==`` the bound, with any patch release where the bound names none."""
    found = bounds(pyproject)
    return [f"{name}=={found[name]}.0" if found[name].count(".") == 1 else f"{name}=={found[name]}" for name in PINNED]


def make(folder: Path, extra: Sequence[str]) -> Path:
    """A virtual environment with the package of this checkout and ``extra``; its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", "pip>=25.1"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", str(ROOT)], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", "--upgrade-strategy", "eager", str(ROOT), *extra], check=True)
    return python


def score(python: Path, limit: int) -> dict[str, Any]:
    """Scores of examples and dev documents in an environment."""
    with tempfile.TemporaryDirectory() as empty:
        # From an empty folder, so that the installed package is scored and not the checkout.
        done = subprocess.run([python, "-c", SCORER, str(ROOT), str(limit)], check=True, capture_output=True, text=True, cwd=empty)
    out: dict[str, Any] = json.loads(done.stdout)
    return out


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[float, str, list[str]]:
    """The largest difference of a score, where it is, and the documents whose verdict or spans differ."""
    if old["sha256"] != new["sha256"] or old["rows"].keys() != new["rows"].keys():
        raise ValueError("the two environments scored other models or other documents")
    largest, where, other = 0.0, "", []
    for ident, row in old["rows"].items():
        also = new["rows"][ident]
        for pattern, value in row["scores"].items():
            apart = abs(value - also["scores"][pattern])
            if math.isnan(apart):
                # A score that is no number is as far off as can be.
                apart = math.inf
            if apart > largest:
                largest, where = apart, f"{ident}, {pattern}"
        if row["flagged"] != also["flagged"] or row["spans"] != also["spans"]:
            other.append(ident)
    return largest, where, other


@click.command()
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), help="Folder for the environments; a temporary one by default.")
@click.option("--limit", default=200, show_default=True, help="About how many documents of the dev split.")
def main(work: Path | None, limit: int) -> None:
    folder = work or Path(tempfile.mkdtemp(prefix="ageing-"))
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = {}
    for name, extra in (("oldest", lowest(pyproject)), ("newest", [])):
        try:
            found[name] = score(make(folder / name, extra), limit)
        except subprocess.CalledProcessError as error:
            click.echo(f"{name}: {' '.join(map(str, error.cmd))[:200]} failed\n{(error.stderr or '')[-2000:]}", err=True)
            sys.exit(1)
    names = list(found["oldest"]["versions"])
    click.echo("| | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for name, scored in found.items():
        click.echo(f"| {name} | " + " | ".join(scored["versions"][n] for n in names) + " |")
    largest, where, other = compare(found["oldest"], found["newest"])
    click.echo(f"\n{len(found['oldest']['rows'])} documents; largest difference of a score {largest:.2e}{f' ({where})' if where else ''}; verdict or spans differ in {len(other)}")
    if largest > TOLERANCE or other:
        click.echo(f"over the tolerance of {TOLERANCE:g}" if not other else f"differ: {', '.join(other[:10])}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
