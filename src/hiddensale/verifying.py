"""Evidence packs run again: whether each is as it was written, and whether the installed model still finds the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hiddensale import __version__, dossier
from hiddensale.catalogue import PATTERNS
from hiddensale.detector import Detector, load
from hiddensale.errors import ArtifactError, HiddensaleError, InputError
from hiddensale.schema import Document, Finding, ScanResult

_TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "text_sha256": str,
    "lang": str,
    "finding": dict,
    "settings": dict,
    "model": dict,
    "packs": dict,
    "program": dict,
    "record_sha256": str,
}
_FINDING_TYPES: dict[str, type | tuple[type, ...]] = {"score": (int, float), "flagged": bool, "stance": str, "disclosure": str}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one pack.

    ``status`` is ``holds``, ``changed score``, ``no longer holds``, ``edited`` or ``unreadable``; ``detail`` says more, ``other`` which
    parts are not those that made the pack.
    """

    path: str
    status: str
    detail: str = ""
    pattern: str = ""
    old_score: float | None = None
    new_score: float | None = None
    other: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.status in ("holds", "changed score")

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "status": self.status,
            "detail": self.detail,
            "pattern": self.pattern,
            "old_score": self.old_score,
            "new_score": self.new_score,
            "made_by_other": list(self.other),
        }


def verify(path: Path, model: Path | None = None) -> Iterator[Verdict]:
    """Run packs again.

    Parameters
    ----------
    path : Path
        A pack's folder, its ``finding.json``, or the folder of all packs of a scan.
    model : Path, optional
        Model folder; the packaged model by default.

    Yields
    ------
    Verdict
        One for each finding; what cannot be read has one that says why.
    """
    try:
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder; name an evidence pack or a folder of packs")
        if path.is_file():
            yield _one(path, model)
        elif (path / dossier.FINDING).is_file():
            yield _one(path / dossier.FINDING, model)
        elif (path / dossier.INDEX).is_file():
            yield from _all(path, model)
        else:
            raise InputError(f"{path}: neither {dossier.FINDING} nor {dossier.INDEX} is there; name a folder that 'hiddensale scan … --evidence' wrote")
    except ArtifactError:
        raise
    except HiddensaleError as error:
        yield Verdict(str(path), "unreadable", str(error))


def _all(folder: Path, model: Path | None) -> Iterator[Verdict]:
    index = _json(folder / dossier.INDEX, dossier.INDEX_KIND)
    rows = index.get("findings")
    if not isinstance(rows, list) or not all(isinstance(r, dict) and isinstance(r.get("folder"), str) and isinstance(r.get("sha256"), dict) for r in rows):
        raise InputError(f"{folder / dossier.INDEX}: 'findings' is not a list of packs; restore the file or scan again with --evidence")
    for row in rows:
        name = row["folder"]
        if name in ("", ".", "..") or Path(name).name != name:
            yield Verdict(str(folder / dossier.INDEX), "unreadable", f"folder = {name!r} is no name of a pack; restore the file or scan again with --evidence")
            continue
        pack = folder / name
        changed = [file for file, known in sorted(row["sha256"].items()) if Path(file).name == file and (pack / file).is_file() and dossier.digest((pack / file).read_bytes()) != known]
        missing = [file for file in (dossier.FINDING, dossier.PAGE) if not (pack / file).is_file()]
        if missing:
            yield Verdict(str(pack), "unreadable", f"{', '.join(missing)} is missing, though {dossier.INDEX} names it; restore it or scan again with --evidence")
            continue
        try:
            verdict = _one(pack / dossier.FINDING, model)
        except HiddensaleError as error:
            verdict = Verdict(str(pack), "unreadable", str(error))
        if changed and verdict.holds:
            verdict = Verdict(verdict.path, "edited", f"{', '.join(changed)} is not what {dossier.INDEX} was written with", verdict.pattern)
        yield verdict


def _json(path: Path, kind: str) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON ({error}); restore the file or scan again with --evidence") from error
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise InputError(f"{path}: no evidence pack ('kind' is not {kind!r}); name what 'hiddensale scan … --evidence' wrote")
    schema = data.get("schema")
    if type(schema) is not int:
        raise InputError(f"{path}: schema = {schema!r} is no number; restore the file or scan again with --evidence")
    if schema != dossier.SCHEMA:
        remedy = "update hiddensale" if schema > dossier.SCHEMA else "scan the text again with --evidence"
        raise InputError(f"{path}: schema = {schema}, this hiddensale reads {dossier.SCHEMA}; {remedy}")
    return data


def _one(path: Path, model: Path | None) -> Verdict:
    record = _json(path, dossier.KIND)
    _check(record, _TYPES, path, "")
    finding = record["finding"]
    _check(finding, _FINDING_TYPES, path, "finding.")
    pattern = finding.get("pattern")
    if pattern not in PATTERNS:
        raise InputError(f"{path}: finding.pattern = {pattern!r} is no pattern; restore the file or scan again with --evidence")
    where = str(path.parent)
    edits = list(_edits(record))
    if edits:
        return Verdict(where, "edited", "; ".join(edits), pattern)
    detector = _detector(model, record["settings"], path)
    other = tuple(_others(record, detector))
    result = detector.scan_document(Document(record["text"], lang=record["lang"]))
    return _compare(where, finding, result, other)


def _check(row: Mapping[str, Any], types: Mapping[str, type | tuple[type, ...]], path: Path, prefix: str) -> None:
    for key, kind in types.items():
        if not isinstance(row.get(key), kind):
            raise InputError(f"{path}: {prefix}{key} is missing or of the wrong type; restore the file or scan again with --evidence")


def _edits(record: Mapping[str, Any]) -> Iterator[str]:
    """What of a record does not fit the rest of it."""
    text, finding = record["text"], record["finding"]
    whole = dossier.digest(text) == record["text_sha256"]
    if not whole:
        yield "the text is not the one its SHA-256 was taken of"
    fits = True
    for name in ("lure", "catch"):
        span = finding.get(name)
        if name == "catch" and span is None:
            continue
        if not isinstance(span, dict) or type(span.get("start")) is not int or type(span.get("end")) is not int:
            fits = False
            yield f"the {name} has no offsets"
        elif not 0 <= span["start"] < span["end"] <= len(text) or text[span["start"] : span["end"]] != span.get("text"):
            fits = False
            yield f"the quote of the {name} is not what stands at {span['start']}–{span['end']}"
    if whole and fits and dossier.seal(record) != record["record_sha256"]:
        yield "text and quotes fit, but another part of the record was changed"


def _detector(model: Path | None, settings: Mapping[str, Any], path: Path) -> Detector:
    loaded = load(model)
    try:
        return _with_settings(loaded, settings.get("min_score"), tuple(settings.get("patterns") or ()))
    except (HiddensaleError, TypeError) as error:
        raise InputError(f"{path}: settings cannot be used ({error}); restore the file or scan again with --evidence") from error


@lru_cache(maxsize=4)
def _with_settings(loaded: Detector, score: float | None, only: tuple[str, ...]) -> Detector:
    """One for all packs of a scan, since a detector is slow to make and its first texts are slow."""
    return Detector(loaded.model, patterns=only or None, min_score=score)


def _others(record: Mapping[str, Any], detector: Detector) -> Iterator[str]:
    """What made the pack and is not what is installed."""
    made, now = record["model"], dossier.model_facts(detector.model)
    if made.get("arrays_sha256") != now["arrays_sha256"]:
        yield f"model {_short(made.get('arrays_sha256'))}, now {_short(now['arrays_sha256'])}"
    elif made.get("manifest_sha256") != now["manifest_sha256"]:
        yield f"manifest of the model {_short(made.get('manifest_sha256'))}, now {_short(now['manifest_sha256'])}"
    lang = record["lang"]
    if lang in detector.langs:
        pack, installed = record["packs"].get(lang, {}), dossier.pack_facts((lang,))[lang]
        if not isinstance(pack, dict) or pack.get("sha256") != installed["sha256"]:
            old = pack if isinstance(pack, dict) else {}
            yield f"language pack {lang} {old.get('version')} ({_short(old.get('sha256'))}), now {installed['version']} ({_short(installed['sha256'])})"
    if record["program"].get("version") != __version__:
        yield f"hiddensale {record['program'].get('version')}, now {__version__}"


def _short(digest: object) -> str:
    return str(digest)[:12]


def _compare(where: str, finding: Mapping[str, Any], result: ScanResult, other: tuple[str, ...]) -> Verdict:
    pattern, old = finding["pattern"], round(float(finding["score"]), 6)
    if result.error is not None:
        return Verdict(where, "no longer holds", f"the text is no longer scanned: {result.error.message}", pattern, old, None, other)
    now = next((f for f in result.findings if f.pattern == pattern), None)
    new = round(now.score if now is not None else result.scores[pattern], 6)
    lost = _lost(finding, now)
    if lost:
        return Verdict(where, "no longer holds", lost, pattern, old, new, other)
    assert now is not None
    notes = [f"{key} was {finding[key]}, now {getattr(now, key)}" for key in ("disclosure", "stance") if finding[key] != getattr(now, key)]
    return Verdict(where, "holds" if old == new else "changed score", "; ".join(notes), pattern, old, new, other)


def _lost(finding: Mapping[str, Any], now: Finding | None) -> str:
    if now is None:
        return "this pattern is not found any more"
    if now.flagged != finding["flagged"]:
        return "it is flagged now" if now.flagged else "it is not flagged any more"
    if now.lure.start >= finding["lure"]["end"] or finding["lure"]["start"] >= now.lure.end:
        return f"another lure is found: {now.lure.text!r}"
    return ""


def as_text(verdict: Verdict) -> str:
    """A verdict for a person, a line and what makes it differ.

    Examples
    --------
    >>> as_text(Verdict("ev/a", "changed score", pattern="pay-to-work", old_score=0.9, new_score=0.8))
    'ev/a: pay-to-work holds with a changed score: 0.9000, now 0.8000'
    """
    said = {"changed score": "holds with a changed score", "edited": "was edited", "unreadable": "cannot be read"}.get(verdict.status, verdict.status)
    if verdict.old_score is not None and verdict.new_score is not None:
        same = verdict.old_score == verdict.new_score
        said += f" ({verdict.old_score:.4f})" if same else f": {verdict.old_score:.4f}, now {verdict.new_score:.4f}"
    parts = [f"{verdict.path}: {verdict.pattern + ' ' if verdict.pattern else ''}{said}", *([verdict.detail] if verdict.detail else [])]
    if verdict.other:
        parts.append(f"made by another version: {', '.join(verdict.other)}")
    return "; ".join(parts)
