"""Files, folders and standard input to documents. A file that cannot be read becomes a document with an error."""

from __future__ import annotations

import csv
import email
import email.policy
import errno
import html
import io
import json
import math
import os
import re
import stat
import sys
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from html.parser import HTMLParser
from pathlib import Path
from typing import IO, Any

from hiddensale.errors import ConfigError, MissingExtra
from hiddensale.schema import Document, ScanError

FORMATS: tuple[str, ...] = ("auto", "text", "markdown", "html", "jsonl", "csv", "eml", "pdf")
_BY_SUFFIX = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".eml": "eml",
    ".pdf": "pdf",
}
MAX_CHARS = 2_000_000
_BLOCKS = {
    "address", "article", "aside", "blockquote", "br", "button", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "label", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table", "td", "th", "tr", "ul",
}  # fmt: skip
_PARAGRAPHS = {"article", "blockquote", "div", "h1", "h2", "h3", "h4", "h5", "h6", "p", "section", "table", "ul", "ol", "footer", "form"}
_UNSEEN = {"script", "style", "template", "noscript", "svg", "title"}
_MAX_OPEN = 500
_OWN_COMMENT = re.compile(r"<!--\s{0,20}(hiddensale:[^<>]{0,500})-->")
_LINE_END = re.compile("\r\n|\n|\r")


def read(path: str | Path, input_format: str = "auto") -> Iterator[Document]:
    """Documents of a file, of every readable file below a folder, or of standard input (``-``).

    Parameters
    ----------
    path : str or Path
    input_format : str
        One of :data:`FORMATS`; ``auto`` goes by the file's name and content.

    Yields
    ------
    Document
        ``error`` is set where a file or row could not be read; the others follow all the same.

    Raises
    ------
    ConfigError
        When ``path`` does not exist or the format is unknown.
    """
    if input_format not in FORMATS:
        raise ConfigError(f"unknown input format {input_format!r}; one of {', '.join(FORMATS)}")
    if str(path) == "-":
        yield from _read_bytes(sys.stdin.buffer.read(), "<stdin>", "stdin", input_format)
        return
    place = Path(path)
    if not place.exists():
        raise ConfigError(f"{path}: there is no such file or folder")
    for file, fault in _found(place, input_format):
        if fault is not None:
            yield _unreadable(file, fault)
        else:
            yield from _read_file(file, input_format)


def candidates(place: Path, input_format: str = "auto") -> Iterator[Path]:
    """The file itself, or the files below a folder, in order; a folder that cannot be listed is among them."""
    for file, _ in _found(place, input_format):
        yield file


def _found(place: Path, input_format: str) -> list[tuple[Path, OSError | None]]:
    """The candidates, each folder that cannot be listed with the reason."""
    if not place.is_dir():
        return [(place, None)]
    faults: list[OSError] = []
    found: list[tuple[Path, OSError | None]] = []
    for folder, below, names in os.walk(place, onerror=faults.append):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            file = Path(folder, name)
            if not name.startswith(".") and (input_format != "auto" or file.suffix.lower() in _BY_SUFFIX) and _is_file(file):
                found.append((file, None))
    found += [(Path(fault.filename or place), fault) for fault in faults]
    return sorted(found, key=lambda pair: pair[0])


def _is_file(path: Path) -> bool:
    """Whether there is a file to read, or one of which only reading can tell why it cannot be read."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        # A link that leads nowhere is no document; a file in a folder that may not be entered is one.
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def kind_of(path: Path, input_format: str = "auto") -> str:
    """The input format of a file, by its name unless it is given."""
    return _BY_SUFFIX.get(path.suffix.lower(), "text") if input_format == "auto" else input_format


def _read_file(path: Path, input_format: str) -> Iterator[Document]:
    kind = kind_of(path, input_format)
    if kind in ("jsonl", "csv"):
        try:
            with path.open("rb") as stream:
                yield from (_json_lines if kind == "jsonl" else _csv_rows)(stream, str(path))
        except OSError as error:
            yield _unreadable(path, error)
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        yield _unreadable(path, error)
        return
    yield from _read_bytes(data, str(path), path.name, kind if kind != "text" or input_format != "auto" else _sniff(data))


def _read_bytes(data: bytes, source: str, ident: str, kind: str) -> Iterator[Document]:
    if kind == "auto":
        kind = _sniff(data)
    if kind in ("jsonl", "csv"):
        yield from (_json_lines if kind == "jsonl" else _csv_rows)(io.BytesIO(data), source)
        return
    if kind == "pdf":
        yield _pdf(data, source, ident)
        return
    if kind == "eml":
        yield _eml(data, source, ident)
        return
    text, error = decode(data)
    if error is not None:
        yield Document("", ident, source, error=error)
    elif kind == "html":
        yield Document(_limit(html_text(text)), ident, source, extracted=True, comments=tuple(_OWN_COMMENT.findall(text)))
    else:
        yield _checked(text, ident, source)


def _sniff(data: bytes) -> str:
    """The format of content that comes without a telling name."""
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"%PDF-"):
        return "pdf"
    low = head[:512].lower()
    if low.startswith((b"<!doctype html", b"<html")):
        return "html"
    if head.startswith(b"{"):
        # The whole first line: a long ad's object goes on past the head.
        first = data.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
        try:
            if isinstance(json.loads(first), dict):
                return "jsonl"
        except (ValueError, RecursionError):
            return "text"
    return "text"


def decode(data: bytes) -> tuple[str, ScanError | None]:
    """Bytes to text: UTF-8, UTF-16 or UTF-32 by its mark, UTF-8, else Windows-1252; binary data is an error.

    Examples
    --------
    >>> decode("käyttö".encode("cp1252"))[0]
    'käyttö'
    """
    # The mark of UTF-32 begins with that of UTF-16, so it is looked for first.
    for name, marks in (("UTF-32", (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")), ("UTF-16", (b"\xff\xfe", b"\xfe\xff"))):
        if data.startswith(marks):
            try:
                return data.decode(name), None
            except UnicodeDecodeError:
                return "", ScanError("undecodable", f"starts as {name} but is not; save it as UTF-8")
    if b"\x00" in data[:8192]:
        return "", ScanError("undecodable", "binary data, not text; give a text, HTML, e-mail, CSV, JSON Lines or PDF file")
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return "", ScanError("undecodable", "neither UTF-8 nor Windows-1252; save it as UTF-8")
    if sum(ch < " " and ch not in "\t\n\r\f" for ch in text) > len(text) / 50:
        return "", ScanError("undecodable", "binary data, not text; give a text, HTML, e-mail, CSV, JSON Lines or PDF file")
    return text, None


def _limit(text: str) -> str:
    return text[:MAX_CHARS]


def _checked(text: str, ident: str, source: str, **more: Any) -> Document:
    if len(text) > MAX_CHARS:
        return Document(
            "", ident, source, error=ScanError("too-long", f"{len(text)} characters; the limit for one document is {MAX_CHARS}: split it, or give one document a row as JSON Lines"), **more
        )
    return Document(text, ident, source, **more)


def _broken(source: str, ident: str, code: str, message: str, line: int | None = None) -> Document:
    return Document("", ident, source, error=ScanError(code, message), line=line)


def _unreadable(path: Path, error: OSError) -> Document:
    return _broken(str(path), path.name, "unreadable", f"cannot be read ({error.strerror or error}); check the path and its permissions")


def _finite(number: str) -> float | None:
    """A JSON number; None where it is too large to be written as one again."""
    value = float(number)
    return value if math.isfinite(value) else None


def _json_lines(stream: IO[bytes], source: str) -> Iterator[Document]:
    for number, raw in enumerate(stream, 1):
        if not raw.strip():
            continue
        ident = str(number)
        try:
            row = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"), parse_float=_finite, parse_constant=lambda _: None)
        except UnicodeDecodeError:
            yield _broken(source, ident, "undecodable", f"line {number} is not UTF-8; JSON Lines are UTF-8", number)
            continue
        except (ValueError, RecursionError) as error:
            yield _broken(source, ident, "bad-json", f"line {number} is no JSON object ({error}); write one object with a 'text' key per line", number)
            continue
        yield _from_row(row, source, ident, f"line {number}", number)


def _csv_rows(stream: IO[bytes], source: str) -> Iterator[Document]:
    data = stream.read()
    text, error = decode(data)
    if error is not None:
        yield Document("", "", source, error=error)
        return
    lines = io.StringIO(text, newline="").readlines()
    delimiter = max(",;\t", key=(lines[0] if lines else "").count)
    csv.field_size_limit(MAX_CHARS * 4)
    header = csv.DictReader(lines, delimiter=delimiter, strict=False)
    try:
        names = list(header.fieldnames or [])
    except csv.Error as fault:
        yield _broken(source, "", "bad-csv", f"line 1: {fault}; quote fields that hold line breaks or separators")
        return
    if "text" not in names:
        yield _broken(source, "1", "no-text-column", f"the header has no 'text' column (it has: {', '.join(names)[:200]}); name the column of the ads 'text'")
        return
    number, at = 0, header.line_num
    while at < len(lines):
        reader = csv.DictReader(lines[at:], fieldnames=names, delimiter=delimiter, strict=False)
        begun, end, again = at, at, len(lines)
        try:
            for row in reader:
                number += 1
                # Lines are counted by the reader at a row's end, which is where the next one begins.
                line = _row_line(lines, end)
                end = begun + reader.line_num
                cells = [cell for value in row.values() for cell in (value if isinstance(value, list) else [value])]
                broken = any(_LINE_END.search(cell) for cell in cells if isinstance(cell, str))
                if end == len(lines) and broken and "".join(lines[line - 1 :]).count('"') % 2:
                    line += next(k for k, text_line in enumerate(lines[line - 1 :]) if text_line.count('"') % 2)
                    yield _broken(source, str(number), "open-quote", f"row {number} opens a double quote on line {line} that is never closed; close it, or double a quote that is meant", line)
                    again = line
                elif None in row:
                    yield _broken(source, str(number), "bad-row", f"row {number} has more cells than the header; put the text in double quotes where it holds a separator", line)
                else:
                    yield _from_row(row, source, str(number), f"row {number}", line)
        except csv.Error as fault:
            # An open quote again, in a file so large that the cell passes the limit before the file ends.
            number += 1
            again = _row_line(lines, end)
            yield _broken(source, str(number), "bad-csv", f"line {again}: {fault}; close the double quote it opens, and quote fields that hold line breaks or separators", again)
        # What an open quote swallowed is read again, from the line after it.
        at = again


def _row_line(lines: list[str], end: int) -> int:
    """Number of the line on which the row after the first ``end`` lines begins; empty lines are no rows."""
    while end + 1 < len(lines) and not lines[end].strip("\r\n"):
        end += 1
    return end + 1


def _from_row(row: Any, source: str, ident: str, place: str, line: int) -> Document:
    """A document from a JSON object or a CSV row; what is neither text, id nor lang is carried along as meta."""
    if not isinstance(row, dict):
        return _broken(source, ident, "bad-row", f"{place} is a {type(row).__name__}, not an object with a 'text' key", line)
    if row.get("id") not in (None, ""):
        ident = str(row["id"])
    text = row.get("text")
    if not isinstance(text, str):
        return _broken(source, ident, "no-text", f"{place} has no 'text' string (got {type(text).__name__}); put the ad's text there", line)
    meta = {str(k): v for k, v in row.items() if k not in ("id", "text", "lang", "labels") and v not in (None, "")}
    lang = row.get("lang") or None
    if lang is not None and lang not in ("fi", "en"):
        error = ScanError("unknown-language", f"{place} says lang={lang!r}; fi and en are known, leave it out to have it found")
        return Document(text, ident, source, meta=meta, error=error, line=line)
    return _checked(text, ident, source, lang=lang, meta=meta, line=line)


class _HtmlText(HTMLParser):
    """The text a reader sees: blocks on lines of their own, scripts and styles left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag == "body":
            self._unseen.clear()
        elif tag == "li":
            self.parts.append("\n• ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag in _PARAGRAPHS else "\n")
        elif tag == "img":
            alt = dict(attrs).get("alt")
            if alt:
                self.parts.append(f" {alt} ")
        elif tag == "input":
            value = dict(attrs).get("value")
            if value and dict(attrs).get("type") in ("submit", "button"):
                self.parts.append(f"\n[ {value} ]\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen and self._unseen.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag in _PARAGRAPHS else "\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def html_text(source: str) -> str:
    """What a reader sees of an HTML page, as plain text.

    Examples
    --------
    >>> html_text("<p>Ilmainen <b>kirja</b></p><p>Postikulut 9,90&nbsp;€</p>")
    'Ilmainen kirja\\n\\nPostikulut 9,90 €'
    """
    text = ""
    parsed = False
    # The parser takes quadratic time on tags that are never closed; such a page is no page.
    if source.count("<") < _MAX_OPEN + 3 * source.count(">"):
        parser = _HtmlText()
        try:
            parser.feed(source)
            parser.close()
            text, parsed = "".join(parser.parts), True
        except AssertionError:
            parsed = False
    if not parsed:
        text = html.unescape(re.sub(r"<[^<>]{0,2000}>", " ", source))
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _eml(data: bytes, source: str, ident: str) -> Document:
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(preferencelist=("plain", "html"))
        content = _content(body)
        if not content.strip():
            body = message.get_body(preferencelist=("html", "plain"))
            content = _content(body)
        if body is not None and body.get_content_type() == "text/html":
            content = html_text(content)
        meta = {k: v for k in ("From", "To", "Date") if (v := _header(message, k))}
        subject = str(message["Subject"] or "")
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        return _broken(source, ident, "bad-email", f"cannot be read as an e-mail ({error}); save the message as .eml again, or its text as .txt")
    text = "\n\n".join(x for x in (subject, content.replace("\r\n", "\n").strip()) if x)
    return _checked(_limit(text), ident, source, extracted=True, meta=meta)


def _header(message: EmailMessage, name: str) -> str:
    """A header's text; empty where it holds a date that no clock knows, for the ad is readable all the same."""
    try:
        return str(message[name] or "")
    except OverflowError:
        return ""


def _content(body: MIMEPart | None) -> str:
    """The text of a message's body; bytes of a message that names no known charset are decoded like a text file's."""
    if body is None:
        return ""
    if body.get_content_charset() is not None:
        try:
            return str(body.get_content())
        except (LookupError, ValueError):
            # No such charset, or one that is not for text; the bytes may be readable all the same.
            pass
    raw = body.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return str(body.get_content())
    text, error = decode(raw)
    if error is not None:
        raise ValueError(error.message)
    return text


def _pdf(data: bytes, source: str, ident: str) -> Document:
    try:
        from pypdf import PdfReader
    except ImportError:
        return _broken(source, ident, "missing-extra", str(MissingExtra("reading PDF files", "pdf")))
    try:
        pages = [page.extract_text() or "" for page in PdfReader(io.BytesIO(data)).pages]
    except Exception as error:  # noqa: BLE001
        # A file is hostile input, and pypdf has no common error for what it meets there:
        # a missing library for decryption is a plain Exception, a broken table an IndexError.
        return _broken(source, ident, "bad-pdf", f"cannot be read as a PDF ({str(error) or type(error).__name__}); print it to PDF again, or give its text")
    return _checked(_limit("\n\n".join(pages)), ident, source, extracted=True)
