"""A scikit-learn classifier of texts that learns somebody's own labels from what hiddensale sees in a text.

Blocks of features, each scaled to length 1 times its weight: lemmas and their pairs, word parts, concepts and cues of the
language packs, signs (punctuation, capitals, length); on demand the answers of a trained model. On them a logistic
regression. ``docs/decisions/0007-refit.md`` says what else was tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from hiddensale import langid
from hiddensale.analysis import Analyser, Analysis
from hiddensale.errors import ArtifactError
from hiddensale.evidence import gather
from hiddensale.packs import languages, live_lemmatizer, load_pack
from hiddensale.wording import counts, is_worded

Floats = npt.NDArray[np.float64]
# The first letter of a feature's name tells its block.
BLOCKS = {"words": "l", "parts": "g", "concepts": "c", "cues": "k", "signs": "s"}
BLOCK_WEIGHTS = {"words": 1.0, "parts": 1.0, "concepts": 0.4, "cues": 0.2, "signs": 0.5}
# What a text of no known language is read as where no training text had one either.
FALLBACK = "en"
# A model's answers are probabilities; beside blocks of length 1 they may weigh as much as one of them.
_ANSWERS_WEIGHT = 1.0


@lru_cache(maxsize=4)
def _analyser(lang: str) -> Analyser:
    # The dictionary itself, not a model's table of forms: somebody's labels bring words that no model was trained on.
    pack = load_pack(lang)
    return Analyser(pack, live_lemmatizer(pack))


def sign_names(analysis: Analysis) -> list[str]:
    """What the wording leaves out on purpose: punctuation, emoji, capitals, digits, length in steps."""
    out = ["s" + w.lower for w in analysis.words if not is_worded(w)]
    text = analysis.text
    letters = [c for c in text if c.isalpha()]
    out.append(f"s#upper{int(4 * sum(c.isupper() for c in letters) / max(1, len(letters)))}")
    out.append(f"s#length{int(np.log2(len(analysis.words) + 1))}")
    if text.istitle():
        out.append("s#title")
    if any(c.isdigit() for c in text):
        out.append("s#digit")
    return out


def text_counts(text: str, lang: str, blocks: Iterable[str]) -> Counter[str]:
    """How often each feature of the named blocks stands in a text.

    Examples
    --------
    >>> sorted(text_counts("Hurry!", "en", ["words", "signs"]))
    ['lhurry', 's!', 's#length1', 's#title', 's#upper0']
    """
    analyser = _analyser(lang)
    analysis = analyser.analyse(text)
    out: Counter[str] = Counter()
    wanted = {BLOCKS[b] for b in blocks}
    if wanted & {"l", "g", "c"}:
        out.update({name: n for name, n in counts(analysis).items() if name[0] in wanted})
    if "k" in wanted:
        out.update("k" + kind for unit in gather(analyser, analysis).kinds for kind in unit)
    if "s" in wanted:
        out.update(sign_names(analysis))
    return out


class HiddenSaleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Learn labels of texts, any labels, from the features hiddensale judges by.

    Parameters
    ----------
    lang : {"auto", "fi", "en"}
        Language of the texts. With ``auto`` each text's is found out; a text of no known language is read in the language
        most training texts have.
    features : sequence of str
        Blocks of features, of ``words``, ``parts``, ``concepts``, ``cues``, ``signs``. Leave ``signs`` out where the
        labels may hang together with the style of the texts by accident.
    use_model : bool
        Whether the answers of a trained model (the scores of the ten patterns) are features too.
    model : str or Path, optional
        Its folder; the packaged model by default.
    C : float
        Inverse strength of regularisation.
    min_df : int
        In how many training texts a feature must stand.
    class_weight : dict or "balanced", optional
        As in :class:`sklearn.linear_model.LogisticRegression`.
    random_state : int
        Seed of the solver. The result is the same on every run.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    feature_names_ : list of str
        Names of the features learned from; the first letter tells the block.
    coef_ : ndarray of shape (n_classes, n_features) or (1, n_features)
    intercept_ : ndarray of shape (n_classes,) or (1,)
    n_features_in_ : int
        1: the column of texts.

    Examples
    --------
    >>> from hiddensale import HiddenSaleClassifier
    >>> texts = ["Hurry, only 2 left!", "Last chance, 3 left", "Garden chairs", "Return policy"]
    >>> model = HiddenSaleClassifier(lang="en").fit(texts, ["push", "push", "plain", "plain"])
    >>> model.predict(["Only 5 left, hurry!"]).tolist()
    ['push']
    """

    def __init__(
        self,
        lang: str = "auto",
        *,
        features: Sequence[str] = ("words", "parts", "concepts", "cues", "signs"),
        use_model: bool = False,
        model: str | Path | None = None,
        C: float = 10.0,  # noqa: N803 - scikit-learn's name
        min_df: int = 1,
        class_weight: Mapping[Any, float] | str | None = None,
        random_state: int = 0,
    ) -> None:
        self.lang = lang
        self.features = features
        self.use_model = use_model
        self.model = model
        self.C = C
        self.min_df = min_df
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> HiddenSaleClassifier:  # noqa: N803
        """Learn.

        Parameters
        ----------
        X : sequence of str, or array of shape (n_texts, 1)
        y : sequence
            A label for each text; two kinds or more.

        Returns
        -------
        HiddenSaleClassifier
            Itself.

        Raises
        ------
        TypeError
            When X holds something other than texts.
        ValueError
            For a parameter out of range, or labels that do not fit the texts.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
        from sklearn.utils.class_weight import compute_sample_weight
        from sklearn.utils.multiclass import check_classification_targets

        self._check_parameters()
        if y is None:
            raise ValueError("HiddenSaleClassifier requires y to be passed, but the target y is None: a label for each text")
        texts = self._texts(X, first=True)
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        check_consistent_length(texts, labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"HiddenSaleClassifier needs texts of at least two classes; the number of classes is 1 class: {self.classes_.tolist()}")
        recognised = Counter(code for code in (langid.identify(t)[0] for t in texts) if code) if self.lang == "auto" else Counter()
        self.fallback_lang_ = min(recognised, key=lambda c: (-recognised[c], c)) if recognised else FALLBACK
        self.model_sha256_ = self._detector().model.manifest["sha256"] if self.use_model else None
        rows = [self._row(t) for t in texts]
        self._learn_names(rows)
        x = self._matrix(rows, texts)
        # One class against the rest, with the weight of each text's own class.
        weight = None if self.class_weight is None else compute_sample_weight(self.class_weight, labels)
        coef, bias = [], []
        for number in range(len(self.classes_)) if len(self.classes_) > 2 else (1,):
            one = LogisticRegression(C=self.C, solver="liblinear", dual=True, random_state=self.random_state, max_iter=5000)
            one.fit(x, (codes == number).astype(np.int8), sample_weight=weight)
            coef.append(one.coef_[0])
            bias.append(float(one.intercept_[0]))
        self.coef_ = np.array(coef)
        self.intercept_ = np.array(bias)
        return self

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Log-odds: shape (n_texts,) of ``classes_[1]`` where there are two classes, else (n_texts, n_classes), each class against the rest."""
        out = np.asarray(self.design_matrix(X) @ self.coef_.T + self.intercept_)
        return out[:, 0] if len(self.classes_) == 2 else out

    def design_matrix(self, X: Any) -> Any:  # noqa: N803
        """The sparse matrix of shape (n_texts, n_features) that the decision is linear in; for other learners on the same features."""
        check_is_fitted(self)
        texts = self._texts(X, first=False)
        return self._matrix([self._row(t) for t in texts], texts)

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """Probabilities of shape (n_texts, n_classes), columns in the order of ``classes_``."""
        from hiddensale.judge import sigmoid

        p = sigmoid(self.decision_function(X))
        if p.ndim == 1:
            return np.stack([1.0 - p, p], axis=1)
        # One class against the rest, each by itself: where all are very unsure the sum is near nothing, never nothing.
        p = np.maximum(p, 1e-300)
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """The label of each text, shape (n_texts,)."""
        z = self.decision_function(X)
        return np.asarray(self.classes_[(z > 0).astype(int) if z.ndim == 1 else z.argmax(axis=1)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def _check_parameters(self) -> None:
        if self.lang not in ("auto", *languages()):
            raise ValueError(f"lang is auto or one of {', '.join(languages())}, got {self.lang!r}")
        unknown = [f for f in self.features if f not in BLOCKS]
        if unknown or isinstance(self.features, str) or not (self.features or self.use_model):
            raise ValueError(f"features is a sequence of {', '.join(BLOCKS)}, got {self.features!r}")
        if not self.C > 0:
            raise ValueError(f"C is a positive number, got {self.C!r}")
        if self.min_df < 1:
            raise ValueError(f"min_df is 1 or more, got {self.min_df!r}")

    def _texts(self, X: Any, *, first: bool) -> list[str]:  # noqa: N803
        """The texts of ``X``, checked; ``first`` while fitting."""
        if isinstance(X, (str, bytes)):
            raise TypeError("X is a sequence of texts, got a single text; put it in a list")
        rows = np.asarray(list(X) if not hasattr(X, "__array__") else X, dtype=object)
        if rows.ndim == 2 and rows.shape[1] == 1:
            rows = rows[:, 0]
        if rows.ndim != 1:
            raise ValueError(f"X is a sequence of texts or an array with one column of them, got shape {rows.shape}")
        wrong = next((i for i, text in enumerate(rows) if not isinstance(text, str)), None)
        if wrong is not None:
            raise TypeError(f"X holds texts, got {type(rows[wrong]).__name__} at row {wrong}")
        if first:
            if not len(rows):
                raise ValueError("X holds no text to learn from")
            self.n_features_in_ = 1
        return [str(text) for text in rows]

    def _lang(self, text: str) -> str:
        return self.lang if self.lang != "auto" else langid.identify(text)[0] or self.fallback_lang_

    def _row(self, text: str) -> Counter[str]:
        return text_counts(text, self._lang(text), self.features)

    def _learn_names(self, rows: Sequence[Counter[str]]) -> None:
        df: Counter[str] = Counter()
        for row in rows:
            df.update(row.keys())
        self.feature_names_ = sorted(name for name, n in df.items() if n >= self.min_df)
        self.idf_ = np.array([np.log((1 + len(rows)) / (1 + df[name])) + 1.0 for name in self.feature_names_])

    def _matrix(self, rows: Sequence[Counter[str]], texts: Sequence[str]) -> Any:
        from scipy.sparse import csr_matrix, hstack

        index = {name: i for i, name in enumerate(self.feature_names_)}
        weights = {BLOCKS[b]: w for b, w in BLOCK_WEIGHTS.items()}
        block = np.array([weights[name[0]] for name in self.feature_names_])
        letters = np.array([name[0] for name in self.feature_names_])
        data: list[Floats] = []
        columns: list[npt.NDArray[np.int64]] = []
        for row in rows:
            known = sorted((i, n) for name, n in row.items() if (i := index.get(name)) is not None)
            at = np.array([i for i, _ in known], dtype=np.int64)
            values = (1.0 + np.log(np.array([n for _, n in known], dtype=np.float64))) * self.idf_[at]
            for letter in np.unique(letters[at]):
                mine = letters[at] == letter
                values[mine] /= np.sqrt(np.square(values[mine]).sum())
            data.append(values * block[at])
            columns.append(at)
        ends = np.cumsum([0, *(len(c) for c in columns)])
        x = csr_matrix((np.concatenate([np.zeros(0), *data]), np.concatenate([np.zeros(0, dtype=np.int64), *columns]), ends), shape=(len(rows), len(index)))
        if not self.use_model:
            return x
        return hstack([x, csr_matrix(self._answers(texts) * _ANSWERS_WEIGHT)], format="csr")

    def _detector(self) -> Any:
        from hiddensale.detector import load

        return load(self.model)

    def _answers(self, texts: Sequence[str]) -> Floats:
        """Scores of the patterns by the trained model, shape (n_texts, n_patterns)."""
        detector = self._detector()
        found = detector.model.manifest["sha256"]
        fitted = str(self.model_sha256_)
        if found != fitted:
            raise ArtifactError(f"the classifier was fitted with model {fitted[:12]}, here is {found[:12]}; install the version it was fitted with, or fit it again")
        results = [detector.scan(t, self._lang(t)) for t in texts]
        return np.array([[r.scores[p] for p in detector.patterns] for r in results], dtype=np.float64).reshape(len(texts), -1)
