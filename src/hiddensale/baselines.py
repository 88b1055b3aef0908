"""Findings already known, kept by fingerprint, so that only new ones are shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from hiddensale.errors import ConfigError
from hiddensale.schema import Finding, ScanResult


def fingerprint(finding: Finding) -> str:
    """Identity of a finding: pattern and span texts, not places, so that edits elsewhere do not change it."""
    catch = finding.catch.text if finding.catch else ""
    parts = "\x1f".join(" ".join(p.casefold().split()) for p in (finding.pattern, finding.lure.text, catch))
    return hashlib.sha256(parts.encode("utf-8")).hexdigest()[:32]


def read(path: Path) -> frozenset[str]:
    """Fingerprints of a baseline file.

    Raises
    ------
    ConfigError
        When the file is missing or no baseline.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --baseline") from error
    except ValueError as error:
        raise ConfigError(f"{path}: no JSON: {error}") from error
    known = data.get("fingerprints") if isinstance(data, dict) else None
    if not isinstance(known, list) or not all(isinstance(x, str) for x in known):
        raise ConfigError(f'{path}: a baseline is {{"fingerprints": [...]}}')
    return frozenset(known)


def without(result: ScanResult, known: frozenset[str]) -> ScanResult:
    """The result without the findings that are known; its flag and score follow."""
    kept = tuple(f for f in result.findings if fingerprint(f) not in known)
    if len(kept) == len(result.findings):
        return result
    hot = [f.score for f in kept if f.flagged]
    return replace(result, findings=kept, flagged=bool(hot), score=max(hot) if hot else max((f.score for f in kept), default=0.0))
