"""Find the cues of a pack in an analysed text."""

from __future__ import annotations

from dataclasses import dataclass

from hiddensale.analysis import Analysis, Unit, WordType
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
    hits: list[Hit] = []
    words = analysis.words
    cues = pack.cues
    for u, unit in enumerate(analysis.units):
        best: dict[tuple[int, int], int] = {}
        for i in range(unit.first, unit.last):
            for c, p in words[i].starters:
                end = match_at(words, unit, i, cues[c].patterns[p])
                if end > i and end > best.get((c, i), 0):
                    best[c, i] = end
        hits.extend(Hit(cues[c], u, i, end) for (c, i), end in best.items())
    hits.sort(key=lambda h: (h.first, -h.last, h.cue.id))
    return hits


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
