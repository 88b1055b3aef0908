"""Figures on labelled data: per language, per pattern, per slice, with intervals; and the gate that guards them."""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hiddensale.catalogue import PATTERNS
from hiddensale.corpus import Example, Label
from hiddensale.detector import Detector
from hiddensale.evidence import gather, units_of
from hiddensale.packs import kinds
from hiddensale.schema import Finding, ScanResult, Span

_WORD = re.compile(r"\w+")
_N_BOOT = 400
_SEED = 7
# A fall is real when it is larger than this; for the F1 of one pattern, which few documents tell, than three times this.
GATE_MARGIN = 0.02
# Scores from which findings are counted by themselves: all that is flagged, the bounds of "sure" and "very sure", and between.
STRICTNESS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# One document more or less is no real fall of a small slice.
_LEAST_SLICE = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """One labelled document and what the detector said of it."""

    example: Example
    result: ScanResult
    against_cues: bool = False

    @property
    def right(self) -> bool:
        return self.example.flagged == self.result.flagged


@dataclass
class Figures:
    """Everything :func:`evaluate` measured; ``slices`` maps a slice name to its figures."""

    outcomes: list[Outcome]
    slices: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return self.slices


def evaluate(detector: Detector, examples: Sequence[Example]) -> Figures:
    """Scan labelled documents and compare.

    Parameters
    ----------
    detector : Detector
    examples : sequence of Example
        Each is scanned with the language it is labelled with.

    Returns
    -------
    Figures
        Slices ``fi``, ``en`` (those there are) and ``all``.
    """
    outcomes = [Outcome(x, detector.scan(x.text, x.lang), against_cues(detector, x)) for x in examples]
    figures = Figures(outcomes)
    for lang in sorted({x.lang for x in examples}, key=lambda c: (c != "fi", c)):
        figures.slices[lang] = _slice([o for o in outcomes if o.example.lang == lang])
    figures.slices["all"] = _slice(outcomes)
    return figures


def against_cues(detector: Detector, example: Example) -> bool:
    """Whether the packs' catch cues speak against the truth: none in the catch of a hidden sale, some in an honest text."""
    catches = {k.key for k in kinds().values() if k.role == "catch"}
    analyser = detector.analyser(example.lang)
    evidence = gather(analyser, analyser.analyse(example.text))
    if not example.flagged:
        return any(not catches.isdisjoint(row) for row in evidence.kinds)
    touched = [u for x in example.labels if x.flagged for u in units_of(evidence, x.catch)]
    return bool(touched) and all(catches.isdisjoint(evidence.kinds[u]) for u in touched)


def f1(tp: int, fp: int, fn: int) -> tuple[float, float, float]:
    """Precision, recall and F1; an empty denominator gives 0."""
    p = tp / (tp + fp) if tp + fp else 0.0
    r = tp / (tp + fn) if tp + fn else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


def average_precision(y: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    """Area under the precision-recall steps (as scikit-learn defines it); ties count together."""
    if not y.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    y, scores = y[order], scores[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(y) - 1)
    tp = np.cumsum(y)[last]
    precision = tp / (last + 1)
    recall = tp / y.sum()
    return float(np.sum(np.diff(np.append(0.0, recall)) * precision))


def calibration_error(y: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], bins: int = 10) -> float:
    """Expected calibration error over equally wide bins of the score."""
    at = np.minimum((scores * bins).astype(int), bins - 1)
    return float(sum(abs(y[at == b].mean() - scores[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any()))


def reliability(outcomes: Iterable[Outcome], bins: int = 10) -> list[dict[str, float]]:
    """Per bin of the pattern scores: how many, the mean score, the share that was right."""
    pairs = [(o.result.scores[p], any(x.flagged and x.pattern == p for x in o.example.labels)) for o in outcomes for p in PATTERNS]
    rows = []
    for b in range(bins):
        inside = [(s, y) for s, y in pairs if b / bins <= s < (b + 1) / bins or (b == bins - 1 and s == 1)]
        if inside:
            rows.append({"from": b / bins, "n": len(inside), "score": float(np.mean([s for s, _ in inside])), "true": float(np.mean([y for _, y in inside]))})
    return rows


def token_f1(text: str, gold: tuple[int, int], found: Span) -> float:
    """Overlap of two spans in words."""
    words = [m.span() for m in _WORD.finditer(text)]
    a = {w for w in words if w[0] < gold[1] and w[1] > gold[0]}
    b = {w for w in words if w[0] < found.end and w[1] > found.start}
    both = len(a & b)
    return 2 * both / (len(a) + len(b)) if both else 0.0


def _slice(outcomes: list[Outcome]) -> dict[str, Any]:
    y = np.array([o.example.flagged for o in outcomes])
    hit = np.array([o.result.flagged for o in outcomes])
    top = np.array([max(o.result.scores.values()) for o in outcomes])
    p, r, f = f1(int((y & hit).sum()), int((~y & hit).sum()), int((y & ~hit).sum()))
    per_pattern = {}
    for pattern in PATTERNS:
        gold = np.array([any(x.flagged and x.pattern == pattern for x in o.example.labels) for o in outcomes])
        found = np.array([any(x.flagged and x.pattern == pattern for x in o.result.findings) for o in outcomes])
        scores = np.array([o.result.scores[pattern] for o in outcomes])
        pp, pr, pf = f1(int((gold & found).sum()), int((~gold & found).sum()), int((gold & ~found).sum()))
        per_pattern[pattern] = {"n": int(gold.sum()), "precision": pp, "recall": pr, "f1": pf, "ap": average_precision(gold, scores)}
    there = [v for v in per_pattern.values() if v["n"]]
    by_sort: dict[str, list[bool]] = defaultdict(list)
    for o in outcomes:
        by_sort[o.example.sort].append(o.result.flagged)
    pattern_scores = np.array([[o.result.scores[q] for q in PATTERNS] for o in outcomes])
    pattern_gold = np.array([[any(x.flagged and x.pattern == q for x in o.example.labels) for q in PATTERNS] for o in outcomes])
    members = Counter(o.example.group for o in outcomes)
    out: dict[str, Any] = {
        "n": len(outcomes),
        "flagged": int(y.sum()),
        "any": {"precision": p, "recall": r, "f1": f, "ap": average_precision(y, top), "f1_interval": _interval(outcomes)},
        "patterns": per_pattern,
        "macro_f1": float(np.mean([v["f1"] for v in there])) if there else 0.0,
        "macro_ap": float(np.mean([v["ap"] for v in there])) if there else 0.0,
        "false_alarms": {k: {"n": len(v), "flagged": sum(v), "share": sum(v) / len(v)} for k, v in sorted(by_sort.items()) if k != "flagged"},
        "honest": _share([o.result.flagged for o in outcomes if o.example.sort in ("lookalike", "clear")]),
        "reports": _share([o.result.flagged for o in outcomes if o.example.sort in ("report", "talk")]),
        "strictness": strictness(outcomes),
        "contrast": _contrast(outcomes),
        "spans": _spans(outcomes),
        "calibration_error": calibration_error(pattern_gold.ravel(), pattern_scores.ravel()),
        "calibration_error_document": calibration_error(y, top),
        "labels": {"n": sum(len(o.example.labels) for o in outcomes), "found": sum(len(matched(o)) for o in outcomes)},
        "disclosure": _confusion(outcomes, lambda x: x.disclosure, lambda f: f.disclosure, hidden_only=True),
        "stance": _confusion(outcomes, lambda x: x.stance, lambda f: f.stance, hidden_only=False),
        "slices": {
            "hard: the cues speak against the truth": _verdicts([o for o in outcomes if o.against_cues]),
            "dry hidden, loud honest": _verdicts([o for o in outcomes if (o.example.flagged and o.example.style == "dry") or (not o.example.flagged and o.example.style == "loud")]),
            "counter style": _verdicts([o for o in outcomes if o.example.style == "counter"]),
            "long (150 words or more)": _verdicts([o for o in outcomes if len(o.example.text.split()) >= 150]),
            "short (30 words or fewer)": _verdicts([o for o in outcomes if len(o.example.text.split()) <= 30]),
            "alone, without a twin": _verdicts([o for o in outcomes if members[o.example.group] == 1]),
        },
    }
    return out


def _share(flags: list[bool]) -> dict[str, Any]:
    return {"n": len(flags), "flagged": sum(flags), "share": sum(flags) / len(flags) if flags else 0.0}


def _verdicts(outcomes: list[Outcome]) -> dict[str, Any]:
    tp = sum(o.example.flagged and o.result.flagged for o in outcomes)
    fp = sum(not o.example.flagged and o.result.flagged for o in outcomes)
    fn = sum(o.example.flagged and not o.result.flagged for o in outcomes)
    p, r, f = f1(tp, fp, fn)
    return {"n": len(outcomes), "precision": p, "recall": r, "f1": f, "accuracy": sum(o.right for o in outcomes) / len(outcomes) if outcomes else 0.0}


def strictness(outcomes: list[Outcome]) -> list[dict[str, float]]:
    """What is right, found and wrongly accused where only flagged findings of at least some score are counted."""
    surest = np.array([max((f.score for f in o.result.findings if f.flagged), default=-1.0) for o in outcomes])
    hidden = np.array([o.example.flagged for o in outcomes])
    honest = np.array([o.example.sort in ("lookalike", "clear") for o in outcomes])
    reports = np.array([o.example.sort in ("report", "talk") for o in outcomes])
    rows = []
    for bound in STRICTNESS:
        counted = surest >= bound
        p, r, f = f1(int((hidden & counted).sum()), int((~hidden & counted).sum()), int((hidden & ~counted).sum()))
        shares = {k: float(counted[of].mean()) if of.any() else 0.0 for k, of in (("honest", honest), ("reports", reports))}
        rows.append({"from": bound, "flagged": int(counted.sum()), "precision": p, "recall": r, "f1": f, **shares})
    return rows


def _interval(outcomes: list[Outcome]) -> list[float]:
    """95 % interval of the any-hidden-sale F1 by bootstrap over groups."""
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for o in outcomes:
        g = groups[o.example.group]
        g[0] += o.example.flagged and o.result.flagged
        g[1] += not o.example.flagged and o.result.flagged
        g[2] += o.example.flagged and not o.result.flagged
    table = np.array(list(groups.values()))
    if not len(table):
        return [0.0, 0.0]
    rng = np.random.default_rng(_SEED)
    values = []
    for _ in range(_N_BOOT):
        tp, fp, fn = table[rng.integers(0, len(table), len(table))].sum(axis=0)
        values.append(2 * tp / max(2 * tp + fp + fn, 1))
    return [float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))]


def _contrast(outcomes: list[Outcome]) -> dict[str, Any]:
    """Groups all of whose members got the right verdict."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for o in outcomes:
        groups[o.example.group].append(o)
    sets = [g for g in groups.values() if len(g) > 1]
    right = sum(all(o.right for o in g) for g in sets)
    return {"n": len(sets), "right": right, "share": right / len(sets) if sets else 0.0}


def matched(outcome: Outcome) -> list[tuple[Label, Finding]]:
    """Labels and the findings of the same pattern."""
    by_pattern = {f.pattern: f for f in outcome.result.findings}
    return [(x, by_pattern[x.pattern]) for x in outcome.example.labels if x.pattern in by_pattern]


def _spans(outcomes: list[Outcome]) -> dict[str, Any]:
    """Mean word F1 of the spans of rightly flagged findings."""
    lure, catch = [], []
    for o in outcomes:
        for label, finding in matched(o):
            if not (label.flagged and finding.flagged):
                continue
            if label.lure:
                lure.append(token_f1(o.example.text, label.lure, finding.lure))
            if label.catch:
                catch.append(token_f1(o.example.text, label.catch, finding.catch) if finding.catch else 0.0)
    return {"n": len(lure), "lure": float(np.mean(lure)) if lure else 0.0, "catch": float(np.mean(catch)) if catch else 0.0}


def _confusion(outcomes: list[Outcome], of_label: Callable[[Label], str | None], of_finding: Callable[[Finding], str], *, hidden_only: bool) -> dict[str, Any]:
    table: Counter[str] = Counter()
    for o in outcomes:
        for label, finding in matched(o):
            gold = of_label(label)
            if gold is not None and (not hidden_only or label.stance == "makes"):
                table[f"{gold} as {of_finding(finding)}"] += 1
    n = sum(table.values())
    right = sum(c for k, c in table.items() if k.split(" as ")[0] == k.split(" as ")[1])
    return {"n": n, "accuracy": right / n if n else 0.0, "confusion": dict(sorted(table.items()))}


# --- printing --------------------------------------------------------------------------------------------------


def as_text(figures: Figures) -> str:
    """The table ``hiddensale evaluate`` prints."""
    out = []
    for name, s in figures.slices.items():
        a = s["any"]
        low, high = a["f1_interval"]
        out.append(f"{name}: {s['n']} documents, {s['flagged']} flagged")
        out.append(f"  any hidden sale    P {a['precision']:.3f}  R {a['recall']:.3f}  F1 {a['f1']:.3f} [{low:.3f}, {high:.3f}]  AP {a['ap']:.3f}")
        out.append(f"  ten patterns       macro F1 {s['macro_f1']:.3f}  macro AP {s['macro_ap']:.3f}")
        for pattern, v in s["patterns"].items():
            out.append(f"    {pattern:<22} n {v['n']:>4}  P {v['precision']:.3f}  R {v['recall']:.3f}  F1 {v['f1']:.3f}  AP {v['ap']:.3f}")
        out.append("  false alarms       " + "  ".join(f"{k} {v['flagged']}/{v['n']}" for k, v in s["false_alarms"].items()))
        out.append(f"                     honest look-alikes {s['honest']['share']:.1%}  reports and talk {s['reports']['share']:.1%}")
        out.append(f"  contrast groups    {s['contrast']['right']}/{s['contrast']['n']} all right ({s['contrast']['share']:.3f})")
        out.append(f"  spans (word F1)    lure {s['spans']['lure']:.3f}  catch {s['spans']['catch']:.3f}  on {s['spans']['n']} right findings")
        out.append(f"  calibration error  {s['calibration_error']:.3f} per pattern score, {s['calibration_error_document']:.3f} per document")
        out.append(
            f"  disclosure         accuracy {s['disclosure']['accuracy']:.3f} of {s['disclosure']['n']}   stance {s['stance']['accuracy']:.3f} of {s['stance']['n']}   (of {s['labels']['n']} labels)"
        )
        for label, v in s["slices"].items():
            if v["n"]:
                out.append(f"    {label:<38} n {v['n']:>4}  P {v['precision']:.3f}  R {v['recall']:.3f}  accuracy {v['accuracy']:.3f}")
        out.append("  counted from score on")
        out += [
            f"    {v['from']:.2f}  flagged {v['flagged']:>4}  P {v['precision']:.3f}  R {v['recall']:.3f}  F1 {v['f1']:.3f}  honest look-alikes {v['honest']:.1%}  reports and talk {v['reports']:.1%}"
            for v in s["strictness"]
        ]
    return "\n".join(out) + "\n"


def errors(figures: Figures) -> list[dict[str, Any]]:
    """Every wrong document: id, sort, the patterns it is labelled with, those that were said, its highest score."""
    rows = []
    for o in figures.outcomes:
        gold = sorted(x.pattern for x in o.example.labels if x.flagged)
        said = sorted(f.pattern for f in o.result.findings if f.flagged)
        if gold != said:
            rows.append({"id": o.example.id, "sort": o.example.sort, "gold": gold, "said": said, "score": round(max(o.result.scores.values()), 6)})
    return rows


def errors_text(figures: Figures) -> str:
    """The same, a line each."""
    return "".join(f"{r['id']}\t{r['sort']}\tgold {','.join(r['gold']) or '-'}\tsaid {','.join(r['said']) or '-'}\t{r['score']:.2f}\n" for r in errors(figures))


def as_html(table: str) -> str:
    """What :func:`as_text` and :func:`errors_text` print as one HTML page that asks for nothing else."""
    # Ids of documents are input and come out as text.
    head = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>Figures of hiddensale</title>'
    return f"{head}\n<h1>Figures of hiddensale</h1>\n<pre>\n{html.escape(table)}</pre>\n</html>\n"


# --- the gate --------------------------------------------------------------------------------------------------


def gate(figures: Figures, manifest: Mapping[str, Any], split: str) -> list[str]:
    """Real falls against the figures of the manifest, and empty slices.

    Returns
    -------
    list of str
        One line per fault; empty when all holds.
    """
    stored: Mapping[str, Any] = manifest.get("figures", {}).get(split, {})
    if not stored:
        return [f"the manifest holds no figures for split {split!r}; train again"]
    faults: list[str] = []
    for name, then in stored.items():
        now = figures.slices.get(name)
        if now is None or not now["n"]:
            faults.append(f"slice {name} is empty")
            continue
        for label, get, higher in _GATED:
            before, after = get(then), get(now)
            if (before - after if higher else after - before) > GATE_MARGIN:
                faults.append(f"{name}: {label} was {before:.3f}, is {after:.3f}")
        for label, v in then["slices"].items():
            there = now["slices"].get(label, {"n": 0})
            if v["n"] and not there["n"]:
                faults.append(f"{name}: slice {label!r} is empty")
            elif v["n"] >= _LEAST_SLICE and v["accuracy"] - there["accuracy"] > GATE_MARGIN:
                faults.append(f"{name}: accuracy of slice {label!r} was {v['accuracy']:.3f}, is {there['accuracy']:.3f}")
        for pattern, v in then["patterns"].items():
            if v["n"] and not now["patterns"][pattern]["n"]:
                faults.append(f"{name}: no flagged document of {pattern}")
            elif v["n"] and v["f1"] - now["patterns"][pattern]["f1"] > 3 * GATE_MARGIN:
                faults.append(f"{name}: F1 of {pattern} was {v['f1']:.3f}, is {now['patterns'][pattern]['f1']:.3f}")
    return faults


_GATED: tuple[tuple[str, Callable[[Mapping[str, Any]], float], bool], ...] = (
    ("F1 of any hidden sale", lambda s: float(s["any"]["f1"]), True),
    ("macro F1", lambda s: float(s["macro_f1"]), True),
    ("false alarms on honest look-alikes", lambda s: float(s["honest"]["share"]), False),
    ("false alarms on reports", lambda s: float(s["reports"]["share"]), False),
    ("precision from .8 on", lambda s: float(next(v["precision"] for v in s["strictness"] if v["from"] == 0.8)), True),
    ("contrast groups", lambda s: float(s["contrast"]["share"]), True),
    ("lure spans", lambda s: float(s["spans"]["lure"]), True),
    ("catch spans", lambda s: float(s["spans"]["catch"]), True),
)
