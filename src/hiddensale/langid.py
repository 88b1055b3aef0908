"""Which language a text is in: function words first, py3langid where they do not settle it.

Unknown is said, not guessed: a text that is neither clearly Finnish nor clearly English gets no language.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from hiddensale.packs import languages, load_pack

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SAMPLE = 6000
# Languages whose short texts py3langid could take for ours; anything outside is answered as unknown too.
_RIVALS = ("sv", "et", "no", "da", "de", "nl", "fr", "es", "it", "pt", "pl", "lv", "lt", "hu", "cs", "ro", "ru", "uk", "tr", "ar", "zh", "ja", "ko", "so")


@lru_cache(maxsize=1)
def _profiles() -> dict[str, frozenset[str]]:
    return {lang: frozenset(load_pack(lang).settings.get("function_words", ())) for lang in languages()}


@lru_cache(maxsize=8)
def _foreign(lang: str) -> frozenset[str]:
    return frozenset(load_pack(lang).settings.get("foreign_words", ()))


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.labels)
    identifier.set_languages([x for x in (*languages(), *_RIVALS) if x in known])
    return identifier


def identify(text: str) -> tuple[str | None, float]:
    """Return (language code, confidence 0..1), or (None, confidence) where the language is none of the packs'.

    Parameters
    ----------
    text : str
        Any text; the first 6,000 characters are looked at.

    Examples
    --------
    >>> identify("Osallistu arvontaan, niin voit voittaa lahjakortin.")[0]
    'fi'
    >>> identify("Was kostet das Abonnement nach dem Probemonat?")[0] is None
    True
    """
    sample = text[:_SAMPLE]
    words = [w.lower() for w in _WORD.findall(sample)]
    if not words:
        return None, 0.0
    shares = {lang: sum(w in profile for w in words) / len(words) for lang, profile in _profiles().items()}
    ranked = sorted(shares.items(), key=lambda kv: (-kv[1], kv[0]))
    (best, share), second = ranked[0], (ranked[1][1] if len(ranked) > 1 else 0.0)
    # Relatives share the commonest words (Finnish and Estonian: ja, on, ei), so only a clear case is settled here.
    foreign = sum(w in _foreign(best) for w in words)
    if len(words) >= 12 and share >= 0.25 and share >= 4 * second and foreign * 20 < len(words):
        return best, min(1.0, 0.5 + 2 * share)
    code, probability = _identifier().classify(sample)
    if code in shares and probability >= 0.5:
        return code, float(probability)
    if share >= 0.2 and share >= 3 * second and len(words) >= 4:
        return best, 0.6
    if share >= 0.08 and share >= 3 * second and code in ("et", "sv", "no", "da", "de", "nl") and probability < 0.9:
        return best, 0.5
    return None, float(probability)
