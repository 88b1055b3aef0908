"""Two versions of one ad: what came, went, moved or changed its wording."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from hiddensale import readers
from hiddensale.baselines import normal
from hiddensale.catalogue import PATTERNS, patterns
from hiddensale.detector import Detector
from hiddensale.errors import InputError
from hiddensale.messages import quoted, texts
from hiddensale.schema import Document, Finding, ScanResult, Span
from hiddensale.terminal import inert

SCHEMA = 1
_TOKEN = re.compile(r"\w+|[^\w\s]")
# Above this many pairs of words between the first and the last change the texts are not aligned in detail.
_MAX_PAIRS = 25_000_000
_WORDS = {
    "en": {"same": "same", "moved": "moved", "reworded": "reworded", "came": "came", "went": "went", "changed": "changed", "score": "score", "flagged": "flagged", "yes": "yes", "no": "no",
           "disclosure": "disclosure", "stance": "stance", "alike": "alike", "none": "No change in findings.", "nothing": "Nothing found in either."},
    "fi": {"same": "sama", "moved": "siirtyi", "reworded": "sanottu toisin", "came": "tuli", "went": "poistui", "changed": "muuttui", "score": "varmuus", "flagged": "epäily", "yes": "kyllä", "no": "ei",
           "disclosure": "kertominen", "stance": "asenne", "alike": "samaa", "none": "Löydökset eivät muuttuneet.", "nothing": "Kummassakaan ei löydöksiä."},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpanChange:
    """What became of a lure or catch: ``same``, ``moved``, ``reworded``, ``came``, ``went`` or ``none``; ``ratio`` is difflib's."""

    what: str
    old: Span | None
    new: Span | None
    ratio: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"change": self.what, "old": self.old.to_dict() if self.old else None, "new": self.new.to_dict() if self.new else None, "ratio": self.ratio}


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one pattern's finding."""

    pattern: str
    old: Finding | None
    new: Finding | None
    old_score: float
    new_score: float
    lure: SpanChange
    catch: SpanChange

    @property
    def what(self) -> str:
        """``came``, ``went``, ``changed`` or ``same``; a score alone changes nothing."""
        if self.old is None or self.new is None:
            return "came" if self.old is None else "went"
        facts = [(f.flagged, f.stance, f.disclosure) for f in (self.old, self.new)]
        return "same" if facts[0] == facts[1] and self.lure.what == "same" and self.catch.what in ("same", "none") else "changed"

    def to_dict(self) -> dict[str, Any]:
        def pair(name: str) -> list[Any]:
            return [getattr(f, name) if f else None for f in (self.old, self.new)]

        return {
            "pattern": self.pattern,
            "change": self.what,
            "score": [round(self.old_score, 6), round(self.new_score, 6)],
            "flagged": pair("flagged"),
            "stance": pair("stance"),
            "disclosure": pair("disclosure"),
            "lure": self.lure.to_dict(),
            "catch": self.catch.to_dict(),
        }


def one(path: Path, input_format: str) -> Document:
    """The one document of a file.

    Raises
    ------
    InputError
        When it cannot be read, or holds none or several.
    """
    documents = list(readers.read(path, input_format)) if not path.is_dir() else []
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the file of one version of the ad")
    if len(documents) != 1:
        raise InputError(f"{path}: holds {len(documents)} documents, and compare takes one ad a file; save the row to compare as a file of its own")
    if documents[0].error is not None:
        raise InputError(f"{path}: {documents[0].error.message}")
    return documents[0]


def compare(detector: Detector, old: Document, new: Document) -> list[Change]:
    """What became of the findings from one version to the other.

    Parameters
    ----------
    detector : Detector
    old, new : Document

    Returns
    -------
    list of Change
        One for each pattern found in either, in the order of the catalogue.

    Raises
    ------
    InputError
        When one of the two cannot be scanned.
    """
    results = [detector.scan_document(d) for d in (old, new)]
    for result in results:
        if result.error is not None:
            raise InputError(f"{result.source}: {result.error.message}")
    return between(*results)


def between(before: ScanResult, after: ScanResult) -> list[Change]:
    """What became of the findings from one result to the other."""
    was, now = ({f.pattern: f for f in r.findings} for r in (before, after))
    found = [p for p in PATTERNS if p in was or p in now]
    moves = _Alignment(before.text, after.text) if found else None
    out = []
    for pattern in found:
        a, b = was.get(pattern), now.get(pattern)
        spans = [_span(getattr(a, role) if a else None, getattr(b, role) if b else None, moves) for role in ("lure", "catch")]
        out.append(Change(pattern, a, b, before.scores[pattern], after.scores[pattern], *spans))
    return out


def _span(old: Span | None, new: Span | None, moves: _Alignment | None) -> SpanChange:
    if old is None or new is None:
        return SpanChange("none" if old is new else "came" if old is None else "went", old, new)
    if normal(old.text) == normal(new.text):
        return SpanChange("same" if moves is not None and moves.stays(old, new) else "moved", old, new, 1.0)
    return SpanChange("reworded", old, new, round(SequenceMatcher(None, normal(old.text), normal(new.text), autojunk=False).ratio(), 4))


class _Alignment:
    """Which words of one text are which of the other, so that an edit elsewhere moves nothing."""

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = ([m.start() for m in _TOKEN.finditer(text)] for text in (old, new))
        a, b = ([m.group().casefold() for m in _TOKEN.finditer(text)] for text in (old, new))
        head = 0
        while head < min(len(a), len(b)) and a[head] == b[head]:
            head += 1
        tail = 0
        while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
            tail += 1
        self._map = {i: i for i in range(head)}
        self._map.update({len(a) - 1 - k: len(b) - 1 - k for k in range(tail)})
        inner_a, inner_b = a[head : len(a) - tail], b[head : len(b) - tail]
        if len(inner_a) * len(inner_b) <= _MAX_PAIRS:
            for block in SequenceMatcher(None, inner_a, inner_b, autojunk=False).get_matching_blocks():
                self._map.update({head + block.a + k: head + block.b + k for k in range(block.size)})

    def stays(self, old: Span, new: Span) -> bool:
        """Whether a span of the old text is the span of the new one, words before and after it aside."""
        inside = [i for i, at in enumerate(self._old) if old.start <= at < old.end]
        places = [self._new[self._map[i]] for i in inside if i in self._map]
        return bool(inside) and len(places) == len(inside) and all(new.start <= at < new.end for at in places)


def as_text(changes: list[Change], ui: str) -> str:
    """The changes for a person."""
    words, said = _WORDS[ui], texts()[ui]
    if not changes:
        return f"{words['nothing']}\n"
    out = []
    for c in changes:
        out.append(f"{c.pattern} {patterns()[c.pattern].name[ui]}: {words[c.what]}")
        facts: list[tuple[str, str, str]] = [(words["score"], f"{c.old_score:.2f}", f"{c.new_score:.2f}")]
        if c.old and c.new:
            facts.append((words["flagged"], words["yes" if c.old.flagged else "no"], words["yes" if c.new.flagged else "no"]))
            facts.append((words["disclosure"], said["disclosure"][c.old.disclosure], said["disclosure"][c.new.disclosure]))
            facts.append((words["stance"], said["stance"][c.old.stance], said["stance"][c.new.stance]))
        out += [f"  {name}: {a} → {b}" for name, a, b in facts if a != b]
        out += [f"  {said['label'][role]} {line}" for role, span in (("lure", c.lure), ("catch", c.catch)) for line in _span_lines(span, words, ui)]
    if all(c.what == "same" for c in changes):
        out.append(words["none"])
    return "\n".join(out) + "\n"


def _span_lines(span: SpanChange, words: Mapping[str, str], ui: str) -> list[str]:
    if span.what == "none":
        return []
    ends = [inert(quoted(s, ui)) for s in (span.old, span.new) if s is not None]
    if span.what == "reworded":
        return [f"{words['reworded']} ({span.ratio:.0%} {words['alike']}): {ends[0]} → {ends[1]}"]
    if span.what == "moved" and span.old and span.new:
        return [f"{words['moved']} ({span.old.start} → {span.new.start}): {ends[0]}"]
    return [f"{words[span.what]}: {ends[0]}"]
