"""All stages in order. The only module that knows them all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hiddensale import artifacts, langid
from hiddensale.analysis import Analyser
from hiddensale.artifacts import Model
from hiddensale.catalogue import DISCLOSURES, PATTERNS, pointers
from hiddensale.context import is_quoted_in_report
from hiddensale.errors import ConfigError, HiddensaleError
from hiddensale.evidence import Evidence, gather
from hiddensale.judge import OUTWEIGHS, gates_open, sigmoid
from hiddensale.lexicon import Lemmatizer
from hiddensale.messages import sentence
from hiddensale.packs import live_lemmatizer, load_pack, run_time_lemmatizer
from hiddensale.relations import Pair, choose_pairs, describe, describe_document, document_names, priced_catches
from hiddensale.schema import Document, Finding, Reason, ScanError, ScanResult, Span

_SURROGATES = re.compile("[\ud800-\udfff]")
_HIDDEN = ("buried", "vague", "absent")
# From this probability on that a pattern is in the text, hidden or not, a finding that is not flagged may be made. Under a half: a report often
# leaves open which of two patterns it is about.
_SEEN = 0.4
# Below this no unit carries what a report says that an offer leads to; its catch then stays null.
_CATCH_FLOOR = -3.0
# Patterns whose catch is money. Of 724 labels of these in train and dev that are not told, five stand in a text that names a price beside a catch cue of
# the pattern outside the lure's unit; of those told but buried every second one does. So a price that is there is never called untold.
_OF_MONEY = frozenset({"free-but-fees", "free-to-subscription", "gift-to-contract", "prize-with-fees", "service-as-sale"})
_N_REASONS = 6
# What is known of a text grows with its lines and sentences: this many take a gigabyte.
MAX_UNITS = 50_000
# Who quotes an ad whole and says that he reports it does not make the offer; in log-odds. Too rare in a corpus to be learned.
_QUOTED = -4.0
_BATCH = 64
# So many batches a process are taken in before their results are asked for.
_AHEAD = 8


class Detector:
    """Finds hidden sales in texts.

    Parameters
    ----------
    model : Model
        What :func:`hiddensale.artifacts.load` returns.
    patterns : sequence of str, optional
        Only these patterns are reported; all by default.
    min_score : float, optional
        Probability in 0..1 from which a finding is flagged, in place of the model's own thresholds.
    ui_lang : {"fi", "en"}, optional
        Language of the messages; the text's own by default.

    Raises
    ------
    ConfigError
        For an unknown pattern, interface language or a score outside 0..1.

    Examples
    --------
    >>> import hiddensale
    >>> detector = hiddensale.load()
    >>> detector.patterns[0]
    'free-but-fees'
    """

    def __init__(self, model: Model, *, patterns: Sequence[str] | None = None, min_score: float | None = None, ui_lang: str | None = None) -> None:
        unknown = [p for p in patterns or () if p not in PATTERNS]
        if unknown:
            raise ConfigError(f"unknown pattern {unknown[0]!r}; one of {', '.join(PATTERNS)}")
        if min_score is not None and not 0 <= min_score <= 1:
            raise ConfigError(f"min_score is a probability from 0 to 1, got {min_score}")
        if ui_lang not in (None, "fi", "en"):
            raise ConfigError(f"ui_lang is fi or en, got {ui_lang!r}")
        self.model = model
        self.patterns: tuple[str, ...] = PATTERNS
        self.only = frozenset(patterns or PATTERNS)
        self.min_score = min_score
        self.ui_lang = ui_lang
        self._analysers: dict[str, Analyser] = {}

    @property
    def langs(self) -> tuple[str, ...]:
        """Codes of the languages the model was trained for."""
        return self.model.langs

    def analyser(self, lang: str) -> Analyser:
        """The analyser of a language; the model's lemma table where the pack is the one it was trained with."""
        found = self._analysers.get(lang)
        if found is None:
            pack = load_pack(lang)
            lemmatizer: Lemmatizer
            if self.model.manifest.get("packs", {}).get(lang) == pack.digest:
                lemmatizer = run_time_lemmatizer(pack, self.model.lemmas[lang])
            else:
                lemmatizer = live_lemmatizer(pack)
            found = self._analysers[lang] = Analyser(pack, lemmatizer)
        return found

    def scan(self, text: str, lang: str | None = None) -> ScanResult:
        """Scan one text.

        Parameters
        ----------
        text : str
            The text as the reader sees it.
        lang : {"fi", "en"}, optional
            Its language; found out when not given.

        Returns
        -------
        ScanResult
            With ``error`` set where the text could not be scanned (empty, unknown language).

        Raises
        ------
        ConfigError
            For a language there is no pack for.
        """
        return self.scan_document(Document(text=text, lang=lang))

    def scan_many(self, texts: Iterable[str | Document], n_jobs: int = 1, lang: str | None = None) -> Iterator[ScanResult]:
        """Scan texts one after another, lazily, in order, in constant memory.

        Parameters
        ----------
        texts : iterable of str or Document
            Consumed as results are asked for; with several processes a bounded number of texts ahead. An item that is no text (a NaN of a
            table) gives a result with an ``error``.
        n_jobs : int
            Processes; 0 means one per core.
        lang : {"fi", "en"}, optional
            Language of all texts that do not say their own.

        Yields
        ------
        ScanResult
            Equal, item by item, to :meth:`scan`.
        """
        self._check_lang(lang)
        if n_jobs < 0:
            raise ConfigError(f"n_jobs is 0 (one per core) or more, got {n_jobs}")

        def document_of(item: object) -> Document:
            if isinstance(item, str):
                return Document(text=item, lang=lang)
            if isinstance(item, Document):
                return replace(item, lang=lang) if lang is not None and item.lang is None else item
            told = f"{repr(item)[:80]} is a {type(item).__name__}, no text; leave it out or put a text in its place"
            return Document(text="", lang=lang, error=ScanError("no-text", told))

        documents = map(document_of, texts)
        if n_jobs == 1:
            for document in documents:
                yield _safely(self, document)
            return
        from joblib import Parallel, delayed, effective_n_jobs

        settings = (self.model.path, tuple(sorted(self.only)), self.min_score, self.ui_lang)
        batches = iter(lambda: list(islice(documents, _BATCH)), [])
        workers = Parallel(n_jobs=n_jobs or -1, return_as="generator")
        # Joblib takes in new batches as fast as old ones are done, whether or not anybody asks for their results; so it gets some at a time.
        while some := list(islice(batches, _AHEAD * effective_n_jobs(n_jobs or -1))):
            for results in workers(delayed(_scan_batch)(settings, batch) for batch in some):
                yield from results

    def predict_proba(self, texts: Iterable[str], lang: str | None = None) -> npt.NDArray[np.float64]:
        """Calibrated probabilities of the patterns, for stance "makes" and not clearly disclosed.

        Parameters
        ----------
        texts : iterable of str
        lang : {"fi", "en"}, optional

        Returns
        -------
        ndarray of shape (n_texts, n_patterns)
            Columns in the order of ``patterns``; zeros for a text that could not be scanned.
        """
        rows = [[r.scores[p] for p in self.patterns] for r in self.scan_many(texts, lang=lang)]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self.patterns))

    def clarify(self, result: ScanResult) -> ScanResult:
        """The result with, at each flagged finding, the smallest change that was found to take the flag away.

        Parameters
        ----------
        result : ScanResult
            One of this detector. It costs a scan for each change that is tried.

        Returns
        -------
        ScanResult
            See :func:`hiddensale.clarifying.clarify`.
        """
        from hiddensale import clarifying

        return clarifying.clarify(self, result)

    def scan_document(self, document: Document) -> ScanResult:
        """Scan a document that a reader made; its error, if it has one, goes into the record."""
        if document.error is not None:
            return self._failed(document, document.error)
        if document.lang is not None:
            self._check_lang(document.lang)
        if not document.text.strip():
            return self._failed(document, ScanError("empty", "the document holds no text; nothing to scan"))
        lang = document.lang
        if lang is None:
            lang, _ = langid.identify(document.text)
            if lang not in self.langs:
                return self._failed(document, ScanError("unknown-language", f"the text is not recognised as one of: {', '.join(self.langs)}; name its language with --lang if it is"))
        analyser = self.analyser(lang)
        # A lone surrogate is no text; a sign of the same length keeps the offsets.
        text = _SURROGATES.sub("\ufffd", document.text)
        if text != document.text:
            document = replace(document, text=text)
        analysis = analyser.analyse(text)
        if len(analysis.units) > MAX_UNITS:
            told = f"{len(analysis.units)} lines and sentences; the limit for one document is {MAX_UNITS}: split it, or give one document a row as JSON Lines"
            return self._failed(document, ScanError("too-long", told))
        return self._judge(document, lang, gather(analyser, analysis))

    def _check_lang(self, lang: str | None) -> None:
        if lang is not None and lang not in self.langs:
            raise ConfigError(f"the model knows {', '.join(self.langs)}, got lang={lang!r}")

    def _failed(self, document: Document, error: ScanError) -> ScanResult:
        return ScanResult(document.id, document.source, document.lang, False, 0.0, dict.fromkeys(PATTERNS, 0.0), (), document.text, document.extracted, document.meta, error)

    def _judge(self, document: Document, lang: str, evidence: Evidence) -> ScanResult:
        model = self.model
        if not evidence.analysis.units:
            return self._failed(document, ScanError("empty", "the document holds no word; nothing to scan"))
        reading = model.network.read(evidence)
        roles = (model.roles.scores(evidence) + reading.roles) / 2
        pairs = choose_pairs(roles)
        wording = model.wording[lang].scores(evidence.analysis)
        x = describe(evidence, roles, pairs, wording, reading)
        document_row = describe_document(x, wording, reading)
        row = model.langs.index(lang)
        any_scale, pattern_scale, present_scale = model.scales[row]
        any_z = float(any_scale[0] * model.heads["any"].predict(document_row[None, :])[0] + any_scale[1])
        share = sigmoid(pattern_scale[0] * model.heads["pattern"].predict(x) + pattern_scale[1])
        likeliest = pairs[int(share.argmax())]
        quoted = is_quoted_in_report(evidence.analysis, evidence.hits, (likeliest.lure, likeliest.catch))
        any_z += _QUOTED if quoted else 0.0
        p_any = float(sigmoid(any_z))
        calibrated = p_any * share
        present = sigmoid(present_scale[0] * model.heads["present"].predict(x) + present_scale[1])
        scores = {p: float(calibrated[i]) if p in self.only else 0.0 for i, p in enumerate(PATTERNS)}
        order = sorted(range(len(PATTERNS)), key=lambda k: (-calibrated[k], k))
        about = model.heads["about"].predict(x)
        lures = np.array([roles[pair.lure, i] for i, pair in enumerate(pairs)])
        through = gates_open(model.gates[row], p_any, share, about, lures, len(evidence.analysis.words))
        # A further pattern is a further accusation: its text must surely be about it, whatever patterns are asked for.
        first = next((i for i in order if through[i]), None)
        through &= (about >= model.gates[row, 5]) | (np.arange(len(PATTERNS)) == first)
        # What is told clearly beside the lure is not hidden, however softly the rest of the text speaks, and who reports of an offer does not make it.
        if model.thresholds[row] <= p_any < OUTWEIGHS and through.any():
            through &= (self._lead_of_clear(x) <= model.gates[row, 7]) & ~self._reads_as_report(x)
        findings: list[Finding] = []
        for i in order:
            if PATTERNS[i] not in self.only:
                continue
            if self.min_score is None:
                flagged = bool(p_any >= model.thresholds[row] and through[i])
            else:
                flagged = bool(calibrated[i] >= self.min_score)
            if flagged or present[i] >= _SEEN:
                said = self._stance_and_disclosure(x[i : i + 1], flagged)
                if said is not None:
                    reasons = self._reasons(any_z, any_scale, float(calibrated[i]), document_row, quoted)
                    stance, disclosure = said
                    pair = pairs[i]
                    if flagged and disclosure == "absent" and (priced := self._priced(evidence, roles, i, pair)) is not None:
                        disclosure, pair = "buried", Pair(pair.lure, priced)
                    finding = self._finding(i, float(calibrated[i]), flagged, stance, disclosure, evidence, roles, pair, lang, reasons)
                    # An accusation that can quote nothing but the lure cannot be defended. Who asks for every score above a limit gets it all the same.
                    if not flagged or self.min_score is not None or finding.catch not in (None, finding.lure):
                        findings.append(finding)
        findings = _settle(findings)
        hot = [f.score for f in findings if f.flagged]
        score = max(hot) if hot else max((f.score for f in findings), default=0.0)
        return ScanResult(document.id, document.source, lang, bool(hot), score, scores, tuple(findings), document.text, document.extracted, document.meta)

    def _lead_of_clear(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The log-odds that each pattern's catch is told clearly, less those of the likeliest other disclosure; shape (n_patterns,)."""
        heads = self.model.heads
        hidden = np.max([heads[d].predict(x) for d in _HIDDEN], axis=0)
        return np.asarray(heads["clear"].predict(x) - hidden)

    def _reads_as_report(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether what each row describes is rather reported than offered; shape (n_rows,)."""
        return np.asarray(self.model.heads["reports"].predict(x) >= 0)

    def _stance_and_disclosure(self, row: npt.NDArray[np.float64], flagged: bool) -> tuple[str, str] | None:
        """What a finding says of itself; None where nothing can be said that agrees with its not being flagged."""
        heads = self.model.heads
        told = {d: float(heads[d].predict(row)[0]) for d in DISCLOSURES}
        if flagged:
            return "makes", max(_HIDDEN, key=told.__getitem__)
        likeliest = max(DISCLOSURES, key=told.__getitem__)
        if self._reads_as_report(row)[0]:
            return "reports", likeliest
        # Otherwise it looks like a hidden sale, but not surely enough to say so; that it is told clearly would be no better.
        return ("makes", "clear") if likeliest == "clear" else None

    def _priced(self, evidence: Evidence, roles: npt.NDArray[np.float64], i: int, pair: Pair) -> int | None:
        """The unit that tells the price of a catch that is money: the judge's own where it does, else the likeliest; None where none does."""
        if PATTERNS[i] not in _OF_MONEY:
            return None
        units = [u for u in priced_catches(evidence, i) if u != pair.lure]
        return pair.catch if pair.catch in units else max(units, key=lambda u: roles[u, len(PATTERNS) + i], default=None)

    def _finding(
        self,
        i: int,
        score: float,
        flagged: bool,
        stance: str,
        disclosure: str,
        evidence: Evidence,
        roles: npt.NDArray[np.float64],
        pair: Pair,
        lang: str,
        reasons: tuple[Reason, ...],
    ) -> Finding:
        pattern = PATTERNS[i]
        lure, words = self._span(evidence, pair.lure, pattern, "lure")
        catch: Span | None = None
        # Where a catch is not told, the tell that gives it away is quoted: a text without any is one in a hundred. What a report merely may have
        # meant is not.
        if flagged or disclosure == "clear" or roles[pair.catch, len(PATTERNS) + i] >= _CATCH_FLOOR:
            catch, _ = self._span(evidence, pair.catch, pattern, "catch", words)
            # The lure gives nothing away.
            catch = None if disclosure == "absent" and catch == lure else catch
        law = pointers(pattern, lang) if stance == "makes" and disclosure != "clear" else ()
        message = sentence(pattern, stance, disclosure, lure, catch, self.ui_lang or lang)
        return Finding(pattern, score, flagged, stance, disclosure, lure, catch, message, law, reasons)

    def _reasons(self, any_z: float, scale: npt.NDArray[np.float64], score: float, row: npt.NDArray[np.float64], quoted: bool) -> tuple[Reason, ...]:
        """The strongest parts of the score's log-odds; the last two parts make the sum exact."""
        shares, rest = self.model.heads["any"].contributions(row)
        shares = shares * scale[0]
        order = np.argsort(-np.abs(shares), kind="stable")[:_N_REASONS]
        names = document_names()
        parts = [Reason(names[k], float(shares[k]), round(float(row[k]), 4)) for k in order]
        parts.append(Reason("all else", float(shares.sum() - shares[order].sum() + rest * scale[0] + scale[1])))
        if quoted:
            parts.append(Reason("quoted in a report", _QUOTED, 1.0))
        bounded = min(max(score, 1e-12), 1 - 1e-12)
        parts.append(Reason("that it is this pattern", float(np.log(bounded) - np.log1p(-bounded)) - any_z))
        return tuple(parts)

    def _span(self, evidence: Evidence, u: int, pattern: str, role: str, beside: tuple[int, int] | None = None) -> tuple[Span, tuple[int, int]]:
        """The words of unit ``u`` that are the lure or the catch, and their numbers."""
        first, last = self.model.spans.find(evidence, u, pattern, role, beside)
        a = evidence.analysis
        start, end = a.starts[first], a.ends[last - 1]
        return Span(start, end, a.text[start:end]), (first, last)


def _settle(findings: list[Finding]) -> list[Finding]:
    """Of findings with the same lure and the same catch only the surest stays."""
    out: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (not f.flagged, -f.score)):
        twin = any(_overlap(finding.lure, kept.lure) and (finding.catch is None or kept.catch is None or _overlap(finding.catch, kept.catch)) for kept in out)
        if not twin:
            out.append(finding)
    return out


def _overlap(a: Span, b: Span) -> bool:
    return a.start < b.end and b.start < a.end


@lru_cache(maxsize=4)
def load(path: str | Path | None = None) -> Detector:
    """Load a detector.

    Parameters
    ----------
    path : str or Path, optional
        Model folder; the packaged model by default.

    Returns
    -------
    Detector

    Raises
    ------
    ArtifactError
        When there is no usable model at ``path``.

    Examples
    --------
    >>> import hiddensale
    >>> result = hiddensale.load().scan("Kirjasto on auki klo 10-18.")
    >>> result.flagged
    False
    """
    return Detector(artifacts.load(Path(path) if path is not None else None))


def scan(text: str, lang: str | None = None) -> ScanResult:
    """Scan one text with the packaged model.

    Parameters
    ----------
    text : str
    lang : {"fi", "en"}, optional
        Found out when not given.

    Returns
    -------
    ScanResult

    Examples
    --------
    >>> import hiddensale
    >>> hiddensale.scan("The library is open from 10 to 6.").flagged
    False
    """
    return load().scan(text, lang)


@lru_cache(maxsize=2)
def _worker(settings: tuple[str, tuple[str, ...], float | None, str | None]) -> Detector:
    path, only, min_score, ui_lang = settings
    return Detector(artifacts.load(Path(path)), patterns=only, min_score=min_score, ui_lang=ui_lang)


def _scan_batch(settings: Any, batch: list[Document]) -> list[ScanResult]:
    detector = _worker(settings)
    return [_safely(detector, document) for document in batch]


def _safely(detector: Detector, document: Document) -> ScanResult:
    """One document's fault must not lose its batch."""
    try:
        return detector.scan_document(document)
    except HiddensaleError as error:
        return detector._failed(document, ScanError(error.code, str(error)))
    except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        return detector._failed(document, ScanError("internal", f"the scan failed on this text ({type(error).__name__}: {error}); please report it with the text"))
