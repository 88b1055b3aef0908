"""The index of the patterns finds what trying every pattern at every token finds, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddensale.analysis import Analyser, Analysis, Unit, WordType
from hiddensale.cues import matches
from hiddensale.errors import PackError
from hiddensale.lexicon import TableLemmatizer
from hiddensale.packs import Cue, Element, Pack, Predicates, languages, load_pack, parse_pattern, run_time_lemmatizer

Found = set[tuple[str, int, int, int]]


def found(analysis: Analysis, pack: Pack) -> Found:
    hits = matches(analysis, pack)
    out = {(h.cue.id, h.unit, h.first, h.last) for h in hits}
    assert len(out) == len(hits)
    return out


def slowly_found(analysis: Analysis, pack: Pack) -> Found:
    """Every pattern at every token; of one cue the longest at a place."""
    out: dict[tuple[str, int, int], int] = {}
    for u, unit in enumerate(analysis.units):
        words = analysis.words[unit.first : unit.last]
        for at in range(len(words)):
            for cue in pack.cues:
                ends = [end for pattern in cue.patterns for end in ends_of(pattern, words, at, started=False)]
                if ends:
                    out[cue.id, u, unit.first + at] = unit.first + max(ends)
    return {(*key, end) for key, end in out.items()}


def ends_of(pattern: Sequence[Element], words: Sequence[WordType], at: int, *, started: bool) -> Iterator[int]:
    """All ends of a pattern that begins at a token of a unit, as the table in ``packs.py`` tells it."""
    if not pattern:
        yield at
        return
    element, *rest = pattern

    def fits(i: int) -> bool:
        return i < len(words) and (not element.preds or bool(words[i].preds & set(element.preds)))

    if element.anchor:
        if at == (0 if element.anchor == "^" else len(words)):
            yield from ends_of(rest, words, at, started=started)
    elif element.negative:
        if not (element.preds and fits(at)):
            yield from ends_of(rest, words, at, started=started)
    else:
        for i in range(at, at + element.gap + 1 if started else at + 1):
            if fits(i):
                yield from ends_of(rest, words, i + 1, started=True)
        if element.optional:
            yield from ends_of(rest, words, at, started=started)


# A pack of a few words, of which some are alike: `cat` and `cats` share tests, `dog` and `42` do not.
PREDICATES = Predicates()
CONCEPTS = {"pet": [PREDICATES.add("cats"), PREDICATES.add("dog")]}
ATOMS = ("ale", "=bee", "cat*", "*at", "(ale|dog)", "(bee|#num)", "<pet>", "#num", "_")
for _atom in ATOMS:  # a word is tested for the predicates there are when it is made
    parse_pattern(f"{_atom} ale", PREDICATES, CONCEPTS)
TINY = replace(load_pack("en"), predicates=PREDICATES, concepts={})
WORDS = {text: Analyser(TINY, TableLemmatizer({}, {}, compounds=False)).word(text) for text in ("ale", "bee", "cat", "cats", "dog", "42", "elk")}


def tiny(*patterns: Sequence[str]) -> Pack:
    """A pack with a cue of each row of patterns."""
    kind = TINY.cues[0].kind
    return replace(TINY, cues=tuple(Cue(f"cue{n}", kind, 0.5, tuple(parse_pattern(p, PREDICATES, CONCEPTS) for p in row), tuple(row), (), ()) for n, row in enumerate(patterns)))


def tokens(*units: Sequence[str]) -> Analysis:
    words = [WORDS[text] for unit in units for text in unit]
    borders = [0]
    for unit in units:
        borders.append(borders[-1] + len(unit))
    return Analysis("", "en", [], [], words, [Unit(a, b, 0) for a, b in pairwise(borders)])


@pytest.mark.parametrize(
    ("patterns", "text", "spans"),
    [
        (["ale"], "elk ale ale", [(1, 2), (2, 3)]),
        (["ale dog"], "ale elk dog ale dog", [(3, 5)]),
        (["ale ..1 dog"], "ale elk dog", [(0, 3)]),
        (["ale ..1 dog"], "ale elk elk dog", []),
        (["ale ..2 dog"], "ale dog elk dog", [(0, 4)]),  # the longest
        (["ale", "ale bee"], "ale bee", [(0, 2)]),  # the longest of a cue
        (["ale dog"], "ale | dog", []),  # not across units
        (["ale ..6 dog"], "ale elk | elk dog", []),
        (["ale !dog"], "ale dog ale bee ale | dog", [(2, 3), (4, 5)]),
        (["!<pet> cat*"], "cats cat", [(1, 2)]),
        (["bee? ale"], "bee ale", [(0, 2), (1, 2)]),
        (["bee? ..2 ale"], "bee elk ale", [(0, 3), (2, 3)]),
        (["^ ale"], "ale ale | ale", [(0, 1), (2, 3)]),
        (["ale $"], "ale ale | ale elk", [(1, 2)]),
        (["_ ale"], "ale | elk ale", [(1, 3)]),
        (["_? ale"], "elk ale", [(0, 2), (1, 2)]),
        (["ale _"], "ale | ale elk", [(1, 3)]),
        (["<pet> #num"], "dog 42 cats 42 cat 42", [(0, 2), (2, 4)]),
    ],
)
def test_by_hand(patterns: list[str], text: str, spans: list[tuple[int, int]]) -> None:
    analysis = tokens(*(unit.split() for unit in text.split("|")))
    assert [(h.first, h.last) for h in matches(analysis, tiny(patterns))] == spans
    assert {(first, last) for _, _, first, last in slowly_found(analysis, tiny(patterns))} == set(spans)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    pieces: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        pieces.append(draw(st.sampled_from(["", "", "..1", "..3"])))
        pieces.append(draw(st.sampled_from(["", "", "", "!"])) + draw(st.sampled_from(ATOMS)) + draw(st.sampled_from(["", "", "?"])))
        pieces.append(draw(st.sampled_from(["", "", "", "", "^", "$"])))
    pattern = " ".join([draw(st.sampled_from(["", "", "^"])), *pieces])
    try:
        parse_pattern(pattern, PREDICATES, CONCEPTS)
    except PackError:  # it asks for no word
        return f"ale {pattern}"
    return pattern


@given(
    rows=st.lists(st.lists(patterns(), min_size=1, max_size=4), min_size=1, max_size=4),
    units=st.lists(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=8), max_size=4),
)
def test_any_patterns_in_any_tokens(rows: list[list[str]], units: list[list[str]]) -> None:
    pack = tiny(*rows)
    analysis = tokens(*units)
    assert found(analysis, pack) == slowly_found(analysis, pack)


def test_a_long_text() -> None:
    pack = tiny(["ale ..3 bee $"], ["^ !dog _? bee"])
    analysis = tokens(*([["ale", "elk", "bee"], ["dog", "bee"], ["bee", "bee", "ale"]] * 500))
    assert found(analysis, pack) == slowly_found(analysis, pack)


@lru_cache
def analyser(lang: str) -> Analyser:
    pack = load_pack(lang)
    return Analyser(pack, run_time_lemmatizer(pack, {}))


@pytest.mark.parametrize("lang", languages())
def test_the_packs_on_their_own_examples(lang: str) -> None:
    pack = load_pack(lang)
    examples = [text.replace("[[", "").replace("]]", "") for cue in pack.cues for text in (*cue.examples, *cue.counterexamples)]
    # Trying everything takes its time, so a part of the examples must do.
    analysis = analyser(lang).analyse("\n\n".join(examples[::40]))
    assert found(analysis, pack) == slowly_found(analysis, pack) != set()
