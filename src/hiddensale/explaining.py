"""The page about one pattern: what it means, where its line runs, two examples, the rules it may touch."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterable, Iterator

from hiddensale.catalogue import Rule, law_notice, patterns, pointers, rules

_COLUMNS = 88
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WORDS: dict[str, dict[str, str]] = {
    "fi": {
        "definition": "Määritelmä",
        "short": "Houkutin → koukku",
        "line": "Missä raja kulkee",
        "flagged": "Esimerkki piilomyynnistä",
        "honest": "Rehellinen esimerkki",
        "law": "Säännöt, jotka voivat koskea tätä",
        "text.fi": "Suomenkielinen teksti",
        "text.en": "Englanninkielinen teksti",
        "above": "kuten edellä",
        "source": "Lähde",
        "read": "luettu",
        "V": "tarkistettu säännön omasta tekstistä tai sen antajan sivulta (V)",
        "V2": "tarkistettu toisen käden lähteestä (V2)",
        "other": "Toiseen suuntaan voivat puhua väitteen vieressä kerrottu hinta, täydemmät tiedot linkin takana ja sivu, jota ei ole nähty.",
    },
    "en": {
        "definition": "Definition",
        "short": "Lure → catch",
        "line": "Where the line runs",
        "flagged": "A hidden example",
        "honest": "An honest example",
        "law": "Rules it may touch",
        "text.fi": "Text in Finnish",
        "text.en": "Text in English",
        "above": "as above",
        "source": "Source",
        "read": "read",
        "V": "verified against the rule's own text or its issuer's page (V)",
        "V2": "verified at second hand (V2)",
        "other": "A price beside the claim, a fuller page behind the link and a landing page not seen may speak the other way.",
    },
}


def page(pattern: str, ui_lang: str) -> str:
    """Everything a reader needs to know about one pattern, for the terminal.

    The rules are those for a text in the interface language, then those for a text in the other one.

    Parameters
    ----------
    pattern : str
        Id of the pattern, one of :data:`hiddensale.catalogue.PATTERNS`.
    ui_lang : {"fi", "en"}
        Language of the page.

    Returns
    -------
    str
        The page, wrapped at 88 columns, with a line break at its end. Addresses of sources are never broken, so that they can be copied.

    Raises
    ------
    KeyError
        When there is no such pattern or interface language.

    Examples
    --------
    >>> print(page("prize-with-fees", "en").splitlines()[0])
    prize-with-fees: prize with fees
    """
    words, row = _WORDS[ui_lang], patterns()[pattern]
    title = f"{row.id}: {row.name[ui_lang]}"
    out = [title, "=" * len(title), ""]
    out += _section(words["definition"], row.definition[ui_lang])
    out += _section(words["short"], row.short[ui_lang])
    out += _section(words["line"], row.line[ui_lang])
    out += _section(words["flagged"], row.flagged_example[ui_lang], lead="| ")
    out += _section(words["honest"], row.honest_example[ui_lang], lead="| ")
    out += [words["law"], "-" * len(words["law"])]
    out += _law(pattern, ui_lang)
    out += [*_lines(words["other"]), "", *_lines(law_notice()[ui_lang])]
    return "\n".join(out) + "\n"


def _section(heading: str, text: str, lead: str = "") -> list[str]:
    return [heading, "-" * len(heading), *(line for part in text.splitlines() for line in _lines(part, lead, lead)), ""]


def _law(pattern: str, ui_lang: str) -> Iterator[str]:
    words, table = _WORDS[ui_lang], rules()
    told: set[str] = set()
    for text_lang in sorted(_WORDS, key=lambda code: code != ui_lang):
        yield words[f"text.{text_lang}"]
        for ident in pointers(pattern, text_lang):
            yield from _again(table[ident], words["above"]) if ident in told else _rule(table[ident], ui_lang)
            told.add(ident)
        yield ""


def _again(rule: Rule, above: str) -> Iterable[str]:
    return _lines(f"{rule.id}: {above}", "  * ", "    ")


def _rule(rule: Rule, ui_lang: str) -> Iterator[str]:
    words = _WORDS[ui_lang]
    yield from _lines(f"{rule.id}: {rule.name[ui_lang]} ({rule.place})", "  * ", "    ")
    yield from _lines(rule.says[ui_lang], "    ", "    ")
    yield from _lines(f"{words[rule.level]}; {words['read']} {_date(law_notice()['read'], ui_lang)}", "    ", "    ")
    yield f"    {words['source']}:"
    yield from (f"      {address}" for address in rule.source)


def _date(iso: str, ui_lang: str) -> str:
    day = datetime.date.fromisoformat(iso)
    return f"{day.day}.{day.month}.{day.year}" if ui_lang == "fi" else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _lines(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, _COLUMNS, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
