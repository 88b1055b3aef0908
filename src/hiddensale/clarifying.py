"""The smallest change to a text that would take a flag away, found by asking the model again (clarify.toml)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hiddensale.catalogue import DISCLOSURES, PATTERNS
from hiddensale.errors import PackError
from hiddensale.schema import Finding, ScanResult, Span

if TYPE_CHECKING:
    from hiddensale.detector import Detector

PLACES: tuple[str, ...] = ("open", "beside", "bracket", "instead", "move", "repeat", "drop", "drop-word")
SLOTS: tuple[str, ...] = ("catch", "price", "rate", "length", "term", "work", "pay")
_WITH_WORDS = ("open", "beside", "bracket", "instead")
_QUOTE = 90
# A longer text would cost many long scans, and its smallest change says little.
_MAX_CHARS = 20_000
_AMOUNT = (
    r"(?:[€£$]\s?\d(?:[\d.,]*\d)?"
    r"|\b\d(?:[\d.,\u00a0]|\s(?=\d{3}\b))*(?:,-)?\s?(?:€|£|\$|(?:euro(?:a|n)?|eur|e|snt|senttiä|mk|markkaa|pence|p|dollars?|pounds?|cents?)\b))"
)
_REST = re.compile(r"(?:[,.'’:-]?\w)*[\"”»]?")
_EVERY = (
    r"(?:\s?/\s?(?:\w{1,8}\b)|\s(?:kuukaudessa|kuussa|vuodessa|viikossa|minuutilta|kappaleelta|kerralla)\b"
    r"|,?\s(?:a|per|each|every)\s(?:month|year|week|fortnight|quarter|minute|day|delivery|issue|box|bag)\b|\s(?:monthly|yearly|weekly|annually)\b)"
)
_PRICE = re.compile(_AMOUNT + _EVERY + "?", re.IGNORECASE)
_RATE = re.compile(_AMOUNT + _EVERY, re.IGNORECASE)
# Before an amount: it says what the thing is worth, not what is paid.
_WORTH = re.compile(r"\b(?:worth|normally|usually|valued?|rrp|was|sav(?:e|es|ing)|arvo\w*|norm\w*|ovh|säästä\w*)\W{0,3}(?:\w+\W{1,2}){0,2}$", re.IGNORECASE)
_LENGTH = {
    "fi": re.compile(r"\b(\d{1,3}|yhden|kahden|kolmen|kuuden|kahdentoista)[\s -]?(kk\b|kuukau|vuo(?:den|tta|si)|vko\b|viik)", re.IGNORECASE),
    "en": re.compile(r"\b(\d{1,3}|one|two|three|six|twelve|eighteen|twenty-four|thirty-six)[\s -]?(month|mth|mo\b|year|week)", re.IGNORECASE),
}
_NUMBERS = {
    "yhden": "1", "kahden": "2", "kolmen": "3", "kuuden": "6", "kahdentoista": "12",
    "one": "1", "two": "2", "three": "3", "six": "6", "twelve": "12", "eighteen": "18", "twenty-four": "24", "thirty-six": "36",
}  # fmt: skip
# By the first letters of a unit: how a time is told by itself, of one and of more, and before the word contract.
_UNITS = {
    "fi": {"k": ("{} kk", "{} kk", "{} kk:n"), "vu": ("{} vuosi", "{} vuotta", "{} vuoden"), "v": ("{} viikko", "{} viikkoa", "{} viikon")},
    "en": {"m": ("{} month", "{} months", "{}-month"), "y": ("{} year", "{} years", "{}-year"), "w": ("{} week", "{} weeks", "{}-week")},
}


@dataclass(frozen=True, slots=True)
class Edit:
    """A row of clarify.toml; ``words`` and ``word`` are by the text's language, ``what`` by the reader's."""

    kind: str
    patterns: tuple[str, ...]
    places: tuple[str, ...]
    words: Mapping[str, Sequence[str]]
    what: Mapping[str, str]
    word: Mapping[str, re.Pattern[str]]
    when: Mapping[str, re.Pattern[str]]
    disclosures: tuple[str, ...]

    def fits(self, finding: Finding, text: str, lang: str) -> bool:
        if finding.pattern not in self.patterns and "*" not in self.patterns:
            return False
        return finding.disclosure in self.disclosures and (lang not in self.when or self.when[lang].search(text) is not None)


@dataclass(frozen=True, slots=True)
class Change:
    """One edit applied: ``text`` is the whole text after it, ``words`` what was added or left out at ``at``, ``old`` what made way."""

    kind: str
    place: str
    what: Mapping[str, str]
    text: str
    words: str
    at: int
    old: str
    size: int


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """clarify.toml."""
    return tomllib.loads(files("hiddensale").joinpath("clarify.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def edits() -> tuple[Edit, ...]:
    """The edits, in the order of the file.

    Raises
    ------
    PackError
        For an unknown pattern or place.
    """
    out = []
    for number, row in enumerate(table()["edit"], 1):
        wrong = [x for x in row["patterns"] if x not in (*PATTERNS, "*")] + [x for x in row["places"] if x not in PLACES]
        if wrong:
            raise PackError(f"clarify.toml: edit {number}: {wrong[0]!r} is no pattern or place")
        word, when = ({lang: re.compile(source, re.IGNORECASE | re.DOTALL) for lang, source in row.get(key, {}).items()} for key in ("word", "when"))
        out.append(Edit(row["kind"], tuple(row["patterns"]), tuple(row["places"]), row.get("words", {}), row.get("what", {}), word, when, tuple(row.get("disclosures", DISCLOSURES))))
    return tuple(out)


def clarify(detector: Detector, result: ScanResult) -> ScanResult:
    """The result with a suggestion at each flagged finding.

    Parameters
    ----------
    detector : Detector
        The one that made ``result``: the same model, thresholds and patterns judge the changed texts.
    result : ScanResult

    Returns
    -------
    ScanResult
        ``clarify`` of a flagged finding holds ``kind``, ``text`` (a sentence to the advertiser), ``sentence`` (the words to add or leave out), ``at``
        (where, in the text as it stands), ``score_before`` and ``score_after``. It is empty where no change that was tried helps, and stays None at
        findings that are not flagged.

    Notes
    -----
    A change helps when its pattern is no longer flagged and no other is flagged in its stead. The smallest by changed words is told. That the model
    no longer flags a text is no proof that the text is fair or lawful.
    """
    if result.error is not None or not result.flagged or result.lang is None:
        return result
    if len(result.text) > _MAX_CHARS:
        return replace(result, findings=tuple(replace(f, clarify={}) if f.flagged else f for f in result.findings))
    # Scanned again rather than read off the result, from which a baseline may have taken findings out.
    before = frozenset(f.pattern for f in detector.scan(result.text, result.lang).findings if f.flagged)
    found = tuple(replace(f, clarify=_suggestion(detector, result, f, before)) if f.flagged else f for f in result.findings)
    return replace(result, findings=found)


def advice(finding: Finding, ui_lang: str) -> str:
    """What is told about a finding that was asked about: its suggestion, or that there is none; empty where nobody asked."""
    if finding.clarify is None:
        return ""
    return str(finding.clarify["text"]) if finding.clarify else str(table()[ui_lang]["frame"]["none"])


def _suggestion(detector: Detector, result: ScanResult, finding: Finding, before: frozenset[str]) -> dict[str, Any]:
    ui_lang = detector.ui_lang or result.lang or "en"
    for change in sorted(changes(detector, result, finding), key=lambda c: c.size):
        after = detector.scan(change.text, result.lang)
        flagged = {f.pattern for f in after.findings if f.flagged}
        if after.error is None and finding.pattern not in flagged and flagged <= before:
            return {
                "kind": change.kind,
                "text": _advice(change, finding, ui_lang),
                "sentence": change.words,
                "at": change.at,
                "score_before": round(finding.score, 6),
                "score_after": round(after.scores[finding.pattern], 6),
            }
    return {}


def changes(detector: Detector, result: ScanResult, finding: Finding) -> Iterator[Change]:
    """Every change of clarify.toml that can be made to a text for one of its findings, in the order of the file."""
    text, lang = result.text, str(result.lang)
    borders = detector.analyser(lang).sentences(text)
    lure = _around(finding.lure, borders)
    catch = _around(finding.catch, borders) if finding.catch else None
    slots = _slots(text, lang, finding, catch, borders)
    seen: set[str] = set()
    for edit in edits():
        if not edit.fits(finding, text, lang):
            continue
        for place in edit.places:
            for change in _apply(edit, place, text, lang, finding, lure, catch, slots):
                if change.text.strip() and change.text not in seen:
                    seen.add(change.text)
                    yield change


def _apply(edit: Edit, place: str, text: str, lang: str, finding: Finding, lure: tuple[int, int], catch: tuple[int, int] | None, slots: Mapping[str, str]) -> Iterator[Change]:
    apart = catch is not None and (catch[1] <= lure[0] or lure[1] <= catch[0])

    def made(new: str, words: str, at: int, old: str = "", size: int | None = None) -> Change:
        return Change(edit.kind, place, edit.what, new, words, at, old, size if size is not None else _count(words) + _count(old))

    if place in _WITH_WORDS:
        for template in edit.words[lang]:
            if any(f"{{{s}}}" in template and s not in slots for s in SLOTS):
                continue
            words = template.format_map(slots)
            if place == "bracket":
                # Not into a word, a number or before the mark that closes a quotation.
                rest = _REST.match(text, finding.lure.end)
                at = rest.end() if rest else finding.lure.end
                yield made(f"{text[:at]} ({words}){text[at:]}", words, at)
                continue
            words = words[0].upper() + words[1:]
            if place == "open":
                yield made(f"{words}.\n{text}", words, 0)
            elif place == "beside":
                yield made(_insert(text, lure[1], words + "."), words, lure[1])
            elif catch is not None and apart:
                old = text[catch[0] : catch[1]]
                yield made(f"{text[: catch[0]]}{words}.{text[catch[1] :]}", words, catch[0], old)
    elif place == "drop-word":
        match = edit.word[lang].search(text, finding.lure.start, finding.lure.end)
        if match is not None:
            yield made(_cut(text, match.start(), match.end()), match.group(), match.start())
    elif catch is not None and apart:
        piece = text[catch[0] : catch[1]]
        if place == "drop":
            yield made(_cut(text, *catch), piece, catch[0])
            return
        told = _line(piece.lstrip("*•·–—- \t"))
        # Beside the lure already: moving it would change nothing but the order.
        if place == "move" and not 0 <= catch[0] - lure[1] <= 1:
            ahead = catch[0] > lure[0]
            new = _insert(_cut(text, *catch), lure[1], told) if ahead else _cut(_insert(text, lure[1], told), *catch)
            yield made(new, told, lure[1])
        elif place == "repeat":
            yield made(_insert(text, lure[1], told), told, lure[1])


def _slots(text: str, lang: str, finding: Finding, catch: tuple[int, int] | None, borders: Sequence[tuple[int, int]]) -> dict[str, str]:
    """What the text itself fills into the words."""
    out: dict[str, str] = {}
    if finding.catch is not None and catch is not None:
        at = borders.index(catch)
        lure = _around(finding.lure, borders)
        # Nearest first. An amount of the lure's own sentence may be what the prize is worth, so it counts only where it stands in the catch itself.
        beside = [b for b in borders[at : at + 3] if b != lure] if catch != lure else []
        for number, piece in enumerate((finding.catch.text, *(text[a:b] for a, b in beside))):
            price, rate, length = _amount(_PRICE, piece), _amount(_RATE, piece), _LENGTH[lang].search(piece)
            if price:
                out.setdefault("price", _line(price.group()))
                if number == 0:
                    out["catch"] = re.sub(r"^['’]s ", "", _line(piece)).strip(" .,;:*()")
            if rate:
                out.setdefault("rate", _line(rate.group()))
            if length:
                digits = _NUMBERS.get(length.group(1).lower(), length.group(1))
                one, more, before = next(forms for start, forms in _UNITS[lang].items() if length.group(2).lower().startswith(start))
                out.setdefault("length", (one if digits == "1" else more).format(digits))
                out.setdefault("term", before.format(digits))
    for slot in ("work", "pay"):
        for row in table()[lang][slot]:
            if re.search(row["match"], text, re.IGNORECASE):
                out[slot] = row["words"]
                break
    return out


def _amount(pattern: re.Pattern[str], piece: str) -> re.Match[str] | None:
    """The first amount that is paid."""
    return next((m for m in pattern.finditer(piece) if not _WORTH.search(piece, 0, m.start())), None)


def _around(span: Span, borders: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The sentence a span begins in."""
    return next((a, b) for a, b in borders if span.start < b)


def _insert(text: str, at: int, words: str) -> str:
    """The text with a sentence put in after the one that ends at ``at``: on its own line where that one is a line without an end mark."""
    gap = " " if text[at - 1] in ".!?…:" else "\n"
    return f"{text[:at]}{gap}{words}{text[at:]}"


def _cut(text: str, start: int, end: int) -> str:
    """The text without a piece, and without the white space that would be left double."""
    before, after = text[:start], text[end:]
    if not before or before[-1].isspace():
        after = after.lstrip(" ")
    if before[-1:] == "\n" and after[:1] == "\n":
        after = after[1:]
    return before + after


def _count(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _short(text: str) -> str:
    text = _line(text)
    return text if len(text) <= _QUOTE else text[: _QUOTE - 1].rstrip() + "…"


def _advice(change: Change, finding: Finding, ui_lang: str) -> str:
    frame = str(table()[ui_lang]["frame"][change.place])
    words = _short(change.words) if change.place in ("move", "repeat", "drop") else change.words
    return frame.format(lure=_short(finding.lure.text), words=words.rstrip("."), old=_short(change.old).rstrip("."), what=change.what.get(ui_lang, ""))
