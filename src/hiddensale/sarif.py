"""Scan results as a SARIF 2.1.0 log, for code-scanning services and editors."""

from __future__ import annotations

import json
import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hiddensale import __version__
from hiddensale.baselines import fingerprint
from hiddensale.catalogue import PATTERNS, law_notice, patterns, pointers, rules
from hiddensale.messages import texts
from hiddensale.schema import Finding, ScanError, ScanResult, Span
from hiddensale.terminal import inert

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NEWLINES = ("\r\n", "\n", "\r")
_LINE_END = re.compile("\r\n|\n|\r")
_JOBS = frozenset(("sales-job-in-disguise", "pay-to-work"))
_HEADINGS = {"en": ("Where the line runs", "Rules it may touch"), "fi": ("Missä raja kulkee", "Säännöt, jotka voivat koskea tätä")}


def as_sarif(results: Iterable[ScanResult], *, ui_lang: str | None = None, manifest: Mapping[str, Any] | None = None) -> Iterator[str]:
    """One SARIF log with one run; findings are written as they come.

    Parameters
    ----------
    results : iterable of ScanResult
    ui_lang : {"fi", "en"}, optional
        Language of the rules; English by default. The message of a finding is in the language it was made in.
    manifest : mapping, optional
        The model's, so that the log says what found these.

    Yields
    ------
    str
        Pieces of one JSON document.
    """
    ui = ui_lang or "en"
    head = {"columnKind": "unicodeCodePoints", "newlineSequences": list(_NEWLINES), "language": ui, "tool": {"driver": _driver(ui, manifest or {})}}
    yield '{"$schema": ' + json.dumps(SCHEMA_URI) + ', "version": "2.1.0", "runs": [{'
    yield ",\n ".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in head.items())
    yield ',\n "results": ['
    failed: list[dict[str, Any]] = []
    documents, first = 0, True
    for result in results:
        documents += 1
        if result.error is not None:
            failed.append(_notification(result, result.error))
            continue
        lines = _Lines(result.text)
        for finding in result.findings:
            yield ("\n  " if first else ",\n  ") + json.dumps(_result(result, finding, lines, ui), ensure_ascii=False)
            first = False
    # A run in which every document failed has done nothing; one bad document among others is told, and no more.
    invocation = {"executionSuccessful": not failed or len(failed) < documents, "toolExecutionNotifications": failed}
    yield '],\n "invocations": ' + json.dumps([invocation], ensure_ascii=False) + "}]}\n"


def _driver(ui: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    driver: dict[str, Any] = {"name": "hiddensale", "version": __version__, "semanticVersion": __version__, "rules": [_rule(p, ui) for p in PATTERNS]}
    if "sha256" in manifest:
        driver["properties"] = {"modelSha256": manifest["sha256"], "packs": dict(manifest.get("packs", {}))}
    return driver


def _rule(ident: str, ui: str) -> dict[str, Any]:
    row, table = patterns()[ident], rules()
    line_heading, law_heading = _HEADINGS[ui]
    law = {lang: [{"id": r, "place": table[r].place, "name": table[r].name[ui], "level": table[r].level} for r in pointers(ident, lang)] for lang in ("fi", "en")}
    named = list(dict.fromkeys(f"{table[r].name[ui]} ({table[r].place}) [{table[r].level}]" for lang in (ui, *law) for r in pointers(ident, lang)))
    notice = law_notice()
    return {
        "id": ident,
        "name": "".join(part.capitalize() for part in ident.split("-")),
        "shortDescription": {"text": _prose(f"{row.name[ui].capitalize()}: {row.short[ui]}.")},
        "fullDescription": {"text": _prose(row.definition[ui])},
        "help": {
            "text": _prose("\n\n".join((row.definition[ui], f"{line_heading}. {row.line[ui]}", f"{law_heading}: {'; '.join(named)}.", notice[ui]))),
            "markdown": "\n\n".join((row.definition[ui], f"**{line_heading}.** {row.line[ui]}", f"**{law_heading}**", "\n".join(f"- {x}" for x in named), f"_{notice[ui]}_")),
        },
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["hidden-sale", "job-ad" if ident in _JOBS else "consumer-offer"], "law": law, "lawRead": notice["read"]},
    }


def _prose(text: str) -> str:
    """Text for a SARIF message: braces are placeholders there and ``[…](…)`` a link; an ad gets neither.

    Examples
    --------
    >>> _prose("{0} [win](https://bad.example)")
    '{{0}} [win] (https://bad.example)'
    """
    return inert(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def uri(source: str) -> str:
    """A source as a relative reference, percent-encoded; what lies outside the working directory becomes a file URI.

    Examples
    --------
    >>> uri("ads/kesän tarjous #1.txt")
    'ads/kes%C3%A4n%20tarjous%20%231.txt'
    >>> uri("<stdin>")
    'stdin'
    """
    if source in ("", "<stdin>", "-"):
        return "stdin"
    path = Path(os.path.normpath(source))
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    if path.is_absolute():
        return path.as_uri()
    return quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/~")


class _Lines:
    """Where the lines of a text begin, to turn offsets into regions."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(m.end() for m in _LINE_END.finditer(text))]

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def region(self, span: Span) -> dict[str, Any]:
        (start_line, start_column), (end_line, end_column) = self.place(span.start), self.place(span.end)
        return {
            "startLine": start_line,
            "startColumn": start_column,
            "endLine": end_line,
            "endColumn": end_column,
            "charOffset": span.start,
            "charLength": span.end - span.start,
            "snippet": {"text": span.text},
        }


def _location(result: ScanResult, span: Span | None, lines: _Lines | None, **more: Any) -> dict[str, Any]:
    """Where something is. Offsets of a row or of extracted text are none of the file's, so these point at the row or the file as a whole."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(result.source)}}
    if result.line is not None:
        physical["region"] = {"startLine": result.line}
    elif span is not None and lines is not None and not result.extracted:
        physical["region"] = lines.region(span)
    location: dict[str, Any] = {**more, "physicalLocation": physical}
    if result.line is not None:
        location["logicalLocations"] = [{"name": result.id, "fullyQualifiedName": f"{result.source}#{result.id}", "kind": "row"}]
    return location


def _result(result: ScanResult, finding: Finding, lines: _Lines, ui: str) -> dict[str, Any]:
    labels = texts()[ui]["label"]
    marks = [(labels["lure"], finding.lure)] + ([(labels["catch"], finding.catch)] if finding.catch else [])
    return {
        "ruleId": finding.pattern,
        "ruleIndex": PATTERNS.index(finding.pattern),
        "level": "warning" if finding.flagged else "note",
        "message": {"text": _prose(finding.message)},
        "locations": [_location(result, finding.lure, lines)],
        "relatedLocations": [_location(result, span, lines, id=i, message={"text": _prose(f"{label}: {span.text}")}) for i, (label, span) in enumerate(marks, 1)],
        "partialFingerprints": {"hiddensale/v1": fingerprint(finding)},
        "properties": {
            "id": result.id,
            "lang": result.lang,
            "score": round(finding.score, 6),
            "flagged": finding.flagged,
            "disclosure": finding.disclosure,
            "stance": finding.stance,
            "extracted": result.extracted,
            "lure": finding.lure.to_dict(),
            "catch": finding.catch.to_dict() if finding.catch else None,
            "law": list(finding.law),
        },
    }


def _notification(result: ScanResult, error: ScanError) -> dict[str, Any]:
    return {"descriptor": {"id": error.code}, "level": "error", "message": {"text": _prose(error.message)}, "locations": [_location(result, None, None)]}
