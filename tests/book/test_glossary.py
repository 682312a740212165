"""The glossary sends a reader to a chapter that uses the word."""

import re
from pathlib import Path

import nbformat
import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (BOOK / "glossary.md").read_text().splitlines()
    if line.startswith("| ") and "{doc}" in line
]


def words(chapter: str) -> str:
    cells = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4).cells
    text = " ".join(cell.source for cell in cells).lower().replace("frechet", "fréchet")
    return " ".join(re.sub(r"[*`\-]", " ", text).split())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_chapter_uses_the_word(row):
    term, chapter = row[0].split(",")[0], re.search(r"\{doc\}`(.+?)`", row[3])[1]
    assert term.lower().replace("-", " ").removesuffix("s") in words(chapter), f"{term} is not in {chapter}"


def test_terms_stand_once_and_in_order():
    terms = [row[0].split(",")[0].lower().replace("é", "e") for row in ROWS]
    assert terms == sorted(terms) and len(terms) == len(set(terms)) > 40


def test_each_term_has_its_chinese():
    assert all(re.search(r"[\u4e00-\u9fff]", row[1]) for row in ROWS)
