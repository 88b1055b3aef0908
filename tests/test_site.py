"""The site is built from docs/, its links lead somewhere, and it needs nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "docs" / "build.py"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", BUILD)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["docs_build"] = loaded
    spec.loader.exec_module(loaded)
    return loaded


class Html(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.lang = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {k: v or "" for k, v in attrs}
        self.tags.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "html":
            self.lang = found["lang"]
        if tag == "a":
            self.links.append(found["href"])
        elif "href" in found or "src" in found:
            self.loads.append(found.get("href") or found["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, str(BUILD), "--output", str(folder)], check=True, capture_output=True)
    return folder


def test_links_inside_the_site_lead_somewhere(site: Path) -> None:
    pages = {path: Html(path) for path in site.rglob("*.html")}
    assert len(pages) > 15
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links:
            if re.match(r"https?:", link):
                continue
            place, _, anchor = unquote(link).partition("#")
            target = (path.parent / place).resolve() if place else path
            assert target.is_file(), f"{path.name}: {link}"
            if anchor:
                assert anchor in pages[target].ids, f"{path.name}: {link}"


def test_nothing_is_fetched_and_nothing_runs(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Html(path)
        assert "script" not in page.tags
        for address in page.loads:
            assert address == "data:," or (path.parent / address).is_file(), address
    assert not re.search(r"url\(|@import", (site / "site.css").read_text(encoding="utf-8"))


def test_every_page_has_one_heading_a_language_and_its_place_in_the_list(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Html(path)
        assert page.tags.count("h1") == 1, path
        assert page.lang in ("fi", "en")
        assert path.read_text(encoding="utf-8").count('aria-current="page"') == 1


def test_the_same_again_is_the_same(site: Path, tmp_path: Path) -> None:
    module().build(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (site / path.relative_to(tmp_path)).read_bytes()


@pytest.mark.parametrize(("english", "finnish"), [("advocates.md", "kuluttajaneuvojalle.md"), ("scores.md", "varmuus.md")])
def test_the_finnish_page_says_as_much(english: str, finnish: str) -> None:
    def shape(name: str) -> list[tuple[str, int, int]]:
        text = re.sub(r"```.*?```", "CODE", (ROOT / "docs" / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        return [(part.split(" ")[0], len(re.findall(r"^(?:- |\d\. |\|)", part, re.MULTILINE)), part.count("CODE")) for part in re.split(r"^(?=#)", text, flags=re.MULTILINE)[1:]]

    assert shape(english) == shape(finnish)


def test_faults_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = module()
    (tmp_path / "site.toml").write_text('[[section]]\ntitle = "A"\nlang = "en"\npages = [{page = "a.md", title = "A"}]\n', encoding="utf-8")
    monkeypatch.setattr(build, "DOCS", tmp_path)
    with pytest.raises(build.BuildError, match=r"a\.md: .* is not there"):
        build.pages()
    (tmp_path / "a.md").write_text("# A\n\n[b](b.md)\n", encoding="utf-8")
    (tmp_path / "b.md").write_text("# B\n", encoding="utf-8")
    with pytest.raises(build.BuildError, match=r"b\.md stands in no section"):
        build.pages()
    (tmp_path / "b.md").unlink()
    (page,) = build.pages()
    with pytest.raises(build.BuildError, match=r"the link to b\.md leads nowhere"):
        build.render(page, {page.source: page})


def test_raw_html_of_a_page_is_shown_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = module()
    (tmp_path / "site.toml").write_text('[[section]]\ntitle = "A"\nlang = "en"\npages = [{page = "a.md", title = "A"}]\n', encoding="utf-8")
    (tmp_path / "a.md").write_text("# A\n\n<script>x</script> [x](javascript:alert(1)) ![a plot](none.svg)\n\n## B\n\n## B\n", encoding="utf-8")
    monkeypatch.setattr(build, "DOCS", tmp_path)
    (page,) = build.pages()
    body, headings = build.render(page, {page.source: page})
    assert "<script" not in body
    assert "href" not in body
    assert "a plot" in body
    assert "<img" not in body
    assert [anchor for _, anchor, _ in headings] == ["a", "b", "b-1"]
