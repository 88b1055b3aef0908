"""``hiddensale corpus stats``: what a corpus holds, and the same figures for its datasheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hiddensale.catalogue import PATTERNS
from hiddensale.corpus import Example

LANGS = ("fi", "en")
COLUMNS = ("flagged", "buried", "vague", "absent", "look-alikes", "clear", "reports")
# What a finished corpus holds at least, per pattern and language.
WANTED = {"flagged": 70, "look-alikes": 70, "buried": 12, "vague": 12, "absent": 12}
MIN_GROUPS = 700
MIN_DOCUMENTS = {"fi": 2200, "en": 1800}


def matrix(examples: Sequence[Example]) -> dict[tuple[str, str], Counter[str]]:
    """Documents per (language, pattern) and column; ``look-alikes`` counts the honest ones, the clear among them."""
    out: dict[tuple[str, str], Counter[str]] = {(lang, p): Counter() for lang in LANGS for p in PATTERNS}
    for x in examples:
        for label in x.labels:
            row = out[x.lang, label.pattern]
            if label.flagged:
                row["flagged"] += 1
                row[str(label.disclosure)] += 1
            elif label.stance == "reports":
                row["reports"] += 1
            else:
                row["clear"] += 1
                row["look-alikes"] += not x.flagged
        if x.sort == "lookalike":
            for p in set(x.near):
                out[x.lang, p]["look-alikes"] += 1
    return out


def shortfalls(examples: Sequence[Example]) -> list[str]:
    """Cells under what a finished corpus holds."""
    out = [f"{lang} {p}: {name} {row[name]}, wanted {least}" for (lang, p), row in matrix(examples).items() for name, least in WANTED.items() if row[name] < least]
    sizes = Counter(x.lang for x in examples)
    out += [f"{lang}: {sizes[lang]} documents, wanted {least}" for lang, least in MIN_DOCUMENTS.items() if sizes[lang] < least]
    groups = contrast_groups(examples)
    if groups < MIN_GROUPS:
        out.append(f"contrast groups: {groups}, wanted {MIN_GROUPS}")
    long = sum(len(x.text.split()) > 150 for x in examples) / max(len(examples), 1)
    if long < 0.25:
        out.append(f"documents over 150 words: {long:.1%}, wanted 25 %")
    return out


def contrast_groups(examples: Sequence[Example]) -> int:
    """How many groups have two or more members."""
    return sum(n > 1 for n in Counter(x.group for x in examples).values())


def summary(examples: Sequence[Example], agreement: Mapping[str, Any], style: Mapping[str, Mapping[str, float]]) -> str:
    """The figures as Markdown; what the command prints and the datasheet holds."""
    out = ["| | fi | en | all |", "|---|---|---|---|"]

    def row(name: str, count: Any) -> None:
        values = [count([x for x in examples if x.lang == lang]) for lang in LANGS]
        out.append(f"| {name} | " + " | ".join(map(str, [*values, count(examples)])) + " |")

    row("documents", len)
    for sort in ("flagged", "clear", "lookalike", "report", "talk", "ordinary"):
        row(sort, lambda xs, s=sort: sum(x.sort == s for x in xs))
    for split in ("train", "dev", "test"):
        row(f"split {split}", lambda xs, s=split: sum(x.split == s for x in xs))
    row("contrast groups", contrast_groups)
    row("groups that must not flip", lambda xs: len({x.group for x in xs if x.flips == "nothing"}))
    row("over 150 words", lambda xs: f"{sum(len(x.text.split()) > 150 for x in xs) / max(len(xs), 1):.0%}")
    row("median words", lambda xs: sorted(len(x.text.split()) for x in xs)[len(xs) // 2] if xs else 0)
    row("genres", lambda xs: len({x.genre.lower() for x in xs}))
    row("batches", lambda xs: len({x.batch for x in xs}))
    table = matrix(examples)
    for lang in LANGS:
        out += ["", f"| {lang} | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
        out += [f"| {p} | " + " | ".join(str(table[lang, p][c]) for c in COLUMNS) + " |" for p in PATTERNS]
    if style:
        out += ["", "| style gate (AUC) | linear | boosted | length | batch | worst pattern |", "|---|---|---|---|---|---|"]
        out += [f"| {lang} | " + " | ".join(f"{v.get(k, 0.0):.3f}" for k in ("linear", "boosted", "length", "batch", "worst pattern")) + " |" for lang, v in style.items()]
    if agreement:
        out += ["", "| second reading | documents | kappa flagged | lowest kappa of a pattern | disclosure | lure word F1 | catch word F1 |", "|---|---|---|---|---|---|---|"]
        for lang, v in agreement.items():
            worst = min(v["patterns"].items(), key=lambda kv: kv[1])
            out.append(
                f"| {lang} | {v['n']} ({', '.join(f'{k} {n}' for k, n in v['splits'].items())}) | {v['flagged']:.3f} | {worst[1]:.3f} ({worst[0]}) | {v['disclosure']:.3f} | {v['lure']:.3f} | {v['catch']:.3f} |"
            )
    return "\n".join(out) + "\n"


def plot(examples: Sequence[Example]) -> str:
    """The coverage matrix as an SVG picture: darker is more."""
    table = matrix(examples)
    columns = ("buried", "vague", "absent", "look-alikes", "clear", "reports")
    cell_w, cell_h, left, top = 64, 22, 190, 50
    most = max((table[lang, p][c] for lang in LANGS for p in PATTERNS for c in columns), default=1) or 1
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + 2 * len(columns) * cell_w + 40}" height="{top + len(PATTERNS) * cell_h + 10}" font-family="sans-serif" font-size="11">']
    for k, lang in enumerate(LANGS):
        x0 = left + k * (len(columns) * cell_w + 20)
        out.append(f'<text x="{x0}" y="14" font-weight="bold">{lang}</text>')
        for j, c in enumerate(columns):
            out.append(f'<text x="{x0 + j * cell_w + 2}" y="{top - 8}">{escape(c)}</text>')
            for i, p in enumerate(PATTERNS):
                n = table[lang, p][c]
                shade = 0.08 + 0.82 * (n / most) ** 0.5
                out.append(f'<rect x="{x0 + j * cell_w}" y="{top + i * cell_h}" width="{cell_w - 2}" height="{cell_h - 2}" fill="#1f5fa8" fill-opacity="{shade:.2f}"/>')
                out.append(f'<text x="{x0 + j * cell_w + 22}" y="{top + i * cell_h + 14}" fill="{"white" if shade > 0.5 else "black"}">{n}</text>')
    out += [f'<text x="4" y="{top + i * cell_h + 14}">{p}</text>' for i, p in enumerate(PATTERNS)]
    return "\n".join([*out, "</svg>"]) + "\n"
