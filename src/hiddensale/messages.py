"""The sentence that goes with a finding, in the interface language (messages.toml)."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from hiddensale.schema import Span

_QUOTE = {"fi": ("”", "”"), "en": ("“", "”")}
_MAX_QUOTE = 90


@lru_cache(maxsize=1)
def texts() -> dict[str, Any]:
    """messages.toml: by interface language."""
    return tomllib.loads(files("hiddensale").joinpath("messages.toml").read_text(encoding="utf-8"))


def quoted(span: Span, ui_lang: str) -> str:
    """A span in quotation marks, on one line, cut where it is long."""
    text = re.sub(r"\s+", " ", span.text)
    if len(text) > _MAX_QUOTE:
        text = text[: _MAX_QUOTE - 1].rstrip() + "…"
    left, right = _QUOTE[ui_lang]
    return left + text + right


def sentence(pattern: str, stance: str, disclosure: str, lure: Span, catch: Span | None, ui_lang: str) -> str:
    """What a reader is told about a finding.

    Parameters
    ----------
    pattern, stance, disclosure : str
        As in the record.
    lure : Span
    catch : Span or None
    ui_lang : {"fi", "en"}

    Returns
    -------
    str
        One sentence.
    """
    table = texts()[ui_lang]
    words = table["pattern"][pattern]
    catch_part = words["catch"] if catch is None else table["catch_quoted"].format(what=words["catch"], catch=quoted(catch, ui_lang))
    frame = table["reports"] if stance == "reports" else table[disclosure]
    return str(frame.format(lure=quoted(lure, ui_lang), what=words["lure"], catch=catch_part))


def level_word(score: float, ui_lang: str) -> str:
    """A probability in words."""
    words = texts()[ui_lang]["sure"]
    return str(words[0] if score >= 0.95 else words[1] if score >= 0.8 else words[2] if score >= 0.5 else words[3])
