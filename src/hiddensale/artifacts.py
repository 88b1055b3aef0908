"""Models on disk: plain arrays in ``arrays.npz``, everything else in ``manifest.json``. Nothing is unpickled."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hiddensale.catalogue import PATTERNS
from hiddensale.errors import ArtifactError
from hiddensale.judge import Head
from hiddensale.network import Network
from hiddensale.quantising import quantise, restore
from hiddensale.roles import ROLE_NAMES, RoleModel
from hiddensale.spans import SpanModel
from hiddensale.wording import WordingModel

FORMAT = 8
MODEL_NAME = "base"
ARRAYS = "arrays.npz"
MANIFEST = "manifest.json"
CARD = "card.md"
HEADS = ("any", "pattern", "about", "present", "reports", "clear", "buried", "vague", "absent")
# Rows of ``Model.scales``: what is calibrated.
SCALES = ("any", "pattern", "present")
# Least values a flagged pattern needs besides the threshold: its share among the patterns, and the log-odds that the text is
# about what the pattern is about and that its lure can be pointed at, in any text and in a short one; and the log-odds of "about"
# where the judge is surer than ``judge.SURE`` that something is hidden, of a pattern that is flagged beside a likelier one, and where
# the judge is less sure than ``judge.UNSURE``. The last is a most: by how many log-odds "clear" may lead the other disclosures
# where the judge is less sure than ``judge.OUTWEIGHS``.
GATES = ("share", "about", "lure", "lure of a short text", "about where sure", "about of a further pattern", "about where unsure", "clear")
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Parts:
    """What the first stage learned, on its way to a :class:`Model`."""

    roles: RoleModel
    spans: SpanModel
    wording: Mapping[str, WordingModel]
    network: Network
    lemmas: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Model:
    """Everything a detector needs that was learned.

    ``scales`` of shape (n_langs, 3, 2) holds scale and offset of the heads in :data:`SCALES`; ``thresholds`` of shape
    (n_langs,) the probability of any hidden sale from which a text is flagged, ``gates`` of shape (n_langs, n_gates) what else
    must hold (:data:`GATES`).
    """

    roles: RoleModel
    spans: SpanModel
    wording: Mapping[str, WordingModel]
    network: Network
    heads: Mapping[str, Head]
    langs: tuple[str, ...]
    scales: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]
    gates: npt.NDArray[np.float64]
    lemmas: Mapping[str, Mapping[str, str]]
    manifest: Mapping[str, Any]
    path: str = ""


def default_path() -> Path:
    """Folder of the packaged model: beside the package in a wheel, else the checkout's ``models/``."""
    packaged = Path(str(files("hiddensale").joinpath("models", MODEL_NAME)))
    if packaged.is_dir():
        return packaged
    checkout = Path(__file__).resolve().parents[2] / "models" / MODEL_NAME
    if checkout.is_dir():
        return checkout
    raise ArtifactError(f"no model found: neither {packaged} nor {checkout} is there; reinstall hiddensale or run 'hiddensale train corpus/'")


def _pack_text(lines: list[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer("\n".join(lines).encode("utf-8"), dtype=np.uint8)


def _unpack_text(array: npt.NDArray[Any]) -> list[str]:
    text = array.astype(np.uint8).tobytes().decode("utf-8")
    return text.split("\n") if text else []


def to_arrays(model: Model) -> Arrays:
    """All of a model but its manifest, as named arrays."""
    out: Arrays = {
        "roles.names": _pack_text(model.roles.names),
        "roles.weights": model.roles.weights.astype(np.float16),
        "roles.bias": model.roles.bias,
        "spans.names": _pack_text(model.spans.names),
        "spans.weights": model.spans.weights.astype(np.float16),
        "spans.bias": model.spans.bias,
        "network.names": _pack_text(model.network.names),
        "network.cues": _pack_text(model.network.cue_names),
        **model.network.arrays("network"),
        "scales": model.scales,
        "thresholds": model.thresholds,
        "gates": model.gates,
    }
    for lang, wording in model.wording.items():
        out[f"wording.{lang}.names"] = _pack_text(wording.names)
        out[f"wording.{lang}.idf"] = wording.idf
        out[f"wording.{lang}.weights"], out[f"wording.{lang}.step"] = quantise(wording.weights)
        out[f"wording.{lang}.bias"] = wording.bias
    for name, head in model.heads.items():
        out.update(head.arrays(f"head.{name}"))
    for lang, table in model.lemmas.items():
        out[f"lemmas.{lang}"] = _pack_text(_fold_table(table))
    return out


def _fold_table(table: Mapping[str, str]) -> list[str]:
    """A lemma table as lines ``lemma`` + tab + its other forms, each as one letter for the length of the shared beginning, and the rest."""
    by_lemma: dict[str, list[str]] = {}
    for form, lemma in table.items():
        by_lemma.setdefault(lemma, [])
        if form != lemma:
            by_lemma[lemma].append(form)
    lines = []
    for lemma in sorted(by_lemma):
        parts = [lemma]
        for form in sorted(by_lemma[lemma]):
            shared = 0
            while shared < min(len(form), len(lemma)) and form[shared] == lemma[shared]:
                shared += 1
            parts.append(chr(shared + 33) + form[shared:])
        lines.append("\t".join(parts))
    return lines


def _unfold_table(lines: list[str]) -> dict[str, str]:
    rows = [line.split("\t") for line in lines]
    # A lemma stands for itself, unless another has it among its forms ("being" of "be").
    out = {parts[0]: parts[0] for parts in rows}
    for lemma, *parts in rows:
        for part in parts:
            out[lemma[: ord(part[0]) - 33] + part[1:]] = lemma
    return out


def prepare_folder(folder: Path) -> None:
    """Make a model folder and try to write into it: before a quarter of an hour of learning, not after.

    Raises
    ------
    ArtifactError
        When it cannot be made or written to.
    """
    trial = folder / f".{ARRAYS}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise ArtifactError(f"{folder}: a model cannot be written there ({error.strerror}); choose another --output") from error


def save(model: Model, folder: Path, card: str | None = None) -> None:
    """Write a model folder; the manifest gains the hash of the arrays.

    Every file is written beside the one it takes the place of, so that an interruption leaves a whole model.
    """
    prepare_folder(folder)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **to_arrays(model))
    data = buffer.getvalue()
    manifest = {**model.manifest, "format": FORMAT, "sha256": hashlib.sha256(data).hexdigest()}
    written = {ARRAYS: data, MANIFEST: (json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()}
    if card is not None:
        written[CARD] = card.encode()
    parts = {name: folder / f".{name}.part" for name in written}
    for name, content in written.items():
        parts[name].write_bytes(content)
    for name, part in parts.items():
        part.replace(folder / name)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder.

    Raises
    ------
    ArtifactError
        When it is missing, no JSON or of another format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ArtifactError(f"{folder}: no model there ({MANIFEST} is missing); 'hiddensale train' writes one")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(f"{path}: no JSON ({error}); restore it or train again") from error
    if manifest.get("format") != FORMAT:
        raise ArtifactError(f"{path}: model format {manifest.get('format')!r}, this version reads {FORMAT}; train again with this version")
    return manifest


def load(path: Path | None = None) -> Model:
    """Read and verify a model folder.

    Parameters
    ----------
    path : Path, optional
        Model folder; the packaged model by default.

    Raises
    ------
    ArtifactError
        When the model is missing, damaged or does not fit this version, with what to do.
    """
    folder = path if path is not None else default_path()
    manifest = read_manifest(folder)
    try:
        data = (folder / ARRAYS).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{folder / ARRAYS}: cannot be read ({error.strerror}); restore it or train again") from error
    if hashlib.sha256(data).hexdigest() != manifest.get("sha256"):
        raise ArtifactError(f"{folder / ARRAYS}: differs from the hash in {MANIFEST}; restore the file or train again")
    if tuple(manifest.get("patterns", ())) != PATTERNS or tuple(manifest.get("roles", ())) != ROLE_NAMES:
        raise ArtifactError(f"{folder}: made for other patterns or roles; train again with this version")
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays: Arrays = {k: stored[k] for k in stored.files}
    return from_arrays(arrays, manifest, str(folder))


def from_arrays(arrays: Arrays, manifest: Mapping[str, Any], path: str = "") -> Model:
    """The inverse of :func:`to_arrays`."""
    langs = tuple(manifest["langs"])
    return Model(
        roles=RoleModel(_unpack_text(arrays["roles.names"]), arrays["roles.weights"], arrays["roles.bias"]),
        spans=SpanModel(_unpack_text(arrays["spans.names"]), arrays["spans.weights"], arrays["spans.bias"]),
        wording={
            lang: WordingModel(
                _unpack_text(arrays[f"wording.{lang}.names"]),
                arrays[f"wording.{lang}.idf"],
                restore(arrays[f"wording.{lang}.weights"], arrays[f"wording.{lang}.step"]),
                arrays[f"wording.{lang}.bias"],
            )
            for lang in langs
        },
        network=Network.from_arrays("network", _unpack_text(arrays["network.names"]), _unpack_text(arrays["network.cues"]), arrays),
        heads={name: Head.from_arrays(f"head.{name}", arrays) for name in HEADS},
        langs=langs,
        scales=arrays["scales"],
        thresholds=arrays["thresholds"],
        gates=arrays["gates"],
        lemmas={lang: _unfold_table(_unpack_text(arrays[f"lemmas.{lang}"])) for lang in langs},
        manifest=manifest,
        path=path,
    )
