"""Everything the judge may look at in one text: its units with their cues, zones and word types."""

from __future__ import annotations

from dataclasses import dataclass

from hiddensale import context, cues
from hiddensale.analysis import Analyser, Analysis
from hiddensale.cues import Hit


@dataclass(slots=True)
class Evidence:
    """One analysed text with its cues; ``kinds[u]`` lists the cue keys of unit ``u``, negated ones end in ``~``."""

    analysis: Analysis
    hits: list[Hit]
    zones: list[context.Zone]
    kinds: list[dict[str, float]]


def gather(analyser: Analyser, analysis: Analysis) -> Evidence:
    """Find the cues of an analysed text and what stands around them."""
    hits = context.negate(analysis, cues.find(analysis, analyser.pack), analyser.pack)
    kinds: list[dict[str, float]] = [{} for _ in analysis.units]
    for hit in hits:
        key = hit.key + "~" if hit.negated else hit.key
        row = kinds[hit.unit]
        row[key] = max(row.get(key, 0.0), hit.cue.strength)
    return Evidence(analysis, hits, context.zones(analysis, hits), kinds)


def units_of(evidence: Evidence, span: tuple[int, int] | None) -> list[int]:
    """Numbers of the units a character span touches."""
    if span is None:
        return []
    a = evidence.analysis
    return [u for u, unit in enumerate(a.units) if a.starts[unit.first] < span[1] and a.ends[unit.last - 1] > span[0]]
