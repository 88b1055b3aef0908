"""Properties that hold for any text, and the few lines of the Python interface."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hiddensale
from hiddensale.catalogue import PATTERNS
from hiddensale.detector import Detector
from hiddensale.errors import ConfigError

PIECES = st.sampled_from(
    [
        "Ilmainen",
        "kirja",
        "postikulut 9,90 €",
        "voitit",
        "arvonnassa",
        "edustajamme",
        "käy luonasi",
        "ei",
        "\n\n",
        "!",
        "*",
        "free",
        "you have won",
        "£5",
        "commission",
        "no experience",
        "😀",
        "\u200b",
        "e\u0301",
        "\t",
        "”",
        "(",
        "24 kk",
        "http://x.example",
        "\x00",
        "\r\n",
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map(" ".join))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, lang=st.sampled_from(["fi", "en"]))
def test_any_text(detector: Detector, text: str, lang: str) -> None:
    result = detector.scan(text, lang)
    assert set(result.scores) == set(PATTERNS)
    assert all(0 <= s <= 1 for s in result.scores.values())
    assert result.flagged == any(f.flagged for f in result.findings)
    for finding in result.findings:
        for piece in (finding.lure, finding.catch):
            if piece is not None:
                assert text[piece.start : piece.end] == piece.text
                assert piece.text.strip() == piece.text
                assert piece.text
        assert finding.flagged == (finding.stance == "makes" and finding.disclosure != "clear")
        if not finding.flagged:
            assert finding.law == ()
        assert sum(r.weight for r in finding.reasons) == pytest.approx(np.log(finding.score) - np.log1p(-finding.score), abs=1e-6)
    assert detector.scan(text, lang) == result
    again = type(result).from_dict(json.loads(json.dumps(result.to_dict(with_text=True))))
    assert [f.lure for f in again.findings] == [f.lure for f in result.findings]


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), (" \n\t", "empty"), ("Was kostet das Abonnement nach dem Probemonat, und wie kündige ich es?", "unknown-language"), ("12345 67890", "unknown-language")]
)
def test_what_is_not_scanned_says_why(text: str, code: str) -> None:
    result = hiddensale.scan(text)
    assert result.error is not None
    assert result.error.code == code
    assert not result.flagged


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Olet voittanut! Lunasta palkintosi soittamalla numeroon 0600 00 000.", "fi"),
        ("You have won! Claim your prize today by calling us.", "en"),
        ("Tervetuloa tutustumaan uuteen kirjastoon lauantaina.", "fi"),
        ("The museum is open on Sunday and entry is free for all.", "en"),
        ("moi oot voittanu leffaliput soita heti", "fi"),
    ],
)
def test_language_is_found(text: str, lang: str) -> None:
    assert hiddensale.scan(text).lang == lang


def test_a_text_of_too_many_lines_is_refused_with_the_limit(detector: Detector) -> None:
    result = detector.scan("Free!\n" * 50_001, "en")
    assert result.error is not None
    assert (result.error.code, "50001 lines" in result.error.message, "split it" in result.error.message) == ("too-long", True, True)


def test_a_model_of_one_language_says_so_of_a_text_in_another(detector: Detector) -> None:
    model = detector.model
    finnish = Detector(replace(model, langs=("fi",), scales=model.scales[:1], thresholds=model.thresholds[:1], wording={"fi": model.wording["fi"]}, lemmas={"fi": model.lemmas["fi"]}))
    assert finnish.scan("Kirjasto on auki sunnuntaina ja kaikille ilmainen.").error is None
    result = finnish.scan("The museum is open on Sunday and entry is free for all.")
    assert result.error is not None
    assert (result.error.code, "one of: fi" in result.error.message) == ("unknown-language", True)


@pytest.mark.parametrize("item", [float("nan"), None, 7, b"bytes"])
def test_an_item_that_is_no_text_is_told_and_the_others_are_scanned(detector: Detector, item: Any) -> None:
    before, wrong, after = detector.scan_many(["Kirjasto on auki.", item, "The library is open from ten to six."])
    assert (before.error, after.error) == (None, None)
    assert wrong.error is not None
    assert (wrong.error.code, type(item).__name__ in wrong.error.message) == ("no-text", True)


def test_several_processes_take_in_a_bounded_number_of_texts_ahead(detector: Detector) -> None:
    taken = 0

    def source():
        nonlocal taken
        for _ in range(5_000):
            taken += 1
            yield "Kirjasto on auki."

    stream = detector.scan_many(source(), n_jobs=2)
    next(stream)
    assert taken <= 2 * 8 * 64
    stream.close()


def test_scan_many_is_lazy_ordered_and_equal_to_scan(detector: Detector) -> None:
    texts = ["Kirjasto on auki.", "", "The library is open from ten to six.", "Voitit arvonnassa ja sovimme ajan esittelyyn."]
    taken: list[str] = []

    def source():
        for text in texts:
            taken.append(text)
            yield text

    stream = detector.scan_many(source())
    next(stream)
    assert len(taken) == 1
    assert list(detector.scan_many(texts)) == [detector.scan(t) for t in texts]
    assert list(detector.scan_many(texts, n_jobs=2)) == [detector.scan(t) for t in texts]


def test_predict_proba(detector: Detector) -> None:
    p = detector.predict_proba(["The library is open from ten to six.", ""])
    assert p.shape == (2, 10)
    assert p[1].sum() == 0
    assert detector.predict_proba([]).shape == (0, 10)


@pytest.mark.parametrize("kwargs", [{"patterns": ["nothing"]}, {"min_score": 1.5}, {"ui_lang": "sv"}])
def test_wrong_settings(detector: Detector, kwargs: dict) -> None:
    with pytest.raises(ConfigError):
        Detector(detector.model, **kwargs)


def test_a_language_without_a_model(detector: Detector) -> None:
    with pytest.raises(ConfigError, match="fi, en"):
        detector.scan("hej", lang="sv")


def test_a_text_of_many_tiny_units_is_no_matter_of_squares(detector: Detector) -> None:
    result = detector.scan("! " * 20_000 + "ilmainen", "fi")
    assert result.error is None
