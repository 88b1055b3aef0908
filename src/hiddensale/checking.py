"""``hiddensale corpus check``: every fault of a corpus with its file and line."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from hiddensale import style as styles
from hiddensale.catalogue import PATTERNS
from hiddensale.corpus import Example, load
from hiddensale.markup import Fault

NEAR_COPY = 0.3
FRAME_WORDS = 7
FRAME_TIMES = 3
_MOJIBAKE = re.compile("\u00c3[\u0080-\u00bf\u2026\u201a-\u203a\u0152-\u0178]|\u00e2\u20ac[\u0080-\u00ff\u2018-\u2122]|\ufffd")
_SLOT = re.compile(r"\{\{|\}\}|\{[LK]\d*:|\[(?:INSERT|TODO|NAME HERE|XXX)\b|<(?:name|price|company)>|lorem ipsum", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.,/-])\+?\(?\d[\d ()-]{7,16}\d(?![\w,/.-]*\d)")
_SAFE_PHONE = re.compile(
    r"0{4}|555.?01|01632.?960|07700.?900|7700.?900|020.?7946.?0|0808.?157|0909.?879|03069.?990|118.?960|113.?496.?0|161.?496.?0|28.?9649.?6|29.?2018.?0|5550.?\d|0491.?570|1900.?654|1800.?160"
)
_DOMAIN = re.compile(r"(?<![\w.])(?:https?://|www\.)?[a-zåäö0-9][a-zåäö0-9-]*(?:\.[a-zåäö0-9-]+)*\.(?:fi|com|net|org|co\.uk|eu|io|ie|com\.au)(?![\w-])", re.IGNORECASE)
_WORD = re.compile(r"\w+")


def check(paths: Sequence[Path], *, style: bool = True) -> tuple[list[Fault], list[str]]:
    """Validate corpus files.

    Parameters
    ----------
    paths : sequence of Path
        JSON Lines files or folders of them.
    style : bool
        Whether to run the style gate.

    Returns
    -------
    faults : list of Fault
        Everything that must be mended.
    notes : list of str
        What was looked at, with figures.
    """
    faults: list[Fault] = []
    places: dict[str, tuple[str, int]] = {}
    examples = load(paths, faults, places)
    for x in examples:
        path, line = places[x.id]
        faults += [Fault(path, line, f"{x.id}: {message}") for message in _text_faults(x)]
    faults += [Fault(*places[ident], message) for ident, message in _group_faults(examples)]
    pairs = near_copies(examples, NEAR_COPY)
    faults += [Fault(*places[b], f"{b}: near copy of {a} (share of 5-word runs {share:.2f}) outside a contrast group") for share, a, b in pairs]
    faults += [Fault(*places[ids[0]], f"the sentence frame {frame!r} stands in {len(ids)} documents: {', '.join(ids[:6])}") for frame, ids in repeated_frames(examples)]
    notes = [f"{len(examples)} documents, {len({x.group for x in examples})} groups, {sum(x.flagged for x in examples)} flagged"]
    if style:
        gauged = styles.gauge(examples)
        for lang, row in gauged.items():
            notes.append(f"style gate, {lang}: " + ", ".join(f"{k} {v:.3f}" for k, v in row.items() if k != "n") + f" (n {row['n']:.0f})")
        if not gauged:
            notes.append(f"style gate: left out, it needs {styles.MIN_DOCUMENTS} documents of a language")
        faults += [Fault(str(paths[0]), 0, message) for message in styles.faults(gauged)]
    return faults, notes


def _text_faults(x: Example) -> Iterator[str]:
    if m := _MOJIBAKE.search(x.text):
        yield f"damaged encoding at {x.text[max(0, m.start() - 10) : m.end() + 10]!r}"
    if m := _SLOT.search(x.text):
        yield f"an unfilled slot or a stray mark: {m.group()!r}"
    for m in _PHONE.finditer(x.text):
        digits = re.sub(r"\D", "", m.group())
        if len(digits) >= 9 and digits[0] in "0148+" and m.group()[0] in "+(0" and not _SAFE_PHONE.search(re.sub(r"[()]", "", m.group())) and not _SAFE_PHONE.search(digits):
            yield f"a phone number that could be real: {m.group()!r}; use one reserved for fiction or a run of zeros"
    for m in _DOMAIN.finditer(x.text):
        yield f"an address that could be real: {m.group()!r}; end it in .example"
    if x.lang not in ("fi", "en"):
        yield f"lang is fi or en, got {x.lang!r}"
    for near in x.near:
        if near not in PATTERNS:
            yield f"near names an unknown pattern {near!r}"


def _group_faults(examples: Sequence[Example]) -> Iterator[tuple[str, str]]:
    ids = {x.id: x for x in examples}
    splits: dict[str, set[str]] = defaultdict(set)
    for x in examples:
        splits[x.group].add(x.split)
        if x.twin_of is not None and x.twin_of in ids and ids[x.twin_of].group != x.group:
            yield x.id, f"{x.id}: is a twin of {x.twin_of} but of another group"
    for x in examples:
        if len(splits[x.group]) > 1:
            yield x.id, f"{x.id}: its group {x.group} lies in several splits: {', '.join(sorted(splits[x.group]))}"


def _shingles(text: str) -> set[int]:
    words = _WORD.findall(text.lower())
    return {hash(tuple(words[i : i + 5])) for i in range(len(words) - 4)}


def near_copies(examples: Sequence[Example], least: float) -> list[tuple[float, str, str]]:
    """Pairs of documents of different groups whose sets of 5-word runs overlap by more than ``least`` (Jaccard).

    Returns
    -------
    list of (share, id, id)
        Closest first.
    """
    sets = [_shingles(x.text) for x in examples]
    by_shingle: dict[int, list[int]] = defaultdict(list)
    for i, s in enumerate(sets):
        for h in s:
            by_shingle[h].append(i)
    shared: Counter[tuple[int, int]] = Counter()
    for ids in by_shingle.values():
        if 1 < len(ids) <= 60:
            for n, a in enumerate(ids):
                for b in ids[n + 1 :]:
                    if examples[a].group != examples[b].group:
                        shared[a, b] += 1
    out = []
    for (a, b), n in shared.items():
        share = n / (len(sets[a]) + len(sets[b]) - n)
        if share > least:
            out.append((share, examples[a].id, examples[b].id))
    return sorted(out, reverse=True)


def repeated_frames(examples: Sequence[Example]) -> list[tuple[str, list[str]]]:
    """Sentences of at least seven words that stand in three or more groups, numbers aside."""
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for x in examples:
        for sentence in re.split(r"[.!?\n]+", x.text):
            words = _WORD.findall(re.sub(r"\d+", "0", sentence.lower()))
            if len(words) >= FRAME_WORDS:
                seen[" ".join(words)].setdefault(x.group, x.id)
    return sorted((frame, sorted(groups.values())) for frame, groups in seen.items() if len(groups) >= FRAME_TIMES)
