"""A text taken apart once: tokens (spaCy), word types, units (sentences, lines, bullets)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hiddensale.lexicon import Lemmatizer
from hiddensale.packs import Pack

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

_CURRENCY = {
    "€",
    "$",
    "£",
    "e",
    "eur",
    "euro",
    "euroa",
    "euron",
    "eurolla",
    "euros",
    "eu",
    "snt",
    "senttiä",
    "p",
    "pence",
    "pounds",
    "dollars",
    "usd",
    "gbp",
    "sek",
    "kr",
    "mk",
    "markkaa",
    "cents",
    "eurot",
    "quid",
    "bucks",
    "egee",
    "euroo",
}
_NUMBER = re.compile(r"\d[\d.,:–-]*$")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff]")
# These open a bullet wherever they stand, glued to the word before them or not.
_BULLET_SIGNS = "•✓✔☑➤►▪▫■●◆※‣"
_SURE_BULLET = {*_BULLET_SIGNS, "✅", "👉"}
_BULLET = _SURE_BULLET | set("·→★☆–—|*->") | {">>"}
_SENTENCE_END = ".!?…"
_MAX_TYPES = 300_000
_MAX_UNIT = 70


@dataclass(frozen=True, slots=True, eq=False)
class WordType:
    """What is known of a word whichever text it stands in; compared by identity, since the analyser makes each once."""

    lower: str
    lemma: str
    preds: frozenset[int]
    classes: tuple[str, ...]
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, line or bullet: tokens ``first`` to ``last`` (exclusive), the line break count before it."""

    first: int
    last: int
    breaks: int


@dataclass(slots=True)
class Analysis:
    """Tokens with their places in the text as given, and the units they form."""

    text: str
    lang: str
    starts: list[int]
    ends: list[int]
    words: list[WordType]
    units: list[Unit]


class Analyser:
    """Text to :class:`Analysis` for one language; holds a bounded cache of word types."""

    def __init__(self, pack: Pack, lemmatizer: Lemmatizer) -> None:
        self.pack = pack
        self.lemmatizer = lemmatizer
        self._types: dict[str, WordType] = {}
        # Which concepts each test of the pack stands for, by their places: a word passes few of thousands of tests.
        self._concepts = tuple(pack.concepts)
        self._stands_for: dict[int, list[int]] = {}
        for place, ids in enumerate(pack.concepts.values()):
            for ident in ids:
                self._stands_for.setdefault(ident, []).append(place)
        self._nlp: Language | None = None
        self._abbreviations = Abbreviations(frozenset(pack.settings.get("abbreviations", ())), frozenset(pack.settings.get("number_abbreviations", ())))

    @property
    def nlp(self) -> Language:
        """The blank spaCy pipeline with the tokeniser that splits what ads glue together."""
        if self._nlp is None:
            self._nlp = make_pipeline(str(self.pack.settings.get("spacy", self.pack.lang)))
        return self._nlp

    def word(self, text: str) -> WordType:
        """The word type of a token's text."""
        found = self._types.get(text)
        if found is None:
            if len(self._types) >= _MAX_TYPES:
                self._types.clear()
            found = self._types[text] = self._make(text)
        return found

    def _make(self, text: str) -> WordType:
        lower = text.lower().replace("\u00ad", "").replace("’", "'")
        classes: tuple[str, ...] = ()
        if _NUMBER.match(lower):
            classes = ("#num",)
        elif lower in _CURRENCY:
            classes = ("#cur",)
        elif _EMOJI.search(text):
            classes = ("#emoji",)
        lemma = self.lemmatizer.lemma(lower) if lower[:1].isalpha() and len(lower) < 60 else lower
        preds = self.pack.predicates.of(text, lower, lemma, classes)
        places = {place for ident in preds for place in self._stands_for.get(ident, ())}
        return WordType(lower, lemma, preds, classes, tuple(self._concepts[place] for place in sorted(places)))

    def analyse(self, text: str) -> Analysis:
        """Take a text apart with this language's tokeniser."""
        return self.from_doc(self.nlp.tokenizer(text), text)

    def with_words(self, analysis: Analysis) -> Analysis:
        """What another analyser of this language took apart, with the word types of this one: cutting a text does not depend on its lemmas."""
        text = analysis.text
        return replace(analysis, words=[self.word(text[start:end]) for start, end in zip(analysis.starts, analysis.ends, strict=True)])

    def sentences(self, text: str) -> list[tuple[int, int]]:
        """Where the sentences, lines and bullets of a text begin and end."""
        a = self.analyse(text)
        return [(a.starts[u.first], a.ends[u.last - 1]) for u in a.units]

    def from_doc(self, doc: Doc, text: str) -> Analysis:
        """The same for a spaCy ``Doc`` somebody else tokenised."""
        starts: list[int] = []
        ends: list[int] = []
        words: list[WordType] = []
        breaks: list[int] = []
        pending = 0
        types = self._types
        at = 0
        # Three numbers a token at once: making a Python object of each token takes longer than the tokeniser.
        for length, space, is_space in doc.to_array(["LENGTH", "SPACY", "IS_SPACE"]).tolist():
            end = at + length
            piece = text[at:end]
            if is_space:
                pending += piece.count("\n") + piece.count("\r") - piece.count("\r\n")
            else:
                starts.append(at)
                ends.append(end)
                words.append(types.get(piece) or self.word(piece))
                breaks.append(pending)
                pending = 0
            at = end + space
        return Analysis(text, self.pack.lang, starts, ends, words, split_units(text, starts, ends, breaks, self._abbreviations))


@dataclass(frozen=True, slots=True)
class Abbreviations:
    """Words whose full stop ends no sentence: whatever follows (``always``: "Ms.", "alk."), or before a figure ("no. 5")."""

    always: frozenset[str]
    before_figures: frozenset[str]

    def stand_before(self, text: str, starts: list[int], ends: list[int], i: int) -> bool:
        """Whether token ``i`` comes right after the full stop of one of them, or of an initial."""
        last = i - 1
        if text[ends[last] - 1] != ".":
            return False
        if ends[last] - starts[last] > 1:
            word = text[starts[last] : ends[last] - 1]
        elif last and ends[last - 1] == starts[last]:
            last -= 1
            word = text[starts[last] : ends[last]]
        else:
            return False
        lower = word.lower()
        head = text[starts[i]]
        if lower in self.always or (head.isdigit() and lower in self.before_figures):
            return True
        # An initial: "Matti M. Virtanen".
        return len(word) == 1 and word.isupper() and head.isupper() and (last == 0 or text[starts[last - 1]].isupper())


def split_units(text: str, starts: list[int], ends: list[int], breaks: list[int], abbreviations: Abbreviations) -> list[Unit]:
    """Cut a token row into sentences, lines and bullets.

    A single line break inside running text (the next line starts in lower case and the line was long) is a wrapped
    line, not a border. Emojis after the end of a sentence belong to it. People who write no capitals still end their
    sentences: a full stop that is a token of its own, after a word too long for an abbreviation, ends one.
    """
    units: list[Unit] = []
    first = 0
    n = len(starts)
    border = 0
    line_start = 0
    ended = False  # whether the last token that is no emoji ended a sentence
    for i in range(1, n):
        cut = False
        piece = text[starts[i] : ends[i]]
        after_emoji = _EMOJI.match(text[starts[i - 1]]) is not None
        if not after_emoji:
            ended = text[ends[i - 1] - 1] in _SENTENCE_END and not abbreviations.stand_before(text, starts, ends, i)
        if breaks[i]:
            wrapped = breaks[i] == 1 and piece[0].islower() and ends[i - 1] - line_start > 45 and text[ends[i - 1] - 1] not in ".!?:"
            line_start = starts[i]
            cut = not wrapped
        elif piece in _BULLET and i + 1 < n and (piece in _SURE_BULLET or (starts[i] > ends[i - 1] and piece not in "-–—*>")):
            # The emojis of a sentence's end may be bullets elsewhere; a row of bullets is one.
            cut = text[starts[i - 1] : ends[i - 1]] not in _SURE_BULLET
        elif ended and _EMOJI.match(piece) is None:
            cut = _opens_sentence(text, starts, ends, i) or (after_emoji and not piece[0].isdigit() and piece[0] not in _SENTENCE_END)
        elif i - first >= _MAX_UNIT and text[ends[i - 1] - 1] in ",;:":
            cut = True
        if not cut and i - first >= 2 * _MAX_UNIT:
            cut = True
        if cut:
            units.append(Unit(first, i, border))
            first = i
            border = breaks[i]
            ended = False
    if n:
        units.append(Unit(first, n, border))
    return units


def _opens_sentence(text: str, starts: list[int], ends: list[int], i: int) -> bool:
    """Whether token ``i`` opens a sentence, given that the token before it may have ended one."""
    head, last = text[starts[i]], text[ends[i - 1] - 1]
    own_token = ends[i - 1] - starts[i - 1] == 1
    word = text[starts[i - 2] : ends[i - 2]] if own_token and i > 1 and starts[i - 1] == ends[i - 2] else ""
    if starts[i] == ends[i - 1]:
        # "kotiin.Tilaa": no space, yet a new sentence; an address or a figure is not.
        return own_token and head.isupper() and len(word) > 2 and word[-1].islower()
    if head.islower():
        return last in "!?" or (last == "." and len(word) >= 5 and word.isalpha())
    return not (last == "." and text[starts[i - 1]].isdigit() and head.isdigit())


def make_pipeline(code: str) -> Any:
    """A blank spaCy pipeline whose tokeniser also splits number, unit, slash and currency."""
    import spacy
    from spacy.util import compile_infix_regex

    nlp = spacy.blank(code)
    infixes = [
        *(nlp.Defaults.infixes or ()),
        r"(?<=\d)[€$£%/*+]",
        r"(?<=[€$£])/",
        r"(?<=\d)(?:kk|eur|euroa|pv|vko|vrk|mo|mth|min|pvm|e|kg|ml|g|h|x)(?=/|\b)",
        f"[{_BULLET_SIGNS}]",
        r"[/:*…|·=→!?,;()\[\]\"”“»«]+",
    ]
    tokenizer: Any = nlp.tokenizer
    tokenizer.infix_finditer = compile_infix_regex(infixes).finditer
    return nlp
