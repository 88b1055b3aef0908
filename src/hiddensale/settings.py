"""Defaults for the command line from a TOML file; what is given on the command line wins."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from hiddensale.errors import ConfigError


def merge(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Fill the options of a command from the ``[scan]`` table of its ``--config`` file.

    Parameters
    ----------
    ctx : click.Context
        Tells which options were given and how each is checked.
    options : dict
        Values as parsed.

    Raises
    ------
    ConfigError
        Naming file, key, value and remedy.
    """
    path = options.pop("config")
    if path is None:
        return options
    table = read(path)
    by_key = {p.opts[0].lstrip("-"): p for p in ctx.command.params if isinstance(p, click.Option)}
    for key, value in table.items():
        option = by_key.get(key)
        if option is None or key == "config" or option.name is None:
            known = ", ".join(k for k in by_key if k not in ("config", "help"))
            raise ConfigError(f"{path}: unknown key {key!r} under [scan]; known: {known}")
        if ctx.get_parameter_source(option.name) is not ParameterSource.DEFAULT:
            continue
        try:
            options[option.name] = option.type_cast_value(ctx, value)
        except click.BadParameter as error:
            raise ConfigError(f"{path}: {key} = {value!r}: {error.message}") from error
        except (TypeError, AttributeError, ValueError) as error:
            raise ConfigError(f"{path}: {key} = {value!r} is of the wrong type") from error
    return options


def read(path: Path) -> dict[str, Any]:
    """The ``[scan]`` table of a configuration file.

    Raises
    ------
    ConfigError
        When the file is missing, no TOML, or holds other tables.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no TOML: {error}") from error
    unknown = set(data) - {"scan"}
    if unknown:
        raise ConfigError(f"{path}: unknown table or key {min(unknown)!r}; put options under [scan]")
    table = data.get("scan", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: scan is a table, [scan]")
    return table
