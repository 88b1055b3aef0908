"""Where a text is cut into sentences, lines and bullets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddensale.detector import Detector

TABLE = [
    ("fi", "Ilmainen kirja kotiisi!🎁 Tilaa heti. 😍😍 vain postikulut", ["Ilmainen kirja kotiisi!🎁", "Tilaa heti. 😍😍", "vain postikulut"]),
    ("fi", "Tarjoamme:•Kiinteän palkan•Hyvän porukan • Koulutuksen", ["Tarjoamme:", "•Kiinteän palkan", "•Hyvän porukan", "• Koulutuksen"]),
    ("en", "Win a prize 🎉 today! 🎉🎉 Only 3 left. 5 winners", ["Win a prize 🎉 today! 🎉🎉", "Only 3 left.", "5 winners"]),
    ("en", "OK? yes ✅ No fees ✅ No ties", ["OK?", "yes", "✅ No fees", "✅ No ties"]),
    ("en", "get the sample today. then it is £4.99 a month", ["get the sample today.", "then it is £4.99 a month"]),
    ("fi", "soita esim. klo 9. vai mitä? no niin", ["soita esim. klo 9. vai mitä?", "no niin"]),
    ("fi", "Paketti tulee kotiin.Lasku tulee perässä", ["Paketti tulee kotiin.", "Lasku tulee perässä"]),
    ("en", "I was paid 100.50. 200 came later.", ["I was paid 100.50.", "200 came later."]),
    ("en", "See www.foo.example/Bar or write to A.Smith now", ["See www.foo.example/Bar or write to A.Smith now"]),
    ("en", "Free pen – for you | and a mug", ["Free pen – for you", "| and a mug"]),
    ("fi", "Tämä rivi on niin pitkä että se on katkaistu kesken\nja jatkuu tässä", ["Tämä rivi on niin pitkä että se on katkaistu kesken\nja jatkuu tässä"]),
    ("fi", "Lyhyt rivi\ntoinen rivi", ["Lyhyt rivi", "toinen rivi"]),
    ("fi", "Myydään kojeita (hinnat alk. 90 €). Järj. Kirkas Korva Oy. Tervetuloa!", ["Myydään kojeita (hinnat alk. 90 €).", "Järj. Kirkas Korva Oy.", "Tervetuloa!"]),
    ("fi", "Kesto vah. 12 kk. Matti M. Virtanen vastaa.", ["Kesto vah. 12 kk.", "Matti M. Virtanen vastaa."]),
    ("fi", "Tulos alk.\n1 690 €", ["Tulos alk.", "1 690 €"]),
    ("en", "Dear Ms. Gray, approx. 30 of no. 5. Any more? No. Thanks.", ["Dear Ms. Gray, approx. 30 of no. 5.", "Any more?", "No.", "Thanks."]),
    ("en", "This is plan B. 5 days left", ["This is plan B.", "5 days left"]),
]


@pytest.mark.parametrize(("lang", "text", "units"), TABLE, ids=[t[:24] for _, t, _ in TABLE])
def test_units(detector: Detector, lang: str, text: str, units: list[str]) -> None:
    assert [text[a:b] for a, b in detector.analyser(lang).sentences(text)] == units


@given(st.text(alphabet="ab AB.!?•✅🎁\n-5:,", max_size=60), st.sampled_from(["fi", "en"]))
def test_units_cover_every_word_once_and_in_order(detector: Detector, text: str, lang: str) -> None:
    analysis = detector.analyser(lang).analyse(text)
    assert [i for u in analysis.units for i in range(u.first, u.last)] == list(range(len(analysis.words)))
    assert all(u.first < u.last for u in analysis.units)


@pytest.mark.parametrize(
    ("form", "lemma"),
    [
        ("lahettajalle", "lähettäjä"),
        ("paivityksen", "päivitys"),
        ("liittymasi", "liittymä"),
        ("puhelinliittymaa", "puhelinliittymä"),
        # What is a word as it stands stays that word, whatever it would be with dots.
        ("talo", "talo"),
        ("saari", "saari"),
    ],
)
def test_words_written_without_dots(detector: Detector, form: str, lemma: str) -> None:
    assert detector.analyser("fi").word(form).lemma == lemma


def test_a_language_without_dots_gets_none(detector: Detector) -> None:
    assert detector.analyser("en").word("lahettajalle").lemma == "lahettajalle"
