"""Which findings are left out: those of a baseline, of the allow-list, and those a text's own author asks to ignore."""

from __future__ import annotations

import fnmatch
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hiddensale.baselines import Baseline, normal, place
from hiddensale.catalogue import PATTERNS
from hiddensale.errors import ConfigError
from hiddensale.schema import Document, Finding, ScanResult
from hiddensale.terminal import inert

_KEYS = ("pattern", "path", "phrase", "reason")
_LINE = re.compile(r"(?:\A|(?<=[\r\n]))[ \t]*(?:<!--[ \t]*(hiddensale:[^\r\n]*)-->[ \t]*(?=[\r\n]|\Z)|(hiddensale:[^\r\n]*))")


@dataclass(frozen=True, slots=True)
class Allow:
    """An entry of the allow-list: a finding that all its conditions fit is left out, for the reason given."""

    reason: str
    pattern: str | None = None
    path: str | None = None
    phrase: str | None = None
    folder: Path = Path()

    def fits(self, finding: Finding, source: str) -> bool:
        if self.pattern is not None and finding.pattern != self.pattern:
            return False
        if self.path is not None and not fnmatch.fnmatchcase(place(source, self.folder), self.path):
            return False
        if self.phrase is None:
            return True
        spans = (finding.lure, finding.catch) if finding.catch else (finding.lure,)
        return any(normal(self.phrase) in normal(span.text) for span in spans)


def allowed(rows: object, path: Path) -> tuple[Allow, ...]:
    """The ``[[allow]]`` entries of a configuration file.

    Parameters
    ----------
    rows : object
        What the file holds under ``allow``.
    path : Path
        The file; paths of entries are told from its folder.

    Raises
    ------
    ConfigError
        Naming file, entry, key, value and remedy.
    """
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise ConfigError(f"{path}: allow is a list of tables; write each as [[allow]]")
    return tuple(_entry(row, f"{path}: [[allow]] entry {number}", path.resolve().parent) for number, row in enumerate(rows, 1))


def _entry(row: Mapping[str, Any], where: str, folder: Path) -> Allow:
    for key, value in row.items():
        if key not in _KEYS:
            raise ConfigError(f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}")
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{where}: {key} = {value!r} is no text; put it in quotes, or take the key out")
    if "reason" not in row:
        raise ConfigError(f'{where}: has no reason; add reason = "why these findings are fine"')
    if len(row) == 1:
        raise ConfigError(f"{where}: has only a reason and would leave out everything; add pattern, path or phrase")
    if row.get("pattern") not in (None, *PATTERNS):
        raise ConfigError(f"{where}: pattern = {row['pattern']!r} is no pattern; one of {', '.join(PATTERNS)}")
    return Allow(folder=folder, **row)


@dataclass(frozen=True, slots=True)
class Ignore:
    """What a text asks for; ``fault`` says why it is not followed."""

    pattern: str
    reason: str
    fault: str = ""


def directives(document: Document) -> list[Ignore]:
    """The ignores a document carries: a comment of its own line in Markdown or plain text, any comment of an HTML page.

    Examples
    --------
    >>> directives(Document("Free socks!\\nhiddensale: ignore free-but-fees sample for our course\\n"))
    [Ignore(pattern='free-but-fees', reason='sample for our course', fault='')]
    """
    lines = document.comments if document.extracted else tuple(a or b for a, b in _LINE.findall(document.text))
    out = []
    for line in map(str.strip, lines):
        verb, pattern, reason = [*line.removeprefix("hiddensale:").split(maxsplit=2), "", "", ""][:3]
        fault = ""
        if verb != "ignore" or pattern not in PATTERNS:
            fault = f"names no pattern; write 'hiddensale: ignore PATTERN reason' with one of {', '.join(PATTERNS)}"
        elif not reason:
            fault = "gives no reason; write one after the pattern"
        out.append(Ignore(pattern, reason, f"'{inert(line)}' {fault}; nothing is ignored for it" if fault else ""))
    return out


@dataclass
class Sieve:
    """Pairs documents with their results, leaves findings out and counts them.

    ``everything`` says that findings that are not flagged are shown too, and so count.
    """

    baseline: Baseline | None = None
    allow: tuple[Allow, ...] = ()
    honour: bool = False
    everything: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"baseline": 0, "allow": 0, "ignore": 0})
    faults: list[str] = field(default_factory=list)
    _waiting: deque[tuple[int | None, frozenset[str]]] = field(default_factory=deque)

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents as they are; what their results will need is kept until these come, in the same order."""
        for document in documents:
            asked = directives(document) if self.honour else []
            self.faults.extend(f"{inert(document.source or document.id)}: {i.fault}" for i in asked if i.fault)
            self._waiting.append((document.line, frozenset(i.pattern for i in asked if not i.fault)))
            yield document

    def apply(self, result: ScanResult) -> ScanResult:
        """The result without what is left out; its flag and score follow."""
        line, ignored = self._waiting.popleft()
        kept = []
        for finding in result.findings:
            why = self._why(finding, result.source, ignored)
            if why is None:
                kept.append(finding)
            elif finding.flagged or self.everything:
                self.counts[why] += 1
        if len(kept) == len(result.findings):
            return replace(result, line=line)
        hot = [f.score for f in kept if f.flagged]
        return replace(result, line=line, findings=tuple(kept), flagged=bool(hot), score=max(hot) if hot else max((f.score for f in kept), default=0.0))

    def _why(self, finding: Finding, source: str, ignored: frozenset[str]) -> str | None:
        if finding.pattern in ignored:
            return "ignore"
        if any(entry.fits(finding, source) for entry in self.allow):
            return "allow"
        if self.baseline is not None and self.baseline.knows(finding, source):
            return "baseline"
        return None

    def summary(self) -> str:
        """What was left out, in words; empty when nothing was."""
        named = {"baseline": "in the baseline", "allow": "on the allow list", "ignore": "ignored by the text's own wish"}
        return ", ".join(f"{n} {named[k]}" for k, n in self.counts.items() if n)
