"""The picture of the introduction: drawn by the script beside it, by the code as it is now, and told truly."""

import json

import pandas as pd
import pytest

import intro_figure as figure

WORDS = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight"]
AGAIN = "draw it again: python book/_ext/intro_figure.py"


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame(json.loads(figure.kept("Measured")))


def count(condition) -> str:
    """How many seeds, in words."""
    return WORDS[int(condition.sum())]


def test_the_picture_is_of_this_script():
    assert figure.kept("Source") == figure.digest(), AGAIN
    assert figure.PICTURE.stat().st_size < 80_000


def test_the_picture_is_of_this_code():
    for ending, gradients in figure.first_steps().items():
        assert gradients == pytest.approx(json.loads(figure.kept("Start"))[ending], rel=0.05), AGAIN


def test_every_recipe_ran_on_every_seed(table):
    assert {ending: list(rows.seed) for ending, rows in table.groupby("ending", sort=False)} == {
        ending: list(figure.SEEDS) for ending in figure.ENDINGS
    }


def test_the_words_are_the_numbers(table):
    text = " ".join((figure.PICTURE.parents[1] / "intro.md").read_text().split())
    works, collapses, still, settles = (table[table.ending == ending] for ending in figure.ENDINGS)
    stuck = still.gradient < 1e-6
    said = [
        f"{WORDS[works.modes.min()].capitalize()} to {WORDS[works.modes.max()]} of the eight modes are found, "
        f"all eight in {count(works.modes == 8)} of eight seeds",
        f"One or two modes are found, in {count(collapses.modes.isin([1, 2]))} of eight seeds",
        f"In {count(stuck)} of eight seeds the generator's gradient ends below one millionth",
        f"The other {count(~stuck & (still.modes <= 1))} got away, and collapsed",
        f"In {count(settles.drift > 1)} of eight seeds the samples still move by {settles.drift.min():.0f} to "
        f"{settles.drift.max():.0f} in a hundred steps",
        f"makes after {figure.STEPS:,} steps",
    ]
    assert [sentence for sentence in said if sentence not in text] == []
    assert works.gradient.min() / 3 < collapses.gradient.mean() < works.gradient.max()  # "as large as before"
