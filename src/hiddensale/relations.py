"""Second stage, first half: the best lure and catch of each pattern, and what can be said of the two.

For every pattern the unit with the strongest lure score and the unit with the strongest catch score are paired (best
sum, near pairs preferred a little) and described by named numbers. Every number is about the pair, the zone it stands in,
the plain facts near it, or the cues that the document holds; none is a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hiddensale.catalogue import DISCLOSURES, PATTERNS
from hiddensale.evidence import Evidence
from hiddensale.network import PAIR_COLUMNS, Reading
from hiddensale.packs import kinds
from hiddensale.roles import SPEAKS, TOLD
from hiddensale.wording import COLUMNS, OF_TEXT

Floats = npt.NDArray[np.float64]
N_PATTERNS = len(PATTERNS)
# More units than nearly any letter has; beyond it weak units cannot win by being near.
_PAIRED = 200
_FACTS = (
    "disclosure.price",
    "disclosure.price-period",
    "disclosure.total",
    "disclosure.length",
    "disclosure.cancel",
    "disclosure.says-sale",
    "disclosure.says-contract",
    "disclosure.fixed-pay",
    "disclosure.organiser",
)
_PRICES = frozenset({"disclosure.price", "disclosure.price-period"})
_CONTEXT = ("modifier.softener", "modifier.report", "modifier.fineprint", "modifier.narrative", "modifier.seller", "modifier.negation")


@dataclass(frozen=True, slots=True)
class Pair:
    """The units that carry a pattern's lure and catch best; the same unit may carry both."""

    lure: int
    catch: int


@lru_cache(maxsize=1)
def feature_names() -> tuple[str, ...]:
    """Names of the columns of :func:`describe`."""
    names = ["lure score", "lure margin", "lure second", "catch score", "catch margin", "catch second", "pair score", "rule lure", "rule catch", "rule catch denied"]
    names += [
        "lure place",
        "catch place",
        "lure unit number",
        "catch after lure",
        "units apart",
        "words apart",
        "same unit",
        "lure in heading",
        "catch in fine print",
        "catch after call to action",
        "catch in brackets",
        "lure quoted",
        "catch quoted",
        "catch in heading",
        "lure length",
        "catch length",
        "blank lines between",
        "catch ends the text",
    ]
    names += [f"{f} {where}" for f in _FACTS for where in ("at lure", "at catch", "before lure end")]
    names += [f"{f} {where}" for f in _CONTEXT for where in ("at lure", "at catch")]
    names += ["earlier lure score", "earlier lure unit number", "earlier lure units apart", "catch elsewhere score"]
    names += [f"{f} before earlier lure end" for f in _FACTS]
    names += [f"catch told {d}" for d in DISCLOSURES]
    names += ["report mean", "report max", "report at lure", "report at catch", "units", "words", "quoted share", "past others lure", "past others catch"]
    names += [f"top lure:{p}" for p in PATTERNS] + [f"top catch:{p}" for p in PATTERNS]
    names += [f"is {p}" for p in PATTERNS]
    for witness in ("wording", "network"):
        names += [f"{witness} any", f"{witness} flagged", f"{witness} about", f"{witness} flagged past others", f"{witness} about past others"]
        names += [f"{witness} {c}" for c in COLUMNS[OF_TEXT:]]
    names += [f"network pair {c}" for c in PAIR_COLUMNS]
    return tuple(names)


@lru_cache(maxsize=1)
def document_names() -> tuple[str, ...]:
    """Names of the columns of :func:`describe_document`."""
    columns = (f"{witness} {c}" for witness in ("wording", "network") for c in (*COLUMNS[1:OF_TEXT], "about first", "about second"))
    return (*feature_names(), *columns)


@lru_cache(maxsize=1)
def _rule_table() -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    lure: dict[str, list[int]] = {}
    catch: dict[str, list[int]] = {}
    for kind in kinds().values():
        if kind.role in ("lure", "catch"):
            (lure if kind.role == "lure" else catch)[kind.key] = [PATTERNS.index(p) for p in kind.patterns]
    return lure, catch


def choose_pairs(scores: Floats) -> list[Pair]:
    """The best lure and catch unit of every pattern, from role scores of shape (n_units, n_roles)."""
    # Of units that all say what the lure says a reader marks the first.
    early = -0.2 * np.log1p(np.arange(len(scores)))
    out = []
    for p in range(N_PATTERNS):
        # Only the strongest units are paired, so that a text of a million lines costs no more than its lines.
        lure = scores[:, p] + early
        # What looks like the lure is seldom its catch.
        catch = scores[:, N_PATTERNS + p] - 0.2 * lure
        lures, catches = _strongest(lure), _strongest(catch)
        apart = np.abs(lures[:, None] - catches[None, :])
        nearness = -0.05 * np.log1p(apart) - 0.3 * (apart == 0)
        both = lure[lures][:, None] + catch[catches][None, :] + nearness
        flat = int(both.argmax())
        out.append(Pair(int(lures[flat // len(catches)]), int(catches[flat % len(catches)])))
    return out


def _strongest(scores: Floats) -> npt.NDArray[np.intp]:
    """Numbers of the units with the highest scores, in text order; at most :data:`_PAIRED`."""
    if len(scores) <= _PAIRED:
        return np.arange(len(scores))
    return np.sort(np.argsort(-scores, kind="stable")[:_PAIRED])


def priced_catches(evidence: Evidence, pattern: int) -> list[int]:
    """Numbers of the units that name a price, once or by the month or minute, beside a catch cue of the pattern with this number."""
    _, catch_rules = _rule_table()
    return [u for u, row in enumerate(evidence.kinds) if not _PRICES.isdisjoint(row) and any(pattern in catch_rules.get(k, ()) for k in row)]


def describe_document(x: Floats, wording: Floats, reading: Reading) -> Floats:
    """One row about the whole text: the pattern it is most about, and what both witnesses say of it (:func:`document_names`)."""
    rows = [wording[:OF_TEXT], reading.answers[:OF_TEXT]]
    strongest = int((rows[0] + rows[1])[1 + N_PATTERNS :].argmax())
    parts = [x[strongest]]
    for row in rows:
        parts += [row[1:], np.sort(row[1 + N_PATTERNS :])[:-3:-1]]
    return np.concatenate(parts)


def describe(evidence: Evidence, scores: Floats, pairs: list[Pair], wording: Floats, reading: Reading) -> Floats:
    """Feature matrix of shape (n_patterns, n_features), columns as in :func:`feature_names`.

    ``scores`` are role scores of shape (n_units, n_roles), ``wording`` those of the wording model, ``reading`` is the
    network's.
    """
    n = len(scores)
    units = evidence.analysis.units
    zones = evidence.zones
    unit_kinds = evidence.kinds
    n_words = len(evidence.analysis.words)
    tops = scores[:, : 2 * N_PATTERNS].max(axis=0)
    lure_rules, catch_rules = _rule_table()
    rule_lure = np.zeros((n, N_PATTERNS))
    rule_catch = np.zeros((n, N_PATTERNS))
    denied = np.zeros(N_PATTERNS)
    for u, row in enumerate(unit_kinds):
        for k, strength in row.items():
            if k in lure_rules:
                for p in lure_rules[k]:
                    rule_lure[u, p] = max(rule_lure[u, p], strength)
            elif k in catch_rules:
                for p in catch_rules[k]:
                    rule_catch[u, p] = max(rule_catch[u, p], strength)
            elif k.endswith("~") and k[:-1] in catch_rules:
                for p in catch_rules[k[:-1]]:
                    denied[p] += 1.0
    report = scores[:, SPEAKS]
    quoted = sum(z.quoted for z in zones) / n
    # The first unit that states each fact; n where none does.
    stated = [next((u for u, row in enumerate(unit_kinds) if f in row), n) for f in _FACTS]
    doc_part = [report.mean(), report.max()]
    out = np.zeros((N_PATTERNS, len(feature_names())))
    for p, pair in enumerate(pairs):
        lure, catch = scores[:, p], scores[:, N_PATTERNS + p]
        lu, cu = pair.lure, pair.catch
        zl, zc = zones[lu], zones[cu]
        second_lure = np.partition(lure, -2)[-2] if n > 1 else -8.0
        second_catch = np.partition(catch, -2)[-2] if n > 1 else -8.0
        apart = abs(cu - lu)
        values = [
            lure[lu], lure[lu] - lure.mean(), second_lure, catch[cu], catch[cu] - catch.mean(), second_catch, lure[lu] + catch[cu],
            rule_lure[:, p].max(), rule_catch[:, p].max(), np.log1p(denied[p]),
            lu / n, cu / n, min(lu, 12), float(np.sign(cu - lu)), min(apart, 30), np.log1p(abs(units[cu].first - units[lu].first)), float(apart == 0),
            zl.heading, zc.fineprint, zc.after_cta, zc.bracketed, zl.quoted, zc.quoted, zc.heading,
            np.log1p(units[lu].last - units[lu].first), np.log1p(units[cu].last - units[cu].first),
            sum(units[v].breaks > 1 for v in range(min(lu, cu) + 1, max(lu, cu) + 1)), float(cu == n - 1),
        ]  # fmt: skip
        by_lure = min(n, max(lu + 2, 3))
        for f, at in zip(_FACTS, stated, strict=True):
            near_lure = any(f in unit_kinds[v] for v in range(max(0, lu - 1), min(n, lu + 2)))
            near_catch = f in unit_kinds[cu]
            values += [near_lure, near_catch, at < by_lure]
        for f in _CONTEXT:
            values += [f in unit_kinds[lu], f in unit_kinds[cu]]
        # A sentence of the fine print may repeat the lure and so be taken for it: what the text said before its catch counts too.
        ahead = int(lure[:cu].argmax()) if cu else lu
        elsewhere = np.delete(catch, lu).max() if n > 1 else -8.0
        values += [lure[ahead], min(ahead, 12), min(abs(cu - ahead), 30), elsewhere]
        values += [at < min(n, max(ahead + 2, 3)) for at in stated]
        others = [q for q in range(N_PATTERNS) if q != p]
        values += [
            *scores[cu, TOLD:],
            *doc_part,
            report[lu],
            report[cu],
            np.log1p(n),
            np.log1p(n_words),
            quoted,
            tops[p] - tops[others].max(),
            tops[N_PATTERNS + p] - tops[[N_PATTERNS + q for q in others]].max(),
        ]
        head = len(values)
        out[p, :head] = values
        out[p, head : head + 2 * N_PATTERNS] = tops
        out[p, head + 2 * N_PATTERNS + p] = 1.0
        tail: list[float] = []
        for witness in (wording, reading.answers):
            flagged, about = witness[1 : 1 + N_PATTERNS], witness[1 + N_PATTERNS : OF_TEXT]
            tail += [witness[0], flagged[p], about[p], flagged[p] - flagged[others].max(), about[p] - about[others].max(), *witness[OF_TEXT:]]
        tail += reading.pairs[p].tolist()
        out[p, -len(tail) :] = tail
    return out
