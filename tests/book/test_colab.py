"""The Colab notebooks: a synthetic chapter goes through the translation and runs; nothing of MyST is left in any."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import colab
import colab_markdown
import labels
import myst
import works_cited

BOOK = Path(__file__).resolve().parents[2] / "book"
CHAPTER = """\
# Small

Why? See {numref}`fig-small-line`, {numref}`Figure %s <fig-small-line>`, {eq}`eq-small-one`
and {ref}`the end <sec-end>`. Code: `{numref}` stays.
[Out](https://example.org), [in](02-measure.ipynb), [there](#sec-end).

% a comment

$$ x = 1 $$ (eq-small-one)

```{exercise} Think
:label: ex-small-1

What is {math}`x`?
```

````{solution} ex-small-1
:class: dropdown

:::{note}
As {eq}`eq-small-one` says:

```python
print("{not-a-directive}`x`")
```
:::
````

```{prf:theorem} Named
:label: thm-small

It is so, by {prf:ref}`thm-small`.
```

- a list

  ```{tip} Indented
  stays in the list
  ```

```{list-table} Words
:name: tab-small
:header-rows: 1

* - $|x|$
  - b
* - 1
  - two
    lines
```

```{exercise-start}
:label: ex-small-2
```
Code it.
```{exercise-end}
```

(sec-end)=
## End
"""


@pytest.fixture
def chapter():
    cell = new_code_cell("x = 41 + 1\nprint(x)", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", text="42\n")]
    cell.metadata["mystnb"] = {"figure": {"caption": "A *line*, {eq}`eq-small-one`.", "name": "fig-small-line"}}
    return new_notebook(cells=[new_markdown_cell(CHAPTER), cell])


def converted(notebook, first="pass"):
    return colab.convert(notebook, labels.of_chapter(notebook, 7), 7, first)


def leftovers(notebook) -> list[str]:
    """MyST that a plain viewer would show as it stands."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            unquoted = re.sub(r"^\s*(> ?)+", "", cell.source, flags=re.MULTILINE)
            plain = "\n".join(part.text for part in myst.pieces(unquoted) if isinstance(part, myst.Text))
            plain = re.sub(r"`[^`\n]*\{[^`\n]*`(?!\w)", lambda m: "" if m[0].startswith("`{") else m[0], plain)
            found += re.findall(r"^\s*[`:]{3,}.*$|\{[\w:-]+\}`[^`]*`|^\([\w-]+\)=", plain, re.MULTILINE)
            found += [piece.name for piece in myst.directives(cell.source)]
    return found


def test_synthetic_chapter(chapter):
    assert leftovers(chapter)
    notebook = converted(chapter)
    assert leftovers(notebook) == []
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for expected in (
        "# 7. Small",
        "See Fig. 7.1, Figure 7.1, (7.1)\nand the end. Code: `{numref}` stays.\n[Out](https://example.org), in, there.",
        "x = 1 \\tag{7.1}",
        "> **Exercise 7.1 (Think)**\n>\n> What is $x$?",
        "<summary>Solution to Exercise 7.1</summary>",
        '> print("{not-a-directive}`x`")',
        "> **Theorem 7.1 (Named)**\n>\n> It is so, by Theorem 7.1.",
        "  > **Indented**\n  >\n  > stays in the list",
        "**Table 7.1** Words\n\n| $\\vert x\\vert $ | b |\n| --- | --- |\n| 1 | two lines |",
        "**Exercise 7.2**\n\nCode it.",
        "**Fig. 7.1** A *line*, (7.1).",
    ):
        assert expected in text
    assert "a comment" not in text


def test_outputs_are_cleared_and_a_gpu_is_asked_for(chapter):
    notebook = converted(chapter)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert notebook.metadata.accelerator == "GPU"
    assert notebook.cells[1].source == "pass", "the installation comes before any other code"
    nbformat.validate(notebook)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("# T\n```{mystery}\n```", "directive 'mystery' has no translation"),
        ("# T\n{mystery}`x`", "role 'mystery' has no translation"),
        ("# T\n{numref}`fig-none`", "unknown label 'fig-none'"),
        ("# T\n{cite:t}`nobody1900`", "no entry 'nobody1900'"),
        ("# T\n```{note}\nopen", "never closed"),
    ],
)
def test_what_cannot_be_translated_is_an_error(source, message):
    with pytest.raises(ValueError, match=message):
        converted(new_notebook(cells=[new_markdown_cell(source)]))


def test_accounts_and_citations_are_translated(monkeypatch, tmp_path):
    bib = tmp_path / "references.bib"
    bib.write_text(
        "@article{doe2001, author={Doe, Jane and Roe, R{\\'e}my}, title={A {GAN}}, journal={J}, year={2001}, doi={1/2}}"
    )
    entries = works_cited.entries(bib)
    monkeypatch.setattr(works_cited, "entries", lambda: entries)
    source = "# T\n{cite:t}`doe2001` and {cite:p}`doe2001`.\n\n## References\n```{references}\n```"
    text = converted(new_notebook(cells=[new_markdown_cell(source)])).cells[0].source
    assert "Doe and Roe (2001) and (Doe and Roe, 2001)." in text
    assert "- Jane Doe, Rémy Roe (2001). [A GAN](https://doi.org/1/2). *J*." in text
    names = list(colab_markdown.accounts.claims())[:1]
    if names:
        source = f"# T\n```{{claims}} {names[0]}\n```"
        assert f"**{names[0]}**" in converted(new_notebook(cells=[new_markdown_cell(source)])).cells[0].source


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return colab.build_wheel(tmp_path_factory.mktemp("wheel"))


def test_wheel_is_reproducible_and_holds_the_recorded_results(wheel, tmp_path):
    assert colab.build_wheel(tmp_path).read_bytes() == wheel.read_bytes()
    held = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("ganlab/recorded/")}
    assert held == {path.name for path in (BOOK.parent / "ganlab" / "recorded").glob("*.*")}


def test_installation_cell_writes_the_wheel_and_installs_it_alone(wheel, tmp_path, chapter):
    """The first cell runs, with pip sent to another folder: the tests' own environment stays as it is."""
    notebook = converted(chapter, colab.install_cell(wheel))
    target = tmp_path / "site"
    first = notebook.cells[1]
    assert '"--no-deps"' in first.source
    first.source = first.source.replace('"-q"', f'"-q", "--target", {str(target)!r}, "--no-index"')
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert [path.name for path in target.iterdir() if not path.name.startswith("__")] and (target / "ganlab").is_dir()
    installed = {path.name.split("-")[0] for path in target.glob("*.dist-info")}
    assert installed == {"ganlab"}
    assert notebook.cells[-1].cell_type == "markdown" and "42" in notebook.cells[-2].outputs[0].text
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(target)!r}); import ganlab; print(ganlab.__file__)",
    ]
    assert str(target) in subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("path", labels.chapters(), ids=lambda path: path.stem)
def test_chapter_translates_fully(path):
    notebook = colab.convert(nbformat.read(path, as_version=4), labels.index(), labels.chapter_number(path), "pass")
    assert leftovers(notebook) == []
