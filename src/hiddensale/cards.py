"""The model card, written from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiddensale.evaluation import Figures, Outcome, reliability

_INTRO = """# Model card: hiddensale base

Finds hidden sales (ten patterns) in Finnish and English offers and job ads: lure, catch, disclosure, stance, score.
Written by `hiddensale train` from what it measured; not edited by hand.

## For and not for

For pointing a person to texts worth reading, with the two spans and the reasons. Not for deciding by itself about an
advertiser, not legal advice, and not a detector of fraud, of bad prices or of pressure. It reads the text it is given and
nothing else: a price that stands on another page is not seen.
"""


def card(manifest: Mapping[str, Any], measured: Mapping[str, Figures]) -> str:
    """Return the card as Markdown."""
    out = [_INTRO, "## Data\n"]
    out.append(f"{manifest['n_train']} training documents (corpus hash `{manifest['corpus_sha256'][:16]}`), languages {', '.join(manifest['langs'])}, seed {manifest['seed']}.")
    out.append("Written texts, not collected ones: see `corpus/README.md`.\n")
    out.append(
        "A text is flagged from these probabilities of any hidden sale on (chosen on grouped folds of the training documents for a false-alarm budget): "
        + ", ".join(f"{k} {manifest['thresholds'][k]:.3f}" for k in manifest["langs"])
        + ".\n"
    )
    for split, figures in measured.items():
        out.append(f"## Figures on split {split}\n")
        for name, s in figures.slices.items():
            out += _table(name, s)
        out.append("Reliability of the pattern scores:\n")
        out.append("| score from | n | mean score | true |\n|---|---|---|---|")
        out += [f"| {r['from']:.1f} | {r['n']} | {r['score']:.3f} | {r['true']:.3f} |" for r in reliability(figures.outcomes)]
        out.append("")
        if split == "dev":
            out += _failures(figures)
    out.append("## Train again\n\n```\nhiddensale train corpus/ --output models/base\n```\n")
    return "\n".join(out)


def _table(name: str, s: Mapping[str, Any]) -> list[str]:
    a = s["any"]
    low, high = a["f1_interval"]
    rows = [
        f"### {name}: {s['n']} documents, {s['flagged']} flagged\n",
        f"Any hidden sale: P {a['precision']:.3f}, R {a['recall']:.3f}, F1 {a['f1']:.3f} (95 % interval {low:.3f} to {high:.3f}, bootstrap over groups), AP {a['ap']:.3f}. "
        f"Macro F1 {s['macro_f1']:.3f}. False alarms: honest look-alikes {s['honest']['share']:.1%}, reports and talk {s['reports']['share']:.1%}. "
        f"Contrast groups all right {s['contrast']['share']:.3f} of {s['contrast']['n']}. Span word F1: lure {s['spans']['lure']:.3f}, catch {s['spans']['catch']:.3f}. "
        f"Calibration error {s['calibration_error']:.3f} per pattern score, {s['calibration_error_document']:.3f} per document. "
        f"Of {s['labels']['n']} labels {s['labels']['found']} have a finding of their pattern, flagged or not; on these: disclosure accuracy {s['disclosure']['accuracy']:.3f} "
        f"(of {s['disclosure']['n']} that are made), stance {s['stance']['accuracy']:.3f}.\n",
        "| pattern | n | P | R | F1 | AP |\n|---|---|---|---|---|---|",
    ]
    rows += [f"| {p} | {v['n']} | {v['precision']:.3f} | {v['recall']:.3f} | {v['f1']:.3f} | {v['ap']:.3f} |" for p, v in s["patterns"].items()]
    rows.append("\n| slice | n | P | R | accuracy |\n|---|---|---|---|---|")
    rows += [f"| {label} | {v['n']} | {v['precision']:.3f} | {v['recall']:.3f} | {v['accuracy']:.3f} |" for label, v in s["slices"].items() if v["n"]]
    rows.append("\n| counted from score on | flagged | P | R | F1 | honest look-alikes flagged | reports and talk flagged |\n|---|---|---|---|---|---|---|")
    rows += [f"| {v['from']:.2f} | {v['flagged']} | {v['precision']:.3f} | {v['recall']:.3f} | {v['f1']:.3f} | {v['honest']:.1%} | {v['reports']:.1%} |" for v in s["strictness"]]
    rows.append("\nDisclosure, gold as said: " + ", ".join(f"{k} {n}" for k, n in s["disclosure"]["confusion"].items()) + ".")
    rows.append("Stance: " + ", ".join(f"{k} {n}" for k, n in s["stance"]["confusion"].items()) + ".\n")
    return rows


def _failures(figures: Figures) -> list[str]:
    """The surest mistakes, as examples of what the model gets wrong."""

    def top(o: Outcome) -> float:
        return max(o.result.scores.values())

    alarms = sorted((o for o in figures.outcomes if not o.right and o.result.flagged), key=top, reverse=True)[:6]
    misses = sorted((o for o in figures.outcomes if not o.right and o.example.flagged), key=top)[:6]
    out = ["## Known failures\n", "Honest or reporting texts that are flagged with the highest scores:\n"]
    for o in alarms:
        f = next(f for f in o.result.findings if f.flagged)
        out.append(f"- `{o.example.id}` ({o.example.sort}), {f.pattern} {f.score:.2f}: lure “{_short(f.lure.text)}”" + (f", catch “{_short(f.catch.text)}”" if f.catch else ""))
    out.append("\nHidden sales that are missed with the lowest scores:\n")
    for o in misses:
        label = next(x for x in o.example.labels if x.flagged)
        assert label.lure is not None
        catch = f", catch “{_short(o.example.text[slice(*label.catch)])}”" if label.catch else ", no catch in the text"
        out.append(f"- `{o.example.id}`, {label.pattern}, {label.disclosure}: lure “{_short(o.example.text[slice(*label.lure)])}”{catch}")
    out.append("")
    return out


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:89] + "…"
