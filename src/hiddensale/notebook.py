"""A scan result as HTML for a notebook: the text with lure and catch marked. Ads are hostile input; they come out as text, and nothing runs."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from hiddensale import clarifying, messages
from hiddensale.catalogue import patterns
from hiddensale.schema import Finding, ScanResult
from hiddensale.terminal import inert

# Translucent, so that they read on a light page as on a dark one.
_TINT = {"lure": "rgba(214, 158, 0, .30)", "catch": "rgba(214, 60, 40, .30)"}
_BOX = "font-family: system-ui, sans-serif; line-height: 1.6; max-width: 46rem; color: inherit; border: 1px solid rgba(128, 128, 128, .35); border-radius: 6px; padding: .6em .9em; margin: .4em 0"
_TEXT = "white-space: pre-wrap; overflow-wrap: anywhere; max-height: 28em; overflow-y: auto; margin: 0 0 .6em; direction: ltr; unicode-bidi: isolate"
_MARK = "background: {tint}; color: inherit; border-radius: 3px; padding: .1em .25em"
_LABEL = "font-size: .72em; font-weight: 600; opacity: .75; margin-left: .4em; white-space: nowrap"
_QUIET = "opacity: .75; font-size: .9em"
# Of a long text what lies further than this from every mark is left out.
_NEAR = 300
_WHOLE = 4_000


def html(result: ScanResult) -> str:
    """What a notebook shows of a result.

    Parameters
    ----------
    result : ScanResult

    Returns
    -------
    str
        HTML without scripts, links or addresses; styles stand at the elements.
    """
    ui = result.lang if result.lang in ("fi", "en") else "en"
    words = messages.texts()[ui]
    name = escape(inert(result.source or result.id))
    head = f'<div style="{_QUIET}">{name}</div>' if name else ""
    if result.error is not None:
        return f'<div class="hiddensale" style="{_BOX}">{head}<b>{escape(result.error.code)}</b> {escape(inert(result.error.message))}</div>'
    found = result.findings
    if not found:
        return f'<div class="hiddensale" style="{_BOX}">{head}{escape(words["label"]["nothing"])}</div>'
    text = f'<div lang="{ui}" style="{_TEXT}">{"".join(_marked(result.text, found, words["label"]))}</div>' if result.text else ""
    return f'<div class="hiddensale" style="{_BOX}">{head}{text}{"".join(_told(f, number, len(found), ui) for number, f in enumerate(found, 1))}</div>'


def _marked(text: str, found: tuple[Finding, ...], label: dict[str, str]) -> Iterator[str]:
    marks = [(span.start, span.end, role, number) for number, f in enumerate(found, 1) for role, span in (("lure", f.lure), ("catch", f.catch)) if span is not None]
    borders = sorted({0, len(text), *(b for start, end, _, _ in marks for b in (start, end))})
    for start, end in pairwise(borders):
        inside = [m for m in marks if m[0] <= start and end <= m[1]]
        if not inside:
            yield _plain(text, start, end)
            continue
        # Where marks lie over each other the catch shows.
        role = "catch" if any(m[2] == "catch" for m in inside) else "lure"
        names = [label[m[2]] + (f" {m[3]}" if len(found) > 1 else "") for m in inside if m[1] == end]
        tag = f'<span style="{_LABEL}">{escape(", ".join(names))}</span>' if names else ""
        yield f'<mark style="{_MARK.format(tint=_TINT[role])}">{escape(inert(text[start:end]))}{tag}</mark>'


def _plain(text: str, start: int, end: int) -> str:
    first, last = (0 if start == 0 else _NEAR), (0 if end == len(text) else _NEAR)
    if len(text) <= _WHOLE or end - start <= first + last + 1:
        return escape(inert(text[start:end]))
    return escape(inert(text[start : start + first])) + " … " + escape(inert(text[end - last : end]))


def _told(finding: Finding, number: int, of: int, ui: str) -> str:
    words = messages.texts()[ui]
    facts = f"{words['stance'][finding.stance]} · {words['disclosure'][finding.disclosure]} · {messages.level_word(finding.score, ui)} {finding.score:.2f}"
    lead = f"{number}. " if of > 1 else ""
    out = f'<div><b>{lead}{escape(finding.pattern)}</b> {escape(patterns()[finding.pattern].name[ui])} <span style="{_QUIET}">{escape(facts)}</span><br>{escape(inert(finding.message))}'
    told = clarifying.advice(finding, ui)
    return out + (f"<br>→ {escape(inert(told))}" if told else "") + "</div>"
