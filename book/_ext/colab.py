"""Make of each chapter a notebook that runs in Colab with nothing else at hand.

    python book/_ext/colab.py --out _build/colab

The notebook's first cell carries the `ganlab` wheel, recorded results included, and installs it without its
dependencies: Colab has them, and its own PyTorch stays.
"""

import argparse
import base64
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

import labels
import myst
from colab_markdown import Translator

ROOT = labels.BOOK.parent
METADATA = {
    "accelerator": "GPU",
    "colab": {"provenance": [], "gpuType": "T4", "toc_visible": True},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WELCOME = """\
*This notebook is a chapter of "Gradient Trouble in GANs: a tested book". Run the cells in order; the first one installs
`ganlab`, which the notebook carries. With a GPU (Runtime, Change runtime type) the experiments take minutes and
say how many, without one they are cut short. The environment variable `GANLAB_SCALE` chooses: `quick`, `colab` or
`full`.*"""
INSTALL = '''\
# @title Run this first: installs ganlab {version}, which this notebook carries
import base64
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

WHEEL = """
{data}
"""
with tempfile.TemporaryDirectory() as folder:
    wheel = Path(folder, "{name}")
    wheel.write_bytes(base64.b64decode(WHEEL))
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", str(wheel)]
    subprocess.run(command, check=True)
importlib.invalidate_caches()'''


def build_wheel(folder: Path) -> Path:
    """Build the wheel of `ganlab` in `folder`: the same bytes each time, and no trace in the source folder."""
    with tempfile.TemporaryDirectory() as copy:
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
        shutil.copytree(ROOT / "ganlab", Path(copy, "ganlab"), ignore=ignored)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy)
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), copy]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800"}
        built = subprocess.run(command, capture_output=True, text=True, env=environment)
    if built.returncode:
        sys.exit(f"the wheel of ganlab could not be built:\n{built.stdout}{built.stderr}")
    return next(folder.glob("*.whl"))


def convert(notebook: nbformat.NotebookNode, index: dict[str, labels.Label], number: int, first: str):
    """The chapter as a plain notebook without outputs, which starts with the code cell `first`."""
    translator = Translator(index)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cells.append(new_markdown_cell(translator.translate(cell.source)))
        elif cell.cell_type == "code":
            cells.append(new_code_cell(cell.source))
            if name := labels.figure(cell).get("name"):
                caption = translator.translate(labels.figure(cell)["caption"])
                cells.append(new_markdown_cell(f"**{index[name]}** {caption}"))
    heading = myst.HEADING.search(cells[0].source)
    cells[0].source = cells[0].source.replace(heading[0], f"# {number}. {heading['title']}\n\n{WELCOME}\n", 1)
    cells.insert(1, new_code_cell(first, metadata={"cellView": "form"}))
    kept = [cell for cell in cells if cell.source.strip()]
    for position, cell in enumerate(kept):
        cell.id = f"cell-{position}"
    return nbformat.v4.new_notebook(cells=kept, metadata=METADATA)


def install_cell(wheel: Path) -> str:
    """The code that installs the wheel which it holds as text."""
    data = "\n".join(textwrap.wrap(base64.b64encode(wheel.read_bytes()).decode(), 116))
    return INSTALL.format(version=wheel.name.split("-")[1], name=wheel.name, data=data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "colab")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.ipynb"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        first = install_cell(build_wheel(Path(folder)))
    index = labels.index()
    for path in labels.chapters():
        try:
            notebook = convert(nbformat.read(path, as_version=4), index, labels.chapter_number(path), first)
        except ValueError as error:
            sys.exit(f"{path}: {error}")
        nbformat.write(notebook, out / path.name)
        print(f"{out / path.name}: {(out / path.name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
