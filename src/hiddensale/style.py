"""The style gate: can form alone, without a content word, tell flagged from honest documents? It must not.

At least as strict as any single gauge: the features are punctuation, case, emoji, digits, length, layout, pronouns,
function words, person and tense; a linear and a boosted classifier are cross-validated over whole contrast groups.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hiddensale.corpus import Example

LINEAR_LIMIT = 0.60
BOOSTED_LIMIT = 0.65
BATCH_LIMIT = 0.55
PATTERN_LIMIT = 0.65
MIN_DOCUMENTS = 200
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_EMOJI = re.compile("[\U0001f000-\U0001faff☀-➿]")
_FUNCTION_WORDS = {
    "fi": [
        "minä",
        "sinä",
        "hän",
        "me",
        "te",
        "he",
        "mä",
        "sä",
        "sun",
        "mun",
        "sinun",
        "sinulle",
        "sinua",
        "sinut",
        "sinulla",
        "teille",
        "teidän",
        "teitä",
        "teillä",
        "meidän",
        "meille",
        "meiltä",
        "meillä",
        "minun",
        "minulle",
        "oma",
        "oman",
        "omaa",
        "ei",
        "en",
        "et",
        "emme",
        "ette",
        "eivät",
        "eikä",
        "on",
        "ovat",
        "oli",
        "olivat",
        "ole",
        "ollut",
        "olisi",
        "jos",
        "kun",
        "kuin",
        "että",
        "ja",
        "tai",
        "mutta",
        "myös",
        "vain",
        "nyt",
        "jo",
        "niin",
        "siis",
        "kaikki",
        "mitään",
        "mikään",
        "joku",
        "tämä",
        "se",
        "ne",
        "joka",
        "jotka",
        "mukaan",
        "sanoo",
        "kertoo",
        "voit",
        "saat",
        "voi",
        "saa",
        "pitää",
        "tulee",
        "haluat",
        "vielä",
        "sekä",
        "noin",
    ],
    "en": [
        "i",
        "you",
        "he",
        "she",
        "we",
        "they",
        "your",
        "yours",
        "our",
        "ours",
        "my",
        "me",
        "us",
        "them",
        "him",
        "his",
        "her",
        "their",
        "not",
        "no",
        "never",
        "don't",
        "isn't",
        "can't",
        "won't",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "if",
        "when",
        "than",
        "that",
        "and",
        "or",
        "but",
        "also",
        "only",
        "now",
        "just",
        "so",
        "all",
        "any",
        "anything",
        "nothing",
        "this",
        "it",
        "who",
        "which",
        "according",
        "says",
        "said",
        "will",
        "can",
        "could",
        "must",
        "should",
        "would",
        "may",
        "might",
        "have",
        "has",
        "had",
        "do",
        "did",
        "does",
        "there",
        "here",
        "with",
    ],
}
_PAST = {"fi": re.compile(r"(?:in|it|i|imme|itte|ivat|nut|nyt|neet|ttu|tty)$"), "en": re.compile(r"(?:ed|ght|ew)$")}
_FIRST = {"fi": re.compile(r"mme$"), "en": re.compile(r"^(?:we|i|our|my|us|me)$")}
_SECOND = {"fi": re.compile(r"(?:tte|si)$"), "en": re.compile(r"^(?:you|your|yours)$")}


def features(text: str, lang: str) -> list[float]:
    """Numbers about the form of a text; no content word counts."""
    n = max(len(text), 1)
    words = _WORD.findall(text)
    low = [w.lower() for w in words]
    k = max(len(words), 1)
    sentences = [s for s in re.split(r"[.!?\n]+", text) if s.strip()]
    out = [np.log1p(n), np.log1p(text.count("\n")), text.count("\n") / n * 100]
    out += [text.count(c) / n * 100 for c in '!?.,:;*()-–"”»€%$£✓•☑→/[]&']
    out += [len(_EMOJI.findall(text)) / n * 100, len(re.findall(r"\d", text)) / n * 100]
    out += [sum(w.isupper() and len(w) > 2 for w in words) / k, sum(w[:1].isupper() for w in words) / k, float(np.mean([len(w) for w in words])) if words else 0.0]
    out += [k / max(len(sentences), 1), float(np.std([len(s) for s in sentences])) if sentences else 0.0, sum(p[:1] in "•-–*✓☑→" for p in text.splitlines()) / max(text.count("\n") + 1, 1)]
    out += [sum(bool(rule[lang].search(w)) for w in low) / k for rule in (_PAST, _FIRST, _SECOND)]
    counts = {w: low.count(w) / k for w in set(low)}
    out += [counts.get(w, 0.0) for w in _FUNCTION_WORDS[lang]]
    return out


def _auc(y: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y, scores))


def _cross_validated(model: Any, x: Any, y: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]) -> float:
    from sklearn.model_selection import GroupKFold, cross_val_predict

    return _auc(y, cross_val_predict(model, x, y, groups=groups, cv=GroupKFold(8), method="predict_proba")[:, 1])


def gauge(examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """How well form, length and batch tell flagged documents, per language.

    Parameters
    ----------
    examples : sequence of Example

    Returns
    -------
    dict
        Language to areas under the ROC curve (0.5 is chance): ``linear``, ``boosted``, ``length``, ``batch``, and
        ``worst pattern`` with documents of one pattern against its look-alikes.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from threadpoolctl import threadpool_limits

    def linear() -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced"))

    out: dict[str, dict[str, float]] = {}
    for lang in ("fi", "en"):
        docs = [x for x in examples if x.lang == lang]
        if len(docs) < MIN_DOCUMENTS:
            continue
        x = np.array([features(d.text, lang) for d in docs])
        y = np.array([d.flagged for d in docs])
        groups = np.array([d.group for d in docs])
        row = {
            "n": float(len(docs)),
            "linear": _cross_validated(linear(), x, y, groups),
            "length": max(a := _auc(y, x[:, 0]), 1 - a),
        }
        # One thread: on few cores the threads of the trees wait for each other far longer than they work.
        with threadpool_limits(limits=1):
            row["boosted"] = _cross_validated(HistGradientBoostingClassifier(max_iter=100, random_state=0), x, y, groups)
        batches = np.array([[d.batch] for d in docs])
        if len(set(batches.ravel())) > 1:
            encoded = OneHotEncoder(handle_unknown="ignore").fit_transform(batches)
            row["batch"] = _auc(y, LogisticRegression(C=1.0, max_iter=1000).fit(encoded, y).predict_proba(encoded)[:, 1])
        worst = 0.0
        for pattern in sorted({p for d in docs for p in [*d.near, *(label.pattern for label in d.labels)]}):
            mine = np.array([pattern in d.near or any(label.pattern == pattern for label in d.labels) for d in docs])
            if y[mine].sum() >= 30 and (~y[mine]).sum() >= 30:
                worst = max(worst, _cross_validated(linear(), x[mine], y[mine], groups[mine]))
        row["worst pattern"] = worst
        out[lang] = row
    return out


def faults(gauged: dict[str, dict[str, float]]) -> list[str]:
    """What is over its limit, in words."""
    limits = {"linear": LINEAR_LIMIT, "boosted": BOOSTED_LIMIT, "length": LINEAR_LIMIT, "batch": BATCH_LIMIT, "worst pattern": PATTERN_LIMIT}
    return [
        f"style gate, {lang}: {name} AUC {row[name]:.3f} is over {limit:.2f}; balance the style of flagged and honest documents"
        for lang, row in gauged.items()
        for name, limit in limits.items()
        if row.get(name, 0.0) > limit
    ]
