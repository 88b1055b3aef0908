"""Which patterns of a pack begin where in a text, found for all places at once.

A pack has thousands of patterns and a text holds a dozen. Three things keep the others cheap:

- Each pattern is filed under its rarest word. Only the patterns filed under a word of the text are looked at.
- Of these only those are walked that some unit holds all the words of; a set of words is an int, so one ``&`` tells.
- A set of places in the text is an int, one bit a place, so one ``&`` asks all places. A pattern is walked backwards
  from its last element: which places can come before what was walked so far? What is left are the places it begins at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hiddensale.analysis import Analysis, Unit, WordType
from hiddensale.packs import Cue, Element

# The choice of an element that takes any token.
_ANY = -1
# Long texts are gone through in blocks of units of about so many tokens: the longer an int, the longer each step takes.
_BLOCK = 1000
# Words that pass the same tests are of one kind, so there are far fewer of these than words; hostile texts may hold more.
_MAX_KINDS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A pattern as it is filed; compared by identity, since the index makes each once.

    ``cue`` is the number of its cue, ``needs`` are the choices that a unit must hold, one bit each, ``backwards`` its elements from the
    last to the first, each with its choice.
    """

    cue: int
    pattern: tuple[Element, ...]
    needs: int
    backwards: tuple[tuple[Element, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """What words that pass the same tests have in common: the choices that take them, one bit each, and the entries filed under those."""

    choices: int
    entries: tuple[Entry, ...]


class Index:
    """The patterns of a pack's cues, filed by the predicates of a text they may be in.

    A choice is a set of predicates of which an element asks for one; elements with the same choice share its places.
    """

    def __init__(self, cues: Sequence[Cue]) -> None:
        patterns = [(c, pattern) for c, cue in enumerate(cues) for pattern in cue.patterns]
        choices = {preds: n for n, preds in enumerate(dict.fromkeys(element.preds for _, pattern in patterns for element in pattern if element.preds))}
        # How common words are is not known here; the words that many patterns ask for are the common ones.
        asked = Counter(pred for _, pattern in patterns for element in pattern for pred in element.preds)
        commonness = [max([asked[pred] for pred in preds]) for preds in choices]
        filed: defaultdict[int, list[Entry]] = defaultdict(list)
        for c, pattern in patterns:
            backwards = tuple([(element, choices.get(element.preds, _ANY)) for element in reversed(pattern)])
            needs = {choice for element, choice in backwards if choice != _ANY and not element.optional and not element.negative}
            filed[min(needs, key=commonness.__getitem__)].append(Entry(c, pattern, sum(1 << choice for choice in needs), backwards))
        self._predicates = [frozenset(preds) for preds in choices]
        # By predicate: the choices that take it, and the entries filed under one of those.
        self._choices: defaultdict[int, int] = defaultdict(int)
        self._filed: defaultdict[int, list[Entry]] = defaultdict(list)
        for preds, choice in choices.items():
            for pred in preds:
                self._choices[pred] |= 1 << choice
                self._filed[pred].extend(filed.get(choice, ()))
        self._kinds: dict[frozenset[int], _Kind] = {}

    def begins(self, analysis: Analysis) -> Iterator[tuple[Entry, int, int]]:
        """Each entry with each unit and token it begins at: exactly where :func:`hiddensale.cues.match_at` finds an end."""
        block: list[tuple[int, Unit]] = []
        for u, unit in enumerate(analysis.units):
            block.append((u, unit))
            if unit.last - block[0][1].first >= _BLOCK or u == len(analysis.units) - 1:
                yield from self._begins(analysis.words, block)
                block = []

    def _begins(self, words: Sequence[WordType], block: Sequence[tuple[int, Unit]]) -> Iterator[tuple[Entry, int, int]]:
        possible = self._possible(words, block)
        if not possible:
            return
        grid = _lay_out(words, block)
        here = frozenset(grid.held)
        # The places of each choice that is asked for.
        taken = {_ANY: grid.tokens}
        for entry in possible:
            for _, choice in entry.backwards:
                if choice not in taken:
                    places = 0
                    for pred in self._predicates[choice] & here:
                        places |= grid.held[pred]
                    taken[choice] = places
            found = _walk(entry, grid, taken)
            while found:
                lowest = found & -found
                found ^= lowest
                yield entry, *grid.token(lowest.bit_length() - 1)

    def _possible(self, words: Sequence[WordType], block: Sequence[tuple[int, Unit]]) -> dict[Entry, None]:
        """The entries that some unit holds all the words of: no match leaves its unit."""
        known = self._kinds.get
        out: dict[Entry, None] = {}
        for _, unit in block:
            kinds = [known(word.preds) or self._kind(word.preds) for word in words[unit.first : unit.last]]
            held = 0
            for kind in kinds:
                held |= kind.choices
            for kind in kinds:
                for entry in kind.entries:
                    if entry.needs & held == entry.needs:
                        out[entry] = None
        return out

    def _kind(self, preds: frozenset[int]) -> _Kind:
        """The kind of the words that pass these tests."""
        choices = 0
        entries: dict[Entry, None] = {}
        for pred in preds:
            if pred in self._choices:
                choices |= self._choices[pred]
                entries.update(dict.fromkeys(self._filed[pred]))
        if len(self._kinds) >= _MAX_KINDS:
            self._kinds.clear()
        found = self._kinds[preds] = _Kind(choices, tuple(entries))
        return found


@dataclass(frozen=True, slots=True)
class _Grid:
    """The places of a block of units.

    ``offsets`` are the places of the units' first tokens; ``tokens``, ``firsts`` and ``ends`` say which places are tokens,
    first tokens and ends of units, ``held`` for each predicate which tokens pass it.
    """

    block: Sequence[tuple[int, Unit]]
    offsets: list[int]
    tokens: int
    firsts: int
    ends: int
    held: dict[int, int]

    def token(self, place: int) -> tuple[int, int]:
        """The unit and the token at a place."""
        at = bisect_right(self.offsets, place) - 1
        u, unit = self.block[at]
        return u, unit.first + place - self.offsets[at]


def _lay_out(words: Sequence[WordType], block: Sequence[tuple[int, Unit]]) -> _Grid:
    """Give each place a bit: the tokens of the first unit, its end, the tokens of the second unit, its end, and so on.

    No token stands at the end of a unit, so nothing that goes from token to token leaves its unit.
    """
    offsets: list[int] = []
    firsts = ends = 0
    # Many words pass the same predicates, so these are gone through once for all of them.
    alike: dict[frozenset[int], int] = {}
    bit = 1
    for _, unit in block:
        offsets.append(bit.bit_length() - 1)
        firsts |= bit
        for word in words[unit.first : unit.last]:
            alike[word.preds] = alike.get(word.preds, 0) | bit
            bit <<= 1
        ends |= bit
        bit <<= 1
    held: dict[int, int] = {}
    for preds, at in alike.items():
        for pred in preds:
            held[pred] = held.get(pred, 0) | at
    return _Grid(block, offsets, (bit - 1) & ~ends, firsts, ends, held)


def _walk(entry: Entry, grid: _Grid, taken: Mapping[int, int]) -> int:
    """The places an entry begins at.

    Both ``inside`` and ``outset`` are the places from which the elements walked so far match: ``inside`` if a token was
    matched before them, ``outset`` if none was. They differ in that only inside a match tokens may be skipped.
    """
    tokens = grid.tokens
    inside = outset = tokens | grid.ends
    for element, choice in entry.backwards:
        if element.anchor:
            border = grid.firsts if element.anchor == "^" else grid.ends
            inside &= border
            outset &= border
        elif element.negative:
            # What asks for nothing rules nothing out.
            if choice != _ANY:
                inside &= ~taken[choice]
                outset &= ~taken[choice]
        else:
            here = taken[choice] & (inside >> 1)
            reached = here
            for _ in range(element.gap):
                reached = here | (tokens & (reached >> 1))
            inside = inside | reached if element.optional else reached
            outset = outset | here if element.optional else here
        if not inside:  # then there is no outset either, it is a part of it
            return 0
    return outset
