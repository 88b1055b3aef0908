"""Invariance and direction in the sense of CheckList (Ribeiro et al. 2020): what an edit of an ad must not change, and what it must.

Every ad is flagged as it stands. A change of brand, town, amount, capitals, emoji, a typo or glued lines keeps it flagged for its pattern; a clear
word beside the lure clears it; quoted inside a warning it is reported, not made. What the model gets wrong is listed in ``WRONG`` with
what it does, and fails when it comes right, so that the list cannot grow old.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from hiddensale.context import is_quoted_in_report
from hiddensale.detector import Detector
from hiddensale.evidence import gather


@dataclass(frozen=True)
class Ad:
    """A text that is flagged, pairs of words to swap in it, and what clears it."""

    id: str
    lang: str
    pattern: str
    text: str
    brand: tuple[str, str]
    town: tuple[str, str]
    amount: tuple[str, str]
    typo: tuple[str, str]
    lure: str
    disclosure: str


ADS = (
    Ad(
        "kirja",
        "fi",
        "free-but-fees",
        "Hei!\nKeittiöklubi kiittää asiakkaitaan: saat nyt ilmaisen Suomalainen leivonta -kirjan, arvo 39 €, kotiin kannettuna.\n"
        "Vastaa KYLLÄ, niin kirja lähtee Tampereelta jo tällä viikolla.\nKirja on sinulle täysin ilmainen. Laskutamme ainoastaan postitus- ja käsittelykulut 9,90 €.",
        ("Keittiöklubi", "Leipäpiiri"),
        ("Tampereelta", "Kuopiosta"),
        ("9,90", "8,50"),
        ("ilmaisen", "ilmasen"),
        "kotiin kannettuna.",
        "Kirja ei ole maksuton: vastaamalla tilaat sen ja maksat siitä yhteensä 9,90 euroa postitus- ja käsittelykuluina.",
    ),
    Ad(
        "kuntosali",
        "fi",
        "prize-to-pitch",
        "ONNEKSI OLKOON!\nOsallistuit arvontaamme Torikeskuksessa ja voitit kehonkoostumusmittauksen ja kahden viikon salikortin, arvo 120 €.\n"
        "Soitamme sinulle ja sovimme ajan. Varaa käyntiin noin tunti: valmentajamme esittelee salin ja käy kanssasi läpi, mikä jäsenyys sopii tavoitteisiisi.\n"
        "Voimapaja, Lahti",
        ("Voimapaja", "Kuntokulma"),
        ("Lahti", "Oulu"),
        ("120", "85"),
        ("arvontaamme", "arvontaame"),
        "arvo 120 €.",
        "Kyse on myyntitapaamisesta: käynnillä tarjoamme sinulle ostettavaksi 12 kuukauden jäsenyyttä, joka maksaa 49 euroa kuukaudessa, eikä voiton saa ilman sitä.",
    ),
    Ad(
        "kuitu",
        "fi",
        "free-to-subscription",
        "Kokeile Suolistokuitua ilmaiseksi!\nTilaa ensimmäinen purkki veloituksetta, maksat vain postikulut 3,90 €.\n"
        "Täytä osoite ja korttitiedot, niin paketti lähtee Turusta heti.\n"
        "Pidämme huolen, ettei kuitu lopu kesken: uusi purkki kolahtaa luukusta aina neljän viikon välein jäsenhintaan.\n"
        "Terveisin Hyväolo",
        ("Hyväolo", "Aamukaste"),
        ("Turusta", "Vaasasta"),
        ("3,90", "4,90"),
        ("ilmaiseksi", "ilmaseksi"),
        "Kokeile Suolistokuitua ilmaiseksi!",
        "Tilaat samalla jatkuvan tilauksen: ensimmäisen purkin jälkeen saat uuden neljän viikon välein hintaan 34,90 euroa, kunnes irtisanot tilauksen.",
    ),
    Ad(
        "tabletti",
        "fi",
        "gift-to-contract",
        "Kiitoslahja sinulle!\nPohjanetin asiakkaana saat nyt upouuden tabletin lahjaksi, hinta 0 €.\nNouda lahjasi myymälästä Jyväskylässä perjantaihin mennessä.\n\n"
        "*Lahjan saa, kun ottaa samalla laajakaistan. Sopimus on määräaikainen 24 kk, 29,90 €/kk.",
        ("Pohjanetin", "Telelinkin"),
        ("Jyväskylässä", "Porissa"),
        ("29,90", "34,90"),
        ("lahjaksi", "lahjaks"),
        "lahjaksi, hinta 0 €.",
        "Tabletin saa vain tekemällä laajakaistasta 24 kuukauden määräaikaisen sopimuksen, jonka kokonaishinta on 717,60 euroa.",
    ),
    Ad(
        "markkinointi",
        "fi",
        "sales-job-in-disguise",
        "Markkinointiassistentti, Helsinki\nHaemme kahdeksaa iloista markkinointiassistenttia Promotiimin kasvavaan porukkaan.\n"
        "- Aikaisempaa kokemusta ei tarvita, koulutamme sinut\n- Kohtaat ihmisiä ovilla ja kauppakeskuksissa ja kerrot heille järjestöjen kuukausilahjoituksista\n"
        "- Hankit uusia tukijoita\n- Ansiot jopa 4000 €/kk, provisio jokaisesta sopimuksesta\n- Nopea eteneminen tiiminvetäjäksi\nSoita ja varaa haastattelu jo tälle viikolle!",
        ("Promotiimin", "Kampanjakatun"),
        ("Helsinki", "Oulu"),
        ("4000", "3500"),
        ("kokemusta", "kokemsta"),
        "Promotiimin kasvavaan porukkaan.",
        "Työ on ovelta ovelle -myyntiä: myyt lahjoitussopimuksia, ja palkka on pelkkää provisiota ilman pohjapalkkaa.",
    ),
    Ad(
        "uni-ilta",
        "fi",
        "event-to-pitch",
        "Tervetuloa maksuttomaan uni-iltaan!\nUniasiantuntija kertoo, miten selkä ja niska lepäävät yön aikana. Kahvit, voileivät ja jokaiselle pariskunnalle lahjatyyny, arvo 59 €.\n"
        "Paikka: hotelli Kulma, Seinäjoki, torstaina klo 18. Ilmoittautuneilta toivomme molempien puolisoiden osallistumista.\n"
        "Lopuksi tutustumme Lepokodin terveyspatjaan, ja asiantuntijamme tekee halukkaille henkilökohtaisen tarjouksen.",
        ("Lepokodin", "Unipesän"),
        ("Seinäjoki", "Kouvola"),
        ("59", "45"),
        ("maksuttomaan", "maksutomaan"),
        "Tervetuloa maksuttomaan uni-iltaan!",
        "Tämä on myyntitilaisuus: illassa myydään 1 990 euron terveyspatjoja, ja ne voi tilata paikan päällä.",
    ),
    Ad(
        "gym",
        "en",
        "prize-to-pitch",
        "CONGRATULATIONS!\nYour name came up in our shopping centre draw. You've WON a body scan and a two-week pass worth £85.\n"
        "One of our team will ring to fix a time. Allow an hour or so: we'll show you round, introduce a coach and talk through which membership suits your goals.\n"
        "Ironworks, Leeds",
        ("Ironworks", "Pulse House"),
        ("Leeds", "Bristol"),
        ("85", "60"),
        ("membership", "membershp"),
        "worth £85.",
        "This is a sales visit: to use the prize you must sit through a sales talk in which we try to sell you a 12-month membership at £39 a month.",
    ),
    Ad(
        "vitamins",
        "en",
        "free-to-subscription",
        "Try Brightday vitamins FREE!\nYour first box is on us, just pay £2.95 postage. Enter your address and card details and we will pop it in the post from Norwich tomorrow.\n"
        "So you never run out, a fresh box arrives every four weeks at the friendly members' price.",
        ("Brightday", "Sunleaf"),
        ("Norwich", "Exeter"),
        ("2.95", "3.50"),
        ("address", "adress"),
        "Try Brightday vitamins FREE!",
        "You are signing up to a paid subscription: after the first box you will be charged £24.95 every four weeks until you cancel, which you can do online at any time.",
    ),
    Ad(
        "bracelet",
        "en",
        "free-but-fees",
        "FREE silver bracelet for every reader in Hull!\nHarbour Press is giving away 500 bracelets worth £45. Yours is completely free, no strings attached.\n"
        "Claim yours today before they are gone.\nJust cover shipping and handling of £7.95 at the checkout.",
        ("Harbour Press", "Millstone"),
        ("Hull", "Cardiff"),
        ("7.95", "5.60"),
        ("completely", "completly"),
        "every reader in Hull!",
        "The bracelet costs you £7.95 in all: that is the price for shipping and handling, and you pay it by card when you order.",
    ),
    Ad(
        "marketing",
        "en",
        "sales-job-in-disguise",
        "Marketing Assistant (entry level), Leeds\nOur client, Brightside Promotions, has eight places for outgoing people who want a career in marketing.\n"
        "- No experience needed, full training is given\n- Represent household names and charities in the community\n- Speak to residents on their doorstep and sign them up\n"
        "- Uncapped weekly earnings of up to £700, paid per sign-up\n- Promotion to team leader within months\nApply today with your phone number, interviews this week.",
        ("Brightside Promotions", "Northgate Events"),
        ("Leeds", "Glasgow"),
        ("700", "650"),
        ("experience", "experiance"),
        "who want a career in marketing.",
        "This is a door-to-door sales job: you sell charity subscriptions at people's homes and are paid commission only, with no basic wage.",
    ),
    Ad(
        "survey",
        "en",
        "survey-to-sales",
        "Household comfort survey 2026\nTell us in two minutes how warm your home in Derby is, and you could win a £250 voucher!\n"
        "Your answers help us understand how families heat their homes. Please leave your phone number, so that one of our advisers can call you with your results "
        "and book a short visit to talk about the right windows for you.\nHomewise",
        ("Homewise", "Warmfield"),
        ("Derby", "Preston"),
        ("250", "100"),
        ("advisers", "advisors"),
        "Household comfort survey 2026",
        "This is advertising, not research: Homewise sells windows, and everybody who answers gets a sales call and an offer of a sales visit.",
    ),
    Ad(
        "packing",
        "en",
        "pay-to-work",
        "Work from home! Packers wanted in Stoke\nPack small gifts for Partyline at your own table and earn up to £450 a week. No experience, no boss, choose your own hours.\n"
        "Reply with your name and we will send your starter pack. A registration fee of £39 covers your materials and is refunded after your first 200 parcels.",
        ("Partyline", "Giftwell"),
        ("Stoke", "Luton"),
        ("450", "380"),
        ("registration", "registraton"),
        "choose your own hours.",
        "You must pay us £39 before you start, it is a purchase of materials and not a wage, and most people who pay earn less than that.",
    ),
)

WARNINGS = {
    "fi": (
        "Kuluttajaneuvonta varoittaa: älä vastaa tähän viestiin\n\nNeuvontaan on tullut viikon aikana kymmeniä valituksia ilmoituksesta, jossa luki näin:\n\n”{ad}”\n\n"
        "Vastanneet kertovat, että heille selvisi vasta jälkikäteen, mistä oli kyse. Jos sait laskun tai sinua painostettiin, riitauta se kirjallisesti ja ota yhteyttä neuvontaan."
    ),
    "en": (
        "Trading standards warn: do not answer this advert\n\nOver the past week we have had dozens of complaints about an advert that read:\n\n“{ad}”\n\n"
        "People who answered told us that they only found out afterwards what it was about. If you were billed or put under pressure, dispute it in writing and contact the advice line."
    ),
}


def swap(text: str, pair: tuple[str, str]) -> str:
    assert pair[0] in text
    return text.replace(*pair)


def glued(text: str) -> str:
    """Lines run together as in ads copied out of a page: bullets without spaces."""
    return re.sub(r"\n+(?:- )?", "•", text)


def first_lines_loud(text: str) -> str:
    """The first two lines in capitals."""
    lines = text.split("\n")
    return "\n".join([*(line.upper() for line in lines[:2]), *lines[2:]])


EDITS: dict[str, Callable[[Ad], str]] = {
    "as it stands": lambda ad: ad.text,
    "another brand": lambda ad: swap(ad.text, ad.brand),
    "another town": lambda ad: swap(ad.text, ad.town),
    "another amount": lambda ad: swap(ad.text, ad.amount),
    "capitals": lambda ad: first_lines_loud(ad.text),
    "no capitals": lambda ad: ad.text.lower(),
    "emoji": lambda ad: "🎉 " + ad.text.replace("\n", " 😀\n") + " 👉",
    "typo": lambda ad: swap(ad.text, ad.typo),
    "glued bullets": lambda ad: glued(ad.text),
}

# (ad, edit) to what the model does instead.
WRONG: dict[tuple[str, str], str] = {
    ("packing", "disclosed"): "that the applicant pays is told beside the lure, and the score stays at .94",
}


def cases(edits: list[str]) -> list[object]:
    return [pytest.param(ad, edit, id=f"{ad.id}: {edit}", marks=[pytest.mark.xfail(reason=WRONG[ad.id, edit], strict=True)] if (ad.id, edit) in WRONG else []) for edit in edits for ad in ADS]


@pytest.mark.parametrize(("ad", "edit"), cases(list(EDITS)))
def test_an_edit_that_changes_nothing_keeps_the_verdict(detector: Detector, ad: Ad, edit: str) -> None:
    result = detector.scan(EDITS[edit](ad), ad.lang)
    assert ad.pattern in {f.pattern for f in result.findings if f.flagged}, (edit, result.score)


@pytest.mark.parametrize(("ad", "edit"), cases(["disclosed"]))
def test_a_clear_word_beside_the_lure_clears_the_ad(detector: Detector, ad: Ad, edit: str) -> None:
    before = detector.scan(ad.text, ad.lang)
    after = detector.scan(swap(ad.text, (ad.lure, f"{ad.lure} {ad.disclosure}")), ad.lang)
    assert not after.flagged, [(f.pattern, round(f.score, 2)) for f in after.findings]
    assert after.scores[ad.pattern] < before.scores[ad.pattern]


@pytest.mark.parametrize(("ad", "edit"), cases(["a clear word lowers the score"]))
def test_a_clear_word_beside_the_lure_lowers_the_score(detector: Detector, ad: Ad, edit: str) -> None:
    after = detector.scan(swap(ad.text, (ad.lure, f"{ad.lure} {ad.disclosure}")), ad.lang)
    assert after.scores[ad.pattern] < detector.scan(ad.text, ad.lang).scores[ad.pattern]


@pytest.mark.parametrize(("ad", "edit"), cases(["warning"]))
def test_an_ad_quoted_in_a_warning_is_reported(detector: Detector, ad: Ad, edit: str) -> None:
    result = detector.scan(WARNINGS[ad.lang].format(ad=ad.text), ad.lang)
    assert not result.flagged, [(f.pattern, round(f.score, 2)) for f in result.findings]
    assert {f.stance for f in result.findings} <= {"reports"}


@pytest.mark.parametrize(
    ("lang", "text", "reported"),
    [
        ("en", "Trading standards warn about this letter.\n“A free book for you. You pay the postage of £9.”\nWe have had complaints about it.", True),
        ("en", "Trading standards warn about this letter.\n\n“A free book for you.\n\nYou pay the postage of £9.”\n\nWe have had complaints about it.", True),
        ("fi", "Kuluttajaneuvonta varoittaa ilmoituksesta.\n”Saat kirjan ilmaiseksi. Maksat postikulut 9 €.”\nSiitä on tullut valituksia.", True),
        # One word that could be the ad's own does not make it a report, nor does a quotation that holds half of the offer.
        ("en", "Trading standards warn about this letter.\n“A free book for you. You pay the postage of £9.”", False),
        ("en", "Trading standards warn about this letter.\n“A free book for you.” You pay the postage of £9.\nWe have had complaints about it.", False),
        ("en", "A free book for you. You pay the postage of £9.\nTrading standards warn about others. We have had complaints about them.", False),
    ],
)
def test_an_offer_in_one_quotation_is_reported_where_two_sentences_around_it_say_so(detector: Detector, lang: str, text: str, reported: bool) -> None:
    analyser = detector.analyser(lang)
    evidence = gather(analyser, analyser.analyse(text))
    lure, catch = (
        next(u for u, unit in enumerate(evidence.analysis.units) if evidence.analysis.starts[unit.first] <= text.index(word) < evidence.analysis.ends[unit.last - 1]) for word in OFFER[lang]
    )
    assert is_quoted_in_report(evidence.analysis, evidence.hits, (lure, catch)) is reported


OFFER = {"en": ("free", "postage"), "fi": ("ilmaiseksi", "postikulut")}


def test_what_a_quotation_takes_off_is_a_part_of_the_score(detector: Detector) -> None:
    ad = next(ad for ad in ADS if ad.id == "packing")
    result = detector.scan(WARNINGS[ad.lang].format(ad=ad.text), ad.lang)
    for finding in result.findings:
        parts = {r.name: r.weight for r in finding.reasons}
        assert parts["quoted in a report"] == -4.0
        assert sum(parts.values()) == pytest.approx(np.log(finding.score) - np.log1p(-finding.score), abs=1e-6)


def test_every_known_fault_is_of_an_ad_and_an_edit_that_are_there() -> None:
    known = {(ad.id, edit) for ad in ADS for edit in (*EDITS, "disclosed", "a clear word lowers the score", "warning")}
    assert set(WRONG) <= known
    assert all(WRONG.values())
