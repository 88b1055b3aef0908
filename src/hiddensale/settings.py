"""Settings of a scan: the command line wins over a TOML file, the file over the defaults."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from hiddensale.errors import ConfigError

FILE = "hiddensale.toml"
PROJECT = "pyproject.toml"
# What belongs to one run, or would let a file found beside hostile texts choose where to write.
_ONE_RUN = ("config", "show-config", "output", "evidence", "seen-at", "write-baseline", "help")
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes", list: "a list of texts in quotes"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an option's value came from: ``command line``, ``default``, or the name of the file."""

    key: str
    value: Any
    where: str


def find(start: Path) -> Path | None:
    """The nearest ``hiddensale.toml``, or ``pyproject.toml`` with a ``[tool.hiddensale]`` table, from ``start`` upwards.

    Raises
    ------
    ConfigError
        When a ``pyproject.toml`` on the way is no TOML.
    """
    for folder in (start, *start.parents):
        # os.path says no, where pathlib raises, for a folder above that may not be looked into.
        if os.path.isfile(folder / FILE):  # noqa: PTH113
            return folder / FILE
        project = folder / PROJECT
        if os.path.isfile(project) and _section(project) is not None:  # noqa: PTH113
            return project
    return None


def merge(ctx: click.Context, options: dict[str, Any]) -> tuple[dict[str, Any], list[Origin]]:
    """Fill the options of a command from ``--config``, or from the nearest file of settings.

    Parameters
    ----------
    ctx : click.Context
        Tells which options were given and how each is checked.
    options : dict
        Values as parsed; ``config`` is taken out, ``allow`` is put in: the entries of the allow-list.

    Returns
    -------
    dict
        The options.
    list of Origin
        Each option's value and where it came from, in the order of the help page; what belongs to one run is left out.

    Raises
    ------
    ConfigError
        Naming file, key, value and remedy.
    """
    from hiddensale import ignoring

    given = options.pop("config")
    path = given if given is not None else find(Path.cwd())
    table, allow = read(path) if path is not None else ({}, [])
    by_key = {p.opts[0].lstrip("-"): p for p in ctx.command.params if isinstance(p, click.Option) and p.name}
    known = {k: p for k, p in by_key.items() if k not in _ONE_RUN}
    for key, value in table.items():
        if key in by_key and key not in known:
            raise ConfigError(f"{path}: {key} = {value!r}: --{key} is for one run; take it out and give it on the command line")
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r} under [scan]; known: {', '.join(known)}")
        # Checked even where the command line wins: a fault in the file should not wait for the day it does not.
        checked = _value(ctx, known[key], value, f"{path}: {key} = {value!r}", path)
        if ctx.get_parameter_source(str(known[key].name)) is ParameterSource.DEFAULT:
            options[str(known[key].name)] = checked
    options["allow"] = ignoring.allowed(allow, path) if path is not None else ()
    origins = []
    for key, option in known.items():
        command_line = ctx.get_parameter_source(str(option.name)) is not ParameterSource.DEFAULT
        origins.append(Origin(key, options[str(option.name)], "command line" if command_line else str(path) if key in table else "default"))
    origins.append(Origin("[[allow]]", len(options["allow"]), str(path) if allow else "default"))
    return options, origins


def shown(origins: list[Origin]) -> str:
    """The options as a table: key, value, where it came from.

    Examples
    --------
    >>> print(shown([Origin("jobs", 2, "command line"), Origin("model", None, "default")]), end="")
    jobs   2        command line
    model  not set  default
    """
    rows = [(o.key, _toml(o.value), o.where) for o in origins]
    first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
    return "".join(f"{key:<{first}}  {value:<{second}}  {where}\n" for key, value, where in rows)


def _toml(value: Any) -> str:
    if value is None or value == ():
        return "not set"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    if isinstance(value, (str, Path)):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value)


def _value(ctx: click.Context, option: click.Option, value: Any, where: str, path: Path | None) -> Any:
    """A value of the file, as the command line would have given it; stricter, as TOML has types."""
    kind: type = str
    if option.multiple:
        kind = list
    elif option.is_flag:
        kind = bool
    elif isinstance(option.type, click.types.FloatParamType):
        kind = float
    elif isinstance(option.type, click.types.IntParamType):
        kind = int
    fits = type(value) in ((int, float) if kind is float else (kind,))
    if not fits or (kind is list and not all(isinstance(v, str) for v in value)):
        raise ConfigError(f"{where} is of the wrong type; it takes {_KINDS[kind]}")
    try:
        checked = option.type_cast_value(ctx, value)
    except click.BadParameter as error:
        raise ConfigError(f"{where}: {error.message}") from error
    if isinstance(checked, Path) and path is not None:
        # A path in a file is told from that file's folder, so that it holds from any working directory.
        return path.parent / checked
    return checked


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --config and its permissions") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: no TOML: {error}; mend that line") from error


def _section(project: Path) -> Any:
    """What a pyproject.toml holds under ``tool.hiddensale``."""
    tools = _parse(project).get("tool", {})
    return tools.get("hiddensale") if isinstance(tools, dict) else None


def read(path: Path) -> tuple[dict[str, Any], object]:
    """The ``[scan]`` table of a file of settings, and what stands under ``allow``.

    Raises
    ------
    ConfigError
        When the file is missing, no TOML, or holds other tables.
    """
    data, prefix = _parse(path), ""
    if path.name == PROJECT:
        section, prefix = _section(path), "tool.hiddensale."
        if not isinstance(section, dict):
            raise ConfigError(f"{path}: tool.hiddensale is no table; put options under [{prefix}scan]")
        data = section
    for key in data:
        if key not in ("scan", "allow"):
            raise ConfigError(f"{path}: unknown table or key {prefix + key!r}; options go under [{prefix}scan], the allow-list under [[{prefix}allow]]")
    table = data.get("scan", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: {prefix}scan = {table!r} is no table; put options under [{prefix}scan]")
    return table, data.get("allow", [])
