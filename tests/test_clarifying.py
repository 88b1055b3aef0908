from __future__ import annotations

import json
import re
import string
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files

import jsonschema
import pytest

from hiddensale import clarifying
from hiddensale.analysis import Analyser
from hiddensale.catalogue import DISCLOSURES, PATTERNS
from hiddensale.clarifying import advice, changes, clarify, edits
from hiddensale.packs import live_lemmatizer, load_pack
from hiddensale.renderers import as_csv, as_jsonl, as_text
from hiddensale.schema import Finding, ScanResult, Span


@lru_cache(maxsize=2)
def analyser(lang):
    pack = load_pack(lang)
    return Analyser(pack, live_lemmatizer(pack))


class Fake:
    """A detector whose verdict is a rule of the test; it cuts sentences as the real one does."""

    def __init__(self, hidden, ui_lang=None, other=lambda text: False):
        self.hidden, self.ui_lang, self.other = hidden, ui_lang, other
        self.asked = []

    def analyser(self, lang):
        return analyser(lang)

    def scan(self, text, lang=None):
        self.asked.append(text)
        found = [FINDING] * self.hidden(text) + [replace(FINDING, pattern="event-to-pitch")] * self.other(text)
        scores = dict.fromkeys(PATTERNS, 0.0) | {f.pattern: 0.9 for f in found}
        return ScanResult("", "", lang, bool(found), 0.9, scores, tuple(found), text)


TEXT = "Tilaa meiltä ilmainen kirja. Se on hauska.\n\nKirjan käsittelystä maksat 9,90 €. Terveisin Kustantamo."


def finding(text, lure, catch, pattern="free-but-fees", disclosure="buried"):
    def span(piece):
        return Span(text.index(piece), text.index(piece) + len(piece), piece)

    return Finding(pattern, 0.91, True, "makes", disclosure, span(lure), span(catch) if catch else None, "viesti", ("FI-KSL-2-6",))


FINDING = finding(TEXT, "ilmainen kirja", "käsittelystä maksat 9,90 €")


def result(text, *found, lang="fi"):
    return ScanResult("ad.txt", "ad.txt", lang, True, 0.91, dict.fromkeys(PATTERNS, 0.0) | {found[0].pattern: 0.91}, found, text)


RESULT = result(TEXT, FINDING)


def made(detector, res=RESULT):
    return {(c.kind, c.place, c.words): c for c in changes(detector, res, res.findings[0])}


# --- the data ----------------------------------------------------------------------------------------------------------


def test_every_pattern_has_several_edits_in_both_languages() -> None:
    for pattern in PATTERNS:
        own = [e for e in edits() if pattern in e.patterns]
        for lang in ("fi", "en"):
            assert sum(len(e.words.get(lang, ())) for e in own) >= 5, (pattern, lang)
            for disclosure in DISCLOSURES[1:]:
                assert any(disclosure in e.disclosures and e.words.get(lang) for e in own), (pattern, lang, disclosure)


def test_the_two_languages_hold_the_same() -> None:
    table = clarifying.table()
    assert set(table["fi"]["frame"]) == set(table["en"]["frame"]) == {*clarifying.PLACES, "none"}
    for e in edits():
        assert len(e.words.get("fi", ())) == len(e.words.get("en", ()))
        assert set(e.word) in (set(), {"fi", "en"})
        assert set(e.when) in (set(), {"fi", "en"})
        if e.words:
            assert set(e.what) == {"fi", "en"}


def test_words_use_known_slots_only() -> None:
    for e in edits():
        for lang in ("fi", "en"):
            for template in e.words.get(lang, ()):
                assert {f for _, f, _, _ in string.Formatter().parse(template) if f} <= set(clarifying.SLOTS), template


def test_a_slip_in_the_data_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clarifying, "table", lambda: {"edit": [{"kind": "x", "patterns": ["nothing"], "places": ["open"]}]})
    edits.cache_clear()
    with pytest.raises(clarifying.PackError, match="edit 1: 'nothing' is no pattern or place"):
        edits()
    edits.cache_clear()


# --- the changes ---------------------------------------------------------------------------------------------------------


def test_each_place_changes_the_text_where_it_says() -> None:
    found = made(Fake(lambda text: True))
    plain = "Kirjan käsittelystä maksat 9,90 €."
    moved = found["catch-beside-lure", "move", plain]
    assert moved.text == "Tilaa meiltä ilmainen kirja. Kirjan käsittelystä maksat 9,90 €. Se on hauska.\n\nTerveisin Kustantamo."
    repeated = found["catch-beside-lure", "repeat", plain]
    assert repeated.text == TEXT.replace("kirja. Se", f"kirja. {plain} Se")
    assert found["drop-fee", "drop", plain].text == "Tilaa meiltä ilmainen kirja. Se on hauska.\n\nTerveisin Kustantamo."
    assert found["drop-free", "drop-word", "ilmainen"].text == TEXT.replace("ilmainen ", "")
    assert found["state-fee", "bracket", "maksat 9,90 €"].text == TEXT.replace("ilmainen kirja", "ilmainen kirja (maksat 9,90 €)")
    assert found["state-fee", "open", "Maksat 9,90 €"].text == f"Maksat 9,90 €.\n{TEXT}"
    assert found["state-fee", "beside", "Maksat 9,90 €"].text == TEXT.replace("kirja. Se", "kirja. Maksat 9,90 €. Se")
    for change in found.values():
        assert change.text != TEXT
        assert 0 <= change.at <= len(TEXT)
        if change.place.startswith("drop"):
            assert TEXT[change.at :].startswith(change.words)


def test_soft_words_are_replaced_and_plain_ones_are_not() -> None:
    text = "Voitit matkan! Osallistut vain pieniin kuluihin. Onnea!"
    soft = result(text, finding(text, "Voitit matkan", "pieniin kuluihin", "prize-with-fees", "vague"))
    change = made(Fake(lambda text: True), soft)["state-fee", "instead", "Voittaja maksaa kulut itse"]
    assert change.text == "Voitit matkan! Voittaja maksaa kulut itse. Onnea!"
    assert change.old == "Osallistut vain pieniin kuluihin."
    plain = replace(soft, findings=(replace(soft.findings[0], disclosure="buried"),))
    assert not any(place == "instead" for _, place, _ in made(Fake(lambda text: True), plain))


def test_a_heading_gets_its_words_on_a_line_of_their_own() -> None:
    text = "ILMAINEN MATKA\nLähde mukaan. Paikalla on edustajamme."
    res = result(text, finding(text, "ILMAINEN MATKA", None, "event-to-pitch", "absent"))
    change = made(Fake(lambda text: True), res)["name-the-occasion", "beside", "Tämä on myyntitilaisuus"]
    assert change.text == "ILMAINEN MATKA\nTämä on myyntitilaisuus.\nLähde mukaan. Paikalla on edustajamme."


def test_brackets_go_into_no_number_and_no_quotation() -> None:
    text = "BELLINGHAM “WIN A $5,000” DAY. You sit with us."
    res = result(text, finding(text, "WIN A $5", None, "prize-to-pitch", "absent"), lang="en")
    assert any("“WIN A $5,000” (handed over" in c.text for c in made(Fake(lambda text: True), res).values())


@pytest.mark.parametrize(
    ("lang", "catch", "slots"),
    [
        ("fi", "sen jälkeen 29,90 €/kk, sopimus 24 kk", {"price": "29,90 €/kk", "rate": "29,90 €/kk", "length": "24 kk", "term": "24 kk:n"}),
        ("fi", "kahden vuoden sopimus, 1 290 euroa", {"price": "1 290 euroa", "length": "2 vuotta", "term": "2 vuoden"}),
        ("fi", "viikon välein 12,50 euroa kuukaudessa", {"price": "12,50 euroa kuukaudessa", "rate": "12,50 euroa kuukaudessa"}),
        ("en", "then £8.99 a month for eighteen months", {"price": "£8.99 a month", "rate": "£8.99 a month", "length": "18 months", "term": "18-month"}),
        ("en", "a 24-month plan, $1,290", {"price": "$1,290", "length": "24 months", "term": "24-month"}),
        ("fi", "yhden vuoden sopimus", {"length": "1 vuosi", "term": "1 vuoden"}),
        ("fi", "sitoudut 1 viikoksi", {"length": "1 viikko", "term": "1 viikon"}),
        ("fi", "sitoudut 1 kuukaudeksi", {"length": "1 kk", "term": "1 kk:n"}),
        ("fi", "kahden viikon jakso", {"length": "2 viikkoa", "term": "2 viikon"}),
        ("en", "a one-year plan", {"length": "1 year", "term": "1-year"}),
        ("en", "for 1 month", {"length": "1 month", "term": "1-month"}),
        ("en", "for one week", {"length": "1 week", "term": "1-week"}),
        ("en", "for 11 months", {"length": "11 months", "term": "11-month"}),
        ("en", "our representative will visit", {}),
        ("en", "a reading (normally £40) with postage £3", {"price": "£3"}),
        ("fi", "palkinto, arvo noin 500 €", {}),
    ],
)
def test_amounts_and_lengths_come_from_the_catch(lang: str, catch: str, slots: dict[str, str]) -> None:
    lead = "Ilmainen lahja" if lang == "fi" else "A free gift"
    text = f"{lead}. Hei! {catch[0].upper()}{catch[1:]}."
    found = finding(text, lead, catch[0].upper() + catch[1:])
    borders = Fake(None).analyser(lang).sentences(text)
    got = clarifying._slots(text, lang, found, clarifying._around(found.catch, borders), borders)
    assert {k: v for k, v in got.items() if k in ("price", "rate", "length", "term")} == slots


def test_what_a_prize_is_worth_is_no_price() -> None:
    text = "Voitit matkan (arvo 500 €) ja edustajamme soittaa. Hei."
    res = result(text, finding(text, "Voitit matkan", "edustajamme soittaa", "prize-with-fees", "vague"))
    assert not any("500" in c.words for c in made(Fake(lambda text: True), res).values())


@pytest.mark.parametrize(
    ("text", "lang", "words"),
    [
        ("Haemme asiakaspalvelijaa. Kontaktoit asiakkaita, ja palkka on provisio.", "fi", "Työ on puhelinmyyntiä, ja palkka on provisiota"),
        ("Haemme tiimiin asiakaspalvelijaa. Kuljet ovelta ovelle.", "fi", "Työ on myyntiä ovelta ovelle"),
        ("Marketing assistant wanted. Outbound desk, commission.", "en", "The work is selling by phone, paid by commission"),
        ("Marketing assistant wanted. Call 555 0100 during the week.", "en", "The work is selling"),
    ],
)
def test_the_work_is_named_by_what_the_text_says(text: str, lang: str, words: str) -> None:
    lure = "asiakaspalvelijaa" if lang == "fi" else "Marketing assistant"
    res = result(text, finding(text, lure, None, "sales-job-in-disguise", "absent"), lang=lang)
    assert words in {c.words for c in made(Fake(lambda text: True), res).values() if c.place == "open"}


# --- the choice ------------------------------------------------------------------------------------------------------------


def test_the_smallest_change_that_helps_is_kept() -> None:
    detector = Fake(lambda text: "maksat 9,90 €" not in text.split("\n")[0].lower())
    told = clarify(detector, RESULT).findings[0].clarify
    assert told == {
        "kind": "state-fee",
        "text": "Kerro sulkeissa kohdan ”ilmainen kirja” perässä, mitä maksettavaa jää: ”maksat 9,90 €”.",
        "sentence": "maksat 9,90 €",
        "at": TEXT.index(". Se"),
        "score_before": 0.91,
        "score_after": 0.0,
    }
    sizes = {c.text: c.size for c in changes(detector, RESULT, FINDING)}
    assert [sizes[t] for t in detector.asked[1:]] == sorted(sizes[t] for t in detector.asked[1:])


def test_advice_is_in_the_readers_language_and_words_in_the_texts() -> None:
    told = clarify(Fake(lambda text: "maksat 9,90 €" not in text.split("\n")[0].lower(), ui_lang="en"), RESULT).findings[0].clarify
    assert told["text"] == "Say in brackets after “ilmainen kirja” what there is to pay: “maksat 9,90 €”."


def test_nothing_that_helps_is_said_so() -> None:
    done = clarify(Fake(lambda text: True), RESULT)
    assert done.findings[0].clarify == {}
    assert "None of the small changes" in advice(done.findings[0], "en")
    assert json.loads("".join(as_jsonl([done])))["findings"][0]["clarify"] is None
    assert "None of the small changes" in " ".join("".join(as_text([done], ui_lang="en")).split())


def test_a_flag_that_only_moves_to_another_pattern_is_no_help() -> None:
    assert clarify(Fake(lambda text: text == TEXT, other=lambda text: text != TEXT), RESULT).findings[0].clarify == {}


def test_unflagged_findings_and_failed_texts_are_left_alone() -> None:
    quiet = replace(RESULT, flagged=False, findings=(replace(FINDING, flagged=False),))
    detector = Fake(lambda text: True)
    assert clarify(detector, quiet) is quiet
    mixed = clarify(detector, replace(RESULT, findings=(FINDING, replace(FINDING, pattern="event-to-pitch", flagged=False))))
    assert [f.clarify for f in mixed.findings] == [{}, None]


def test_a_very_long_text_is_not_tried() -> None:
    detector = Fake(lambda text: True)
    long = replace(RESULT, text=TEXT + " sana" * 5000)
    assert clarify(detector, long).findings[0].clarify == {}
    assert detector.asked == []


def test_the_record_fits_its_schema_and_comes_back() -> None:
    schema = json.loads(files("hiddensale").joinpath("record.schema.json").read_text(encoding="utf-8"))
    for hidden in (lambda text: True, lambda text: text == TEXT):
        done = clarify(Fake(hidden), RESULT)
        row = json.loads("".join(as_jsonl([done])))
        jsonschema.validate(row, schema)
        assert ScanResult.from_dict(row, TEXT) == done
    assert "clarify" not in json.loads("".join(as_jsonl([RESULT])))["findings"][0]


def test_csv_and_text_tell_it() -> None:
    done = clarify(Fake(lambda text: text == TEXT), RESULT)
    told = done.findings[0].clarify["text"]
    assert told in "".join(as_csv([done])).replace('""', '"')
    assert re.sub(r"\s+", " ", f"→ {told} 0.91 → 0.00") in re.sub(r"\s+", " ", "".join(as_text([done], ui_lang="fi")))


@pytest.mark.parametrize("bad", ["{catch}", "{0}", "\x1b[2J", "{", "\\1"])
def test_hostile_words_are_quoted_as_they_are(bad: str) -> None:
    text = f"Tilaa ilmainen {bad} kirja. Se on hauska. Maksat {bad} 9,90 €. Hei."
    res = result(text, finding(text, f"ilmainen {bad} kirja", f"Maksat {bad} 9,90 €"))
    done = clarify(Fake(lambda t: t == text), res)
    assert done.findings[0].clarify
    assert "\x1b" not in "".join(as_text([done]))
