"""What stands around a cue: negation, and the zone of the text its unit lies in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hiddensale.analysis import Analysis
from hiddensale.cues import Hit
from hiddensale.packs import Pack

_DEFAULT_BREAKERS = frozenset({",", ";", ":", "(", ")", "-", "–", "—"})


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a unit stands.

    ``fineprint``: after a fine-print mark or itself one; ``after_cta``: a call to action came before;
    ``quoted``: inside quotation marks; ``bracketed``: inside brackets; ``heading``: short line without an end mark.
    """

    fineprint: bool
    after_cta: bool
    quoted: bool
    bracketed: bool
    heading: bool


def negate(analysis: Analysis, hits: list[Hit], pack: Pack) -> list[Hit]:
    """Mark the hits a negation reaches.

    A negation reaches ``before`` tokens forward and ``after`` tokens back inside its unit (pack.toml,
    ``[negation]``), and stops at a clause border or a breaker word.
    """
    scope = pack.settings.get("negation", {})
    before, after = int(scope.get("before", 4)), int(scope.get("after", 3))
    breakers = _DEFAULT_BREAKERS | set(scope.get("breakers", ()))
    by_unit: dict[int, list[Hit]] = {}
    for hit in hits:
        if hit.key == "modifier.negation":
            by_unit.setdefault(hit.unit, []).append(hit)
    if not by_unit:
        return hits
    words = analysis.words

    def clear(first: int, last: int) -> bool:
        return not any(words[i].lower in breakers for i in range(first, last))

    out = []
    for hit in hits:
        reached = hit.role != "modifier" and any(
            (n.last <= hit.first <= n.last + before and clear(n.last, hit.first)) or (hit.last <= n.first <= hit.last + after and clear(hit.last, n.first)) for n in by_unit.get(hit.unit, ())
        )
        out.append(replace(hit, negated=True) if reached else hit)
    return out


_OPENING = {'"', "”", "“", "»", "«", "„"}
# One word of warning stands in an ad too ("don't miss", "as seen in"); two sentences that report do not.
_REPORTS = 2


def zones(analysis: Analysis, hits: list[Hit]) -> list[Zone]:
    """The zone of every unit, in order."""
    units = analysis.units
    fine_from = len(units)
    fine_units: set[int] = set()
    cta_at = len(units)
    for hit in hits:
        if hit.key == "modifier.fineprint":
            unit = units[hit.unit]
            fine_units.add(hit.unit)
            if unit.last - unit.first <= 5 and hit.unit > 0:
                fine_from = min(fine_from, hit.unit)
        elif hit.key == "modifier.cta":
            cta_at = min(cta_at, hit.unit)
    out = []
    open_quote = False
    text = analysis.text
    for u, unit in enumerate(units):
        piece = text[analysis.starts[unit.first] : analysis.ends[unit.last - 1]]
        quotes = sum(piece.count(q) for q in _OPENING)
        quoted = open_quote or (quotes >= 2 and piece[:1] in _OPENING)
        if quotes % 2:
            quoted = True
            open_quote = not open_quote
        elif unit.breaks > 1 and not quotes:
            open_quote = quoted = False
        star = piece[:1] == "*"
        out.append(
            Zone(
                fineprint=u >= fine_from or u in fine_units or star,
                after_cta=u > cta_at,
                quoted=quoted,
                bracketed=piece[:1] in "([" or (piece.count("(") > 0 and piece[-2:].rstrip(".").endswith(")") and len(piece) < 120),
                heading=(unit.last - unit.first) <= 8 and piece[-1:] not in ".,;",
            )
        )
    return out


def quotations(text: str) -> list[tuple[int, int]]:
    """Where the quotations of a text begin and end, marks included; a mark that is never closed quotes nothing.

    Examples
    --------
    >>> quotations('They wrote: "free book". Beware.')
    [(12, 23)]
    >>> quotations('A 10" tablet')
    []
    """
    marks = [i for i, sign in enumerate(text) if sign in _OPENING]
    return [(start, end + 1) for start, end in zip(marks[::2], marks[1::2], strict=False)]


def is_quoted_in_report(analysis: Analysis, hits: list[Hit], units: tuple[int, ...]) -> bool:
    """Whether ``units`` stand in one quotation of a text that says more than once outside of it that it reports."""
    reports = [h for h in hits if h.key == "modifier.report"]
    if len({h.unit for h in reports}) < _REPORTS:
        return False
    starts, ends = analysis.starts, analysis.ends
    first, last = starts[analysis.units[min(units)].first], ends[analysis.units[max(units)].last - 1]
    for start, end in quotations(analysis.text):
        # The closing mark and its full stop may count to the unit.
        if start <= first + 1 and last <= end + 1:
            return len({h.unit for h in reports if not start <= starts[h.first] < end}) >= _REPORTS
    return False
