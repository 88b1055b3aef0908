from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from hiddensale.errors import ConfigError
from hiddensale.readers import MAX_CHARS, html_text, read


def encrypted_pdf() -> bytes:
    """An empty PDF that says it is encrypted with AES, under a password nobody knows."""
    key, check = "00" * 32, "00" * 48
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[]/Count 0>>",
        f"<</Filter/Standard/V 5/R 6/Length 256/P -4/O<{check}>/U<{check}>/OE<{key}>/UE<{key}>/Perms<{'00' * 16}>/CF<</StdCF<</CFM/AESV3>>>>/StmF/StdCF/StrF/StdCF>>",
    ]
    data, table = "%PDF-1.7\n", "0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += f"{len(data):010} 00000 n \n"
        data += f"{number} 0 obj{content}endobj\n"
    return f"{data}xref\n0 4\n{table}trailer<</Size 4/Root 1 0 R/Encrypt 3 0 R/ID[<00><00>]>>\nstartxref\n{len(data)}\n%%EOF\n".encode()


def one(path: Path, **kwargs: str):
    (document,) = read(path, **kwargs)
    return document


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.txt", "Hei äö €".encode(), "Hei äö €"),
        ("a.txt", "\ufeffHei".encode(), "Hei"),
        ("a.txt", "Hei ä€".encode("cp1252"), "Hei ä€"),
        ("a.txt", "Hei ä".encode("utf-16"), "Hei ä"),
        ("a.md", b"# Title\n\n**free**", "# Title\n\n**free**"),
        ("a.html", b"<p>Hi <b>you</b></p><script>x()</script><p>there</p>", "Hi you\n\nthere"),
        ("noname", b"<!DOCTYPE html><head><title>T</title></head><body>Hi", "Hi"),
    ],
)
def test_text_is_kept_or_extracted(tmp_path: Path, name: str, data: bytes, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    document = one(path)
    assert document.error is None
    assert document.text == text


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"\x00\x01\x02binary", "undecodable"),
        ("a.txt", b"\xff\xfe\x00", "undecodable"),
        ("a.jsonl", b"{broken\n", "bad-json"),
        ("a.jsonl", b'["list"]\n', "bad-row"),
        ("a.jsonl", b'{"id": 1}\n', "no-text"),
        ("a.jsonl", b'{"text": 5}\n', "no-text"),
        ("a.jsonl", b'{"text": "hej", "lang": "sv"}\n', "unknown-language"),
        ("a.jsonl", b'{"text": "\xff"}\n', "undecodable"),
        ("a.csv", b"id,body\n1,hi\n", "no-text-column"),
        ("a.txt", b"\xff\xfe\x00\x00hej", "undecodable"),
        ("a.pdf", b"%PDF-1.4 broken", "bad-pdf"),
        ("a.pdf", encrypted_pdf(), "bad-pdf"),
        ("a.csv", b"id,text\n1,Hei, saat lahjan\n", "bad-row"),
        ("a.eml", b"From: " + b"(" * 1000 + b"\n\nHei", "bad-email"),
        ("a.eml", b"Subject: Hei\nContent-Type: text/plain; charset=x-unknown\n\n\x00\x01", "bad-email"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    document = one(path)
    assert document.error is not None
    assert document.error.code == code
    assert len(document.error.message) > 15


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Exception("cryptography>=3.1 is required for AES algorithm"), "cryptography>=3.1 is required"),
        (IndexError("list index out of range"), "list index out of range"),
        (NotImplementedError(), "NotImplementedError"),
    ],
)
def test_whatever_ends_the_reading_of_a_pdf_is_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str) -> None:
    def fail(stream: object) -> None:
        raise error

    monkeypatch.setattr("pypdf.PdfReader", fail)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.txt").write_text("Hei", encoding="utf-8")
    bad, fine = read(tmp_path)
    assert bad.error is not None
    assert bad.error.code == "bad-pdf"
    assert reason in bad.error.message
    assert fine.text == "Hei"


def test_a_bad_row_does_not_lose_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one", "id": "x"}\nnonsense\n\n{"text": "two", "advertiser": "A"}\n', encoding="utf-8")
    a, b, c = read(path)
    assert (a.id, a.text, b.error is not None, c.text, c.meta) == ("x", "one", True, "two", {"advertiser": "A"})


def test_csv_with_semicolons_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id;text;month\n7;"rivi yksi\nrivi; kaksi";2025-01\n', encoding="utf-8")
    document = one(path)
    assert (document.id, document.text, document.meta) == ("7", "rivi yksi\nrivi; kaksi", {"month": "2025-01"})


def test_an_open_quote_loses_its_own_row_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"one\nand more"\n2,"open\n3,three\n4,"four ""4"""\n', encoding="utf-8")
    found = list(read(path))
    assert [(d.text, d.error.code if d.error else None, d.line) for d in found] == [("one\nand more", None, 2), ("", "open-quote", 4), ("three", None, 5), ('four "4"', None, 6)]


@pytest.mark.parametrize("blank", ["", "\n", "\n\n"])
def test_an_open_quote_in_a_large_file_loses_its_own_row_only(tmp_path: Path, blank: str) -> None:
    path = tmp_path / "a.csv"
    long = "x" * (MAX_CHARS - 1)
    path.write_text(f'id,text\n1,"one\nand more"\n{blank}2,"open\n' + "".join(f"{n},{long}\n" for n in range(3, 8)), encoding="utf-8")
    found = [(d.id, len(d.text), d.error.code if d.error else None, d.line) for d in read(path)]
    at = 4 + len(blank)
    assert found == [("1", 12, None, 2), ("2", 0, "bad-csv", at), *((str(n), len(long), None, at + n - 2) for n in range(3, 8))]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ('"x","\n' * 3, [("open-quote", 2), ("bad-row", 3)]),
        ('1,a\n\n"\n', [(None, 2), ("open-quote", 4)]),
    ],
)
def test_no_line_is_read_again_for_ever(tmp_path: Path, rows: str, found: list[tuple[str | None, int]]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n" + rows, encoding="utf-8")
    documents = read(path)
    assert [(d.error.code if d.error else None, d.line) for d in islice(documents, 10)] == found


def test_an_open_quote_in_the_last_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,id\nfine,1\n"open,2\n', encoding="utf-8")
    a, b = read(path)
    assert (a.text, b.error is not None) == ("fine", True)


@pytest.mark.parametrize("name", ["utf-32", "utf-16", "utf-8-sig", "cp1252"])
def test_encodings(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Ilmainen näyte".encode(name))
    assert one(path).text == "Ilmainen näyte"


@pytest.mark.parametrize("charset", ["utf-8", "cp1252"])
def test_email_of_eight_bits_that_names_no_charset(tmp_path: Path, charset: str) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(b"Subject: Hei\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + "Ilmainen näyte".encode(charset))
    assert one(path).text == "Hei\n\nIlmainen näyte"


@pytest.mark.parametrize("charset", ["x-unknown", "hex", "idna", '"a\x00b"'])
@pytest.mark.parametrize("actual", ["utf-8", "cp1252"])
def test_email_of_a_charset_that_does_not_exist(tmp_path: Path, charset: str, actual: str) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(f"Subject: Hei\nContent-Type: text/html; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n".encode() + "<p>Ilmainen näyte".encode(actual))
    assert one(path).text == "Hei\n\nIlmainen näyte"


@pytest.mark.parametrize("date", ["Mon, 20 Nov 99999999999999999999 19:12:08 +0000", "Mon, 20 Nov 1995 19:12:08 +99999999999999999999"])
def test_email_of_a_date_no_clock_knows(tmp_path: Path, date: str) -> None:
    path = tmp_path / "a.eml"
    path.write_text(f"From: a@b.example\nSubject: Hei\nDate: {date}\n\nIlmainen näyte", encoding="utf-8")
    document = one(path)
    assert (document.text, document.meta, document.error) == ("Hei\n\nIlmainen näyte", {"From": "a@b.example"}, None)


def test_email_subject_body_and_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(
        b"From: a@b.example\r\nSubject: =?utf-8?q?Ilmainen_n=C3=A4yte?=\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hei</p>\r\n'
        b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHei vaan\r\n--x--\r\n"
    )
    document = one(path)
    assert document.text == "Ilmainen näyte\n\nHei vaan"
    assert document.meta["From"] == "a@b.example"


def test_a_folder_is_read_in_order_and_only_known_kinds(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "a.txt", "sub/c.md", "d.png", ".hidden.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert [d.text for d in read(tmp_path)] == ["a.txt", "b.txt", "sub/c.md"]


def test_a_folder_that_cannot_be_listed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.txt", "closed/b.txt", ".closed/c.txt", "open/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    scandir = os.scandir

    def guarded(path: str | Path) -> Iterator[os.DirEntry[str]]:
        if Path(path).name.endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    first, closed, last = read(tmp_path)
    assert (first.text, last.text) == ("a.txt", "open/d.txt")
    assert (closed.source, closed.id) == (str(tmp_path / "closed"), "closed")
    assert closed.error is not None
    assert closed.error.code == "unreadable"
    assert "Permission denied" in closed.error.message
    assert [d.error.code if d.error else None for d in read(tmp_path / "closed")] == ["unreadable"]


def test_a_folder_that_cannot_be_entered_does_not_end_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("closed/a.txt", "closed/b.jsonl", "open/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")

    def guard(name: str) -> None:
        method = getattr(Path, name)

        def guarded(self: Path, *args: Any, **kwargs: Any) -> Any:
            if self.parent.name == "closed":
                raise PermissionError(13, "Permission denied", str(self))
            return method(self, *args, **kwargs)

        monkeypatch.setattr(Path, name, guarded)

    for name in ("stat", "open"):
        guard(name)
    assert [(Path(d.source).name, d.error.code if d.error else None) for d in read(tmp_path)] == [("a.txt", "unreadable"), ("b.jsonl", "unreadable"), ("c.txt", None)]


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
def test_links_that_lead_nowhere_and_pipes_are_no_documents_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "gone.txt").symlink_to("nowhere")
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "real.txt").write_text("Hei", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to("real.txt")
    assert [Path(d.source).name for d in read(tmp_path)] == ["link.txt", "real.txt"]


def test_a_missing_path_and_a_wrong_format() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        list(read("/nowhere/at/all"))
    with pytest.raises(ConfigError, match="unknown input format"):
        list(read("x", "docx"))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>a<li>b</ul>", "• a\n• b"),
        ("a<br>b", "a\nb"),
        ("<div>a</div><div>b&nbsp;c</div>", "a\n\nb c"),
        ("<p>unclosed <b>tags", "unclosed tags"),
        ("<style>p{}</style>x", "x"),
        ('<input type="submit" value="Order">', "[ Order ]"),
        ("<html><head><title>x</title><p>Free gift", "Free gift"),
        ("<p>A<!foo [ bar><![foo bar[ x", "A <![foo bar[ x"),
        ("a</title>b", "ab"),
    ],
)
def test_html_as_a_reader_sees_it(html: str, text: str) -> None:
    assert html_text(html) == text


def test_rows_survive_json(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps({"text": "rivi\u2028väli", "lang": "fi"}) + "\n", encoding="utf-8")
    assert one(path).lang == "fi"


def test_tags_that_never_close_cost_no_time() -> None:
    assert html_text('<a b="' * 20000 + "free").endswith("free")


def test_numbers_json_does_not_know_become_null(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "hei", "x": NaN, "y": 1, "price": 1e999, "rest": [-1e999, 9.9]}\n', encoding="utf-8")
    assert one(path).meta == {"y": 1, "rest": [None, 9.9]}


@pytest.mark.parametrize(
    ("first", "texts"),
    [
        (json.dumps({"text": "x" * 5000}), ["x" * 5000, "two"]),
        ("\ufeff" + json.dumps({"text": "ä" * 5000}, ensure_ascii=False) + "\r", ["ä" * 5000, "two"]),
        (json.dumps(["x" * 5000]), None),
        ('{"text": ' + "x" * 5000 + "}", None),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", None),
    ],
    ids=["long", "marked", "list", "no JSON", "deep"],
)
def test_json_lines_are_known_by_their_whole_first_line(tmp_path: Path, first: str, texts: list[str] | None) -> None:
    path = tmp_path / "noname"
    whole = f'{first}\n{{"text": "two"}}\n'
    path.write_bytes(whole.encode())
    assert [d.text for d in read(path)] == (texts if texts is not None else [whole])
