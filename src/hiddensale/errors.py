"""Errors a caller can act on: each names the place, the value and the remedy."""

from __future__ import annotations


class HiddensaleError(Exception):
    """Base of all errors raised on purpose; ``code`` is stable and machine-readable."""

    code = "error"
    exit_status = 2


class InputError(HiddensaleError):
    """A document or an input file cannot be used as it is."""

    code = "input"

    def __init__(self, message: str, code: str = "input") -> None:
        super().__init__(message)
        self.code = code


class PackError(HiddensaleError):
    """A language pack or the catalogue holds a fault."""

    code = "pack"


class ArtifactError(HiddensaleError):
    """A model is missing, damaged or of another format."""

    code = "artifact"


class CorpusError(HiddensaleError):
    """A corpus file holds a fault; the message carries file and line."""

    code = "corpus"


class ConfigError(HiddensaleError):
    """A configuration file or option cannot be used."""

    code = "config"


class MissingExtra(HiddensaleError):
    """An optional dependency is not installed; the message names the extra."""

    code = "missing-extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency: pip install 'hiddensale[{extra}]'")
