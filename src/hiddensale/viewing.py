"""A page to browse a corpus: spans highlighted; filter by pattern, language, disclosure, split, sort and words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

from hiddensale.corpus import Example


def page(examples: Sequence[Example]) -> str:
    """One self-contained HTML file.

    Parameters
    ----------
    examples : sequence of Example

    Returns
    -------
    str
        HTML; the documents are carried as JSON and drawn a screenful at a time.
    """
    rows = [
        {
            "id": x.id,
            "lang": x.lang,
            "split": x.split,
            "sort": x.sort,
            "genre": x.genre,
            "style": x.style,
            "group": x.group,
            "text": x.text,
            "near": list(x.near),
            "labels": [{"pattern": y.pattern, "lure": y.lure, "catch": y.catch, "disclosure": y.disclosure, "stance": y.stance} for y in x.labels],
        }
        for x in examples
    ]
    # "<" is written as an escape so that no document can close the script element.
    data = json.dumps(rows, ensure_ascii=False).replace("<", "\\u003c")
    return files("hiddensale").joinpath("corpus.html").read_text(encoding="utf-8").replace("/*DATA*/[]", data)
