"""`make execute`: the stored outputs of a repeated run differ in nothing, and `--discard` leaves the file alone."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import execute


@pytest.fixture
def notebook(tmp_path):
    cells = [new_markdown_cell("# T"), new_code_cell("print(1)\nprint(2)"), new_code_cell("x = 3\nx")]
    cells += [new_code_cell("x"), new_code_cell("x", metadata={"collapsed": True, "tags": ["hide-input"]})]
    path = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.0"}}), path)
    return path


def test_a_second_run_changes_nothing(notebook):
    execute.execute(notebook)
    first = notebook.read_bytes()
    execute.execute(notebook)
    assert notebook.read_bytes() == first
    stored = nbformat.read(notebook, as_version=4)
    assert stored.metadata == {"kernelspec": execute.KERNEL, "language_info": {"name": "python"}}
    assert [cell.metadata for cell in stored.cells] == [{}, {}, {}, {}, {"tags": ["hide-input"]}]
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3, 4]
    assert stored.cells[1].outputs == [nbformat.v4.new_output("stream", text="1\n2\n")]
    assert len({cell.id for cell in stored.cells}) == 5, "equal cells have ids of their own"


def test_discard_leaves_the_file_alone(notebook):
    before = notebook.read_bytes()
    assert execute.execute(notebook, discard=True) > 0
    assert notebook.read_bytes() == before


def test_a_failing_cell_stops_it_and_nothing_is_stored(notebook):
    broken = nbformat.read(notebook, as_version=4)
    broken.cells[1].source = "1 / 0"
    nbformat.write(broken, notebook)
    before = notebook.read_bytes()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute.execute(notebook)
    assert notebook.read_bytes() == before
