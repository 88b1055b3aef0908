"""The command line: parse, call one library function, print, exit. Imports nothing heavy before a command runs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from hiddensale.errors import HiddensaleError

if TYPE_CHECKING:
    from hiddensale.schema import Document, ScanResult

_FORMATS = ("text", "json", "jsonl", "csv", "sarif", "html")
_INPUTS = ("auto", "text", "markdown", "html", "jsonl", "csv", "eml", "pdf")


class _Group(click.Group):
    """Whatever goes wrong becomes one line on standard error and a status over 1, since 1 says that something was found."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except HiddensaleError as error:
            _fail(str(error), error.exit_status)
        except KeyboardInterrupt:
            _fail("stopped by Ctrl-C before the end; what was printed is not all", 130)
        except BrokenPipeError:
            _hush(sys.stdout)
            _fail("a pipe was closed before all was written; run it again with a reader that reads to the end")
        except OSError as error:
            _fail(f"{_short(str(error.filename or 'input or output'))}: {error.strerror or error}; check the path, its permissions and the space left")
        except MemoryError:
            _fail("the memory ran out; run it on less at a time, or with fewer --jobs")
        except Exception as error:  # noqa: BLE001 - the last stop before Python's own status 1
            _fail(_unexpected(error))


def _fail(message: str, status: int = 2) -> NoReturn:
    _echo(f"hiddensale: {' '.join(message.split())}", err=True)
    sys.exit(status)


def _unexpected(error: Exception) -> str:
    import traceback

    place = traceback.extract_tb(error.__traceback__)[-1]
    # Quoted, since a message may hold a piece of a hostile text.
    what = f"{type(error).__name__} {_short(str(error))!r} at {Path(place.filename).name}:{place.lineno}"
    return f"stopped by an unexpected error, {what}; this is a bug in hiddensale and says nothing about the input: please report this line and what was run"


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


def _echo(message: str, *, nl: bool = True, err: bool = False) -> bool:
    """Print; False where the reader went away ("| head"), and then all that follows goes nowhere, so that the exit status still tells what was found."""
    try:
        click.echo(message, nl=nl, err=err)
    except BrokenPipeError:
        _hush(sys.stderr if err else sys.stdout)
        return False
    return True


def _hush(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hiddensale")
def main() -> None:
    """Find hidden sales in offers and job ads, in Finnish and English.

    A finding is a pointer for a person to look at, never a verdict.
    """


@main.command()
@click.argument("paths", nargs=-1, metavar="[PATH | -]...")
@click.option("--format", "output_format", type=click.Choice(_FORMATS), help="Output format; text on a terminal, jsonl elsewhere.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, whole or not at all.")
@click.option("--input-format", type=click.Choice(_INPUTS), default="auto", show_default=True, help="What the input is; by name and content.")
@click.option("--lang", type=click.Choice(("auto", "fi", "en")), default="auto", show_default=True, help="Language of the texts.")
@click.option("--pattern", "only", multiple=True, metavar="ID", help="Only this pattern; may be given again.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Flag from this score on, in place of the model's own thresholds.")
@click.option("--all", "everything", is_flag=True, help="Also findings that are told clearly or only reported.")
@click.option("--clarify", is_flag=True, help="For each flagged finding, the smallest change found that takes the flag away; slow, and not in sarif.")
@click.option("--jobs", type=click.IntRange(min=0), default=1, show_default=True, help="Processes; 0 = one per core.")
@click.option("--model", type=click.Path(path_type=Path), help="Another model folder.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with defaults for these options; else the nearest hiddensale.toml.")
@click.option("--show-config", is_flag=True, help="Print each option, its value and where it came from, and exit.")
@click.option("--baseline", type=click.Path(path_type=Path), help="JSON file of findings already known; they are left out.")
@click.option("--write-baseline", type=click.Path(dir_okay=False, path_type=Path), help="Write the findings of this scan as a baseline.")
@click.option("--honour-ignores", is_flag=True, help="Follow 'hiddensale: ignore PATTERN reason' in texts; only for texts you trust.")
@click.option("--evidence", type=click.Path(file_okay=False, path_type=Path), help="Write an evidence pack for each finding into this new folder.")
@click.option("--seen-at", metavar="ISO-TIME", help="When the text was seen, for --evidence; left empty by default.")
@click.option("--ui-lang", type=click.Choice(("fi", "en")), help="Language of the messages; each text's own by default.")
@click.option("--quiet", is_flag=True, help="Print nothing but the results; no summary of errors.")
@click.option("--no-progress", is_flag=True, help="No progress bar on standard error.")
@click.pass_context
def scan(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
    """Scan files, folders or standard input (-).

    Exit status: 0 nothing flagged, 1 something flagged, 2 wrong usage or nothing could be read.

    \b
    Examples:
      hiddensale scan ad.txt
      hiddensale scan ads/ --format csv --output findings.csv
      hiddensale scan ads/ --format sarif --output findings.sarif
      hiddensale scan ads/ --evidence packs/ --seen-at 2026-11-21T14:30:00+02:00
      hiddensale scan ads/ --write-baseline known.json
      hiddensale scan draft.txt --clarify
      hiddensale scan drafts/ --config drafts.toml --honour-ignores
      hiddensale scan --show-config
      hiddensale scan ads/ --format html --output report.html
      curl -s https://shop.example/offer | hiddensale scan - --input-format html
    """
    from hiddensale import settings

    options, origins = settings.merge(ctx, options)
    if options["show_config"]:
        _echo(settings.shown(origins), nl=False)
        return
    if not paths:
        if sys.stdin.isatty():
            raise click.UsageError("name a file or folder to scan, or - for standard input")
        paths = ("-",)
    if options["seen_at"] and not options["evidence"]:
        raise click.UsageError("--seen-at goes into evidence packs; give --evidence too")
    with ExitStack() as stack:
        _scan(paths, options, stack)


def _check_path(path: str) -> None:
    try:
        Path(path).stat()
    except PermissionError as error:
        _fail(f"{path}: cannot be read ({error.strerror}); check its permissions and those of the folders above it")
    except (OSError, ValueError):
        # Also what is no name at all: an ad's whole text is too long for one.
        _fail(f"{_short(path)}: there is no such file or folder; a text itself goes in through standard input (-)")


def _scan(paths: tuple[str, ...], options: dict[str, Any], stack: ExitStack) -> None:
    from hiddensale import artifacts, baselines, dossier, ignoring, readers, renderers, sarif
    from hiddensale.detector import Detector

    for path in paths:
        if path != "-":
            _check_path(path)
    detector = Detector(artifacts.load(options["model"]), patterns=options["only"] or None, min_score=options["min_score"], ui_lang=options["ui_lang"])
    known = baselines.read(options["baseline"]) if options["baseline"] else None
    sieve = ignoring.Sieve(known, options["allow"], honour=options["honour_ignores"], everything=options["everything"])
    packs = stack.enter_context(dossier.Packs(options["evidence"], dossier.context(detector.model, options), options["ui_lang"])) if options["evidence"] else None
    entries: list[dict[str, Any]] = []
    lang = None if options["lang"] == "auto" else options["lang"]
    counts = {"documents": 0, "failed": 0, "flagged": 0}
    output_format = options["output_format"] or ("text" if options["output"] is None and sys.stdout.isatty() else "jsonl")
    # A suggestion costs many scans, and SARIF has no place for it.
    clarify = options["clarify"] and output_format != "sarif"

    def documents() -> Iterator[Document]:
        for path in paths:
            yield from readers.read(path, options["input_format"])

    def results() -> Iterator[ScanResult]:
        for result in detector.scan_many(sieve.watch(documents()), n_jobs=options["jobs"], lang=lang):
            if options["write_baseline"]:
                entries.extend(baselines.entry(f, result, options["write_baseline"].resolve().parent) for f in result.findings if f.flagged or options["everything"])
            kept = sieve.apply(result)
            counts["documents"] += 1
            counts["failed"] += kept.error is not None
            counts["flagged"] += kept.flagged
            shown = renderers.shown(kept, everything=options["everything"])
            if packs is not None:
                packs.add(shown)
            yield detector.clarify(shown) if clarify else shown

    if options["clarify"] and not clarify and not options["quiet"]:
        _echo("hiddensale: sarif has no place for what --clarify finds, so nothing is tried; choose another --format to see it", err=True)
    on_terminal = options["output"] is None and sys.stdout.isatty()
    # https://no-color.org: any value but an empty one.
    color = output_format == "text" and on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    # Results that go to the terminal would run into the bar.
    stream = _with_progress(results(), paths, options["input_format"], shown=not options["no_progress"] and not options["quiet"] and sys.stderr.isatty() and not on_terminal)
    if output_format == "text":
        import shutil

        pieces: Iterator[str] = renderers.as_text(stream, ui_lang=options["ui_lang"], color=color, columns=min(120, shutil.get_terminal_size((88, 24)).columns))
    elif output_format == "sarif":
        pieces = sarif.as_sarif(stream, ui_lang=options["ui_lang"], manifest=detector.model.manifest)
    elif output_format == "html":
        from hiddensale import report

        pieces = report.as_html(stream, ui_lang=options["ui_lang"], meta=report.about(detector))
    else:
        pieces = renderers.RENDERERS[str(output_format)](stream)
    heard = write(pieces, options["output"])
    if not heard and packs is None and not options["write_baseline"]:
        sys.exit(1 if counts["flagged"] else 0)
    # Packs and baseline are of the whole scan, whether or not anybody reads along to the end.
    for _ in pieces:
        pass
    if packs is not None:
        packs.finish()
    if options["write_baseline"]:
        write([baselines.as_json(entries)], options["write_baseline"])
    if not options["quiet"]:
        for line in [*sieve.faults, *([f"left out: {sieve.summary()}"] if sieve.summary() else [])]:
            _echo(f"hiddensale: {line}", err=True)
    if counts["failed"] and not options["quiet"] and output_format != "text":
        _echo(f"hiddensale: {counts['failed']} of {counts['documents']} documents could not be scanned; their records say why", err=True)
    if counts["documents"] == 0:
        _fail("nothing to scan there: no file of a known kind (.txt .md .html .jsonl .csv .eml .pdf); name the file itself, or give --input-format")
    if counts["failed"] == counts["documents"]:
        sys.exit(2)
    sys.exit(1 if counts["flagged"] else 0)


def _with_progress(results: Iterator[ScanResult], paths: tuple[str, ...], input_format: str, *, shown: bool) -> Iterator[ScanResult]:
    if not shown:
        return results
    import shutil

    from hiddensale import progress

    return progress.watched(results, progress.expected(paths, input_format), sys.stderr, columns=shutil.get_terminal_size((80, 24)).columns)


def write(pieces: Iterable[str], output: Path | None) -> bool:
    """Print pieces, or write them to ``output`` through a temporary file beside it, whole or not at all.

    Returns
    -------
    bool
        False where the reader of standard output went away; an iterator then still holds what nobody asked for.
    """
    if output is None:
        # A lone surrogate in a text must not stop the output.
        return all(_echo(piece.encode("utf-8", "replace").decode("utf-8"), nl=False) for piece in pieces)
    output = output.resolve()
    if output.exists() and not output.is_file():
        _fail(f"{output}: is no regular file; name a file to write")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        _fail(f"{output}: cannot be written ({error.strerror}); check the folder and its permissions")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="", errors="replace") as stream:
            stream.writelines(pieces)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(output)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        _fail(f"{output}: cannot be written ({error.strerror}); check the folder and its permissions")
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return True


@main.command()
@click.option("--format", "output_format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--ui-lang", type=click.Choice(("fi", "en")), default="en", show_default=True, help="Language of the names.")
def patterns(output_format: str, ui_lang: str) -> None:
    """List the ten patterns, a line each.

    \b
    Example:
      hiddensale patterns --ui-lang fi
    """
    import json

    from hiddensale import catalogue

    rows = catalogue.patterns().values()
    if output_format == "json":
        _echo(json.dumps([{"id": p.id, "name": dict(p.name), "short": dict(p.short)} for p in rows], ensure_ascii=False, indent=1))
        return
    for p in rows:
        _echo(f"{p.id:<22}  {p.name[ui_lang]:<32}  {p.short[ui_lang]}")


@main.command()
@click.argument("pattern", metavar="ID")
@click.option("--ui-lang", type=click.Choice(("fi", "en")), default="en", show_default=True, help="Language of the text.")
def explain(pattern: str, ui_lang: str) -> None:
    """Explain one pattern: definition, where the line runs, examples, law.

    \b
    Example:
      hiddensale explain prize-to-pitch
    """
    from hiddensale import catalogue, explaining

    if pattern not in catalogue.PATTERNS:
        _fail(f"unknown pattern {pattern!r}; one of {', '.join(catalogue.PATTERNS)}")
    _echo(explaining.page(pattern, ui_lang), nl=False)


@main.command()
@click.argument("packs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PACK...")
@click.option("--format", "output_format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--model", type=click.Path(path_type=Path), help="Another model folder.")
def verify(packs: tuple[Path, ...], output_format: str, model: Path | None) -> None:
    """Run evidence packs again with the installed model.

    A PACK is a finding's folder, its finding.json, or the folder of a whole scan.

    Exit status: 0 all hold, 1 some do not or were edited, 2 some cannot be read.

    \b
    Example:
      hiddensale verify packs/
    """
    import json

    from hiddensale import verifying

    verdicts = [v for pack in packs for v in verifying.verify(pack, model)]
    if output_format == "json":
        _echo(json.dumps([v.to_dict() for v in verdicts], ensure_ascii=False, indent=1))
    else:
        for verdict in verdicts:
            _echo(verifying.as_text(verdict), err=verdict.status == "unreadable")
    if any(v.status == "unreadable" for v in verdicts):
        sys.exit(2)
    sys.exit(0 if all(v.holds for v in verdicts) else 1)


@main.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--format", "output_format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--input-format", type=click.Choice(_INPUTS), default="auto", show_default=True, help="What the files are; by name and content.")
@click.option("--lang", type=click.Choice(("auto", "fi", "en")), default="auto", show_default=True, help="Language of the texts.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Flag from this score on, in place of the model's own thresholds.")
@click.option("--model", type=click.Path(path_type=Path), help="Another model folder.")
@click.option("--ui-lang", type=click.Choice(("fi", "en")), default="en", show_default=True, help="Language of the messages.")
def compare(old: Path, new: Path, output_format: str, **options: Any) -> None:
    """Compare two versions of an ad: what came, went, moved or was said anew.

    Exit status: 0 the findings are the same (a score alone is no change), 1 they changed, 2 wrong usage or unreadable.

    \b
    Example:
      hiddensale compare ad-monday.html ad-friday.html
    """
    import json
    from dataclasses import replace

    from hiddensale import artifacts, comparing
    from hiddensale.detector import Detector

    documents = [comparing.one(path, options["input_format"]) for path in (old, new)]
    if options["lang"] != "auto":
        documents = [replace(d, lang=options["lang"]) for d in documents]
    detector = Detector(artifacts.load(options["model"]), min_score=options["min_score"])
    changes = comparing.compare(detector, *documents)
    changed = any(c.what != "same" for c in changes)
    if output_format == "json":
        _echo(json.dumps({"schema": comparing.SCHEMA, "old": str(old), "new": str(new), "changed": changed, "findings": [c.to_dict() for c in changes]}, ensure_ascii=False, indent=1))
    else:
        _echo(comparing.as_text(changes, options["ui_lang"]), nl=False)
    sys.exit(1 if changed else 0)


@main.command()
@click.argument("corpus", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("models/base"), show_default=True, help="Model folder to write.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True)
def train(corpus: tuple[Path, ...], output: Path, jobs: int) -> None:
    """Fit, calibrate and evaluate a model; write it with manifest and card.

    Learns from the documents of split train, sets thresholds on train (grouped folds), measures on dev and test.

    \b
    Example:
      hiddensale train corpus/ --output models/base
    """
    import subprocess

    from hiddensale import training

    environment = training.same_loops(os.environ)
    if environment is not None:
        arguments = ["--output", str(output), "--jobs", str(jobs), "--", *map(str, corpus)]
        sys.exit(subprocess.run([sys.executable, "-m", "hiddensale", "train", *arguments], env=environment, check=False).returncode)  # noqa: S603 -- this very program, and no shell

    def log(text: str) -> None:
        _echo(text, err=True)

    training.train(corpus, output, n_jobs=jobs, log=log)


@main.command()
@click.argument("corpus", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "output_format", type=click.Choice(("text", "json", "html")), default="text", show_default=True)
@click.option("--split", type=click.Choice(("train", "dev", "test", "all")), default="all", show_default=True, help="Which documents.")
@click.option("--model", type=click.Path(path_type=Path), help="Another model folder.")
@click.option("--gate", is_flag=True, help="Compare with the figures in the model's manifest for --split dev or test; exit 1 on a real fall.")
@click.option("--errors", is_flag=True, help="Also list every wrong document.")
def evaluate(corpus: tuple[Path, ...], output_format: str, split: str, model: Path | None, gate: bool, errors: bool) -> None:
    """Print figures on labelled data.

    \b
    Example:
      hiddensale evaluate corpus/ --split dev
    """
    import json

    from hiddensale import corpus as corpora
    from hiddensale import detector, evaluation

    if gate and split not in ("dev", "test"):
        raise click.UsageError(f"--gate: a manifest holds the figures of dev and of test, not of {split}; give --split dev or --split test")
    examples = [x for x in corpora.load(corpus) if split in ("all", x.split)]
    if not examples:
        _fail(f"no document of split {split} in {', '.join(map(str, corpus))}")
    figures = evaluation.evaluate(detector.load(model), examples)
    if output_format == "json":
        # Beside the slices, which are "all" and languages.
        _echo(json.dumps({**figures.to_dict(), **({"errors": evaluation.errors(figures)} if errors else {})}, ensure_ascii=False, indent=1))
    else:
        table = evaluation.as_text(figures) + (evaluation.errors_text(figures) if errors else "")
        _echo(evaluation.as_html(table) if output_format == "html" else table, nl=False)
    if gate:
        faults = evaluation.gate(figures, detector.load(model).model.manifest, split)
        for fault in faults:
            _echo(f"hiddensale: gate: {fault}", err=True)
        sys.exit(1 if faults else 0)


@main.group()
def corpus() -> None:
    """Work on labelled documents: build, check."""


@corpus.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--no-style", is_flag=True, help="Leave out the style gate (it needs many documents).")
def corpus_check(paths: tuple[Path, ...], no_style: bool) -> None:
    """Validate corpus files; print file:line for each fault; exit 1 if there is one.

    \b
    Example:
      hiddensale corpus check corpus/
    """
    from hiddensale import checking

    faults, notes = checking.check(paths, style=not no_style)
    for fault in faults:
        _echo(str(fault), err=True)
    for note in notes:
        _echo(note)
    sys.exit(1 if faults else 0)


@corpus.command("build")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def corpus_build(folder: Path) -> None:
    """Turn the marked texts under FOLDER/marked into FOLDER/LANG-SPLIT.jsonl.

    \b
    Example:
      hiddensale corpus build corpus/
    """
    from hiddensale import building

    faults, written = building.build(folder)
    for fault in faults:
        _echo(str(fault), err=True)
    for path, count in written:
        _echo(f"{path}: {count} documents")
    sys.exit(1 if faults else 0)


@corpus.command("stats")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-style", is_flag=True, help="Leave out the style gauge.")
@click.option("--write", "datasheet", is_flag=True, help="Also write the figures into FOLDER/README.md and the plot to FOLDER/coverage.svg.")
@click.option("--closest", type=click.IntRange(min=0), default=0, metavar="N", help="List the N closest pairs outside contrast groups.")
def corpus_stats(folder: Path, no_style: bool, datasheet: bool, closest: int) -> None:
    """Print what a corpus holds: coverage, length, style, agreement of the second reading.

    \b
    Example:
      hiddensale corpus stats corpus/
    """
    from hiddensale import agreement, building, checking, stats, style
    from hiddensale import corpus as corpora

    examples = corpora.load([folder])
    compared = agreement.compare(examples, agreement.parse(building.readings(folder)))
    text = stats.summary(examples, compared, {} if no_style else style.gauge(examples))
    _echo(text)
    for line in stats.shortfalls(examples):
        _echo(f"short: {line}")
    for share, a, b in checking.near_copies(examples, 0.0)[:closest]:
        _echo(f"{share:.3f}  {a}  {b}")
    if datasheet:
        building.write_between(folder / "README.md", "figures", text)
        write([stats.plot(examples)], folder / "coverage.svg")


@corpus.command("agreement")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--disputed", is_flag=True, help="List the documents the two readings disagree on.")
def corpus_agreement(folder: Path, disputed: bool) -> None:
    """Compare the first labels with the second readings.

    \b
    Example:
      hiddensale corpus agreement corpus/
    """
    from hiddensale import agreement, building
    from hiddensale import corpus as corpora

    compared = agreement.compare(corpora.load([folder]), agreement.parse(building.readings(folder)))
    for lang, v in compared.items():
        _echo(f"{lang}: {v['n']} documents read twice; kappa flagged {v['flagged']:.3f}; disclosure {v['disclosure']:.3f}; lure {v['lure']:.3f}; catch {v['catch']:.3f}")
        for pattern, value in v["patterns"].items():
            _echo(f"  {pattern:<22} kappa {value:.3f}")
        if disputed:
            for ident in v["disputed"]:
                _echo(f"  disputed: {ident}")


@corpus.command("view")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="HTML file to write.")
def corpus_view(folder: Path, output: Path) -> None:
    """Write a page to browse a corpus, spans highlighted.

    \b
    Example:
      hiddensale corpus view corpus/ --output corpus.html
    """
    from hiddensale import corpus as corpora
    from hiddensale import viewing

    write([viewing.page(corpora.load([folder]))], output)
