"""Annotated documents: reading, building from marked text, and what is gold in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hiddensale.catalogue import DISCLOSURES, PATTERNS, STANCES
from hiddensale.errors import CorpusError
from hiddensale.markup import Fault

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Label:
    """A pattern a careful annotator marked; spans and disclosure may be None in reports."""

    pattern: str
    lure: tuple[int, int] | None
    catch: tuple[int, int] | None
    disclosure: str | None
    stance: str

    @property
    def flagged(self) -> bool:
        return self.stance == "makes" and self.disclosure != "clear"


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled document."""

    id: str
    lang: str
    text: str
    labels: tuple[Label, ...]
    group: str
    split: str = "train"
    genre: str = ""
    style: str = ""
    kind: str = ""
    near: tuple[str, ...] = ()
    flips: str | None = None
    twin_of: str | None = None
    batch: str = ""
    raw: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def flagged(self) -> bool:
        return any(label.flagged for label in self.labels)

    @property
    def sort(self) -> str:
        """``flagged``, ``clear``, ``report``, ``lookalike``, ``talk`` or ``ordinary``."""
        if self.flagged:
            return "flagged"
        if self.labels:
            return "report" if all(x.stance == "reports" for x in self.labels) else "clear"
        return self.kind or "lookalike"


def parse_record(row: Any, place: str) -> Example:
    """Check one corpus record and turn it into an :class:`Example`.

    Raises
    ------
    CorpusError
        With ``place`` (file:line), the key, the value and what was expected.
    """
    if not isinstance(row, dict):
        raise CorpusError(f"{place}: a record is a JSON object, got {type(row).__name__}")
    for key in ("id", "lang", "text", "labels"):
        if key not in row:
            raise CorpusError(f"{place}: the key {key!r} is missing")
    text = row["text"]
    if not isinstance(text, str) or not text.strip():
        raise CorpusError(f"{place}: text is empty or no string")
    if not isinstance(row["labels"], list):
        raise CorpusError(f"{place}: labels is a list, got {row['labels']!r}")
    split = row.get("split") or "train"
    if split not in SPLITS:
        raise CorpusError(f"{place}: split is one of {', '.join(SPLITS)}, got {split!r}")
    near = row.get("near") or []
    if not isinstance(near, list) or not all(isinstance(x, str) for x in near):
        raise CorpusError(f"{place}: near is a list of patterns, got {near!r}")
    twin_of = row.get("twin_of")
    if twin_of is not None and not isinstance(twin_of, str):
        raise CorpusError(f"{place}: twin_of is the id of a document or null, got {twin_of!r}")
    labels = tuple(_label(x, text, f"{place}: label {n}") for n, x in enumerate(row["labels"], 1))
    return Example(
        id=str(row["id"]),
        lang=str(row["lang"]),
        text=text,
        labels=labels,
        group=str(row.get("group") or row["id"]),
        split=split,
        genre=str(row.get("genre") or ""),
        style=str(row.get("style") or ""),
        kind=str(row.get("kind") or ""),
        near=tuple(near),
        flips=row.get("flips"),
        twin_of=twin_of,
        batch=str(row.get("batch") or ""),
        raw=row,
    )


def _label(row: Any, text: str, place: str) -> Label:
    if not isinstance(row, dict):
        raise CorpusError(f"{place}: a label is an object, got {row!r}")
    if row.get("pattern") not in PATTERNS:
        raise CorpusError(f"{place}: unknown pattern {row.get('pattern')!r}; one of {', '.join(PATTERNS)}")
    stance = row.get("stance") or "makes"
    if stance not in STANCES:
        raise CorpusError(f"{place}: stance is makes or reports, got {stance!r}")
    disclosure = row.get("disclosure")
    if disclosure not in DISCLOSURES and not (disclosure is None and stance == "reports"):
        raise CorpusError(f"{place}: disclosure is one of {', '.join(DISCLOSURES)} (null only in reports), got {disclosure!r}")
    spans: dict[str, tuple[int, int] | None] = {}
    for key in ("lure", "catch"):
        value = row.get(key)
        if value is None:
            if key == "lure" and stance == "makes":
                raise CorpusError(f"{place}: an offer that is made has a lure")
            spans[key] = None
            continue
        if not (isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) for v in value)):
            raise CorpusError(f"{place}: {key} is [start, end] or null, got {value!r}")
        start, end = value
        if not 0 <= start < end <= len(text):
            raise CorpusError(f"{place}: {key} {value} lies outside the text of {len(text)} code points")
        piece = text[start:end]
        if piece != piece.strip():
            raise CorpusError(f"{place}: {key} {piece!r} starts or ends with white space")
        if (start and text[start - 1].isalnum() and piece[0].isalnum()) or (end < len(text) and text[end].isalnum() and piece[-1].isalnum()):
            raise CorpusError(f"{place}: {key} {piece!r} cuts a word")
        spans[key] = (start, end)
    if stance == "makes" and disclosure in ("clear", "buried", "vague") and spans["catch"] is None:
        raise CorpusError(f"{place}: {disclosure} needs a catch span")
    return Label(row["pattern"], spans["lure"], spans["catch"], disclosure, stance)


def corpus_files(paths: Iterable[Path]) -> list[Path]:
    """The ``*.jsonl`` files of ``paths``; folders are searched one level deep (not ``readings/``)."""
    out: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(path.glob("*.jsonl"))
            if not found:
                raise CorpusError(f"{path}: no *.jsonl file there")
            out.extend(found)
        elif path.is_file():
            out.append(path)
        else:
            raise CorpusError(f"{path}: there is no such file or folder")
    return out


def read_lines(path: Path, faults: list[Fault] | None = None) -> Iterator[tuple[int, Any]]:
    """Yield (line number, parsed JSON) of a JSON Lines file.

    Parameters
    ----------
    path : Path
    faults : list of Fault, optional
        Collects the lines that are no JSON; without it the first one is raised.

    Raises
    ------
    CorpusError
        At the first line that is no JSON, where ``faults`` is not given.
    """
    # Decoded line by line, so that a byte that is no UTF-8 is told with its line.
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                message = _no_json(error)
                if faults is None:
                    raise CorpusError(f"{path}:{number}: {message}") from error
                faults.append(Fault(str(path), number, message))
                continue
            yield number, row


def _no_json(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"no UTF-8 (byte 0x{error.object[error.start]:02x} at {error.start}); save the file as UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg}"
    return f"no JSON: {error}"


def load(paths: Sequence[Path], faults: list[Fault] | None = None, places: dict[str, tuple[str, int]] | None = None) -> list[Example]:
    """Read corpus files.

    Parameters
    ----------
    paths : sequence of Path
        JSON Lines files or folders of them.
    faults : list of Fault, optional
        Collects the faults; without it the first one is raised.
    places : dict, optional
        Filled with the file and line of each document, by its id.

    Raises
    ------
    CorpusError
        At the first fault, where ``faults`` is not given.
    """
    out: list[Example] = []
    seen = places if places is not None else {}
    for path in corpus_files(paths):
        for number, row in read_lines(path, faults):
            place = f"{path}:{number}"
            try:
                example = parse_record(row, place)
                if example.id in seen:
                    raise CorpusError(f"{place}: the id {example.id!r} stands already at {':'.join(map(str, seen[example.id]))}")
                seen[example.id] = str(path), number
                out.append(example)
            except CorpusError as error:
                if faults is None:
                    raise
                faults.append(Fault(str(path), number, str(error).removeprefix(f"{place}: ")))
    return out


def digest(examples: Iterable[Example]) -> str:
    """A hash over everything that training reads of the documents, in the order of their ids."""
    state = hashlib.sha256()
    for x in sorted(examples, key=lambda e: e.id):
        labels = [(y.pattern, y.lure, y.catch, y.disclosure, y.stance) for y in x.labels]
        state.update(json.dumps([x.id, x.lang, x.text, labels, x.group, x.split, x.kind], ensure_ascii=False).encode())
    return state.hexdigest()
