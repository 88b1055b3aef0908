"""The authoring format of the corpus: spans are marked in the text, nobody counts characters.

A file holds documents one after another::

    @doc fi-free-001
    genre: sms
    style: dry
    label: free-but-fees buried makes
    ---
    {L:Ilmainen} kirja kotiisi. Osallistut vain {K:käsittelykuluihin 9,90 €}.

    @twin fi-free-001b of fi-free-001
    flips: verdict
    near: free-but-fees
    label: none
    ---
    <<<
     Osallistut vain käsittelykuluihin 9,90 €.
    ===
     Emme peri mitään kuluja.
    >>>

``{L:...}`` marks a lure and ``{K:...}`` a catch (Finnish *koukku*) of the first ``label:`` line,
``{L2:...}`` those of the second, ``{L12:...}`` a span that serves both. A twin repeats its base with
edits, each found in the base's plain text, or it gives its whole text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hiddensale.catalogue import DISCLOSURES, PATTERNS, STANCES

STYLES = ("dry", "plain", "warm", "loud")
FLIPS = ("verdict", "pattern", "disclosure", "stance", "nothing")
KINDS = ("lookalike", "talk", "ordinary")

_HEAD = re.compile(r"^@(doc|twin)\s+(\S+)(?:\s+of\s+(\S+))?\s*$")
_OPEN = re.compile(r"\{([LK])([1-9]*):")
_EDIT = re.compile(r"^<<<[ \t]*\n(.*?)\n===[ \t]*\n(.*?)\n?^>>>[ \t]*$", re.DOTALL | re.MULTILINE)

_MARKER = re.compile(r"^(?:<<<|===|>>>)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """Something wrong in a corpus file, with the place to look."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass
class Marked:
    """A plain text and the spans that were marked in it: ``(role, label number, start, end)``."""

    text: str
    spans: list[tuple[str, int, int, int]] = field(default_factory=list)


Seen = dict[str, tuple[Marked, dict[str, object]]]


def strip_markup(source: str) -> Marked:
    """Take the marks out of ``source`` and keep where they stood.

    Parameters
    ----------
    source : str
        Marked text.

    Returns
    -------
    Marked
        Plain text with spans in code points, end exclusive.

    Raises
    ------
    ValueError
        When a mark is opened and never closed.

    Examples
    --------
    >>> m = strip_markup("{L:Ilmainen} kirja")
    >>> m.text, m.spans
    ('Ilmainen kirja', [('L', 1, 0, 8)])
    """
    out: list[str] = []
    spans: list[tuple[str, int, int, int]] = []
    stack: list[tuple[str, str, int]] = []
    size = 0
    pos = 0
    while pos < len(source):
        opened = _OPEN.match(source, pos)
        if opened:
            stack.append((opened.group(1), opened.group(2) or "1", size))
            pos = opened.end()
            continue
        char = source[pos]
        if char == "}" and stack:
            role, numbers, start = stack.pop()
            spans.extend((role, int(n), start, size) for n in numbers)
        else:
            out.append(char)
            size += 1
        pos += 1
    if stack:
        raise ValueError(f"a mark {{{stack[-1][0]}: is never closed")
    return Marked("".join(out), sorted(spans, key=lambda s: (s[2], s[3], s[1], s[0])))


def _apply_edits(base: Marked, body: str) -> Marked:
    """Repeat ``base`` with the edits of ``body``; spans an edit touches go, new marks come."""
    text, spans = base.text, list(base.spans)
    edits = [(m.group(1), m.group(2)) for m in _EDIT.finditer(body)]
    if _EDIT.sub("", body).strip():
        raise ValueError("text outside the <<< === >>> edits of a twin")
    for old, new_source in edits:
        if _MARKER.search(old) or _MARKER.search(new_source):
            raise ValueError(f"an edit is not closed with >>> before the next begins: {old.splitlines()[0][:60]!r}")
        count = text.count(old)
        if count != 1:
            raise ValueError(f"the edit's old text stands {count} times in the base: {old[:60]!r}")
        new = strip_markup(new_source)
        at = text.index(old)
        end = at + len(old)
        shift = len(new.text) - len(old)
        kept = []
        for role, number, s, e in spans:
            if e <= at:
                kept.append((role, number, s, e))
            elif s >= end:
                kept.append((role, number, s + shift, e + shift))
        kept.extend((role, n, s + at, e + at) for role, n, s, e in new.spans)
        text = text[:at] + new.text + text[end:]
        spans = kept
    return Marked(text, spans)


def _blocks(source: str) -> Iterator[tuple[int, re.Match[str], list[tuple[int, str]], str]]:
    """Yield (line, head match, header lines, body) for each document of a file."""
    lines = source.split("\n")
    starts = [i for i, line in enumerate(lines) if _HEAD.match(line)]
    for at, nxt in zip(starts, [*starts[1:], len(lines)], strict=True):
        head = _HEAD.match(lines[at])
        assert head is not None
        cut = next((i for i in range(at + 1, nxt) if lines[i].strip() == "---"), nxt)
        header = [(i + 1, lines[i]) for i in range(at + 1, cut) if lines[i].strip()]
        yield at + 1, head, header, "\n".join(lines[cut + 1 : nxt]).strip("\n")


def read_marked(path: Path, lang: str, split: str, batch: str, seen: Seen | None = None) -> tuple[list[dict[str, object]], list[Fault]]:
    """Read one marked file into corpus records.

    Parameters
    ----------
    path : Path
        UTF-8 file in the authoring format.
    lang, split, batch : str
        What every document of the file has in common.
    seen : dict, optional
        The documents of the batch's earlier files, so that a twin finds its base there; filled on.

    Returns
    -------
    records : list of dict
        In the shape of the corpus record, with ``genre``, ``style``, ``near``, ``kind``, ``flips`` and ``batch``.
    faults : list of Fault
        A document with a fault is left out of ``records``.
    """
    source = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    records: list[dict[str, object]] = []
    faults: list[Fault] = []
    seen = {} if seen is None else seen
    name = str(path)
    first = next((i for i, x in enumerate(source.split("\n")) if x.strip()), 0)
    if not _HEAD.match(source.split("\n")[first]):
        faults.append(Fault(name, first + 1, "the file must start with an @doc line"))
    for line, head, header, body in _blocks(source):
        try:
            marked, record = _one(head, header, body, seen)
        except ValueError as error:
            faults.append(Fault(name, line, f"{head.group(2)}: {error}"))
            continue
        record.update(lang=lang, split=split, batch=batch, source="written")
        seen[str(record["id"])] = (marked, record)
        records.append(record)
    return records, faults


def _one(
    head: re.Match[str],
    header: list[tuple[int, str]],
    body: str,
    seen: dict[str, tuple[Marked, dict[str, object]]],
) -> tuple[Marked, dict[str, object]]:
    kind, ident, base_id = head.groups()
    if ident in seen:
        raise ValueError("this id is used twice")
    keys: dict[str, str] = {}
    labels: list[str] = []
    for line, text in header:
        key, colon, value = text.partition(":")
        if not colon:
            raise ValueError(f"line {line}: a header line is 'key: value', this is {text!r}")
        key, value = key.strip(), value.strip()
        if re.fullmatch(r"label[1-9]?", key):
            if value != "none":
                labels.append(value)
        elif key in ("genre", "style", "near", "flips", "kind", "note"):
            keys[key] = value
        else:
            raise ValueError(f"line {line}: unknown header key {key!r}")
    if not any(re.match(r"label", t) for _, t in header):
        raise ValueError("no label line; write 'label: none' where there is no pattern")
    if not body.strip():
        raise ValueError("no text after ---")
    base: tuple[Marked, dict[str, object]] | None = None
    if kind == "twin":
        if base_id is None or base_id not in seen:
            raise ValueError(f"a twin names its base, which stands above it: '@twin ID of BASE', got {base_id!r}")
        base = seen[base_id]
    if base is not None and body.lstrip().startswith("<<<"):
        marked = _apply_edits(base[0], body)
    else:
        marked = strip_markup(body)
    record: dict[str, object] = {
        "id": ident,
        "genre": keys.get("genre") or (base[1]["genre"] if base else None),
        "text": marked.text,
        "labels": _labels(labels, marked),
        "group": base[1]["group"] if base else None,
        "twin_of": base_id,
        "style": keys.get("style") or (base[1]["style"] if base else None),
    }
    if base is not None:
        record["group"] = base[1]["group"] = base[1]["group"] or base_id
        if keys.get("flips") not in FLIPS:
            raise ValueError(f"a twin says what it flips: flips: {'|'.join(FLIPS)}")
        record["flips"] = keys["flips"]
    if record["genre"] is None:
        raise ValueError("no genre: line")
    if record["style"] not in STYLES:
        raise ValueError(f"style is one of {', '.join(STYLES)}, got {record['style']!r}")
    if not labels:
        record["kind"] = keys.get("kind", "lookalike")
        if record["kind"] not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        near = keys.get("near", "").split()
        if record["kind"] == "lookalike" and (not near or any(n not in PATTERNS for n in near)):
            raise ValueError("a look-alike names the pattern it resembles: near: PATTERN")
        if near:
            record["near"] = near
    return marked, record


def _labels(lines: list[str], marked: Marked) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if len(parts) != 3 or parts[0] not in PATTERNS:
            raise ValueError(f"a label is 'PATTERN DISCLOSURE STANCE', got {line!r}")
        pattern, disclosure, stance = parts
        if stance not in STANCES:
            raise ValueError(f"stance is makes or reports, got {stance!r}")
        if disclosure == "null" and stance == "reports":
            disclosure = ""
        elif disclosure not in DISCLOSURES:
            raise ValueError(f"disclosure is one of {', '.join(DISCLOSURES)}, got {disclosure!r}")
        label: dict[str, object] = {"pattern": pattern, "lure": None, "catch": None}
        for role, key in (("L", "lure"), ("K", "catch")):
            found = [(s, e) for r, n, s, e in marked.spans if r == role and n == number]
            if len(found) > 1:
                raise ValueError(f"label {number} has {len(found)} {key} spans; mark the one that carries it best")
            if found:
                s, e = found[0]
                piece = marked.text[s:e]
                if not piece.strip():
                    raise ValueError(f"label {number}: an empty {key} span")
                if piece != piece.strip():
                    raise ValueError(f"label {number}: {key} span starts or ends with a space: {piece!r}")
                if (s and marked.text[s - 1].isalnum() and piece[0].isalnum()) or (e < len(marked.text) and marked.text[e].isalnum() and piece[-1].isalnum()):
                    raise ValueError(f"label {number}: {key} span cuts a word: {piece!r}")
                label[key] = [s, e]
        if stance == "makes" and label["lure"] is None:
            raise ValueError(f"label {number} ({pattern}) makes an offer but marks no lure")
        if stance == "makes" and disclosure in ("clear", "buried", "vague") and label["catch"] is None:
            raise ValueError(f"label {number} ({pattern}) is {disclosure} but marks no catch")
        label["disclosure"] = disclosure or None
        label["stance"] = stance
        out.append(label)
    extra = {n for _, n, _, _ in marked.spans if n > len(lines)}
    if extra and lines:
        raise ValueError(f"marks for label {sorted(extra)} but only {len(lines)} label lines")
    return out
