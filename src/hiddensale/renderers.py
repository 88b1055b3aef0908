"""Scan results to text, JSON, JSON Lines and CSV. Pure functions; ads are hostile input and come out inert."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from hiddensale import clarifying, messages
from hiddensale.catalogue import PATTERNS, law_notice, patterns, rules
from hiddensale.schema import Finding, ScanResult
from hiddensale.terminal import Mark, Style, excerpt, inert, line_column, width, wrap

FORMATS: tuple[str, ...] = ("text", "json", "jsonl", "csv")
# From how many flagged texts on the summary says in which files they are, and of how many files.
_MANY, _TOP = 10, 10
_CSV_COLUMNS = (
    "id", "source", "lang", "flagged", "score", "pattern", "finding_score", "finding_flagged", "stance", "disclosure",
    "lure_start", "lure_end", "lure", "catch_start", "catch_end", "catch", "message", "law", "error_code", "error", "clarify",
)  # fmt: skip
# What JSON may hold as it is, but what moves or reorders a terminal's text or ends a line for some readers.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def shown(result: ScanResult, *, everything: bool) -> ScanResult:
    """The result with the findings that are to be shown: the flagged ones, or all."""
    if everything:
        return result
    from dataclasses import replace

    return replace(result, findings=tuple(f for f in result.findings if f.flagged))


def as_text(results: Iterable[ScanResult], *, ui_lang: str | None = None, color: bool = False, columns: int = 88) -> Iterator[str]:
    """Findings for a person at a terminal: each ad's lines with lure and catch marked and joined, and a summary by pattern.

    Parameters
    ----------
    results : iterable of ScanResult
    ui_lang : {"fi", "en"}, optional
        Language of the words around; each text's own when not given, English in the summary.
    color : bool
    columns : int
        Columns of the terminal.

    Yields
    ------
    str
        Rows of one file stand together under its name. A rule is named in full the first time, by its place after that.
    """
    style = Style(color=color)
    tally = _Tally()
    named: set[tuple[str, str]] = set()
    source = None
    for result in results:
        tally.add(result)
        if result.error is None and not result.findings:
            continue
        # Rows of one file come one after another.
        if result.source != source or not _is_row(result):
            yield style(inert(result.source or result.id or "-"), 1, 4) + "\n"
        source = result.source
        if _is_row(result):
            yield f"  {style('#' + inert(result.id), 1)}\n"
        if result.error is not None:
            yield "\n".join(_hang(f"{result.error.code}: {inert(result.error.message)}", "  ! ", columns, style, 33)) + "\n\n"
            continue
        for finding in result.findings:
            yield _finding_text(result, finding, ui_lang or result.lang or "en", style, columns, named)
    yield _summary(tally, ui_lang or "en", style, columns)


def _is_row(result: ScanResult) -> bool:
    """Whether the document is one of several in its file."""
    return bool(result.id and result.source and not result.source.endswith(result.id) and result.id != "stdin")


def _hang(text: str, lead: str, columns: int, style: Style, *codes: int) -> list[str]:
    lines = wrap(text, columns - len(lead))
    return [(style(lead, *codes) if n == 0 else " " * len(lead)) + line for n, line in enumerate(lines)]


def _finding_text(result: ScanResult, finding: Finding, ui: str, style: Style, columns: int, named: set[tuple[str, str]]) -> str:
    words = messages.texts()[ui]
    paint = 31 if finding.flagged else 36
    line, column = line_column(result.text, finding.lure.start)
    facts = f"{words['stance'][finding.stance]} · {words['disclosure'][finding.disclosure]} · {messages.level_word(finding.score, ui)} {finding.score:.2f}"
    out = [f"  {line}:{column}  {style(finding.pattern, 1, paint)} {patterns()[finding.pattern].name[ui]}", f"     {style(facts, 2)}"]
    marks = [Mark(finding.lure, words["label"]["lure"], "^", 33)]
    if finding.catch is not None:
        marks.append(Mark(finding.catch, words["label"]["catch"], "~", paint))
    out.extend(excerpt(result.text, marks, columns, style))
    out.extend(wrap(inert(finding.message), columns, "     "))
    if finding.clarify is not None:
        out.extend(style(x, 32) for x in wrap(f"→ {inert(clarifying.advice(finding, ui))}", columns, "     ", "       "))
        if finding.clarify:
            out.append("       " + style(f"{finding.clarify['score_before']:.2f} → {finding.clarify['score_after']:.2f}", 2))
    if finding.law:
        out.extend(style(x, 2) for x in wrap(f"{words['label']['rule']}: {'; '.join(_rule(r, ui, named) for r in finding.law)}", columns, "     "))
    return "\n".join(out) + "\n\n"


def _rule(ident: str, ui: str, named: set[tuple[str, str]]) -> str:
    rule = rules()[ident]
    if (ident, ui) in named:
        return f"{rule.place} [{rule.level}]"
    named.add((ident, ui))
    return f"{rule.name[ui]} ({rule.place}) [{rule.level}]"


class _Tally:
    """What the summary counts."""

    def __init__(self) -> None:
        self.documents = self.flagged = self.failed = 0
        self.patterns: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()

    def add(self, result: ScanResult) -> None:
        self.documents += 1
        self.failed += result.error is not None
        self.flagged += result.flagged
        self.sources[result.source] += result.flagged
        self.patterns.update(f.pattern for f in result.findings if f.flagged)


def _summary(tally: _Tally, ui: str, style: Style, columns: int) -> str:
    words = messages.texts()[ui]["summary"]
    n, flagged = tally.documents, tally.flagged
    head = ", ".join(words[key].format(n=number) for key, number in (("texts" if n != 1 else "text", n), ("flagged", flagged), ("failed", tally.failed)) if key != "failed" or number)
    rows = [(p, patterns()[p].name[ui], tally.patterns[p]) for p in PATTERNS if tally.patterns[p]]
    if len(rows) == 1:
        out = [f"{style(head, 1)}: {rows[0][0]} {rows[0][2]}"]
    else:
        out = [style(head, 1)]
        out.extend(_bars([(f"{p:<22} {name}", count) for p, name, count in sorted(rows, key=lambda r: -r[2])], columns))
    # Where findings are many, where they are.
    if sum(count > 0 for count in tally.sources.values()) > 1 and flagged >= _MANY:
        out.append(style(words["where"], 1))
        out.extend(_bars([(inert(source), count) for source, count in tally.sources.most_common(_TOP) if count], columns))
    if flagged:
        out.extend(style(x, 2) for x in wrap(law_notice()[ui], min(columns, 88)))
    return "\n".join(out) + "\n"


def _bars(rows: list[tuple[str, int]], columns: int) -> list[str]:
    """Names, counts and bars, the bars as long as the terminal lets them be."""
    room = min(max(width(name) for name, _ in rows), max(30, columns - 20)) if rows else 0
    most = max((count for _, count in rows), default=1)
    scale = min(1.0, max(8, columns - room - 12) / most)
    # Of a long path the end tells more.
    names = ["…" + name[-(room - 1) :] if width(name) > room else name for name, _ in rows]
    return [f"  {name}{' ' * (room - width(name))} {count:>5}  {'█' * max(1, round(count * scale))}" for name, (_, count) in zip(names, rows, strict=True)]


def _record(result: ScanResult) -> str:
    """A record as JSON; its unsafe signs, which stand only inside strings, are written as escapes and read back as they were."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(result.to_dict(), ensure_ascii=False))


def as_jsonl(results: Iterable[ScanResult]) -> Iterator[str]:
    """One record of the contract a line."""
    for result in results:
        yield _record(result) + "\n"


def as_json(results: Iterable[ScanResult]) -> Iterator[str]:
    """All records as one JSON array."""
    first = True
    for result in results:
        yield ("[\n " if first else ",\n ") + _record(result)
        first = False
    yield "[]\n" if first else "\n]\n"


def cell(value: object) -> str:
    """A CSV cell no spreadsheet runs as a formula.

    Examples
    --------
    >>> cell("=cmd|' /C calc'!A0")
    "'=cmd|' /C calc'!A0"
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else inert(str(value).replace("\r\n", "\n").replace("\r", "\n"))
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") and not isinstance(value, (int, float)) else text


def as_csv(results: Iterable[ScanResult]) -> Iterator[str]:
    """One row a finding; a document without findings has one row too."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def take() -> str:
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    writer.writerow(_CSV_COLUMNS)
    yield take()
    for r in results:
        base = [r.id, r.source, r.lang, r.flagged, round(r.score, 4)]
        error = [r.error.code, r.error.message] if r.error else [None, None]
        for f in r.findings or (None,):
            found: list[object] = [None] * 13
            if f is not None:
                catch = [f.catch.start, f.catch.end, f.catch.text] if f.catch else [None, None, None]
                found = [f.pattern, round(f.score, 4), f.flagged, f.stance, f.disclosure, f.lure.start, f.lure.end, f.lure.text, *catch, f.message, " ".join(f.law)]
            # Nothing where nobody asked, or where no change that was tried helps.
            writer.writerow([cell(v) for v in [*base, *found, *error, (f.clarify or {}).get("text") if f is not None else None]])
        yield take()


RENDERERS: dict[str, Callable[[Iterable[ScanResult]], Iterator[str]]] = {"json": as_json, "jsonl": as_jsonl, "csv": as_csv}
