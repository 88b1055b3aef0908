"""Language packs: folders of TOML, checked on reading, compiled to predicates over word types.

A pack is ``pack.toml``, any number of ``concepts*.toml``, ``cues*.toml`` and ``modifiers*.toml``.

A pattern of a cue is a line of elements, each matching one token:

==============  =====================================================================
``word``        the form or the lemma
``=word``       the form only
``*word``       form or lemma ends so (compound head)
``word*``       form or lemma starts so
``*word*``      form holds it
``<concept>``   any word of the concept in ``concepts.toml``
``#num``        a number, ``#cur`` a currency sign or word, ``#emoji`` an emoji
``_``           any token
``(a|b|c)``     one of several elements
``x?``          the element may be missing
``..3``         up to three tokens in between
``!x``          the next token is not x
``^`` ``$``     start and end of the unit (sentence, line); inside brackets ``$`` is the dollar sign
``'*'``         the token between the quotes, as it stands
==============  =====================================================================
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from hiddensale.errors import PackError
from hiddensale.lexicon import LiveLemmatizer, TableLemmatizer


@dataclass(frozen=True, slots=True)
class Kind:
    """What a cue can be: its role, its name and the patterns it can serve."""

    role: str
    name: str
    patterns: tuple[str, ...]
    about: str

    @property
    def key(self) -> str:
        return f"{self.role}.{self.name}"


@dataclass(frozen=True, slots=True)
class Element:
    """One step of a compiled pattern.

    ``preds`` are the predicates of which one must hold (empty = any token); ``gap`` tokens may come before.
    """

    preds: tuple[int, ...]
    gap: int = 0
    optional: bool = False
    negative: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue of a pack with its compiled patterns and its examples."""

    id: str
    kind: Kind
    strength: float
    patterns: tuple[tuple[Element, ...], ...]
    sources: tuple[str, ...]
    examples: tuple[str, ...]
    counterexamples: tuple[str, ...]


class Predicates:
    """All the word tests of a pack, looked up by form, lemma, ending and beginning."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self.exact: dict[str, list[int]] = {}
        self.either: dict[str, list[int]] = {}
        self.suffix: dict[str, list[int]] = {}
        self.prefix: dict[str, list[int]] = {}
        self.infix: dict[str, list[int]] = {}
        self.builtin: dict[str, int] = {}
        self.concepts: dict[str, int] = {}
        self.words: set[str] = set()

    def _new(self, key: str) -> int:
        return self._ids.setdefault(key, len(self._ids))

    def add(self, atom: str) -> int:
        """Return the id of the test written as ``atom``, making it where it is new."""
        if atom in self._ids:
            return self._ids[atom]
        ident = self._new(atom)
        if atom.startswith("'") and atom.endswith("'") and len(atom) > 2:
            self.exact.setdefault(atom[1:-1], []).append(ident)
        elif atom.startswith("#"):
            if atom not in ("#num", "#cur", "#emoji"):
                raise PackError(f"unknown class {atom!r}; there are #num, #cur and #emoji")
            self.builtin[atom] = ident
        elif atom.startswith("="):
            self.exact.setdefault(atom[1:].lower(), []).append(ident)
        elif atom.startswith("*") and atom.endswith("*") and len(atom) > 3:
            self.infix.setdefault(atom[1:-1].lower(), []).append(ident)
        elif atom.startswith("*") and len(atom) > 2:
            self.suffix.setdefault(atom[1:].lower(), []).append(ident)
            self.words.add(atom[1:].lower())
        elif atom.endswith("*") and len(atom) > 2:
            self.prefix.setdefault(atom[:-1].lower(), []).append(ident)
        else:
            self.either.setdefault(atom.lower(), []).append(ident)
            self.words.add(atom.lower())
        return ident

    def of(self, text: str, lower: str, lemma: str, classes: tuple[str, ...]) -> frozenset[int]:
        """Return the ids of all tests a word type passes."""
        out: set[int] = set()
        for key in {text, lower}:
            out.update(self.exact.get(key, ()))
        for key in {lower, lemma}:
            out.update(self.either.get(key, ()))
            for size in range(2, len(key) + 1):
                if key[-size:] in self.suffix:
                    out.update(self.suffix[key[-size:]])
                if key[:size] in self.prefix:
                    out.update(self.prefix[key[:size]])
        for piece, ids in self.infix.items():
            if piece in lower:
                out.update(ids)
        for name in classes:
            if name in self.builtin:
                out.add(self.builtin[name])
        return frozenset(out)


_TOKEN = re.compile(r"'[^']+'|\([^)]*\)\??|\S+")


def parse_pattern(source: str, predicates: Predicates, concepts: Mapping[str, list[int]]) -> tuple[Element, ...]:
    """Compile one pattern line.

    Raises
    ------
    PackError
        With the element that cannot be read.
    """
    out: list[Element] = []
    gap = 0
    for piece in _TOKEN.findall(source):
        if re.fullmatch(r"\.\.\d+", piece):
            gap = int(piece[2:])
            continue
        if piece in ("^", "$"):
            out.append(Element((), anchor=piece))
            continue
        negative = piece.startswith("!") and len(piece) > 1
        body = piece[1:] if negative else piece
        optional = body.endswith("?") and len(body) > 1 and not body.startswith("'")
        body = body[:-1] if optional else body
        atoms = body[1:-1].split("|") if body.startswith("(") and body.endswith(")") else [body]
        preds: list[int] = []
        for raw in atoms:
            atom = raw.strip()
            if not atom:
                raise PackError(f"an empty alternative in {source!r}")
            if atom == "^":
                raise PackError(f"{atom} inside brackets in {source!r} would be read as a character; write two patterns")
            if atom == "_":
                preds = []
                break
            if atom.startswith("<") and atom.endswith(">") and len(atom) > 2:
                if atom[1:-1] not in concepts:
                    raise PackError(f"unknown concept {atom} in {source!r}; concepts.toml has {', '.join(sorted(concepts))}")
                preds.extend(concepts[atom[1:-1]])
            else:
                preds.append(predicates.add(atom))
        out.append(Element(tuple(dict.fromkeys(preds)), gap=gap, optional=optional, negative=negative))
        gap = 0
    if not any(e.preds and not e.optional and not e.negative for e in out):
        raise PackError(f"the pattern {source!r} asks for no word")
    return tuple(out)


@lru_cache(maxsize=1)
def kinds() -> dict[str, Kind]:
    """The shared vocabulary of cue kinds, by ``role.name``."""
    raw = tomllib.loads(files("hiddensale").joinpath("kinds.toml").read_text(encoding="utf-8"))
    out: dict[str, Kind] = {}
    for role, table in raw.items():
        for name, row in table.items():
            kind = Kind(role, name, tuple(row.get("patterns", ())), row["about"])
            out[kind.key] = kind
    return out


@dataclass(frozen=True, eq=False)
class Pack:
    """A language as data; compared by identity, since :func:`load_pack` makes each once."""

    lang: str
    version: str
    settings: Mapping[str, Any]
    predicates: Predicates
    concepts: Mapping[str, frozenset[int]]
    cues: tuple[Cue, ...]
    overrides: Mapping[str, str]
    digest: str

    def vocabulary(self) -> set[str]:
        """All words the pack tests for, lower case: the lemmas a run-time table must know."""
        return {w for w in self.predicates.words if w[:1].isalpha()} | set(self.overrides.values())


def pack_root(lang: str, root: Path | None = None) -> Traversable:
    """Folder of a language's pack."""
    base: Traversable = root if root is not None else files("hiddensale").joinpath("lang")
    return base.joinpath(lang)


def languages() -> list[str]:
    """Codes of the languages there are packs for; the folder listing is the registry."""
    found = [p.name for p in files("hiddensale").joinpath("lang").iterdir() if p.is_dir() and p.joinpath("pack.toml").is_file()]
    return sorted(found, key=lambda code: (code != "fi", code))


@lru_cache(maxsize=16)
def load_pack(lang: str, root: Path | None = None) -> Pack:
    """Read, check and compile a language pack.

    Parameters
    ----------
    lang : str
        Folder name under ``lang/``.
    root : Path, optional
        Another folder of packs.

    Raises
    ------
    PackError
        Naming the file, the entry and what to do.
    """
    folder = pack_root(lang, root)
    if not folder.joinpath("pack.toml").is_file():
        raise PackError(f"there is no language pack {lang!r}; there are: {', '.join(languages())}")
    tables: dict[str, dict[str, Any]] = {}
    digest = hashlib.sha256()
    for name in sorted(p.name for p in folder.iterdir() if p.name == "pack.toml" or p.name.startswith(("concepts", "cues", "modifiers"))):
        path = folder.joinpath(name)
        source = path.read_text(encoding="utf-8")
        digest.update(source.encode("utf-8"))
        try:
            tables[name] = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise PackError(f"{path}: {error}") from error
    predicates = Predicates()
    # Several files may add words to one concept.
    concepts: dict[str, list[int]] = {}
    for name, table in tables.items():
        if name.startswith("concepts"):
            for concept, row in table.items():
                try:
                    concepts.setdefault(concept, []).extend(predicates.add(item) for item in row["items"])
                except (KeyError, TypeError) as error:
                    raise PackError(f"{folder.joinpath(name)}: [{concept}] needs items = [...]") from error
    cues = tuple(_cues(folder, tables, predicates, concepts))
    seen: set[str] = set()
    for cue in cues:
        if cue.id in seen:
            raise PackError(f"{folder}: the cue id {cue.id!r} is used twice")
        seen.add(cue.id)
    settings = tables["pack.toml"]
    return Pack(
        lang=lang,
        version=str(settings.get("version", "0")),
        settings=settings,
        predicates=predicates,
        # Sets, since every new word is compared with every concept.
        concepts={k: frozenset(v) for k, v in concepts.items()},
        cues=cues,
        overrides={k.lower(): str(v).lower() for k, v in settings.get("forms", {}).items()},
        digest=digest.hexdigest(),
    )


def _cues(folder: Traversable, tables: dict[str, dict[str, Any]], predicates: Predicates, concepts: dict[str, list[int]]) -> Iterator[Cue]:
    known = kinds()
    for name, table in tables.items():
        if not name.startswith(("cues", "modifiers")):
            continue
        for number, row in enumerate(table.get("cue", []), 1):
            place = f"{folder.joinpath(name)}: cue {number} ({row.get('id', 'no id')})"
            missing = [k for k in ("id", "role", "kind", "match", "examples") if k not in row]
            if missing:
                raise PackError(f"{place}: missing {', '.join(missing)}")
            key = f"{row['role']}.{row['kind']}"
            if key not in known:
                raise PackError(f"{place}: unknown kind {key!r}; kinds.toml lists them")
            strength = float(row.get("strength", 0.7))
            if not 0 <= strength <= 1:
                raise PackError(f"{place}: strength {strength} is outside 0..1")
            try:
                patterns = tuple(parse_pattern(m, predicates, concepts) for m in row["match"])
            except PackError as error:
                raise PackError(f"{place}: {error}") from error
            yield Cue(row["id"], known[key], strength, patterns, tuple(row["match"]), tuple(row["examples"]), tuple(row.get("counterexamples", ())))


def run_time_lemmatizer(pack: Pack, table: Mapping[str, str]) -> TableLemmatizer:
    """The lemmatiser a detector uses: a model's table with the pack's overrides, endings and compounds."""
    return TableLemmatizer(table, pack.overrides, compounds=bool(pack.settings.get("compounds")), endings=tuple(pack.settings.get("endings", ())), dots=pack.settings.get("dots"))


def live_lemmatizer(pack: Pack) -> LiveLemmatizer:
    """The lemmatiser for what has no table: simplemma itself with the pack's overrides."""
    return LiveLemmatizer(str(pack.settings.get("simplemma", pack.lang)), pack.overrides, dots=pack.settings.get("dots"))
