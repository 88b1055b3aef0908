"""Evidence packs: for each finding a folder with the text as seen, what was found in it and by what, and a page to print."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hiddensale import __version__, dossier_page
from hiddensale.artifacts import Model
from hiddensale.catalogue import law_notice, rules
from hiddensale.errors import ConfigError, InputError
from hiddensale.packs import load_pack
from hiddensale.schema import Finding, ScanResult

SCHEMA = 1
KIND = "hiddensale-finding"
INDEX_KIND = "hiddensale-evidence"
FINDING, PAGE, INDEX = "finding.json", "finding.html", "index.json"


def digest(value: str | bytes) -> str:
    """SHA-256 of bytes, or of a text's UTF-8, in hexadecimal."""
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")).hexdigest()


def seal(record: Mapping[str, Any]) -> str:
    """Digest of a record but for its own ``record_sha256``: tells an edit, and proves nothing against who can count it anew."""
    return digest(json.dumps({k: v for k, v in record.items() if k != "record_sha256"}, ensure_ascii=False, sort_keys=True))


def model_facts(model: Model) -> dict[str, Any]:
    """What identifies a model: digests of its arrays and its manifest, and the version that trained it."""
    manifest = json.dumps(dict(model.manifest), ensure_ascii=False, sort_keys=True)
    return {"arrays_sha256": model.manifest.get("sha256"), "manifest_sha256": digest(manifest), "trained_with": model.manifest.get("versions", {}).get("hiddensale")}


def pack_facts(langs: tuple[str, ...]) -> dict[str, Any]:
    """Version and digest of the installed language packs."""
    return {lang: {"version": load_pack(lang).version, "sha256": load_pack(lang).digest} for lang in langs}


def moment(text: str) -> str:
    """Check a time given for ``--seen-at``.

    Raises
    ------
    ConfigError
        When it is no ISO 8601 date or time.
    """
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--seen-at {text!r} is no ISO 8601 date or time; write it as 2026-11-21 or 2026-11-21T14:30:00+02:00") from error
    return text


def not_seen(result: ScanResult, ui: str) -> list[str]:
    """What the finding does not rest on, in plain words."""
    words = dossier_page.WORDS[ui]
    out = list(words["not_seen"])
    if result.extracted:
        suffix = Path(result.source).suffix.lower()
        kind = "html" if suffix in (".html", ".htm", ".xhtml") else suffix[1:]
        out.append(words["extracted"].get(kind, words["extracted"]["other"]))
    return out


def record(result: ScanResult, finding: Finding, context: Mapping[str, Any], ui: str) -> dict[str, Any]:
    """The ``finding.json`` of one finding.

    Parameters
    ----------
    result : ScanResult
    finding : Finding
        One of the result's.
    context : mapping
        What all findings of a scan share: program, model, packs, settings, seen_at.
    ui : {"fi", "en"}
        Language of names and lists.
    """
    table, notice = rules(), law_notice()
    raw = {
        "schema": SCHEMA,
        "kind": KIND,
        **context,
        "ui_lang": ui,
        "input": {"id": result.id, "source": result.source, "line": result.line, "extracted": result.extracted, "meta": dict(result.meta)},
        "lang": result.lang,
        "text": result.text,
        "text_sha256": digest(result.text),
        "finding": finding.to_dict(),
        "scores": {k: round(v, 6) for k, v in result.scores.items()},
        "rules": [
            {"id": r, "place": table[r].place, "name": table[r].name[ui], "says": table[r].says[ui], "jurisdiction": table[r].jurisdiction, "level": table[r].level, "source": list(table[r].source)}
            for r in finding.law
        ],
        "law_read": notice["read"],
        "notice": notice[ui],
        "not_seen": not_seen(result, ui),
    }
    # A lone surrogate in what the input carried along is no text; it must not stop the writing, and the digests are over what is written.
    out: dict[str, Any] = json.loads(json.dumps(raw, ensure_ascii=False).encode("utf-8", "replace"))
    out["record_sha256"] = seal(out)
    return out


def folder_name(result: ScanResult, finding: Finding) -> str:
    """A name that the same finding gets again, safe on every file system, whatever the input's id holds.

    Examples
    --------
    >>> from hiddensale.schema import Span
    >>> one = Finding("pay-to-work", 0.9, True, "makes", "vague", Span(0, 3, "Job"), None, "")
    >>> folder_name(ScanResult("../../Työ #1", "a.txt", "fi", True, 0.9, {}, (one,), "Job"), one)
    'tyo-1--pay-to-work--d83072f2'
    """
    plain = unicodedata.normalize("NFKD", result.id or Path(result.source).name).encode("ascii", "ignore").decode("ascii").lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "text"
    key = digest("\x1f".join((result.source, result.id, digest(result.text), finding.pattern, str(finding.lure.start))))
    return f"{slug}--{finding.pattern}--{key[:8]}"


def dump(value: object) -> str:
    """JSON as packs hold it."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


@dataclass
class Packs:
    """Evidence packs in the making: written beside the target, moved there when all are done; a context manager.

    Raises
    ------
    InputError
        When the target exists and holds something, or cannot be written.
    """

    target: Path
    context: Mapping[str, Any]
    ui_lang: str | None = None
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _work: Path | None = None

    def __enter__(self) -> Packs:
        self.target = self.target.resolve()
        try:
            if self.target.exists() and (not self.target.is_dir() or any(self.target.iterdir())):
                raise InputError(f"{self.target}: there is something already; name a new folder for --evidence, or remove it", "exists")
            self._work = Path(tempfile.mkdtemp(prefix=f".{self.target.name}.", dir=self.target.parent))
        except OSError as error:
            raise InputError(f"{self.target}: cannot be written ({error.strerror}); check --evidence: the folder above it must exist and be writable", "unwritable") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)

    def add(self, result: ScanResult) -> None:
        """Write the packs of a result's findings."""
        assert self._work is not None
        ui = self.ui_lang or result.lang or "en"
        for finding in result.findings:
            name = base = folder_name(result, finding)
            again = 1
            while (self._work / name).exists():
                again += 1
                name = f"{base}-{again}"
            one = record(result, finding, self.context, ui)
            files = {FINDING: dump(one), PAGE: dossier_page.page(one)}
            row = {"folder": name, "pattern": finding.pattern, "score": one["finding"]["score"], "flagged": finding.flagged, "id": one["input"]["id"], "source": one["input"]["source"]}
            try:
                (self._work / name).mkdir()
                for file, content in files.items():
                    (self._work / name / file).write_bytes(content.encode("utf-8"))
            except OSError as error:
                raise InputError(f"{self.target}: cannot be written ({error.strerror}); check --evidence and the space left", "unwritable") from error
            self._rows.append({**row, "sha256": {file: digest(content) for file, content in files.items()}})

    def finish(self) -> None:
        """Write the index and move all to the target."""
        assert self._work is not None
        index = {"schema": SCHEMA, "kind": INDEX_KIND, **self.context, "findings": self._rows}
        try:
            (self._work / INDEX).write_bytes(dump(index).encode("utf-8"))
            self._work.chmod(0o755)
            if self.target.exists():
                self.target.rmdir()
            self._work.replace(self.target)
        except OSError as error:
            raise InputError(f"{self.target}: cannot be written ({error.strerror}); check --evidence", "unwritable") from error
        self._work = None


def context(model: Model, options: Mapping[str, Any]) -> dict[str, Any]:
    """What all findings of a scan share; ``options`` are those of the command line."""
    return {
        "program": {"name": "hiddensale", "version": __version__},
        "model": model_facts(model),
        "packs": pack_facts(model.langs),
        "settings": {"min_score": options["min_score"], "lang": options["lang"], "patterns": sorted(options["only"]), "all": options["everything"]},
        "seen_at": moment(options["seen_at"]) if options["seen_at"] else None,
    }
