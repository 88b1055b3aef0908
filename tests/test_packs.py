"""One walk over all packs: every example yields its span, no counterexample matches."""

from __future__ import annotations

import re
from functools import lru_cache

import pytest

from hiddensale.analysis import Analyser
from hiddensale.artifacts import _fold_table, _unfold_table
from hiddensale.cues import matches
from hiddensale.errors import PackError
from hiddensale.lexicon import TableLemmatizer, build_table
from hiddensale.packs import Cue, Predicates, kinds, languages, load_pack, parse_pattern


@lru_cache
def analyser(lang: str) -> Analyser:
    pack = load_pack(lang)
    return Analyser(pack, TableLemmatizer(_table(lang), pack.overrides, compounds=bool(pack.settings["compounds"])))


@lru_cache
def _table(lang: str) -> dict[str, str]:
    import hiddensale

    model = hiddensale.load().model
    if model.manifest["packs"].get(lang) == load_pack(lang).digest:
        return dict(model.lemmas[lang])
    return build_table(lang, load_pack(lang).vocabulary())


def spans(text: str, lang: str, cue: Cue) -> list[tuple[int, int]]:
    a = analyser(lang).analyse(text)
    return [(a.starts[h.first], a.ends[h.last - 1]) for h in matches(a, load_pack(lang)) if h.cue.id == cue.id]


CUES = [(lang, cue) for lang in languages() for cue in load_pack(lang).cues]


def test_finnish_and_english_are_there() -> None:
    assert {"fi", "en"} <= set(languages())


@pytest.mark.parametrize(("lang", "cue"), CUES, ids=[c.id for _, c in CUES])
def test_examples_and_counterexamples(lang: str, cue: Cue) -> None:
    assert cue.id.startswith(f"{lang}.{cue.kind.role}.")
    assert cue.examples, "a cue without an example"
    if cue.kind.role in ("lure", "catch"):
        assert cue.counterexamples, "a lure or catch without a counterexample"
    for example in cue.examples:
        marked = re.search(r"\[\[(.*?)\]\]", example)
        assert marked, f"no [[span]] in {example!r}"
        text = example.replace("[[", "").replace("]]", "")
        assert (marked.start(), marked.start() + len(marked.group(1))) in spans(text, lang, cue), example
    for text in cue.counterexamples:
        assert not spans(text, lang, cue), text


@pytest.mark.parametrize("lang", languages())
def test_every_kind_has_a_cue(lang: str) -> None:
    assert set(kinds()) == {c.kind.key for c in load_pack(lang).cues}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("", "asks for no word"), ("_ _", "asks for no word"), ("<nothing>", "unknown concept"), ("#price", "unknown class"), ("!ei", "asks for no word"), ("(a||b)", "empty alternative")],
)
def test_bad_patterns_are_told(pattern: str, message: str) -> None:
    with pytest.raises(PackError, match=message):
        parse_pattern(pattern, Predicates(), {})


def test_an_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(PackError, match="there are: fi, en"):
        load_pack("xx")


@pytest.mark.parametrize(
    ("lang", "wanted", "form", "lemma"),
    [
        ("en", {"being", "be"}, "being", "be"),
        ("en", {"being"}, "being", "being"),
        ("en", {"are", "be"}, "are", "be"),
        ("en", {"u", "we"}, "us", "we"),
        ("en", {"dr", "drive"}, "dr", "dr"),
        ("fi", {"aku", "akku"}, "akun", "akku"),
        ("fi", {"kone", "koneella"}, "koneella", "kone"),
        ("fi", {"kestotilaus"}, "kestotilauksena", "kestotilaus"),
    ],
)
def test_a_table_prefers_the_dictionarys_word_for_a_form(lang: str, wanted: set[str], form: str, lemma: str) -> None:
    assert build_table(lang, wanted)[form] == lemma


@pytest.mark.parametrize(
    "table",
    [
        {"being": "be", "be": "be", "beings": "being"},
        {"be": "be", "are": "be", "ares": "are"},
        {"kone": "kone", "koneella": "kone", "koneellakin": "koneella"},
        {"äiti": "äiti", "äidin": "äiti"},
        {},
    ],
)
def test_a_table_comes_out_of_the_model_as_it_went_in(table: dict[str, str]) -> None:
    assert _unfold_table(_fold_table(table)) == table
