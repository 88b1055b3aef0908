"""What a terminal shows: text made inert, its width in columns, and a text's lines with lure and catch marked and joined."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from hiddensale.schema import Span

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]")
_JOINER, _EMOJI_STYLE, _SOFT_HYPHEN = "\u200d", "\ufe0f", "\u00ad"
_SKIN = range(0x1F3FB, 0x1F400)
# A span of more lines is shown by its first ones.
_MAX_LINES = 3
_CONTEXT = 24


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


def widths(text: str) -> list[int]:
    """Columns each code point adds: none for what combines with the one before it, two for wide signs and emoji.

    Examples
    --------
    >>> widths("é👩‍👧❤️")
    [1, 2, 0, 0, 1, 1]
    """
    out: list[int] = []
    before = ""
    for ch in text:
        if _JOINER in (before, ch) or (ord(ch) in _SKIN and out[-1:] == [2]):
            out.append(0)
        elif ch == _EMOJI_STYLE:
            # Asks for the coloured picture, which is wide where the plain sign was not.
            out.append(1 if before and out[-1] == 1 and ord(before) > 0x7F else 0)
        elif ch != _SOFT_HYPHEN and unicodedata.category(ch) in ("Mn", "Me", "Cf"):
            out.append(0)
        else:
            out.append(2 if unicodedata.east_asian_width(ch) in "WF" else 1)
        before = ch
    return out


def width(text: str) -> int:
    """Columns a terminal needs for ``text``."""
    return sum(widths(text))


def wrap(text: str, columns: int, lead: str = "", rest: str | None = None) -> list[str]:
    """Text in lines of at most ``columns``, broken between words."""
    return textwrap.wrap(text, max(40, columns), initial_indent=lead, subsequent_indent=lead if rest is None else rest, break_long_words=False, break_on_hyphens=False)


def line_column(text: str, at: int) -> tuple[int, int]:
    """Line and column, both from 1, of a code point offset."""
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


class Style:
    """Terminal colours, or none."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, text: str, *codes: int) -> str:
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self._color and text else text


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to underline with ``sign``, named ``label``, in the colour ``code``."""

    span: Span
    label: str
    sign: str
    code: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """The part of a mark on one line: code points ``first`` to ``last`` of the line; ``head`` where the mark begins."""

    number: int
    line: str
    first: int
    last: int
    mark: Mark
    head: bool


def excerpt(text: str, marks: Sequence[Mark], columns: int, style: Style) -> Iterator[str]:
    """The lines of a text that marks touch, underlined, the marks joined by a line.

    Parameters
    ----------
    text : str
    marks : sequence of Mark
        Two at most are joined.
    columns : int
        Columns of the terminal.
    style : Style

    Yields
    ------
    str
        A line of the excerpt, without its line break.

    Examples
    --------
    >>> marks = [Mark(Span(0, 4, "Free"), "lure", "^", 33), Mark(Span(12, 15, "pay"), "catch", "~", 31)]
    >>> print("\\n".join(excerpt("Free! (You  pay.)", marks, 80, Style(color=False))))
        1 | Free! (You  pay.)
          | ^^^^────────~~~
          | lure        catch
    """
    pieces = sorted((p for m in marks for p in _split(text, m)), key=lambda p: (p.number, p.first))
    room = max(30, columns - 12)
    rows: list[list[_Piece]] = []
    for _, same in groupby(pieces, key=lambda p: p.number):
        for piece in same:
            # Two marks of one line share a row where both can be seen in it.
            if rows and rows[-1][0].number == piece.number and width(piece.line[rows[-1][0].first : piece.last]) <= room - 4:
                rows[-1].append(piece)
            else:
                rows.append([piece])
    heads = [i for i, row in enumerate(rows) for p in row if p.head]
    joined = len(heads) == 2 and heads[0] != heads[1]
    last = 0
    for i, row in enumerate(rows):
        if last and row[0].number > last + 1:
            yield style("      ⋮" + (" │" if joined and heads[0] < i <= heads[1] else ""), 2)
        inside = joined and heads[0] < i < heads[1]
        rail = " " if not joined else "╭" if i == heads[0] else "╰" if i == heads[1] else "│" if inside else " "
        yield from _row(row, room, rail if joined else "", style, after=joined and heads[0] <= i < heads[1], before=joined and heads[0] < i <= heads[1])
        last = row[0].number


def _row(row: list[_Piece], room: int, rail: str, style: Style, *, before: bool, after: bool) -> Iterator[str]:
    """One line of the text and what stands below it; ``rail`` is the corner of the line that joins two rows, empty where none does."""
    line = row[0].line
    start, stop = _window(line, row[0].first, max(p.last for p in row), room)
    cut_left, cut_right = start > 0, stop < len(line)
    at = [0]
    for n in widths(line[start:stop]):
        at.append(at[-1] + n)
    shift = 1 if cut_left else 0
    shown, under, names = "", "", ""
    done = start
    plain_under = plain_names = 0
    for k, p in enumerate(row):
        first, last = max(p.first, start), min(p.last, stop)
        if first >= last:
            continue
        shown += _show(line[done : max(done, first)]) + style(_show(line[max(done, first) : last]), 1, p.mark.code)
        done = max(done, last)
        left, right = at[first - start] + shift, at[last - start] + shift
        gap = max(0, left - plain_under)
        fill = "─" if k or (rail in ("╭", "╰") and p.head) else " "
        # What a mark shares with the one before it is underlined once.
        left = max(left, plain_under)
        under += style(fill * gap, 2) if fill != " " else " " * gap
        under += style(p.mark.sign * max(1, right - left), p.mark.code)
        plain_under = max(right, left + 1)
        if p.head:
            name_at = max(left, plain_names + 2 if plain_names else 0)
            names += " " * (name_at - plain_names) + style(p.mark.label, p.mark.code)
            plain_names = name_at + width(p.mark.label)
    shown += _show(line[done:stop])
    gutter = style("      |", 2)
    side = [
        (style("│", 2) + " " if before else "  ") if rail else "",
        (style(rail, 2) + (style("─", 2) if rail in ("╭", "╰") else " ")) if rail else "",
        (style("│", 2) + " " if after else "  ") if rail else "",
    ]
    yield f"{style(f'{row[0].number:>5} |', 2)} {side[0]}{'…' if cut_left else ''}{shown}{'…' if cut_right else ''}".rstrip()
    if len(row) == 1 and row[0].head and plain_under + 1 + width(row[0].mark.label) <= room:
        # A lone mark has its name beside it where there is room.
        yield f"{gutter} {side[1]}{under} {names.strip()}"
        return
    yield f"{gutter} {side[1]}{under}".rstrip()
    if names:
        yield f"{gutter} {side[2]}{names}".rstrip()


def _show(text: str) -> str:
    return inert(text.replace("\t", " "))


def _split(text: str, mark: Mark) -> Iterator[_Piece]:
    """The lines a mark touches, each with the part of it that is marked."""
    at, end, shown = mark.span.start, mark.span.end, 0
    while at < end and shown < _MAX_LINES:
        begin = text.rfind("\n", 0, at) + 1
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[begin:stop].rstrip("\r")
        if text[at : min(end, stop)].strip():
            yield _Piece(text.count("\n", 0, begin) + 1, line, at - begin, min(end, begin + len(line)) - begin, mark, shown == 0)
            shown += 1
        at = stop + 1


def _window(line: str, first: int, last: int, room: int) -> tuple[int, int]:
    """What of a long line is shown: the marks with some words around them, cut between words where one is near."""
    cells = widths(line)
    if sum(cells) <= room:
        return 0, len(line)
    left = room - 2
    stop = first
    while stop < last and left - cells[stop] >= 0:
        left -= cells[stop]
        stop += 1
    start, context = first, min(_CONTEXT, left)
    while start > 0 and context - cells[start - 1] >= 0:
        start -= 1
        context -= cells[start]
        left -= cells[start]
    while stop < len(line) and left - cells[stop] >= 0:
        left -= cells[stop]
        stop += 1
    # A word cut in two is left out, unless it is a long one.
    if start > 0:
        blank = re.compile(r"\s+").search(line, start, first)
        start = blank.end() if blank and blank.end() - start <= 14 else start
    if stop < len(line):
        blank_at = max(line.rfind(" ", last, stop), line.rfind("\t", last, stop))
        stop = blank_at if blank_at >= last and stop - blank_at <= 14 else stop
    while 0 < start < first and cells[start] == 0:
        start += 1
    while stop < len(line) and cells[stop] == 0:
        stop += 1
    return start, stop
