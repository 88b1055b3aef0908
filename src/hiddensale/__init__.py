"""hiddensale: find hidden sales in offers and job ads, in Finnish and English, offline.

Examples
--------
>>> import hiddensale
>>> result = hiddensale.scan("The library is open from 10 to 6 on weekdays.")
>>> result.flagged
False
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hiddensale.detector import Detector, load, scan
    from hiddensale.errors import HiddensaleError
    from hiddensale.estimator import HiddenSaleClassifier
    from hiddensale.frames import to_frame
    from hiddensale.schema import Document, Finding, Reason, ScanError, ScanResult, Span

__version__ = "0.1.0"
__all__ = ["Detector", "Document", "Finding", "HiddenSaleClassifier", "HiddensaleError", "Reason", "ScanError", "ScanResult", "Span", "__version__", "load", "scan", "to_frame"]

_HOMES = {
    "Detector": "detector",
    "load": "detector",
    "scan": "detector",
    "HiddenSaleClassifier": "estimator",
    "HiddensaleError": "errors",
    "to_frame": "frames",
    "Document": "schema",
    "Finding": "schema",
    "Reason": "schema",
    "ScanError": "schema",
    "ScanResult": "schema",
    "Span": "schema",
}


def __getattr__(name: str) -> Any:
    """Resolve public names on first use, so that importing the package costs nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hiddensale' has no attribute {name!r}")
    value = getattr(import_module(f"hiddensale.{home}"), name)
    globals()[name] = value
    return value
