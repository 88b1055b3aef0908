"""The HTML report: one self-contained page of findings. Ads are hostile input; the page shows them as text and nothing else."""

from __future__ import annotations

import base64
import datetime
import email.utils
import hashlib
import html
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import hiddensale
from hiddensale import clarifying, messages
from hiddensale.catalogue import DISCLOSURES, PATTERNS, STANCES, law_notice, patterns, rules
from hiddensale.schema import Finding, ScanResult, Span

if TYPE_CHECKING:
    from hiddensale.detector import Detector

UI_LANGS: tuple[str, ...] = ("fi", "en")
# A chunk is what the page parses at a time, and all that is held here at a time.
_CHUNK_DOCUMENTS = 500
_CHUNK_CHARS = 500_000
_META_CHARS = 200
_META_KEYS = 12
# Shown and filtered by as such; the other keys only stand beside the finding.
_OWN_PLACE = ("advertiser", "date", "time", "month")
# Stand for the quoted spans in the sentences the page fills in; private use, so no text of ours holds them.
_LURE, _CATCH = "\ue000", "\ue001"
# What could end the script element, start a comment in it, or is no valid UTF-8.
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_MONTH = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?(?!\d)")


def as_html(results: Iterable[ScanResult], *, ui_lang: str | None = None, meta: Mapping[str, Any] | None = None) -> Iterator[str]:
    """One HTML page with the findings, to filter, read and print; it needs no network.

    Parameters
    ----------
    results : iterable of ScanResult
        Consumed as the pieces are asked for; a chunk of some hundred documents is held at a time.
    ui_lang : {"fi", "en"}, optional
        Language the page opens in; the reader's browser decides when not given, and the reader can switch.
    meta : mapping, optional
        What :func:`about` returns: versions for the footer, measured figures to stand beside the counts.

    Yields
    ------
    str
        The page in pieces. Documents without findings are carried without their text.

    Examples
    --------
    >>> page = "".join(as_html([], ui_lang="en"))
    >>> page.splitlines()[1]
    '<html lang="en">'
    """
    head, tail = _frame(ui_lang, meta or {})
    yield head
    chunk = _Chunk()
    for result in results:
        chunk.add(result)
        if chunk.full:
            yield chunk.html()
            chunk = _Chunk()
    yield chunk.html()
    yield tail


def about(detector: Detector) -> dict[str, Any]:
    """What a report says of the model that made it.

    Parameters
    ----------
    detector : Detector

    Returns
    -------
    dict
        Versions, and the figures measured on split test, or dev where there is no test.
    """
    manifest = detector.model.manifest
    splits: Mapping[str, Any] = manifest.get("figures") or {}
    split = next((s for s in ("test", "dev") if splits.get(s)), None)
    return {
        "version": hiddensale.__version__,
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "model": Path(detector.model.path).name,
        "sha256": str(manifest.get("sha256", "")),
        "corpus": str(manifest.get("corpus_sha256", "")),
        "packs": dict(manifest.get("pack_versions") or {}),
        "min_score": detector.min_score,
        "split": split,
        "figures": {group: _figures(rows) for group, rows in splits[split].items()} if split else None,
    }


def _figures(rows: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "n": rows["n"],
        "hidden": rows["flagged"],
        "any": {k: rows["any"][k] for k in ("precision", "recall")},
        "patterns": {p: {k: v[k] for k in ("precision", "recall", "n")} for p, v in rows["patterns"].items()},
        "false_alarms": {kind: {k: v[k] for k in ("flagged", "n")} for kind, v in rows.get("false_alarms", {}).items()},
    }


@lru_cache(maxsize=1)
def texts() -> dict[str, Any]:
    """report.toml: the words of the page by interface language."""
    return tomllib.loads(_read("report.toml"))


def reason_words(name: str, lang: str) -> str:
    """What a part of a score is called, in words of the interface language; the name itself where there are none.

    As the page does it: the table's own words, a pattern, or a frame such as ``wording {}`` around one of them.

    Examples
    --------
    >>> reason_words("wording flagged:free-but-fees", "en")
    'wording: hidden “free that costs”'
    """
    return _reason_words(name, lang, 2) or name


def _reason_words(name: str, lang: str, depth: int) -> str | None:
    table: dict[str, str] = texts()[lang]["reason"]
    if name in table:
        return table[name]
    if name in PATTERNS:
        return patterns()[name].name[lang]
    if depth:
        for key, frame in table.items():
            start, framed, end = key.partition("{}")
            if framed and name.startswith(start) and name.endswith(end):
                inner = _reason_words(name[len(start) : len(name) - len(end)], lang, depth - 1)
                if inner is not None:
                    return frame.replace("{}", inner)
    return None


class _Strings:
    """Numbers for strings that come again and again within a chunk."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))


class _Chunk:
    """Some documents as two JSON arrays: columns to filter by, and what is read only when it is shown or searched."""

    def __init__(self) -> None:
        self.names = _Strings()
        self.terms = _Strings()
        self.documents: list[list[Any]] = []
        self.findings: list[list[Any]] = []
        self.told: list[list[Any]] = []
        self.size = 0

    @property
    def full(self) -> bool:
        return len(self.documents) >= _CHUNK_DOCUMENTS or self.size >= _CHUNK_CHARS

    def add(self, result: ScanResult) -> None:
        """Take a result in."""
        told = -1
        if result.findings or result.error is not None:
            told = len(self.told)
            text = result.text if result.error is None else ""
            self.size += len(text)
            error = [result.error.code, result.error.message] if result.error is not None else 0
            self.told.append([text, [self._finding(f) for f in result.findings], _extra(result.meta), error])
        meta = {k.lower(): v for k, v in result.meta.items()}
        names = self.names
        document = len(self.documents)
        self.documents.append([result.id, names(result.source), names(result.lang or ""), names(str(meta.get("advertiser") or "")), _date(meta), told, int(result.error is not None)])
        for number, f in enumerate(result.findings):
            self.findings.append([document, number, PATTERNS.index(f.pattern), DISCLOSURES.index(f.disclosure), STANCES.index(f.stance), int(f.flagged), round(f.score, 4)])

    def _finding(self, finding: Finding) -> list[Any]:
        catch = [finding.catch.start, finding.catch.end] if finding.catch is not None else 0
        return [
            [finding.lure.start, finding.lure.end],
            catch,
            messages.texts()["en"]["sure"].index(messages.level_word(finding.score, "en")),
            [self.terms(rule) for rule in finding.law],
            [[self.terms(r.name), round(r.weight, 3)] for r in finding.reasons],
            # The page makes the usual sentence itself, in either language; only another one is carried.
            0 if _usual(finding) else finding.message,
            _clarify(finding),
        ]

    def html(self) -> str:
        """The two script elements of the chunk."""
        index = {"names": list(self.names.numbers), "documents": _columns(self.documents, 7), "findings": _columns(self.findings, 7)}
        return _data("index", index) + _data("told", {"terms": list(self.terms.numbers), "rows": self.told})


def _clarify(finding: Finding) -> dict[str, Any] | None:
    """The suggestion as it is; where none was found, that there is none, in either language."""
    if finding.clarify is None:
        return None
    return dict(finding.clarify) or {"text": {lang: clarifying.advice(finding, lang) for lang in UI_LANGS}}


def _columns(rows: list[list[Any]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _usual(finding: Finding) -> bool:
    f = finding
    return any(f.message == messages.sentence(f.pattern, f.stance, f.disclosure, f.lure, f.catch, lang) for lang in UI_LANGS)


def _extra(meta: Mapping[str, Any]) -> list[list[str]]:
    """What else the input carried along, cut to what a reader takes in."""
    rows = [[k, v if isinstance(v, str) else json.dumps(v, ensure_ascii=False, default=str)] for k, v in meta.items() if k.lower() not in _OWN_PLACE]
    return [[k[:_META_CHARS], v[:_META_CHARS] + ("…" if len(v) > _META_CHARS else "")] for k, v in rows[:_META_KEYS]]


def _date(meta: Mapping[str, Any]) -> str:
    """Day or month of a document, ``YYYY-MM-DD`` or ``YYYY-MM``, from its ``date``, ``time`` or ``month``; empty where there is none."""
    for key in ("date", "time", "month"):
        value = str(meta.get(key) or "")[:100]
        match = _MONTH.match(value)
        try:
            if match:
                year, month, day = match.groups()
                return datetime.date(int(year), int(month), int(day or 1)).isoformat()[: 10 if day else 7]
            if value:
                # The header of an e-mail.
                return email.utils.parsedate_to_datetime(value).date().isoformat()
        except (ValueError, OverflowError):
            # Hostile years and zones are larger than any clock's number.
            continue
    return ""


def _data(name: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return f'<script type="application/json" class="{name}">{_UNSAFE.sub(_escape, text)}</script>\n'


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def _frame(ui_lang: str | None, meta: Mapping[str, Any]) -> tuple[str, str]:
    """The page before and after the chunks."""
    css, script = _read("report.css"), _read("report.js")
    # img-src is for the empty icon alone, without which a browser asks a server for one.
    policy = (
        f"default-src 'none'; style-src '{_digest(css)}'; script-src '{_digest(script)}'; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    lang = ui_lang or "en"
    words = texts()[lang]
    # The words stand in the page from the start; the script writes them again only when the language is switched.
    template = re.sub(r'(<[^<>]*\bdata-t="([\w-]+)"[^<>]*>)', lambda m: m.group(1) + html.escape(words[m.group(2)]).replace("$", "$$"), _read("report.html"))
    page = Template(template).substitute(
        lang=lang,
        title=html.escape(words["title"]),
        policy=policy,
        css=css,
        script=script,
        setting=_data("setting", {"lang": ui_lang, "meta": dict(meta), "patterns": PATTERNS, "marks": [_LURE, _CATCH]}),
        words=_data("words", {lang: _words(lang) for lang in UI_LANGS}),
    )
    head, _, tail = page.partition("<!-- chunks -->\n")
    return head, tail


def _digest(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _words(lang: str) -> dict[str, Any]:
    """Everything the page says in one language."""
    table = messages.texts()[lang]
    return {
        "ui": {k: v for k, v in texts()[lang].items() if isinstance(v, str)},
        "langs": texts()[lang]["lang"],
        "reasons": texts()[lang]["reason"],
        "disclosures": [table["disclosure"][d] for d in DISCLOSURES],
        "stances": [table["stance"][s] for s in STANCES],
        "sure": table["sure"],
        "patterns": [{"name": p.name[lang], "short": p.short[lang], "line": p.line[lang]} for p in patterns().values()],
        "sentences": [_sentences(p, lang) for p in PATTERNS],
        "rules": {r.id: {"name": r.name[lang], "says": r.says[lang], "place": r.place, "level": r.level, "source": r.source} for r in rules().values()},
        "notice": law_notice()[lang],
    }


def _sentences(pattern: str, lang: str) -> list[list[list[str]]]:
    """The sentence of a pattern by stance, disclosure, and whether there is a catch to quote."""
    lure, catch = Span(0, 1, _LURE), Span(0, 1, _CATCH)
    return [[[messages.sentence(pattern, s, d, lure, c, lang) for c in (None, catch)] for d in DISCLOSURES] for s in STANCES]


def _read(name: str) -> str:
    return files("hiddensale").joinpath(name).read_text(encoding="utf-8")
