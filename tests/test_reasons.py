"""The reasons of a finding in words: the report's table names every part a score can have."""

from __future__ import annotations

import pytest

from hiddensale.catalogue import DISCLOSURES, PATTERNS, patterns
from hiddensale.messages import texts as messages
from hiddensale.relations import document_names
from hiddensale.report import UI_LANGS, texts

# The two parts that make the sum exact stand beside the judge's columns.
NAMES = (*document_names(), "all else", "quoted in a report", "that it is this pattern")


def words_of(name: str, lang: str, used: set[str], depth: int = 2) -> str | None:
    """The words of a name, looked up as ``wordsOf`` of report.js does; ``used`` gathers the entries."""
    table: dict[str, str] = texts()[lang]["reason"]
    if name in table:
        used.add(name)
        return table[name]
    if name in PATTERNS:
        return patterns()[name].name[lang]
    for key, frame in table.items() if depth else ():
        start, hole, end = key.partition("{}")
        if hole and name.startswith(start) and name.endswith(end):
            inner = words_of(name[len(start) : len(name) - len(end)], lang, used, depth - 1)
            if inner is not None:
                used.add(key)
                return frame.replace("{}", inner)
    return None


@pytest.mark.parametrize("lang", UI_LANGS)
def test_every_reason_has_words_of_its_own_and_every_entry_is_used(lang: str) -> None:
    used: set[str] = set()
    said = {name: words_of(name, lang, used) for name in NAMES}
    assert [name for name, words in said.items() if words is None] == []
    assert len(set(said.values())) == len(said)
    assert set(texts()[lang]["reason"]) - used == set()


def test_both_languages_have_the_same_entries_and_holes() -> None:
    fi, en = (texts()[lang]["reason"] for lang in ("fi", "en"))
    assert list(fi) == list(en)
    assert [key for key in fi if not key.count("{}") == fi[key].count("{}") == en[key].count("{}")] == []


@pytest.mark.parametrize("lang", UI_LANGS)
@pytest.mark.parametrize("disclosure", DISCLOSURES)
def test_disclosures_are_named_as_elsewhere(disclosure: str, lang: str) -> None:
    assert texts()[lang]["reason"][disclosure] == messages()[lang]["disclosure"][disclosure]


@pytest.mark.parametrize(
    ("name", "fi", "en"),
    [
        ("all else", "kaikki muu yhteensä", "all else together"),
        ("wording any", "sanamuodot: jokin piilomyynti", "wording: some hidden sale"),
        ("wording flagged:free-but-fees", "sanamuodot: piilossa ”ilmainen, josta maksetaan”", "wording: hidden “free that costs”"),
        ("network about past others", "neuroverkko: lähin kuvio aiheena, etumatka muihin", "neural network: nearest pattern as the topic, lead over the others"),
        ("network pair absent", "neuroverkko, houkutin ja koukku: jätetty kertomatta", "neural network, lure and catch: not told"),
        ("is pay-to-work", "lähin kuvio: maksullinen työ", "nearest pattern: paying to work"),
        ("lure score", "houkuttimen vahvuus", "the lure's strength"),
        ("lure second", "toiseksi vahvin houkutin", "second strongest lure"),
        ("earlier lure unit number", "koukkua edeltävän houkuttimen virkkeen numero", "sentence number of the lure ahead of the catch"),
        ("catch told vague", "koukku on sanottu ympäripyöreästi", "the catch is told vaguely"),
        ("disclosure.price before lure end", "hinta viimeistään heti houkuttimen jälkeen", "price no later than right after the lure"),
        ("modifier.report at catch", "uutisen tai valituksen sanoja koukun kohdalla", "words of news or a complaint at the catch"),
        ("report at lure", "toisen tarjouksesta kertominen houkuttimen kohdalla", "telling about somebody else's offer at the lure"),
        ("unheard of", None, None),
        ("wording unheard of", None, None),
    ],
)
def test_words(name: str, fi: str | None, en: str | None) -> None:
    assert (words_of(name, "fi", set()), words_of(name, "en", set())) == (fi, en)
