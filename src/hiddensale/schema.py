"""The records that pass between stages. Imports nothing of the package, but for what a notebook asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Document:
    """One text on its way in.

    ``text`` is kept exactly as given (or as extracted); ``error`` is set where it could not be read. ``line`` is where a row begins in
    its file; ``comments`` are an HTML page's own to hiddensale, which its text does not hold.
    """

    text: str
    id: str = ""
    source: str = ""
    lang: str | None = None
    extracted: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)
    error: ScanError | None = None
    line: int | None = None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanError:
    """Why a document was not scanned: a stable ``code`` and a message with the remedy."""

    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the document: code points from 0, ``end`` exclusive."""

    start: int
    end: int
    text: str

    def to_dict(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "text": self.text}


@dataclass(frozen=True, slots=True)
class Reason:
    """One named part of a finding's score; ``weight`` is in log-odds, and the parts add up."""

    name: str
    weight: float
    value: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "weight": round(self.weight, 4), "value": self.value}


@dataclass(frozen=True, slots=True)
class Finding:
    """One pattern found in one document.

    ``clarify`` is None where nobody asked for it, empty where no change that was tried helps (null in the record).
    """

    pattern: str
    score: float
    flagged: bool
    stance: str
    disclosure: str
    lure: Span
    catch: Span | None
    message: str
    law: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    clarify: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "pattern": self.pattern,
            "score": round(self.score, 6),
            "flagged": self.flagged,
            "stance": self.stance,
            "disclosure": self.disclosure,
            "lure": self.lure.to_dict(),
            "catch": self.catch.to_dict() if self.catch else None,
            "message": self.message,
            "law": list(self.law),
            "reasons": [r.to_dict() for r in self.reasons],
        }
        if self.clarify is not None:
            out["clarify"] = dict(self.clarify) or None
        return out


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What was found in one document; ``line`` is where its row begins in the file, and no part of the record."""

    id: str
    source: str
    lang: str | None
    flagged: bool
    score: float
    scores: Mapping[str, float]
    findings: tuple[Finding, ...]
    text: str
    extracted: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)
    error: ScanError | None = None
    line: int | None = None

    def to_dict(self, *, with_text: bool = False) -> dict[str, Any]:
        """Return the record of the contract; ``text`` is there for extracted formats or on demand."""
        out: dict[str, Any] = {
            "schema": SCHEMA_VERSION,
            "id": self.id,
            "source": self.source,
            "lang": self.lang,
            "flagged": self.flagged,
            "score": round(self.score, 6),
            "scores": {k: round(v, 6) for k, v in self.scores.items()},
            "findings": [f.to_dict() for f in self.findings],
            "error": self.error.to_dict() if self.error else None,
        }
        if self.extracted or with_text:
            out["text"] = self.text
        if self.meta:
            out["meta"] = dict(self.meta)
        return out

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        # The one import of the package here, made only when a notebook asks.
        from hiddensale.notebook import html

        return html(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], text: str = "") -> ScanResult:
        """The inverse of :meth:`to_dict`; ``text`` serves where the record does not carry it."""
        error = row.get("error")
        return cls(
            id=row["id"],
            source=row["source"],
            lang=row["lang"],
            flagged=row["flagged"],
            score=row["score"],
            scores=dict(row["scores"]),
            findings=tuple(_finding(f) for f in row["findings"]),
            text=row.get("text", text),
            extracted="text" in row,
            meta=row.get("meta", {}),
            error=ScanError(error["code"], error["message"]) if error else None,
        )


def _finding(row: Mapping[str, Any]) -> Finding:
    catch = row["catch"]
    return Finding(
        row["pattern"],
        row["score"],
        row["flagged"],
        row["stance"],
        row["disclosure"],
        Span(**row["lure"]),
        Span(**catch) if catch else None,
        row["message"],
        tuple(row["law"]),
        tuple(Reason(r["name"], r["weight"], r["value"]) for r in row.get("reasons", ())),
        (row["clarify"] or {}) if "clarify" in row else None,
    )
