from __future__ import annotations

import json
from pathlib import Path

import pytest

from hiddensale.errors import ConfigError
from hiddensale.readers import html_text, read


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
        ("a.csv", b"id,text\n1,Hei, saat lahjan\n", "bad-row"),
        ("a.eml", b"From: " + b"(" * 1000 + b"\n\nHei", "bad-email"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    document = one(path)
    assert document.error is not None
    assert document.error.code == code
    assert len(document.error.message) > 15


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
    path.write_text('{"text": "hei", "x": NaN, "y": 1}\n', encoding="utf-8")
    assert one(path).meta == {"y": 1}
