"""Phrase books: single lines that carry a lure or a catch, and lines that only look like one.

``corpus/phrases/LANG-PATTERN.txt``, and further books ``LANG-PATTERN-2.txt`` and so on, hold a line each: ``K`` a catch, ``N`` a near miss of one, ``L`` a lure, ``M`` a near
miss of one, the span in braces. They teach the first stage only; no figure is measured on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hiddensale.catalogue import PATTERNS
from hiddensale.errors import CorpusError

_LINE = re.compile(r"([KNLM]) (\S.*)$")
_NUMBER = re.compile(r"-\d+$")
_SPAN = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One line: ``role`` is ``catch`` or ``lure``; ``span`` is None for a near miss."""

    lang: str
    pattern: str
    role: str
    text: str
    span: tuple[int, int] | None


def read_book(path: Path) -> list[Phrase]:
    """Read one phrase book.

    Raises
    ------
    CorpusError
        With file and line of the first fault.
    """
    lang, _, pattern = _NUMBER.sub("", path.stem).partition("-")
    if pattern not in PATTERNS:
        raise CorpusError(f"{path}: the name is LANG-PATTERN.txt or LANG-PATTERN-NUMBER.txt with a pattern of the catalogue, got {pattern!r}")
    out = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise CorpusError(f"{path}:{number}: a line is K, N, L or M, a space and the text, got {line[:40]!r}")
        kind, marked = match.group(1), match.group(2).replace(" / ", "\n")
        found = list(_SPAN.finditer(marked))
        if len(found) != (1 if kind in "KL" else 0):
            raise CorpusError(f"{path}:{number}: {kind} has {len(found)} spans in braces")
        text = _SPAN.sub(r"\1", marked)
        span = (found[0].start(), found[0].start() + len(found[0].group(1))) if found else None
        out.append(Phrase(lang, pattern, "catch" if kind in "KN" else "lure", text, span))
    return out


def load(paths: Iterable[Path]) -> list[Phrase]:
    """All phrase books under the ``phrases`` folders of corpus folders."""
    return [phrase for path in paths if path.is_dir() for book in sorted((path / "phrases").glob("*.txt")) for phrase in read_book(book)]
