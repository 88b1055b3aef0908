from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from hiddensale import HiddenSaleClassifier
from hiddensale.estimator import BLOCKS, text_counts

PUSH = ["Hurry, only 2 left!", "Last chance, 3 left in stock", "Only 5 rooms left today", "9 people are viewing this", "Selling fast: 4 left", "Sale ends in 10 minutes, hurry"]
PLAIN = ["Garden chairs", "Return policy and shipping", "Write a review", "Bathroom lighting", "Sign in to your account", "Our shops in Leeds and York"]
SHAME = ["No thanks, I hate saving money", "No, I don't want free gifts", "No thanks, I prefer full price", "I don't like discounts, thanks", "No, I would rather pay more", "No thanks, I hate deals"]
TEXTS = [*PUSH, *PLAIN]
LABELS = ["push"] * len(PUSH) + ["plain"] * len(PLAIN)


@pytest.fixture(scope="module")
def fitted() -> HiddenSaleClassifier:
    return HiddenSaleClassifier(lang="en").fit(TEXTS, LABELS)


# --- scikit-learn's own checks ---------------------------------------------------------------------------------

# These need no data, so they hold for the classifier as it is; the tags say that it takes texts, for which scikit-learn
# has no data to offer and runs nothing else.
WITHOUT_DATA = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_valid_tag_types",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
]


@pytest.mark.parametrize("check", WITHOUT_DATA)
def test_scikit_learn_checks_without_data(check: str) -> None:
    if not hasattr(estimator_checks, check):
        pytest.skip(f"this scikit-learn has no {check}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        getattr(estimator_checks, check)("HiddenSaleClassifier", HiddenSaleClassifier())


def spell(row: np.ndarray) -> str:
    """A row of numbers as a text: per column a word for each step of the number, so that near numbers share words."""
    words = []
    for column, value in enumerate(row):
        level = int(np.clip(np.round(value * 2), -20, 20))
        words += [f"{chr(97 + column % 26)}{'over' if step > 0 else 'under'}{'abcdefghijklmnopqrstu'[abs(step)]}" for step in range(min(level, 0), max(level, 0) + 1)]
    return " ".join(words)


class Spelled(HiddenSaleClassifier):
    """The classifier for scikit-learn's checks, which feed numbers: each row is spelled as a text."""

    def __init__(self, features: Any = ("words",), C: float = 10.0, class_weight: Any = None, random_state: int = 0) -> None:  # noqa: N803
        super().__init__(lang="en", features=features, C=C, class_weight=class_weight, random_state=random_state)

    def _texts(self, X: Any, *, first: bool) -> list[str]:  # noqa: N803
        from sklearn.utils.validation import validate_data

        rows = validate_data(self, X, reset=first)
        return super()._texts([spell(row) for row in rows], first=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = False
        tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags


@estimator_checks.parametrize_with_checks([Spelled()])
def test_scikit_learn_checks_on_spelled_numbers(estimator: Any, check: Any) -> None:
    check(estimator)


def test_tags_say_that_it_takes_texts() -> None:
    tags = get_tags(HiddenSaleClassifier())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.estimator_type == "classifier"


# --- what it does ----------------------------------------------------------------------------------------------


def test_it_learns_two_classes(fitted: HiddenSaleClassifier) -> None:
    new = ["Hurry! Only 7 left in stock", "Lighting and chairs"]
    assert fitted.predict(new).tolist() == ["push", "plain"]
    assert fitted.classes_.tolist() == ["plain", "push"]
    p = fitted.predict_proba(new)
    assert p.shape == (2, 2)
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert ((fitted.decision_function(new) > 0) == (p[:, 1] > 0.5)).all()
    assert fitted.n_features_in_ == 1


def test_it_learns_many_classes_of_any_type() -> None:
    texts, labels = [*PUSH, *PLAIN, *SHAME], [3] * 6 + [7] * 6 + [11] * 6
    model = HiddenSaleClassifier(lang="en").fit(texts, labels)
    new = ["Hurry, 4 left!", "Shipping policy", "No thanks, I hate gifts"]
    assert model.predict(new).tolist() == [3, 7, 11]
    assert model.predict_proba(new).sum(axis=1) == pytest.approx(1.0)
    assert model.decision_function(new).shape == (3, 3)
    assert (model.predict_proba(new).argmax(axis=1) == model.decision_function(new).argmax(axis=1)).all()


def test_arrays_frames_and_lists_of_texts_are_the_same(fitted: HiddenSaleClassifier) -> None:
    flat = fitted.decision_function(TEXTS)
    assert (fitted.decision_function(np.array(TEXTS)) == flat).all()
    assert (fitted.decision_function(np.array(TEXTS, dtype=object)[:, None]) == flat).all()
    assert (fitted.decision_function(iter(TEXTS)) == flat).all()


def test_it_is_deterministic_clonable_and_picklable(fitted: HiddenSaleClassifier) -> None:
    again = clone(fitted).fit(TEXTS, LABELS)
    assert (again.coef_ == fitted.coef_).all()
    restored = pickle.loads(pickle.dumps(fitted))
    assert (restored.predict_proba(TEXTS) == fitted.predict_proba(TEXTS)).all()


def test_it_works_in_search_and_pipeline() -> None:
    search = GridSearchCV(HiddenSaleClassifier(lang="en"), {"C": [1.0, 10.0], "features": [("words",), ("parts", "signs")]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_score_ > 0.5
    pipe = make_pipeline(FunctionTransformer(lambda texts: [t.upper() for t in texts]), HiddenSaleClassifier(lang="en"))
    assert cross_val_score(pipe, TEXTS, LABELS, cv=3).mean() > 0.5


def test_languages() -> None:
    finnish = ["Voitit arvonnassa lahjakortin, soitamme sinulle", "Kirjasto on auki arkisin", "Onneksi olkoon, voitit palkinnon", "Kokous pidetään maanantaina"]
    model = HiddenSaleClassifier().fit(finnish, [1, 0, 1, 0])
    # The commonest language of the training texts is taken for what is in no language.
    assert model.fallback_lang_ == "fi"
    assert model.predict(["Sinä voitit arvonnassa palkinnon"]).tolist() == [1]
    assert HiddenSaleClassifier().fit(["xqz 1", "zzz 2"], [0, 1]).fallback_lang_ == "en"
    assert "lvoittaa" in model.feature_names_


def test_blocks() -> None:
    found = text_counts("You've WON a free week!! We'll ring to fix a time.", "en", tuple(BLOCKS))
    assert {name[0] for name in found} == set(BLOCKS.values())
    assert found["s!"] == 2
    assert not any(name[0] in "gs" for name in text_counts("You've WON!", "en", ("words", "concepts")))


def test_the_decision_is_linear_in_the_design_matrix(fitted: HiddenSaleClassifier) -> None:
    x = fitted.design_matrix(TEXTS)
    assert x.shape == (len(TEXTS), len(fitted.feature_names_))
    assert (x @ fitted.coef_[0] + fitted.intercept_[0]) == pytest.approx(fitted.decision_function(TEXTS))


def test_empty_and_unknown_texts_get_a_probability(fitted: HiddenSaleClassifier) -> None:
    p = fitted.predict_proba(["", "   ", "🎉", "qwrtz"])
    assert np.isfinite(p).all()


@pytest.mark.parametrize(
    ("texts", "error"),
    [("one text", TypeError), ([1.0, 2.0], TypeError), ([None, "a"], TypeError), ([["a", "b"], ["c", "d"]], ValueError), ([], ValueError)],
)
def test_what_holds_no_texts_is_refused(texts: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="X "):
        HiddenSaleClassifier(lang="en").fit(texts, ["a", "b"])


@pytest.mark.parametrize("parameters", [{"lang": "sv"}, {"features": ("verbs",)}, {"features": "words"}, {"features": ()}, {"C": 0}, {"min_df": 0}])
def test_parameters_are_checked_when_fitting(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        HiddenSaleClassifier(**parameters).fit(TEXTS, LABELS)


def test_it_must_be_fitted_first() -> None:
    with pytest.raises(NotFittedError):
        HiddenSaleClassifier().predict(["a"])


def test_class_weights_move_the_line() -> None:
    few = [*PUSH[:2], *PLAIN]
    labels = [1, 1] + [0] * len(PLAIN)
    plain = HiddenSaleClassifier(lang="en", C=0.1).fit(few, labels)
    balanced = HiddenSaleClassifier(lang="en", C=0.1, class_weight="balanced").fit(few, labels)
    assert balanced.predict_proba(PUSH)[:, 1].mean() > plain.predict_proba(PUSH)[:, 1].mean()


def test_the_trained_models_answers_can_be_features(detector: Any) -> None:
    model = HiddenSaleClassifier(lang="en", use_model=True, features=("words",)).fit(TEXTS, LABELS)
    assert model.coef_.shape[1] == len(model.feature_names_) + len(detector.patterns)
    restored = pickle.loads(pickle.dumps(model))
    assert (restored.predict_proba(TEXTS) == model.predict_proba(TEXTS)).all()
