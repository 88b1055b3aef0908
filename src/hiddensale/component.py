"""The spaCy component: ``nlp.add_pipe("hiddensale")`` sets ``doc._.hidden_sales`` and ``doc.spans["hidden_sales"]``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, SpanGroup
from spacy.tokens import Span as SpacySpan

from hiddensale import artifacts
from hiddensale.detector import Detector
from hiddensale.errors import ArtifactError
from hiddensale.schema import ScanResult

SPANS_KEY = "hidden_sales"
_CONFIG = "hiddensale.json"
# The result travels on the doc as plain JSON, so that it survives Doc.to_bytes and the processes of nlp.pipe. Without the text: the doc holds it,
# and a record that carries its text counts as one of an extracted format.
_STORE = "hiddensale"


def _stored(doc: Doc) -> ScanResult | None:
    saved = doc.user_data.get(_STORE)
    return ScanResult.from_dict(json.loads(saved), doc.text) if saved else None


@Language.factory("hiddensale", assigns=["doc._.hidden_sales", "doc.spans"], default_config={"model": None, "patterns": None, "min_score": None, "ui_lang": None})
def create(nlp: Language, name: str, model: str | None, patterns: list[str] | None, min_score: float | None, ui_lang: str | None) -> HiddenSales:
    """Make the component; see :class:`HiddenSales`."""
    return HiddenSales(nlp.lang or "xx", name, model=model, patterns=patterns, min_score=min_score, ui_lang=ui_lang)


class HiddenSales:
    """Finds hidden sales in spaCy documents.

    Sets ``doc._.hidden_sales`` to the :class:`~hiddensale.schema.ScanResult` and ``doc.spans["hidden_sales"]`` to the lure
    and catch of every flagged finding (``label_`` is ``LURE`` or ``CATCH``, ``id_`` the pattern). Spans are widened to whole tokens.

    Parameters
    ----------
    lang : str
        Language of the pipeline, ``fi`` or ``en``; with any other each text's language is found out.
    name : str
    model : str, optional
        Model folder; the packaged model by default.
    patterns : list of str, optional
    min_score : float, optional
        Probability in 0..1.
    ui_lang : {"fi", "en"}, optional

    Examples
    --------
    >>> import spacy
    >>> nlp = spacy.blank("fi")
    >>> _ = nlp.add_pipe("hiddensale")
    >>> nlp("Kirjasto on avoinna arkisin.")._.hidden_sales.flagged
    False
    """

    def __init__(self, lang: str, name: str = "hiddensale", *, model: str | None = None, patterns: list[str] | None = None, min_score: float | None = None, ui_lang: str | None = None) -> None:
        self.name = name
        self.lang = lang
        self.config: dict[str, Any] = {"model": model, "patterns": patterns, "min_score": min_score, "ui_lang": ui_lang}
        self._detector: Detector | None = None
        if not Doc.has_extension("hidden_sales"):
            Doc.set_extension("hidden_sales", getter=_stored)

    @property
    def detector(self) -> Detector:
        """The detector, loaded on first use."""
        if self._detector is None:
            c = self.config
            self._detector = Detector(artifacts.load(Path(c["model"]) if c["model"] else None), patterns=c["patterns"], min_score=c["min_score"], ui_lang=c["ui_lang"])
        return self._detector

    def __call__(self, doc: Doc) -> Doc:
        """Scan one document."""
        result = self.detector.scan(doc.text, self.lang if self.lang in self.detector.langs else None)
        doc.user_data[_STORE] = json.dumps(result.to_dict(), ensure_ascii=False)
        doc.spans[SPANS_KEY] = SpanGroup(doc, name=SPANS_KEY, spans=list(_spans(doc, result)))
        return doc

    def to_disk(self, path: Path | str, exclude: Iterable[str] = ()) -> None:  # noqa: ARG002 - spaCy passes it
        """Write the settings; the model itself stays where it is, named by its hash."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _CONFIG).write_text(self._dump(), encoding="utf-8")

    def from_disk(self, path: Path | str, exclude: Iterable[str] = ()) -> HiddenSales:  # noqa: ARG002
        """Read the settings back; a model other than the one saved with is refused."""
        return self._restore((Path(path) / _CONFIG).read_text(encoding="utf-8"))

    def to_bytes(self, exclude: Iterable[str] = ()) -> bytes:  # noqa: ARG002
        """The settings as bytes."""
        return self._dump().encode("utf-8")

    def from_bytes(self, data: bytes, exclude: Iterable[str] = ()) -> HiddenSales:  # noqa: ARG002
        """The inverse of :meth:`to_bytes`."""
        return self._restore(data.decode("utf-8"))

    def _dump(self) -> str:
        return json.dumps({"lang": self.lang, "config": self.config, "model_sha256": self.detector.model.manifest["sha256"]}, sort_keys=True)

    def _restore(self, text: str) -> HiddenSales:
        saved = json.loads(text)
        self.lang = saved["lang"]
        self.config = saved["config"]
        self._detector = None
        found = self.detector.model.manifest["sha256"]
        if found != saved["model_sha256"]:
            raise ArtifactError(f"the pipeline was saved with model {saved['model_sha256'][:12]}, here is {found[:12]}; install the version it was saved with, or save it again")
        return self


def _spans(doc: Doc, result: ScanResult) -> Iterable[SpacySpan]:
    for finding in result.findings:
        if not finding.flagged:
            continue
        for piece, label in ((finding.lure, "LURE"), (finding.catch, "CATCH")):
            if piece is None:
                continue
            span = doc.char_span(piece.start, piece.end, label=label, span_id=finding.pattern, alignment_mode="expand")
            if span is not None:
                yield span
