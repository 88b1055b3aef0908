from __future__ import annotations

from pathlib import Path

import pytest
import spacy

import hiddensale

HIDDEN = "Voitit arvonnassa! Palkintosi on kehonkoostumusmittaus. Soitamme ja sovimme ajan, jolloin valmentajamme esittelee salin ja jäsenyydet."
HONEST = "Kirjasto on avoinna arkisin klo 10-18. Tervetuloa lainaamaan kirjoja!"


@pytest.fixture
def nlp():
    nlp = spacy.blank("fi")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("hiddensale")
    return nlp


def test_alone_and_beside_others(nlp) -> None:
    alone = spacy.blank("fi")
    alone.add_pipe("hiddensale")
    for pipeline in (alone, nlp):
        doc = pipeline(HIDDEN)
        assert doc._.hidden_sales.flagged
        assert {s.label_ for s in doc.spans["hidden_sales"]} == {"LURE", "CATCH"}
        assert {s.id_ for s in doc.spans["hidden_sales"]} == {"prize-to-pitch"}
        assert doc._.hidden_sales.findings[0].lure.text in doc.text
    assert len(list(nlp(HIDDEN).sents)) == 3


def test_pipe_says_what_scan_says(nlp) -> None:
    docs = list(nlp.pipe([HIDDEN, HONEST]))
    assert [d._.hidden_sales.flagged for d in docs] == [True, False]
    assert docs[0]._.hidden_sales.scores == pytest.approx({k: round(v, 6) for k, v in hiddensale.scan(HIDDEN, "fi").scores.items()})
    assert not docs[1].spans["hidden_sales"]


def test_several_processes(nlp) -> None:
    docs = list(nlp.pipe([HIDDEN, HONEST], n_process=2))
    assert [d._.hidden_sales.flagged for d in docs] == [True, False]


def test_round_trip_through_disk_and_bytes(nlp, tmp_path: Path) -> None:
    nlp.get_pipe("hiddensale").config["min_score"] = 0.25
    nlp.to_disk(tmp_path / "p")
    again = spacy.load(tmp_path / "p")
    assert again.get_pipe("hiddensale").config["min_score"] == 0.25
    assert again(HIDDEN)._.hidden_sales == nlp(HIDDEN)._.hidden_sales
    other = spacy.blank("fi")
    other.add_pipe("sentencizer")
    other.add_pipe("hiddensale")
    other.from_bytes(nlp.to_bytes())
    assert other(HIDDEN)._.hidden_sales == nlp(HIDDEN)._.hidden_sales


def test_a_doc_keeps_its_result_through_bytes(nlp) -> None:
    doc = nlp(HIDDEN)
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert again._.hidden_sales == doc._.hidden_sales


def test_the_result_says_what_a_scan_of_the_text_says(nlp) -> None:
    found, scanned = nlp(HIDDEN)._.hidden_sales, hiddensale.scan(HIDDEN, "fi")
    assert found.to_dict() == scanned.to_dict()
    assert (found.text, found.extracted) == (HIDDEN, False)


def test_empty_doc(nlp) -> None:
    assert nlp("")._.hidden_sales.error.code == "empty"
