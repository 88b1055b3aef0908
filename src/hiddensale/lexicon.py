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

    Examples
    --------
    >>> t = TableLemmatizer({"tilauksena": "tilaus"}, {"ilmaseks": "ilmainen"}, compounds=True)
    >>> t.lemma("kestotilauksena"), t.lemma("ilmaseks"), t.lemma("xyz")
    ('kestotilaus', 'ilmainen', 'xyz')
    """

    def __init__(self, forms: Mapping[str, str], overrides: Mapping[str, str], *, compounds: bool, endings: Sequence[str] = ()) -> None:
        self._forms = forms
        self._endings = tuple(endings)
        self._overrides = overrides
        self._compounds = compounds

    def lemma(self, form: str) -> str:
        found = self._known(form)
        if found:
            return found
        for ending in self._endings:
            if form.endswith(ending) and len(form) - len(ending) >= _MIN_TAIL:
                found = self._known(form[: -len(ending)])
                if found:
                    return found
        if self._compounds and len(form) >= _MIN_HEAD + _MIN_TAIL:
            for cut in range(_MIN_HEAD, len(form) - _MIN_TAIL + 1):
                tail = self._known(form[cut:])
                if tail:
                    return form[:cut].rstrip("-") + ("-" if form[cut - 1] == "-" else "") + tail
        return form

    def _known(self, form: str) -> str | None:
        return self._overrides.get(form) or self._forms.get(form)


class LiveLemmatizer:
    """simplemma itself, with the pack's overrides; slow to load, covers the whole language."""

    def __init__(self, lang: str, overrides: Mapping[str, str]) -> None:
        self._lang = lang
        self._overrides = overrides

    def lemma(self, form: str) -> str:
        found = self._overrides.get(form)
        return found or live_lemma(form, self._lang)


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
    table: dict[str, str] = {w: w for w in want}
    for form, lemma in DefaultDictionaryFactory().get_dictionary(lang).items():
        low = lemma.lower()
        if low in want:
            f = form.lower()
            if f not in want:
                table.setdefault(f, low)
    return dict(sorted(table.items()))
