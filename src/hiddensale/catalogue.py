"""The ten patterns and the rules they may touch, as data (patterns.toml, law.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from hiddensale.errors import PackError

PATTERNS: tuple[str, ...] = (
    "free-but-fees",
    "free-to-subscription",
    "gift-to-contract",
    "prize-to-pitch",
    "prize-with-fees",
    "survey-to-sales",
    "event-to-pitch",
    "service-as-sale",
    "sales-job-in-disguise",
    "pay-to-work",
)
DISCLOSURES: tuple[str, ...] = ("clear", "buried", "vague", "absent")
STANCES: tuple[str, ...] = ("makes", "reports")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern of the catalogue; texts are by interface language, ``fi`` and ``en``."""

    id: str
    name: Mapping[str, str]
    short: Mapping[str, str]
    definition: Mapping[str, str]
    line: Mapping[str, str]
    flagged_example: Mapping[str, str]
    honest_example: Mapping[str, str]
    law: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule a pattern may touch; only rules whose place was verified have an id."""

    id: str
    place: str
    name: Mapping[str, str]
    says: Mapping[str, str]
    jurisdiction: str
    level: str
    source: tuple[str, ...]


@lru_cache(maxsize=1)
def patterns() -> dict[str, Pattern]:
    """The catalogue by pattern id, in the order of :data:`PATTERNS`."""
    raw = _read("patterns.toml")
    out: dict[str, Pattern] = {}
    for ident in PATTERNS:
        row = raw.get(ident)
        if row is None:
            raise PackError(f"patterns.toml: the pattern {ident!r} is missing")
        out[ident] = Pattern(
            ident,
            row["name"],
            row["short"],
            row["definition"],
            row["line"],
            row["flagged_example"],
            row["honest_example"],
            {k: tuple(v) for k, v in row["law"].items()},
        )
    return out


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """The rules by id."""
    raw = _read("law.toml")
    return {ident: Rule(ident, row["place"], row["name"], row["says"], row["jurisdiction"], row["level"], tuple(row["source"])) for ident, row in raw["rule"].items()}


@lru_cache(maxsize=1)
def law_notice() -> dict[str, str]:
    """The fixed line that goes with every pointer, by interface language, and the date of reading."""
    return dict(_read("law.toml")["notice"])


def pointers(pattern: str, lang: str) -> tuple[str, ...]:
    """Ids of at most three rules, most specific first, that a flagged finding in a text of ``lang`` may touch.

    Examples
    --------
    >>> pointers("free-but-fees", "fi")[0]
    'EU-UCPD-I-20'
    """
    law = patterns()[pattern].law
    return law.get(lang, law["en"])[:3]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("hiddensale").joinpath(name).read_text(encoding="utf-8"))
