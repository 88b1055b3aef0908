"""Scan results as a pandas data frame; needs the extra ``pandas``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hiddensale.catalogue import PATTERNS
from hiddensale.errors import ConfigError, MissingExtra
from hiddensale.schema import ScanResult

if TYPE_CHECKING:
    import pandas as pd

ROWS: tuple[str, ...] = ("finding", "document")
_DOCUMENT = ("id", "source", "lang", "flagged", "score", "error")
_FINDING = (
    "id", "source", "lang", "pattern", "score", "flagged", "stance", "disclosure",
    "lure", "lure_start", "lure_end", "catch", "catch_start", "catch_end", "message", "law", "clarify",
)  # fmt: skip
_TYPES = {"flagged": "boolean", "score": "float64", "lure_start": "Int64", "lure_end": "Int64", "catch_start": "Int64", "catch_end": "Int64"}


def to_frame(results: ScanResult | Iterable[ScanResult], rows: str = "finding") -> pd.DataFrame:
    """Results as a data frame.

    Parameters
    ----------
    results : ScanResult or iterable of ScanResult
    rows : {"finding", "document"}
        What a row is. By finding, documents without findings have no row; by document, the scores of all patterns are columns named by pattern.

    Returns
    -------
    pandas.DataFrame
        The same columns and types also where there are no rows. What a JSON Lines or CSV row carried along stands in columns ``meta.KEY``.

    Raises
    ------
    MissingExtra
        When pandas is not installed.
    ConfigError
        When ``rows`` is something else.

    Examples
    --------
    >>> import hiddensale
    >>> frame = hiddensale.to_frame(hiddensale.load().scan_many(["The library is open."]), rows="document")
    >>> frame["flagged"].sum()
    np.int64(0)
    """
    if rows not in ROWS:
        raise ConfigError(f"rows is {' or '.join(map(repr, ROWS))}, got {rows!r}")
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra("hiddensale.to_frame", "pandas") from error
    if isinstance(results, ScanResult):
        results = [results]
    columns = _FINDING if rows == "finding" else (*_DOCUMENT, *PATTERNS)
    table = [row for result in results for row in (_findings(result) if rows == "finding" else [_document(result)])]
    extra = dict.fromkeys(key for row in table for key in row if key not in columns)
    frame = pd.DataFrame(table, columns=[*columns, *extra])
    types = {c: _TYPES.get(c, "float64" if c in PATTERNS else "object") for c in columns}
    return frame.astype(types)


def _document(result: ScanResult) -> dict[str, Any]:
    base = {"id": result.id, "source": result.source, "lang": result.lang, "flagged": result.flagged, "score": result.score, "error": result.error.code if result.error else None}
    return base | dict(result.scores) | _meta(result)


def _findings(result: ScanResult) -> Iterator[dict[str, Any]]:
    for f in result.findings:
        catch = f.catch
        yield {
            "id": result.id,
            "source": result.source,
            "lang": result.lang,
            "pattern": f.pattern,
            "score": f.score,
            "flagged": f.flagged,
            "stance": f.stance,
            "disclosure": f.disclosure,
            "lure": f.lure.text,
            "lure_start": f.lure.start,
            "lure_end": f.lure.end,
            "catch": catch.text if catch else None,
            "catch_start": catch.start if catch else None,
            "catch_end": catch.end if catch else None,
            "message": f.message,
            "law": f.law,
            "clarify": (f.clarify or {}).get("text"),
        } | _meta(result)


def _meta(result: ScanResult) -> dict[str, Any]:
    return {f"meta.{key}": value for key, value in result.meta.items()}
