from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from hiddensale.progress import expected, line, watched


def test_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "x"}\n' * 7, encoding="utf-8")
    (tmp_path / "c.bin").write_text("x", encoding="utf-8")
    (tmp_path / ".d.txt").write_text("x", encoding="utf-8")
    assert expected([str(tmp_path)]) == 8
    assert expected([str(tmp_path / "b.jsonl"), str(tmp_path / "a.txt")]) == 8
    assert expected([str(tmp_path / "b.jsonl")], "text") == 1
    assert expected([str(tmp_path), "-"]) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with a name")
@pytest.mark.parametrize("name", ["ads.jsonl", "ads.csv", "ads"])
def test_a_pipe_is_left_to_the_scan(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(b"text\nhei\n",), daemon=True).start()
    assert expected([str(path)]) is None
    assert path.read_bytes() == b"text\nhei\n"


@pytest.mark.parametrize(
    ("done", "total", "seconds", "shown"),
    [
        (1, 200, 0.0, "scanning                      1/200  0%"),
        (50, 200, 20.0, "scanning █████                50/200  25%  2.5/s  1:00 left"),
        (200, 200, 10.0, "scanning ████████████████████ 200/200  100%  20/s  0:00 left"),
        (12, 10, 1.0, "scanning ████████████████████ 12/12  100%  12/s  0:00 left"),
        (1, 40_000, 1.0, "scanning                      1/40000  0%  1.0/s  11:06:39 left"),
        (7, None, 2.0, "scanning 7  3.5/s"),
    ],
)
def test_line(done: int, total: int | None, seconds: float, shown: str) -> None:
    assert line(done, total, seconds) == shown


def test_the_line_is_drawn_now_and_then_and_taken_away() -> None:
    stream = io.StringIO()
    times = iter([0.0, 0.5, 0.55, 0.75, 1.0])
    assert list(watched("abcd", 4, stream, columns=30, clock=lambda: next(times))) == list("abcd")
    shown = stream.getvalue().split("\r\x1b[K")
    assert shown == ["", "scanning █████                1"[:29], "scanning ███████████████      3"[:29], "scanning ████████████████████ 4"[:29], ""]


def test_the_line_goes_when_the_reader_stops() -> None:
    stream = io.StringIO()
    items = watched(iter("abcd"), None, stream)
    next(items)
    items.close()
    assert stream.getvalue().endswith("\r\x1b[K")
