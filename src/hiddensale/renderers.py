"""Scan results to text, JSON, JSON Lines and CSV. Pure functions; ads are hostile input and come out inert."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from hiddensale import messages
from hiddensale.catalogue import PATTERNS, law_notice, patterns, rules
from hiddensale.schema import Finding, ScanResult

FORMATS: tuple[str, ...] = ("text", "json", "jsonl", "csv")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]")
_CSV_COLUMNS = (
    "id", "source", "lang", "flagged", "score", "pattern", "finding_score", "finding_flagged", "stance", "disclosure",
    "lure_start", "lure_end", "lure", "catch_start", "catch_end", "catch", "message", "law", "error_code", "error",
)  # fmt: skip


def shown(result: ScanResult, *, everything: bool) -> ScanResult:
    """The result with the findings that are to be shown: the flagged ones, or all."""
    if everything:
        return result
    from dataclasses import replace

    return replace(result, findings=tuple(f for f in result.findings if f.flagged))


def inert(text: str) -> str:
    """Text a terminal cannot be moved by: control and direction characters become visible signs.

    Examples
    --------
    >>> inert("a\\x1b[31mb")
    'a␛[31mb'
    """

    def sign(match: re.Match[str]) -> str:
        code = ord(match.group())
        return chr(0x2400 + code) if code < 32 else "�"

    return _CONTROL.sub(sign, text)


def width(text: str) -> int:
    """Columns a terminal needs for ``text``."""
    total = 0
    for ch in text:
        if unicodedata.combining(ch) or ch in "\u200b\u200d\ufe0e\ufe0f":
            continue
        total += 2 if unicodedata.east_asian_width(ch) in "WF" else 1
    return total


class Style:
    """Terminal colours, or none."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, text: str, *codes: int) -> str:
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self._color and text else text


def as_text(results: Iterable[ScanResult], *, ui_lang: str | None = None, color: bool = False, columns: int = 88) -> Iterator[str]:
    """Findings for a person at a terminal: the ad's line with lure and catch marked below it."""
    style = Style(color=color)
    counts: Counter[str] = Counter()
    n = flagged = failed = 0
    for result in results:
        n += 1
        if result.error is not None:
            failed += 1
            yield f"{style(_name(result), 1)}\n  {style('!', 33)} {result.error.code}: {inert(result.error.message)}\n\n"
            continue
        flagged += result.flagged
        if result.findings:
            yield style(_name(result), 1) + "\n"
            for finding in result.findings:
                counts[finding.pattern] += finding.flagged
                yield _finding_text(result, finding, ui_lang or result.lang or "en", style, columns)
    yield _summary(n, flagged, failed, counts, ui_lang or "en", style)


def _name(result: ScanResult) -> str:
    source = result.source or result.id or "-"
    name = f"{source}#{result.id}" if result.id and result.source and not result.source.endswith(result.id) and result.id != "stdin" else source
    return inert(name)


def _finding_text(result: ScanResult, finding: Finding, ui: str, style: Style, columns: int) -> str:
    words = messages.texts()[ui]
    name = patterns()[finding.pattern].name[ui]
    paint = 31 if finding.flagged else 36
    line, column = line_column(result.text, finding.lure.start)
    facts = f"{words['stance'][finding.stance]} · {words['disclosure'][finding.disclosure]} · {messages.level_word(finding.score, ui)} {finding.score:.2f}"
    out = [f"  {line}:{column}  {style(finding.pattern, 1, paint)} {name}", f"     {style(facts, 2)}"]
    marks = [(finding.lure, words["label"]["lure"], "^", 33)]
    if finding.catch is not None:
        marks.append((finding.catch, words["label"]["catch"], "~", paint))
    marks.sort(key=lambda m: m[0].start)
    last = 0
    for span, label, sign, code in marks:
        for number, piece, first, size in _pieces(result.text, span.start, span.end, columns - 12):
            if last and number > last + 1:
                out.append(style("      ⋮", 2))
            out.append(f"{style(f'{number:>5} |', 2)} {piece[:first]}{style(piece[first : first + size], 1, code)}{piece[first + size :]}")
            out.append(f"{style('      |', 2)} {' ' * width(piece[:first])}{style(sign * max(1, width(piece[first : first + size])) + ' ' + label, code)}")
            last = number
    out.extend(f"     {x}" for x in _wrap(inert(finding.message), columns - 5))
    if finding.law:
        table = rules()
        named = "; ".join(f"{table[r].name[ui]} ({table[r].place}) [{table[r].level}]" for r in finding.law)
        out.extend(f"     {style(x, 2)}" for x in _wrap(f"{words['label']['rule']}: {named}", columns - 5))
    return "\n".join(out) + "\n\n"


def _wrap(text: str, columns: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(40, columns), break_long_words=False, break_on_hyphens=False)


def line_column(text: str, at: int) -> tuple[int, int]:
    """Line and column, both from 1, of a code point offset."""
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _pieces(text: str, start: int, end: int, room: int) -> Iterator[tuple[int, str, int, int]]:
    """The lines a span touches, each cut to ``room`` columns around it: (line number, piece, first, size)."""
    shown_lines = 0
    at = start
    while at < end and shown_lines < 3:
        begin = text.rfind("\n", 0, at) + 1
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        first, last = at - begin, min(end, stop) - begin
        line = text[begin:stop]
        if line[first:last].strip():
            lead = max(0, min(first - 20, len(line) - room)) if len(line) > room else 0
            tail = lead + room
            piece = ("…" if lead else "") + line[lead:tail] + ("…" if tail < len(line) else "")
            shift = (1 if lead else 0) - lead
            left = first + shift
            size = max(1, min(last, tail) - first)
            safe = "".join(" " if ch == "\t" else ch for ch in piece)
            yield text.count("\n", 0, begin) + 1, inert(safe), left, size
            shown_lines += 1
        at = stop + 1


def _summary(n: int, flagged: int, failed: int, counts: Counter[str], ui: str, style: Style) -> str:
    parts = ", ".join(f"{p} {counts[p]}" for p in PATTERNS if counts[p])
    if ui == "fi":
        text = f"{n} tekstiä, {flagged} epäilyttävää" + (f", {failed} lukematta" if failed else "")
    else:
        text = f"{n} text{'s' if n != 1 else ''}, {flagged} flagged" + (f", {failed} not scanned" if failed else "")
    out = style(text, 1) + (f": {parts}" if parts else "") + "\n"
    if flagged:
        out += "\n".join(style(x, 2) for x in _wrap(law_notice()[ui], 88)) + "\n"
    return out


def as_jsonl(results: Iterable[ScanResult]) -> Iterator[str]:
    """One record of the contract a line."""
    for result in results:
        yield json.dumps(result.to_dict(), ensure_ascii=False) + "\n"


def as_json(results: Iterable[ScanResult]) -> Iterator[str]:
    """All records as one JSON array."""
    first = True
    for result in results:
        yield ("[\n " if first else ",\n ") + json.dumps(result.to_dict(), ensure_ascii=False)
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
            writer.writerow([cell(v) for v in [*base, *found, *error]])
        yield take()


RENDERERS: dict[str, Callable[[Iterable[ScanResult]], Iterator[str]]] = {"json": as_json, "jsonl": as_jsonl, "csv": as_csv}
