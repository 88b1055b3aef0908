"""Findings already known, kept by pattern, words and file, so that only new ones are shown."""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiddensale.errors import ConfigError
from hiddensale.schema import Finding, ScanResult

VERSION = 2
_REWRITE = "write it again with 'hiddensale scan … --write-baseline FILE'"


def normal(text: str) -> str:
    """Text as it is compared: composed letters, no case, single spaces.

    Examples
    --------
    >>> normal("Ilmainen\\n  KIRJA")
    'ilmainen kirja'
    """
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def fingerprint(finding: Finding, source: str = "") -> str:
    """Identity of a finding: pattern, span texts and source, not places, so that edits elsewhere do not change it."""
    catch = finding.catch.text if finding.catch else ""
    parts = "\x1f".join((*map(normal, (finding.pattern, finding.lure.text, catch)), source))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Keys of known findings; ``folder`` is the one their sources are told from."""

    folder: Path
    keys: frozenset[str]

    def knows(self, finding: Finding, source: str) -> bool:
        return fingerprint(finding, place(source, self.folder)) in self.keys


def place(source: str, folder: Path) -> str:
    """A source as seen from ``folder``, so that a baseline serves from any working directory; what is no file stays as it is."""
    if source in ("", "<stdin>"):
        return source
    try:
        return Path(os.path.relpath(os.path.realpath(source), folder)).as_posix()
    except ValueError:  # another drive on Windows
        return Path(source).resolve().as_posix()


def entry(finding: Finding, result: ScanResult, folder: Path) -> dict[str, Any]:
    """One row of a baseline: the key, and what it stands for, so that a person can review it."""
    source = place(result.source, folder)
    catch = finding.catch.text if finding.catch else None
    return {"key": fingerprint(finding, source), "pattern": finding.pattern, "source": source, "id": result.id, "lure": finding.lure.text, "catch": catch}


def as_json(entries: Iterable[Mapping[str, Any]]) -> str:
    """A baseline file. Sorted, a finding a line, so that its changes can be read."""
    rows = {(str(e["source"]), str(e["pattern"]), str(e["key"])): e for e in entries}
    lines = ",\n".join("  " + json.dumps(rows[k], ensure_ascii=False) for k in sorted(rows))
    return f'{{"kind": "hiddensale-baseline", "version": {VERSION}, "findings": [\n{lines}\n]}}\n'


def read(path: Path) -> Baseline:
    """A baseline file.

    Raises
    ------
    ConfigError
        When the file is missing, no baseline, or of another version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --baseline, or {_REWRITE}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no JSON: {error}; restore it, or {_REWRITE}") from error
    if isinstance(data, dict) and "fingerprints" in data:
        raise ConfigError(f"{path}: 'fingerprints' is of an older baseline (version 1, which did not tell files apart); {_REWRITE}")
    if not isinstance(data, dict) or data.get("kind") != "hiddensale-baseline":
        raise ConfigError(f"{path}: no baseline ('kind' is not 'hiddensale-baseline'); {_REWRITE}")
    version = data.get("version")
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        raise ConfigError(f"{path}: version = {version!r}, this hiddensale reads {VERSION}; " + ("update hiddensale" if newer else _REWRITE))
    rows = data.get("findings")
    if not isinstance(rows, list):
        raise ConfigError(f"{path}: 'findings' is not a list; {_REWRITE}")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not isinstance(row.get("key"), str):
            raise ConfigError(f"{path}: finding {number} has no 'key'; {_REWRITE}")
    return Baseline(path.resolve().parent, frozenset(row["key"] for row in rows))
