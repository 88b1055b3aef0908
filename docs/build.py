"""Build the pages as a small static site: ``python docs/build.py --output site/``.

Markdown to HTML with markdown-it-py (``pip install --group docs``). The site needs no network and no script to be read.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import unquote

import click
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.token import Token

DOCS = Path(__file__).resolve().parent
WORDS = {
    "en": {"skip": "Skip to the text", "pages": "Pages", "here": "On this page", "previous": "Previous", "next": "Next", "other": "Suomeksi"},
    "fi": {"skip": "Siirry tekstiin", "pages": "Sivut", "here": "Tällä sivulla", "previous": "Edellinen", "next": "Seuraava", "other": "In English"},
}


class BuildError(Exception):
    """A page or the list of pages holds a fault; the message says which."""


@dataclass(frozen=True)
class Page:
    """One page: ``path`` within the site with ``.md``, ``source`` the file it is made of."""

    path: PurePosixPath
    source: Path
    title: str
    section: str
    lang: str
    also: str | None

    @property
    def target(self) -> PurePosixPath:
        return self.path.with_suffix(".html")


def pages() -> list[Page]:
    """The pages of site.toml, in order."""
    out: list[Page] = []
    for section in tomllib.loads((DOCS / "site.toml").read_text(encoding="utf-8"))["section"]:
        for row in _rows(section["pages"]):
            source = (DOCS / row.get("source", row["page"])).resolve()
            if not source.is_file():
                raise BuildError(f"site.toml: {row['page']}: {source} is not there")
            out.append(Page(PurePosixPath(row["page"]), source, row["title"], section["title"], section["lang"], row.get("also")))
    missing = sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md") if p.resolve() not in {x.source for x in out})
    if missing:
        raise BuildError(f"site.toml: {missing[0]} stands in no section")
    return out


def _rows(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    for row in rows:
        if "glob" not in row:
            yield row
            continue
        for path in sorted(DOCS.glob(row["glob"])):
            heading = path.read_text(encoding="utf-8").splitlines()[0]
            yield {"page": path.relative_to(DOCS).as_posix(), "title": heading.lstrip("# ")}


def slug(text: str) -> str:
    """The anchor of a heading, as code hosting sites make it.

    Examples
    --------
    >>> slug("What a finding is *not*, and `why`")
    'what-a-finding-is-not-and-why'
    """
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text.strip().lower()))


def inline_text(token: Token) -> str:
    """What is read of a heading or a paragraph, without its markup."""
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline"))


def render(page: Page, by_source: dict[Path, Page]) -> tuple[str, list[tuple[int, str, str]]]:
    """The page's HTML and its headings (level, anchor, text)."""
    # Raw HTML in a page is shown, not run: pages are Markdown and nothing else.
    md = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
    # Comments that mark generated parts are for the generator.
    tokens = md.parse(re.sub(r"^<!--.*?-->\n", "", page.source.read_text(encoding="utf-8"), flags=re.MULTILINE))
    headings: list[tuple[int, str, str]] = []
    seen: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            text = inline_text(tokens[at + 1])
            anchor = slug(text)
            seen[anchor] = seen.get(anchor, 0) + 1
            if seen[anchor] > 1:
                anchor = f"{anchor}-{seen[anchor] - 1}"
            token.attrSet("id", anchor)
            headings.append((int(token.tag[1]), anchor, text))
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", link(str(child.attrGet("href")), page, by_source))
            elif child.type == "image":
                address = str(child.attrGet("src"))
                if (page.source.parent / unquote(address)).is_file():
                    child.attrSet("src", link(address, page, by_source))
                else:
                    # A plot that was not drawn yet: its text stands for it.
                    click.echo(f"docs: {page.source}: the picture {address} is not there; its text is shown", err=True)
                    child.type, child.tag = "text", ""
    body = md.renderer.render(tokens, md.options, {})
    # What is wider than the page scrolls by itself, and can be reached with the keyboard.
    body = body.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return body, headings


def link(address: str, page: Page, by_source: dict[Path, Page]) -> str:
    """An address of a page as the site has it: pages by their place in the site, other files by their name, to be copied along."""
    if re.match(r"[a-z]+:|#", address):
        return address
    path, _, anchor = unquote(address).partition("#")
    source = (page.source.parent / path).resolve()
    if source in by_source:
        place = os.path.relpath(by_source[source].target, page.target.parent)
    elif source.is_file():
        place = os.path.relpath(f"files/{source.name}", page.target.parent)
    elif source.is_dir() and (source / "README.md") in by_source:
        place = os.path.relpath(by_source[source / "README.md"].target, page.target.parent)
    else:
        raise BuildError(f"{page.source}: the link to {address} leads nowhere")
    return PurePosixPath(place).as_posix() + (f"#{anchor}" if anchor else "")


def linked_files(page: Page, by_source: dict[Path, Page]) -> Iterator[Path]:
    """Files a page links to that are no pages."""
    for address in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", page.source.read_text(encoding="utf-8")):
        source = (page.source.parent / unquote(address)).resolve()
        if source.is_file() and source not in by_source:
            yield source


def navigation(here: Page, all_pages: list[Page]) -> str:
    """All pages by section, as seen from one of them."""
    out = []
    section = ""
    for page in all_pages:
        if page.section != section:
            out.append(("</ul>" if section else "") + f'<h2 lang="{page.lang}">{html.escape(page.section)}</h2><ul>')
            section = page.section
        current = ' aria-current="page"' if page is here else ""
        lang = f' lang="{page.lang}"' if page.lang != here.lang else ""
        out.append(f'<li><a href="{relative(here, page)}"{current}{lang}>{html.escape(page.title)}</a></li>')
    return "\n".join([*out, "</ul>"])


def relative(here: Page, there: Page) -> str:
    """The address of a page on another."""
    return PurePosixPath(os.path.relpath(there.target, here.target.parent)).as_posix()


def build(output: Path) -> list[Path]:
    """Write the site.

    Returns
    -------
    list of Path
        The files, told from ``output``.
    """
    all_pages = pages()
    by_source = {p.source: p for p in all_pages}
    by_path = {str(p.path): p for p in all_pages}
    template = Template((DOCS / "site.html").read_text(encoding="utf-8"))
    written: list[Path] = []

    def write(path: PurePosixPath, text: str) -> None:
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_text(text, encoding="utf-8", newline="\n")
        written.append(Path(path))

    for number, page in enumerate(all_pages):
        body, headings = render(page, by_source)
        words = WORDS[page.lang]
        inner = [(anchor, text) for level, anchor, text in headings if level == 2]
        toc = "".join(f'<li><a href="#{a}">{html.escape(t)}</a></li>' for a, t in inner)
        before = all_pages[number - 1] if number and all_pages[number - 1].lang == page.lang else None
        after = all_pages[number + 1] if number + 1 < len(all_pages) and all_pages[number + 1].lang == page.lang else None
        steps = "".join(
            f'<a rel="{rel}" href="{relative(page, p)}"><span>{words[key]}</span> {html.escape(p.title)}</a>' for rel, key, p in (("prev", "previous", before), ("next", "next", after)) if p
        )
        other = by_path[page.also] if page.also else by_path["alku.md" if page.lang == "en" else "index.md"]
        title = page.title if page.title == "hiddensale" else f"{page.title} – hiddensale"
        root = "../" * (len(page.target.parts) - 1)
        write(
            page.target,
            template.substitute(
                words,
                lang=page.lang,
                title=html.escape(title),
                root=root,
                nav=navigation(page, all_pages),
                toc=f'<nav class="toc" aria-label="{words["here"]}"><h2>{words["here"]}</h2><ul>{toc}</ul></nav>' if len(inner) > 2 else "",
                body=body,
                steps=f'<nav class="steps">{steps}</nav>' if steps else "",
                other_href=relative(page, other),
                other_lang=other.lang,
            ),
        )
    write(PurePosixPath("site.css"), (DOCS / "site.css").read_text(encoding="utf-8"))
    for source in sorted({f for p in all_pages for f in linked_files(p, by_source)}):
        (output / "files").mkdir(exist_ok=True)
        shutil.copyfile(source, output / "files" / source.name)
        written.append(Path("files", source.name))
    return written


@click.command()
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write; files of an earlier build are written over.")
def main(output: Path) -> None:
    """Build the site from docs/."""
    try:
        written = build(output)
    except BuildError as error:
        click.echo(f"docs: {error}", err=True)
        sys.exit(1)
    click.echo(f"{output}: {len(written)} files; open {output / 'index.html'}")


if __name__ == "__main__":
    main()
