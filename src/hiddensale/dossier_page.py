"""The printable page of an evidence pack: one self-contained HTML file that runs and fetches nothing."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hiddensale.catalogue import patterns
from hiddensale.messages import level_word, texts
from hiddensale.report import reason_words
from hiddensale.terminal import inert

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "title": "A finding for a person to check",
        "text": "The text as seen",
        "finding": "What was found",
        "lure": "lure",
        "catch": "catch",
        "no_catch": "nothing in the text carries it",
        "rules": "Rules this text may touch",
        "no_rules": "No rule is pointed at.",
        "read": "read",
        "scores": "Scores of all patterns",
        "reasons": "What the score is made of (log-odds)",
        "limits": "What was not seen",
        "origin": "Where the text came from",
        "made": "What made this page",
        "key": "key",
        "value": "value",
        "level": "level",
        "pattern": "pattern",
        "score": "score",
        "flagged": "flagged",
        "not_flagged": "not flagged: shown because all findings were asked for",
        "quote": "quote",
        "place": "code points",
        "not_given": "not given",
        "not_seen": [
            "pictures, videos and sound",
            "the pages behind links, buttons and codes",
            "what a seller says on the phone, at the door or at an event",
            "earlier and later messages, terms and confirmations",
            "whether what the text says is true, and who really stands behind it",
        ],
        "extracted": {
            "html": "the page's look: the text was taken out of HTML, without scripts, styles, colours and letter sizes; what a script or a style adds or hides was not seen",
            "eml": "attachments, and the look of the message: the text was taken out of an e-mail",
            "pdf": "the look of the pages: the text was taken out of a PDF, and what is only in a picture is missing",
            "other": "the look of the original: the text was taken out of another format",
        },
    },
    "fi": {
        "title": "Löydös ihmisen tarkistettavaksi",
        "text": "Teksti sellaisena kuin se nähtiin",
        "finding": "Mitä löytyi",
        "lure": "houkutin",
        "catch": "koukku",
        "no_catch": "mikään tekstissä ei kerro sitä",
        "rules": "Säännöt, jotka voivat koskea tekstiä",
        "no_rules": "Sääntöihin ei viitata.",
        "read": "luettu",
        "scores": "Kaikkien kuvioiden varmuudet",
        "reasons": "Mistä varmuus koostuu (logit)",
        "limits": "Mitä ei nähty",
        "origin": "Mistä teksti on",
        "made": "Mikä tämän sivun teki",
        "key": "avain",
        "value": "arvo",
        "level": "taso",
        "pattern": "kuvio",
        "score": "varmuus",
        "flagged": "epäily",
        "not_flagged": "ei epäilyä: näytetään, koska kaikki löydökset pyydettiin",
        "quote": "lainaus",
        "place": "merkit",
        "not_given": "ei annettu",
        "not_seen": [
            "kuvia, videoita ja ääntä",
            "linkkien, painikkeiden ja koodien takana olevia sivuja",
            "mitä myyjä sanoo puhelimessa, ovella tai tilaisuudessa",
            "aiempia ja myöhempiä viestejä, ehtoja ja vahvistuksia",
            "onko totta, mitä teksti sanoo, ja kuka sen takana todella on",
        ],
        "extracted": {
            "html": "sivun ulkoasua: teksti on otettu HTML:stä ilman skriptejä, tyylejä, värejä ja kirjainkokoja; skriptin tai tyylin lisäämää tai piilottamaa ei nähty",
            "eml": "liitteitä eikä viestin ulkoasua: teksti on otettu sähköpostista",
            "pdf": "sivujen ulkoasua: teksti on otettu PDF:stä, ja vain kuvassa oleva puuttuu",
            "other": "alkuperäisen ulkoasua: teksti on otettu toisesta muodosta",
        },
    },
}
_STYLE = """
body { font: 11pt/1.5 Georgia, serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem; color: #111; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; border-bottom: 1px solid #999; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #999; padding: .8rem; }
mark { color: inherit; padding: 0 .1em; } mark.lure { background: #ffe9a8; border-bottom: 2px solid #8a6d00; }
mark.catch { background: #ffd0cb; border-bottom: 2px dashed #a3271c; } mark.lure.catch { background: #ffd9b0; }
sup { font-size: .7em; } table { border-collapse: collapse; width: 100%; font-size: .92em; } td, th { text-align: left; vertical-align: top;
padding: .15rem .6rem .15rem 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; } td:first-child { min-width: 8em; } .notice { border-left: 4px solid #666; padding-left: .8rem; }
@media print { body { margin: 0; } h2 { break-after: avoid; } tr, li { break-inside: avoid; } }
"""


def _safe(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return html.escape(inert(text.replace("\r\n", "\n").replace("\r", "\n")))


def marked(text: str, spans: Mapping[str, tuple[int, int]], labels: Mapping[str, str]) -> str:
    """A text as HTML with its spans marked, also where they overlap.

    Examples
    --------
    >>> marked("free <b>", {"lure": (0, 4)}, {"lure": "lure"})
    '<mark class="lure">free<sup>lure</sup></mark> &lt;b&gt;'
    """
    cuts = sorted({0, len(text), *(at for span in spans.values() for at in span)})
    out = []
    for start, end in pairwise(cuts):
        inside = [name for name, (first, last) in spans.items() if first <= start and end <= last]
        piece = _safe(text[start:end])
        ends = "".join(f"<sup>{_safe(labels[name])}</sup>" for name in inside if spans[name][1] == end)
        out.append(f'<mark class="{" ".join(inside)}">{piece}{ends}</mark>' if inside else piece)
    return "".join(out)


def _table(rows: list[tuple[object, ...]], head: tuple[str, ...] = ()) -> str:
    lines = ["".join(f'<th scope="col">{_safe(h)}</th>' for h in head)] if head else []
    lines += ["".join(f"<td>{_safe(c)}</td>" for c in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def page(record: Mapping[str, Any]) -> str:
    """The page of a ``finding.json``.

    Parameters
    ----------
    record : mapping
        As :func:`hiddensale.dossier.record` makes it; its ``ui_lang`` is the language of the page.

    Returns
    -------
    str
        HTML.
    """
    ui = record["ui_lang"]
    words, said = WORDS[ui], texts()[ui]
    finding, source = record["finding"], record["input"]
    spans = {name: (finding[name]["start"], finding[name]["end"]) for name in ("lure", "catch") if finding[name]}
    name = f"{finding['pattern']}: {patterns()[finding['pattern']].name[ui]}"
    facts: list[tuple[object, ...]] = [
        (words["pattern"], name),
        (words["score"], f"{finding['score']:.2f}, {level_word(finding['score'], ui)}"),
        (words["flagged"] if finding["flagged"] else words["not_flagged"], f"{said['stance'][finding['stance']]}; {said['disclosure'][finding['disclosure']]}"),
    ]
    facts += [(words[n], f"{finding[n]['text']} ({words['place']} {finding[n]['start']}–{finding[n]['end']})" if finding[n] else words["no_catch"]) for n in ("lure", "catch")]
    law = "".join(
        f"<li>{_safe(r['name'])} ({_safe(r['place'])}) [{_safe(r['level'])}; {words['read']} {_safe(record['law_read'])}]<br>{_safe(r['says'])}<br>{_safe('; '.join(r['source']))}</li>"
        for r in record["rules"]
    )
    origin: list[tuple[object, ...]] = [("id", source["id"]), ("source", source["source"]), *([("line", source["line"])] if source["line"] else []), *source["meta"].items()]
    origin += [("seen_at", record["seen_at"] or words["not_given"]), ("lang", record["lang"]), ("SHA-256", record["text_sha256"])]
    made: list[tuple[object, ...]] = [(k, record[k]) for k in ("program", "model", "packs", "settings")]
    sections = (
        f"<h1>{words['title']}: {_safe(name)}</h1>",
        f"<p>{_safe(finding['message'])}</p>",
        f'<p class="notice">{_safe(record["notice"])}</p>',
        f"<h2>{words['text']}</h2>",
        f'<div class="text" lang="{_safe(record["lang"])}">{marked(record["text"], spans, {n: words[n] for n in spans})}</div>',
        f"<h2>{words['finding']}</h2>",
        _table(facts),
        f"<h2>{words['rules']}</h2>",
        f"<ul>{law}</ul>" if law else f"<p>{words['no_rules']}</p>",
        f"<h2>{words['limits']}</h2>",
        f"<ul>{''.join(f'<li>{_safe(x)}</li>' for x in record['not_seen'])}</ul>",
        f"<h2>{words['origin']}</h2>",
        _table(origin, (words["key"], words["value"])),
        f"<h2>{words['scores']}</h2>",
        _table([(k, f"{v:.4f}") for k, v in record["scores"].items()], (words["pattern"], words["score"])),
        f"<h2>{words['reasons']}</h2>",
        _table([(reason_words(r["name"], ui), f"{r['weight']:+.3f}") for r in finding["reasons"]]),
        f"<h2>{words['made']}</h2>",
        _table(made, (words["key"], words["value"])),
    )
    head = (
        f'<!doctype html>\n<html lang="{ui}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{_safe(name)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n'
    )
    return head + "\n".join(sections) + "\n</body>\n</html>\n"
