"""From a word form to its lemma: simplemma while building, a compact table of its forms at run time.

simplemma's Finnish dictionary holds 3.5 million forms and takes seconds to load. A model therefore carries the
forms of the lemmas that its packs and its training texts use; a form outside the table is taken apart as a compound
(``kestotilauksena`` = ``kesto`` + ``tilauksena``), which is what Finnish needs anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

_MIN_TAIL = 4
_MIN_HEAD = 3


class Lemmatizer(Protocol):
    """Anything that maps a lower-case form to a lower-case lemma."""

    def lemma(self, form: str) -> str: ...


class TableLemmatizer:
    """Lemmas from a table of forms, with compound splitting from the right.

    Parameters
    ----------
    forms : mapping of str to str
        Lower-case form to lower-case lemma.
    overrides : mapping of str to str
        Colloquial and clipped forms of the pack; they win over the table.
    compounds : bool
        Whether the language writes compounds as one word.
    endings : sequence of str
        What a known form may carry at its end (possessives, clitics), longest first.
    dots : mapping of str to str
        Letters that are often written without their dots, and what they then stand for.

    Examples
    --------
    >>> t = TableLemmatizer({"tilauksena": "tilaus", "lähettäjälle": "lähettäjä"}, {"ilmaseks": "ilmainen"}, compounds=True, dots={"a": "ä", "o": "ö"})
    >>> t.lemma("kestotilauksena"), t.lemma("ilmaseks"), t.lemma("lahettajalle"), t.lemma("xyz")
    ('kestotilaus', 'ilmainen', 'lähettäjä', 'xyz')
    """

    def __init__(self, forms: Mapping[str, str], overrides: Mapping[str, str], *, compounds: bool, endings: Sequence[str] = (), dots: Mapping[str, str] | None = None) -> None:
        self._forms = forms
        self._endings = tuple(endings)
        self._overrides = overrides
        self._compounds = compounds
        self._dots = Dots(dots or {})

    def lemma(self, form: str) -> str:
        dotted = self._dots.put(form)
        candidates = (form, dotted) if dotted else (form,)
        for candidate in candidates:
            found = self._inflected(candidate)
            if found:
                return found
        if self._compounds and len(form) >= _MIN_HEAD + _MIN_TAIL:
            # A compound's parts have each their own vowels, so only its tail gets its dots.
            for whole in candidates:
                for cut in range(_MIN_HEAD, len(form) - _MIN_TAIL + 1):
                    tail = self._known(whole[cut:])
                    if tail:
                        return form[:cut].rstrip("-") + ("-" if form[cut - 1] == "-" else "") + tail
        return form

    def _inflected(self, form: str) -> str | None:
        found = self._known(form)
        if found:
            return found
        for ending in self._endings:
            if form.endswith(ending) and len(form) - len(ending) >= _MIN_TAIL:
                found = self._known(form[: -len(ending)])
                if found:
                    return found
        return None

    def _known(self, form: str) -> str | None:
        return self._overrides.get(form) or self._forms.get(form)


class Dots:
    """Puts back the dots that text messages leave out.

    The vowels of a Finnish word agree: beside ä and ö there is no a and o. So a word that is unknown as it stands has one
    candidate, the one in which every a is an ä and every o an ö.

    Examples
    --------
    >>> Dots({"a": "ä", "o": "ö"}).put("lahettajalle"), Dots({"a": "ä"}).put("talo"), Dots({"a": "ä"}).put("hetki")
    ('lähettäjälle', 'tälo', None)
    """

    def __init__(self, dots: Mapping[str, str]) -> None:
        self._table = str.maketrans(dict(dots))

    def put(self, form: str) -> str | None:
        """``form`` with all its dots, None where it has nothing to dot."""
        dotted = form.translate(self._table)
        return dotted if dotted != form else None


class LiveLemmatizer:
    """simplemma itself, with the pack's overrides; slow to load, covers the whole language."""

    def __init__(self, lang: str, overrides: Mapping[str, str], *, dots: Mapping[str, str] | None = None) -> None:
        self._lang = lang
        self._overrides = overrides
        self._dots = Dots(dots or {})

    def lemma(self, form: str) -> str:
        found = self._overrides.get(form)
        if found:
            return found
        dotted = self._dots.put(form)
        if dotted and not live_known(form, self._lang) and live_known(dotted, self._lang):
            form = dotted
        return live_lemma(form, self._lang)


@lru_cache(maxsize=200_000)
def live_known(form: str, lang: str) -> bool:
    """Whether simplemma's dictionary holds a lower-case form."""
    import simplemma

    return bool(simplemma.is_known(form, lang=lang))


@lru_cache(maxsize=200_000)
def live_lemma(form: str, lang: str) -> str:
    """Simplemma's lemma of a lower-case form; a lemma that merely cuts a compound's tail is refused."""
    import simplemma

    if not form[:1].isalpha():
        return form
    lemma = str(simplemma.lemmatize(form, lang=lang)).lower()
    if lang == "fi" and len(form) - len(lemma) >= 4 and form.startswith(lemma) and len(lemma) >= 4:
        # "kuukausimaksu" -> "kuukausi": the head of the compound was taken for an ending.
        tail = str(simplemma.lemmatize(form[len(lemma) :], lang=lang)).lower()
        if len(form) - len(lemma) >= 4 and simplemma.is_known(form[len(lemma) :], lang=lang):
            return lemma + tail
    return lemma


def build_table(lang: str, wanted: Iterable[str]) -> dict[str, str]:
    """Return simplemma's forms of the ``wanted`` lemmas, form to lemma, in lower case.

    Parameters
    ----------
    lang : str
        Language code simplemma knows.
    wanted : iterable of str
        Lower-case lemmas.

    Returns
    -------
    dict of str to str
        Sorted by form, so that the same input gives the same file.
    """
    from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory

    want = set(wanted)
    words: dict[str, str] = {}
    names: dict[str, str] = {}
    for form, lemma in DefaultDictionaryFactory().get_dictionary(lang).items():
        low = lemma.lower()
        if low in want:
            (words if form.islower() else names).setdefault(form.lower(), low)
    # "being" is a lemma ("human beings") and a form of another: where they differ the dictionary's word for the form wins, as it
    # does in simplemma. A form that it knows only as a name or a short form ("Dr") comes last.
    table = names | {word: word for word in want} | words
    return dict(sorted(table.items()))
