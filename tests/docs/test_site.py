"""docs/make_site.py and mkdocs.yml: the site has every page, and every link of a page leads to a staged file."""

import runpy

import doc_pages
import yaml
from doc_pages import ROOT, read_page

SITE = runpy.run_path(str(ROOT / "docs" / "make_site.py"))
SETTINGS = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def list_entries(nav):
    """The pages of a navigation, whose entries are {title: page} or {title: navigation}."""
    for entry in nav:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else list_entries(value)


def test_navigation_has_every_page_once():
    assert sorted(list_entries(SETTINGS["nav"])) == doc_pages.list_pages()


def test_every_link_leads_to_a_staged_file(tmp_path):
    pages = SITE["stage"](ROOT, tmp_path / "site")
    assert [str(page) for page in pages] == doc_pages.list_pages()
    for page in pages:
        for path, _ in doc_pages.list_links(read_page(str(page))):
            assert not path or (tmp_path / "site" / page.parent / path).is_file(), (page, path)


def test_only_the_style_sheet_and_what_a_page_links_to_is_copied_beside_the_pages(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("[code](a.py), [page](docs/b.md#there), [elsewhere](https://x.example/c.py)")
    (tmp_path / "docs" / "b.md").write_text("![picture](p.png)\n")
    for name in ("a.py", "secret.py", "docs/p.png", "docs/site.css"):
        (tmp_path / name).write_text("1")
    SITE["stage"](tmp_path, tmp_path / "build" / "docs")
    staged = {str(file.relative_to(tmp_path / "build" / "docs")) for file in tmp_path.glob("build/docs/**/*.*")}
    assert staged == {"README.md", "a.py", "docs/b.md", "docs/p.png", "docs/site.css"}


def test_folders_are_those_that_make_clean_removes():
    assert SETTINGS["docs_dir"] == str(SITE["STAGED"]) and SETTINGS["site_dir"].startswith("build/")
    assert " build " in next(line for line in doc_pages.MAKEFILE.splitlines() if line.startswith("\trm -rf"))
