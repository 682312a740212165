"""Each chapter: its anatomy, the words to its pictures, its citations and accounts, and clean stored outputs."""

import re
from pathlib import Path

import nbformat
import pytest

import accounts
import labels
import myst
import works_cited

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = {path.stem: nbformat.read(path, as_version=4) for path in labels.chapters()}
PAGES = {path.stem: path.read_text() for path in BOOK.glob("*.md")}
SECTIONS = ["Predict first", "Claims", "In practice", "Exercises", "References"]
# A folder of one machine, as it shows up in a traceback or a repr.
MACHINE_PATH = re.compile(
    r"(?:^|[\s'\"(=:])(/(?:home|root|Users|tmp|opt|work|var|mnt|private|content)/\S+|[A-Z]:\\\S+)"
)

each_chapter = pytest.mark.parametrize("name", CHAPTERS)


def markdown(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def sections(notebook) -> dict[str, str]:
    """The Markdown under each `##` heading; what stands before the first has the name ""."""
    parts = re.split(r"^## +(.+?)\s*$", markdown(notebook), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def text_of(output) -> str:
    return output.get("text", "") or "\n".join(
        str(value) for kind, value in output.get("data", {}).items() if not kind.startswith("image/")
    )


def picture_problems(notebook) -> list[str]:
    """What is missing of the words to the pictures."""
    problems = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            problems += [f"cell {number}: a picture without alt text" for alt in _alts(cell.source) if len(alt) < 20]
            problems += [
                f"cell {number}: a figure needs :alt: and :name:"
                for box in myst.directives(cell.source)
                if box.name == "figure" and not (len(box.options.get("alt", "")) >= 20 and "name" in box.options)
            ]
            continue
        settings = cell.metadata.get("mystnb", {})
        figure, alt = settings.get("figure", {}), settings.get("image", {}).get("alt", "")
        pictures = [out for out in cell.outputs if "image/png" in out.get("data", {})]
        html = [out.data["text/html"] for out in pictures if "text/html" in out.data]
        problems += [f"cell {number}: a picture in HTML without alt text" for page in html
                     if not re.search(r'<img[^>]*\salt="[^"]{20,}"', page)]  # fmt: skip
        if len(pictures) > 1:
            problems.append(f"cell {number}: {len(pictures)} pictures; one a cell, so that each has its own words")
        if len(pictures) > len(html):
            if len(alt) < 20:
                problems.append(f"cell {number}: alt text {alt!r} of less than 20 characters")
            if not figure.get("caption") or not str(figure.get("name", "")).startswith("fig-"):
                problems.append(f"cell {number}: needs a caption and a name that starts with fig-")
    return problems


def _alts(source: str) -> list[str]:
    return re.findall(r"!\[([^\]]*)\]\(", myst.running_text(source))


@each_chapter
def test_pictures_have_alt_text_caption_and_name(name):
    assert picture_problems(CHAPTERS[name]) == []


def test_figure_names_are_unique():
    names = [labels.figure(cell).get("name") for notebook in CHAPTERS.values() for cell in notebook.cells]
    names += [box.options.get("name") for n in CHAPTERS.values() for box in myst.directives(markdown(n))]
    names = [name for name in names if name]
    assert sorted(set(names)) == sorted(names)


@each_chapter
def test_anatomy(name):
    notebook = CHAPTERS[name]
    found = sections(notebook)
    assert re.match(r"(\(.*\)=\s*)?# \S", notebook.cells[0].source.strip()), "the first cell holds the title"
    assert len(re.findall(r"^# ", markdown(notebook), re.MULTILINE)) == 1, "one title"
    missing = [section for section in SECTIONS if section not in found]
    assert not missing, f"sections missing: {missing}; found: {list(found)}"
    assert [section for section in found if section in SECTIONS] == SECTIONS, "sections in this order"
    assert "?" in found[""], "the chapter opens with a question"
    heads = [i for i, cell in enumerate(notebook.cells) for _ in re.findall("^## ", cell.source, re.M)]
    before = notebook.cells[: heads[1]]  # the prediction may stand above the figure that would give its answer away
    figures = [labels.figure(cell).get("name") for cell in before if cell.cell_type == "code"]
    figures += [box.options.get("name") for cell in before if cell.cell_type == "markdown"
                for box in myst.directives(cell.source) if box.name == "figure"]  # fmt: skip
    assert any(figures), "one key figure before the section behind the prediction"


@each_chapter
def test_exercises_have_hidden_solutions(name):
    found = sections(CHAPTERS[name])
    for section, least in (("Predict first", 1), ("Exercises", 2)):
        boxes = list(myst.directives(found[section]))
        tasks = [box.options.get("label") for box in boxes if box.name in ("exercise", "exercise-start")]
        solved = [box for box in boxes if box.name in ("solution", "solution-start")]
        assert len(tasks) >= least, f"{section}: at least {least}"
        assert sorted(tasks) == sorted(box.argument for box in solved), f"{section}: each exercise has its solution"
        assert all("dropdown" in box.options.get("class", "") for box in solved), f"{section}: solutions are hidden"


@each_chapter
def test_shows_the_recorded_results_that_it_claims_from(name):
    code = "\n".join(cell.source for cell in CHAPTERS[name].cells if cell.cell_type == "code")
    mine = [claim for claim in accounts.claims().values() if name in claim.chapter]
    if any(measure.study for claim in mine for measure in claim.measures):
        assert "recorded(" in code, "a chapter that claims from a recorded study shows it"


@each_chapter
def test_cells_are_short(name):
    long = {
        number: lines
        for number, cell in enumerate(CHAPTERS[name].cells)
        if cell.cell_type == "code" and (lines := len([line for line in cell.source.split("\n") if line.strip()])) > 25
    }
    assert not long, f"cells (number: lines) that belong into ganlab: {long}"


@each_chapter
def test_no_cell_ends_with_a_semicolon(name):
    """nbval runs cells without the history that the semicolon's silence rests on: bind the value to a name instead."""
    code = [cell.source.rstrip() for cell in CHAPTERS[name].cells if cell.cell_type == "code"]
    assert [source.split("\n")[-1] for source in code if source.endswith(";")] == []


@each_chapter
def test_outputs_are_stored_in_order_and_clean(name):
    cells = [cell for cell in CHAPTERS[name].cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run it with `make execute`"
    for output in outputs(CHAPTERS[name]):
        assert output.get("name") != "stderr", f"stderr: {text_of(output)[:200]}"
        assert output.output_type != "error", text_of(output)[:200]
        assert not MACHINE_PATH.search(text_of(output)), f"a machine's path: {MACHINE_PATH.search(text_of(output))[1]}"


@each_chapter
def test_source_names_no_machine(name):
    for cell in CHAPTERS[name].cells:
        found = MACHINE_PATH.search(cell.source)
        assert not found, f"a machine's path: {found[1]}"


@each_chapter
def test_notebook_is_small_and_normalised(name):
    path = BOOK / f"{name}.ipynb"
    assert path.stat().st_size < 1_000_000, f"{path.stat().st_size / 1e6:.2f} MB"
    assert set(CHAPTERS[name].metadata) <= {"kernelspec", "language_info"}, "store it with `make execute`"
    assert CHAPTERS[name].metadata.language_info == {"name": "python"}, "store it with `make execute`"


def shown(name: str, kind: str) -> list[str]:
    text = markdown(CHAPTERS[name])
    return [word for box in myst.directives(text) if box.name == kind for word in box.argument.split()]


@pytest.mark.parametrize(("kind", "load"), [("claims", accounts.claims), ("reproductions", accounts.reproductions)])
def test_accounts_and_chapters_name_each_other(kind, load):
    stated = {(chapter, key) for key, entry in load().items() for chapter in entry.chapter}
    boxes = [(chapter, key) for chapter in CHAPTERS for key in shown(chapter, kind)]
    assert sorted(boxes) == sorted(stated)


def citations() -> set[str]:
    texts = [*PAGES.values(), *map(markdown, CHAPTERS.values())]
    texts += [labels.figure(cell).get("caption", "") for n in CHAPTERS.values() for cell in n.cells]
    texts += [f"{claim.statement} {claim.reason}" for claim in accounts.claims().values()]
    cited = {key.strip() for text in texts for role, content in myst.roles(text) if role.startswith("cite")
             for key in content.split(",")}  # fmt: skip
    return cited | {entry.source for entry in accounts.reproductions().values()} - {"exact"}


def test_citations_and_bibliography_agree():
    assert citations() == set(works_cited.entries())


def test_bibliography_has_links_and_good_keys():
    for key, entry in works_cited.entries().items():
        assert re.match("https?://", works_cited.link(key)), key
        assert works_cited.markdown(key)
        assert re.fullmatch(rf"[a-z]+{entry.fields['year']}[a-z]*", key), f"{key}: first author, year, a letter"


@each_chapter
def test_references_section_lists_what_is_cited(name):
    boxes = [box.name for box in myst.directives(sections(CHAPTERS[name])["References"])]
    assert boxes == ["references"]


def test_links_lead_somewhere():
    index = labels.index()
    names = {*PAGES, *CHAPTERS}
    for page, text in {**PAGES, **{name: markdown(notebook) for name, notebook in CHAPTERS.items()}}.items():
        for role, content in myst.roles(text):
            target = content.rsplit("<", 1)[-1].rstrip(">").strip()
            if role in ("numref", "eq", "prf:ref"):
                assert target in index, f"{page}: {role} to unknown {target!r}"
            if role == "doc":
                assert Path(target).name in names, f"{page}: doc to unknown {target!r}"


def test_every_page_stands_in_the_table_of_contents():
    listed = re.findall(r"(?:root|file): book/([\w/-]+)", (ROOT / "_toc.yml").read_text())
    on_the_package = [f"api/{path.stem}" for path in (ROOT / "book" / "api").glob("*.md")]
    assert sorted(listed) == sorted([*PAGES, *CHAPTERS, *on_the_package])


# Negative controls: the checks above do see what they look for.
def notebook_with(**output):
    cell = nbformat.v4.new_code_cell("plot()", execution_count=1, outputs=[nbformat.v4.new_output(**output)])
    alt = "A line that rises from left to right."
    cell.metadata["mystnb"] = {"image": {"alt": alt}, "figure": {"caption": "A line.", "name": "fig-line"}}
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_removed_alt_text_is_seen():
    notebook = notebook_with(output_type="display_data", data={"image/png": "AAAA"})
    assert picture_problems(notebook) == []
    del notebook.cells[0].metadata["mystnb"]["image"]
    assert picture_problems(notebook) == ["cell 0: alt text '' of less than 20 characters"]
    slider = notebook_with(output_type="display_data", data={"image/png": "AAAA", "text/html": '<img src="" alt="x">'})
    assert picture_problems(slider) == ["cell 0: a picture in HTML without alt text"]


@pytest.mark.parametrize("text", ["File '/home/ann/x.py'", "saved in /tmp/abc/run.pt", r"C:\Users\ann\x.py"])
def test_a_machine_path_is_seen(text):
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["ratio 3/4", "https://example.org/home/x", "book/home/x.ipynb", "and/or/tmp/x"])
def test_other_slashes_are_no_machine_path(text):
    assert not MACHINE_PATH.search(text)
