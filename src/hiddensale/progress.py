"""How far a scan is: documents done, share, rate and time left, on one line of standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO, TypeVar

T = TypeVar("T")

_EVERY = 0.1
_CELLS = 20
_BLOCK = 1 << 20


def expected(paths: Iterable[str], input_format: str = "auto") -> int | None:
    """About how many documents lie there: files, and lines of the files that hold a document a line.

    Parameters
    ----------
    paths : iterable of str
    input_format : str
        As for :func:`hiddensale.readers.read`.

    Returns
    -------
    int or None
        None for standard input and pipes, whose length nobody knows.
    """
    from hiddensale import readers

    total = 0
    for path in paths:
        place = Path(path)
        # What is counted in a pipe is gone when the scan comes to read it.
        if path == "-" or not (place.is_file() or place.is_dir()):
            return None
        for file in readers.candidates(place, input_format):
            total += _rows(file) if readers.kind_of(file, input_format) in ("jsonl", "csv") else 1
    return total


def _rows(file: Path) -> int:
    """Lines of a file; a quoted cell with line breaks makes it an estimate."""
    try:
        with file.open("rb") as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK), b""))
    except OSError:
        return 1


def watched(items: Iterable[T], total: int | None, stream: TextIO, *, columns: int = 80, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """The items as they are, while ``stream`` shows how far it is; the line is taken away at the end.

    Parameters
    ----------
    items : iterable
    total : int or None
        How many there will be, if that is known; more may come.
    stream : text file
        A terminal.
    columns : int
        Of the terminal; the line is cut to them.
    clock : callable
        Seconds, from any start.
    """
    begin = clock()
    told = -_EVERY
    done = 0
    try:
        for item in items:
            done += 1
            now = clock() - begin
            if now - told >= _EVERY:
                told = now
                stream.write(f"\r\x1b[K{line(done, total, now)[: columns - 1]}")
                stream.flush()
            yield item
    finally:
        stream.write("\r\x1b[K")
        stream.flush()


def line(done: int, total: int | None, seconds: float) -> str:
    """What is shown after ``seconds``.

    Examples
    --------
    >>> line(120, 400, 4.0)
    'scanning ██████               120/400  30%  30/s  0:09 left'
    >>> line(120, None, 4.0)
    'scanning 120  30/s'
    """
    rate = done / seconds if seconds > 0 else 0.0
    speed = f"  {rate:.0f}/s" if rate >= 10 else f"  {rate:.1f}/s" if rate else ""
    if not total:
        return f"scanning {done}{speed}"
    # The total is an estimate: what comes past it is no more than all.
    share = min(1.0, done / total)
    bar = ("█" * int(share * _CELLS)).ljust(_CELLS)
    left = f"  {_clock(max(0, total - done) / rate)} left" if rate else ""
    return f"scanning {bar} {done}/{max(total, done)}  {share:.0%}{speed}{left}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
