"""The five practices the project began with, in both languages, with exact spans, and an honest twin of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from hiddensale.detector import Detector
from hiddensale.readers import read
from hiddensale.schema import ScanResult

# file of examples/, pattern, lure, catch
HIDDEN = [
    ("lehtipuhelu.txt", "free-but-fees", "lehden ihan ilmaiseksi", "sulle jää vaan ne postitus- ja painatuskulut"),
    ("lehtietu.txt", "free-but-fees", "aikakauslehden ilmaiseksi", "postitus- ja painatuskulut 5,90 € numerolta"),
    ("magazine.txt", "free-but-fees", "absolutely free for a whole year", "A contribution towards postage and printing of £2.95 per issue is payable on receipt"),
    (
        "avaimenpera.eml",
        "gift-to-contract",
        "Olemme varanneet sinulle ilmaisen turva-avaimenperän",
        "aktivoinnin yhteydessä alkaa kortinsulkupalvelu, 7,90 €/kk, sopimuskausi 24 kk",
    ),
    ("keyfob.html", "gift-to-contract", "Your free safety key fob", "activates CardBlock card protection, £6.99 a month for a minimum of 24 months"),
    (
        "sukkapuhelu.txt",
        "free-to-subscription",
        "testata uusia bambusukkia ilmaiseksi",
        "Sen jälkeen sukkia kolahtaa luukusta aina parin kuukauden välein jäsenetuhintaan",
    ),
    (
        "razor.md",
        "free-to-subscription",
        "Get our **free starter razor",
        "eight fresh blades reach you every other month at our members' rate until you tell us to stop",
    ),
    (
        "kuntosali.txt",
        "prize-to-pitch",
        "voitit kehonkoostumusmittauksen ja kahden viikon salikortin",
        "valmentajamme esittelee salin ja käy kanssasi läpi, mikä jäsenyys sopii tavoitteisiisi",
    ),
    (
        "gymdraw.txt",
        "prize-to-pitch",
        "You've WON a body scan and a two-week pass worth £85",
        "we'll show you round, introduce our programmes and find the membership that suits you",
    ),
    ("markkinointiassistentti.txt", "sales-job-in-disguise", "iloista markkinointiassistenttia", "rajattomat ansaintamahdollisuudet: palkka määräytyy tulosten mukaan"),
    ("marketing-assistant.txt", "sales-job-in-disguise", "Marketing Assistant", "earnings, paid per sign-up"),
    # A second wording that is missed: the catch stands in plain words below the button, without any mark of fine print.
    pytest.param("sukat.html", "free-to-subscription", "ILMAISEKSI", None, marks=pytest.mark.xfail(strict=True, reason="missed: fine print in plain words is taken for clear (.12)")),
]
HONEST = ["lehtietu-rehti.txt", "avaimenpera-rehti.txt", "kuntosali-rehti.txt", "markkinointiassistentti-rehti.txt", "marketing-assistant-honest.txt", "library.txt", "varoitus.txt"]
HONEST_TEXTS = [
    ("fi", "Sukkahylly antaa joulukuussa kaikille kävijöille kaksi paria sukkia ilmaiseksi. Sukat saa tiskiltä, Puistokatu 4. Yksi setti talouteen, niin kauan kuin laatikoissa riittää."),
    ("en", "Dear Mrs Harding, thank you for eleven years as a reader. With this letter comes one free copy of Country Walks. We have paid the postage, and no further copies follow."),
    ("en", "Free safety key fobs for all tenants of Elm House! Collect yours from the caretaker on Monday. The housing association has paid for them. Lost keys are handed in at the office."),
    ("en", "Free razor with this month's Barber Weekly! It is taped to the cover. Pick up the magazine for £3.20 at any newsagent."),
    ("en", "You've won! Your name came out of the hat in our shopping centre draw: the £85 gift card is in this envelope. Spend it in any shop of the centre before June."),
]


def scan(detector: Detector, path: Path) -> ScanResult:
    (document,) = read(path)
    return detector.scan_document(document)


@pytest.mark.parametrize(("name", "pattern", "lure", "catch"), HIDDEN)
def test_hidden(detector: Detector, examples_dir: Path, name: str, pattern: str, lure: str, catch: str | None) -> None:
    result = scan(detector, examples_dir / name)
    found = {f.pattern: f for f in result.findings if f.flagged}
    assert set(found) == {pattern}
    assert found[pattern].lure.text == lure
    if catch is not None:
        assert found[pattern].catch is not None
        assert found[pattern].catch.text == catch


@pytest.mark.parametrize("name", HONEST)
def test_honest_twin(detector: Detector, examples_dir: Path, name: str) -> None:
    assert not scan(detector, examples_dir / name).flagged


@pytest.mark.parametrize(("lang", "text"), HONEST_TEXTS)
def test_honest_text(detector: Detector, lang: str, text: str) -> None:
    assert not detector.scan(text, lang).flagged


@pytest.mark.parametrize("name", ["kuntosali.txt", "gymdraw.txt", "markkinointiassistentti.txt", "sukkapuhelu.txt"])
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t + " 🎉🎉",
        lambda t: t.replace("Lahti", "Kuopio").replace("Derby", "Leeds").replace("Tampere", "Oulu"),
        lambda t: t.replace("120", "140").replace("£85", "£95"),
        lambda t: t.replace("!", "."),
    ],
    ids=["emoji", "town", "amount", "marks"],
)
def test_what_must_not_matter(detector: Detector, examples_dir: Path, name: str, change) -> None:
    assert detector.scan(change((examples_dir / name).read_text(encoding="utf-8"))).flagged
