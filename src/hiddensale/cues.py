"""Find the cues of a pack in an analysed text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hiddensale.analysis import Analysis, Unit, WordType
from hiddensale.matching import Index
from hiddensale.packs import Cue, Element, Pack


@dataclass(frozen=True, slots=True)
class Hit:
    """A cue found: tokens ``first`` to ``last`` (exclusive) of unit ``unit``."""

    cue: Cue
    unit: int
    first: int
    last: int
    negated: bool = False

    @property
    def role(self) -> str:
        return self.cue.kind.role

    @property
    def key(self) -> str:
        return self.cue.kind.key


def find(analysis: Analysis, pack: Pack) -> list[Hit]:
    """The cues of ``pack`` in ``analysis``, in text order, without hits that lie inside another of the same kind."""
    return _outermost(matches(analysis, pack))


def matches(analysis: Analysis, pack: Pack) -> list[Hit]:
    """All matches of all cues, in text order; of one cue the longest at a place. They never leave their unit."""
    words, units = analysis.words, analysis.units
    longest: dict[tuple[int, int, int], int] = {}
    for entry, u, i in _index(pack).begins(analysis):
        end = match_at(words, units[u], i, entry.pattern)
        longest[entry.cue, u, i] = max(end, longest.get((entry.cue, u, i), 0))
    hits = [Hit(pack.cues[c], u, i, end) for (c, u, i), end in longest.items()]
    hits.sort(key=lambda h: (h.first, -h.last, h.cue.id))
    return hits


@lru_cache(maxsize=16)
def _index(pack: Pack) -> Index:
    return Index(pack.cues)


def _outermost(hits: list[Hit]) -> list[Hit]:
    """Drop a hit that lies inside another hit of the same kind."""
    out: list[Hit] = []
    reach: dict[str, int] = {}
    for hit in hits:
        if hit.last > reach.get(hit.key, -1):
            out.append(hit)
            reach[hit.key] = hit.last
    return out


def match_at(words: list[WordType], unit: Unit, at: int, pattern: tuple[Element, ...]) -> int:
    """Return the end of the longest match of ``pattern`` whose first token is ``at``, or -1."""
    return _match(words, unit, at, pattern, 0, started=False)


def _match(words: list[WordType], unit: Unit, at: int, pattern: tuple[Element, ...], k: int, *, started: bool) -> int:
    if k == len(pattern):
        return at
    element = pattern[k]
    if element.anchor:
        if (at == unit.first) if element.anchor == "^" else (at == unit.last):
            return _match(words, unit, at, pattern, k + 1, started=started)
        return -1
    if element.negative:
        if at < unit.last and not words[at].preds.isdisjoint(element.preds):
            return -1
        return _match(words, unit, at, pattern, k + 1, started=started)
    best = -1
    stop = min(unit.last, at + (element.gap if started else 0) + 1)
    for i in range(at, stop):
        if not element.preds or not words[i].preds.isdisjoint(element.preds):
            end = _match(words, unit, i + 1, pattern, k + 1, started=True)
            best = max(best, end)
    if element.optional:
        best = max(best, _match(words, unit, at, pattern, k + 1, started=started))
    return best
