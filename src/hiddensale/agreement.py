"""How far two readings of the same documents agree: kappa, disclosure, span overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hiddensale.catalogue import PATTERNS
from hiddensale.corpus import Example
from hiddensale.evaluation import token_f1
from hiddensale.schema import Span


@dataclass(frozen=True, slots=True)
class Reading:
    """What a second reader marked in a document; spans as quotes found in the text."""

    id: str
    labels: tuple[Mapping[str, Any], ...]

    def patterns(self) -> frozenset[str]:
        """Patterns marked as flagged."""
        return frozenset(x["pattern"] for x in self.labels if x.get("stance") == "makes" and x.get("disclosure") != "clear")


def kappa(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Cohen's kappa of two yes/no readings; 1 where both always say the same.

    Examples
    --------
    >>> kappa([(True, True), (False, False), (True, False), (False, False)])
    0.5
    """
    n = len(pairs)
    if not n:
        return 0.0
    agree = sum(a == b for a, b in pairs) / n
    first, second = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
    chance = first * second + (1 - first) * (1 - second)
    return 1.0 if chance == 1 else (agree - chance) / (1 - chance)


def compare(examples: Sequence[Example], readings: Mapping[str, Reading]) -> dict[str, Any]:
    """Agreement of the first and the second reading, per language and pattern.

    Parameters
    ----------
    examples : sequence of Example
    readings : mapping of id to Reading

    Returns
    -------
    dict
        ``flagged`` kappa, ``patterns`` kappa each, ``disclosure`` share, ``lure`` and ``catch`` word F1, and ``disputed`` ids.
    """
    out: dict[str, Any] = {}
    for lang in ("fi", "en"):
        both = [(x, readings[x.id]) for x in examples if x.lang == lang and x.id in readings]
        if not both:
            continue
        per_pattern = {p: kappa([(any(y.flagged and y.pattern == p for y in x.labels), p in r.patterns()) for x, r in both]) for p in PATTERNS}
        same = total = 0
        overlaps: dict[str, list[float]] = {"lure": [], "catch": []}
        for x, r in both:
            second = {y["pattern"]: y for y in r.labels}
            for label in x.labels:
                other = second.get(label.pattern)
                if other is None or label.stance != other.get("stance"):
                    continue
                total += 1
                same += label.disclosure == other.get("disclosure")
                for role, gold in (("lure", label.lure), ("catch", label.catch)):
                    quote = other.get(role)
                    if gold and quote and (at := x.text.find(quote)) >= 0:
                        overlaps[role].append(token_f1(x.text, gold, Span(at, at + len(quote), quote)))
        out[lang] = {
            "n": len(both),
            "splits": dict(sorted(Counter(x.split for x, _ in both).items())),
            "flagged": kappa([(x.flagged, bool(r.patterns())) for x, r in both]),
            "patterns": per_pattern,
            "disclosure": same / total if total else 0.0,
            "lure": sum(overlaps["lure"]) / max(len(overlaps["lure"]), 1),
            "catch": sum(overlaps["catch"]) / max(len(overlaps["catch"]), 1),
            "disputed": [x.id for x, r in both if x.flagged != bool(r.patterns())],
        }
    return out


def parse(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Reading]:
    """Readings as stored (``readings/*.jsonl``) to records."""
    return {ident: Reading(ident, tuple(row["labels"])) for ident, row in rows.items()}
