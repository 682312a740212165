"""The chapters' notebooks as files, read without Jupyter."""

import json
from pathlib import Path

BOOK = Path(__file__).resolve().parents[1]


def chapters() -> list[Path]:
    """The chapters' notebooks, in the order of the book."""
    return sorted(BOOK.glob("[0-9][0-9]-*.ipynb"))


def code_cells(path: Path) -> list[str]:
    """The sources of a notebook's code cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
