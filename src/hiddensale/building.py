"""From marked texts to corpus files: ``marked/LANG/BATCH/*.txt`` to ``LANG-SPLIT.jsonl``."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from hiddensale.errors import CorpusError
from hiddensale.markup import Fault, Seen, read_marked


def batches(folder: Path) -> dict[str, dict[str, Any]]:
    """The table of batches, ``marked/batches.toml``: language, split and what the author wrote about.

    Raises
    ------
    CorpusError
        When it is missing or a batch lacks a key.
    """
    path = folder / "marked" / "batches.toml"
    if not path.is_file():
        raise CorpusError(f"{path}: missing; it names every batch with lang and split")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, row in table.items():
        for key in ("lang", "split"):
            if key not in row:
                raise CorpusError(f"{path}: [{name}] has no {key}")
    return table


def build(folder: Path) -> tuple[list[Fault], list[tuple[Path, int]]]:
    """Write the corpus files of ``folder`` from its marked texts.

    Parameters
    ----------
    folder : Path
        The corpus folder.

    Returns
    -------
    faults : list of Fault
        Documents with a fault are left out.
    written : list of (Path, int)
        The files and how many documents each holds.
    """
    faults: list[Fault] = []
    out: dict[tuple[str, str], list[dict[str, object]]] = {}
    second = readings(folder)
    out_of_it = left_out(folder)
    for name, row in sorted(batches(folder).items()):
        files = sorted((folder / "marked" / row["lang"] / name).glob("*.txt"))
        if not files:
            faults.append(Fault(str(folder / "marked" / "batches.toml"), 1, f"batch {name} has no *.txt file"))
        seen: Seen = {}
        for file in files:
            records, found = read_marked(file, row["lang"], row["split"], name, seen)
            faults += found
            kept = [r for r in records if r["id"] not in out_of_it]
            for record in kept:
                record["second_reading"] = record["id"] in second
            out.setdefault((row["lang"], row["split"]), []).extend(kept)
    written = []
    for (lang, split), records in sorted(out.items()):
        path = folder / f"{lang}-{split}.jsonl"
        # Written beside and renamed: a build that breaks off leaves the old file whole.
        beside = path.with_suffix(".part")
        beside.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
        beside.replace(path)
        written.append((path, len(records)))
    return faults, written


def left_out(folder: Path) -> frozenset[str]:
    """Ids in ``marked/left-out.txt``: documents that stay among the marked texts but not in the corpus files."""
    path = folder / "marked" / "left-out.txt"
    if not path.is_file():
        return frozenset()
    return frozenset(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#"))


def readings(folder: Path) -> dict[str, dict[str, Any]]:
    """The second readings, ``readings/*.jsonl``, by document id."""
    out: dict[str, dict[str, Any]] = {}
    for path in sorted((folder / "readings").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                row = json.loads(line)
                out[row["id"]] = row
    return out


def write_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->`` in a Markdown file.

    Raises
    ------
    CorpusError
        When the marks are not there.
    """
    source = path.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if start not in source or end not in source:
        raise CorpusError(f"{path}: the marks {start} and {end} are missing; put them where the figures go")
    head, rest = source.split(start, 1)
    _, tail = rest.split(end, 1)
    path.write_text(f"{head}{start}\n{text.rstrip()}\n{end}{tail}", encoding="utf-8")
