"""The built book: no warning, nothing fetched from another host, numbers as in the Colab notebooks."""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

import accounts
import labels
import wings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("book")
    build = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "--all", "-W", "-n"]
    run = subprocess.run([*build, "--keep-going", "--path-output", str(out), str(ROOT)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return out / "_build" / "html"


@pytest.fixture(scope="module")
def pages(built):
    book = built / "book"
    return {path.relative_to(book).with_suffix("").as_posix(): path.read_text() for path in book.rglob("*.html")}


def test_every_page_is_built(pages):
    assert set(pages) >= {path.stem for path in [*(ROOT / "book").glob("*.md"), *labels.chapters()]}
    assert set(pages) >= {f"api/{path.stem}" for path in (ROOT / "book" / "api").glob("*.md")}


def test_nothing_is_fetched_from_elsewhere(pages):
    """No script, style, font or picture of another host; links that a reader follows are another matter."""
    for name, page in pages.items():
        fetched = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"([^\"]+)\"", page)
        links = [tag for tag in re.findall(r"<link[^>]*>", page) if "stylesheet" in tag or "preload" in tag]
        fetched += [re.search(r'href="([^"]+)"', tag)[1] for tag in links]
        fetched += re.findall(r"(?:import|fetch)\(\s*[\"']([^\"']+)", page)
        assert not [source for source in fetched if re.match(r"(https?:)?//", source)], name


def test_math_is_in_the_book(built, pages):
    assert (built / "_static/mathjax/tex-chtml.js").stat().st_size > 1_000_000
    assert (built / "_static/mathjax/output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff").exists()
    for name, page in pages.items():
        if 'class="math' in page:
            assert "mathjax/tex-chtml.js" in page, name


def test_every_picture_has_alt_text(pages):
    for name, page in pages.items():
        pictures = re.findall(r"<img[^>]*>", page)
        without = [picture[:200] for picture in pictures if not re.search(r'\salt="[^"]+"', picture)]
        assert not without, f"{name}: {without}"


def test_photographs_have_a_file_for_the_dark(built, pages):
    """The page shows the one or the other, and the key figure of the chapter on images is of photographs."""
    for name, page in pages.items():
        assert page.count("figure-light") == page.count("figure-dark"), name
        for picture in re.findall(r'src="[^"]*?(_images/dark-[^"]+)"', page):
            assert (built / picture).exists(), picture
    assert pages["03-images"].count("figure-dark") > 5 and "figure-card" in pages["03-images"]


def test_the_claims_page_needs_no_script(pages):
    """Every row is in the page; what hides rows, and the field for it, come by script alone."""
    page = pages["claims"]
    assert '<div class="choice" role="search" hidden>' in page
    assert all(f"<strong>{name}</strong>" in page for name in accounts.claims())
    assert "Replicated on" in page and "★ headline" in page


@pytest.mark.parametrize("path", labels.chapters(), ids=lambda path: path.stem)
def test_page_and_colab_notebook_number_alike(pages, path):
    page = pages[path.stem]
    captions = re.findall(
        r'<(?:figure|table)[^>]*\sid="([^"]+)".*?class="caption-number">([^<]+?)\s*<', page, re.DOTALL
    )
    equations = re.findall(r'id="equation-([^"]+)">\s*<span class="eqno">(\([\d.]+\))', page)
    exercises = re.findall(
        r'class="exercise[^"]*" id="([^"]+)">\s*<p class="admonition-title">.*?(Exercise [\d.]+)', page
    )
    mine = {name: str(label).strip() if label.kind else label.number for name, label in labels.index([path]).items()}
    theirs = {**dict(captions), **dict(equations), **dict(exercises)}
    assert captions
    assert {name: mine.get(name) for name in theirs} == {name: html.unescape(text) for name, text in theirs.items()}


@pytest.mark.parametrize("path", labels.chapters(), ids=lambda path: path.stem)
def test_chapter_offers_its_notebook(pages, path):
    assert f'href="../colab/{path.name}"' in pages[path.stem]


@pytest.mark.parametrize("wing", wings.wings())
def test_page_of_a_wing_leads_to_each_of_its_names(pages, wing):
    page = pages[wing.replace("ganlab.", "api/")]
    assert len(page.encode()) < 150_000
    for name in wings.public(wing):
        anchor = f"module-{name.full}" if name.kind == "module" else name.full
        assert page.count(f'id="{anchor}"') == 1, anchor
        assert f'href="#{anchor}"' in page.split("</table>")[0], anchor


@pytest.mark.parametrize("wing", wings.wings())
def test_examples_are_highlighted(pages, wing):
    page = pages[wing.replace("ganlab.", "api/")]
    prompt = '<span class="gp">&gt;&gt;&gt; </span>'
    assert page.count(prompt) >= sum(name.docstring.count(">>> ") for name in wings.public(wing))
    assert "&gt;&gt;&gt;" not in page.replace(prompt, "")
