"""No recorded table is older than its code, as far as its hash can say; an older one is found."""

import json
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import notebooks
import recording_ages
from ganlab.study import Study, recordings
from ganlab.study.code import code_in

AGES = recording_ages.ages()


def test_no_recorded_table_is_older_than_its_code():
    """A table that was recorded before there were hashes is of unknown age, which is no fault."""
    assert [age for age in AGES if age.age == recording_ages.OLDER] == []


def test_every_recorded_table_has_an_age():
    names = sorted(path.stem for path in recording_ages.RECORDED.glob("*.csv"))
    assert sorted(age.study for age in AGES) == names
    # By rules that are gone, on what was held out then.
    rounds, kinds = ("", "judged-", "third-", "fifth-"), ("causes", "sick", "healthy", "findings")
    judged = {f"clinic-{which}{kind}" for which in rounds for kind in kinds}
    played = {"ring-again", "clinic-games", "clinic-labels"}
    assert {age.study for age in AGES if not age.chapter} <= played | judged


def test_every_trial_of_the_book_has_a_hash():
    for chapter in notebooks.chapters():
        cells = tuple(notebooks.code_cells(chapter))
        found = recording_ages.studies(cells, tuple(age.study for age in AGES))
        assert None not in found.values(), chapter


CELLS = [
    "def helper(x):\n    return x + 1\ndef trial(seed):\n    return {'value': helper(seed)}\n",
    "made = Study('one', trial, {})",
    "made.run()",
    "for name, seeds in (('two', [1]), ('three', [2])):\n    Study(name, trial, {}, seeds=seeds).run()",
    "for kind in 'ab':\n    Study(f'four-{kind}', trial, {}).run()",
    "Study(name='five', trial=lambda seed: {}, grid={}).run()",
]
NAMES = ("five", "four-a", "four-b", "one", "six", "three", "two")


@pytest.fixture
def book(tmp_path):
    """A folder with a chapter and its recordings, five of them with the chapter's hashes."""

    def write(cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
        nbformat.write(notebook, tmp_path / "01-small.ipynb")

    write(CELLS)
    for name in NAMES:
        table = pd.DataFrame({"seed": [0], "value": [1]})
        code = code_in(CELLS, "trial") if name not in ("five", "six") else None
        table.attrs["provenance"] = {"study": name} | ({"code": code} if code else {})
        recordings.write(table, name, tmp_path)

    def aged(cells=CELLS):
        write(cells)
        found = recording_ages.ages(tmp_path, [tmp_path / "01-small.ipynb"])
        return {age.study: age.age for age in found}

    return aged


def test_the_studies_of_a_notebook_are_found_however_they_are_named(book):
    unknown = dict.fromkeys(("five", "six"), recording_ages.UNKNOWN)
    assert book() == dict.fromkeys(NAMES, recording_ages.CURRENT) | unknown


def test_a_table_whose_trial_calls_something_else_now_is_older(book):
    changed = [CELLS[0].replace("x + 1", "x + 2"), *CELLS[1:]]
    assert {name for name, age in book(changed).items() if age == recording_ages.OLDER} == set(NAMES) - {"five", "six"}


def test_a_helper_that_changes_between_two_studies_ages_the_later_ones(book):
    changed = [*CELLS[:3], "def helper(x):\n    return x + 2", *CELLS[3:]]
    older = {name for name, age in book(changed).items() if age == recording_ages.OLDER}
    assert older == {"two", "three", "four-a", "four-b"}


def test_a_study_that_runs_in_a_later_cell_has_the_code_of_that_cell(book):
    changed = [*CELLS[:2], "def helper(x):\n    return x + 2", CELLS[2], CELLS[0], *CELLS[3:]]
    assert {name for name, age in book(changed).items() if age == recording_ages.OLDER} == {"one"}


def test_words_do_not_age_a_table(book):
    changed = [CELLS[0].replace("return x + 1", '"""Helps."""\n    return (x +  1)  # one more'), *CELLS[1:]]
    assert recording_ages.OLDER not in book(changed).values()


def test_the_package_ages_a_table_in_its_own_way(book, tmp_path):
    facts = json.loads((tmp_path / "one.json").read_text())
    facts["code"]["package"] = "another"
    (tmp_path / "one.json").write_text(json.dumps(facts))
    assert book()["one"] == recording_ages.PACKAGE_CHANGED


def test_what_is_recorded_now_is_as_the_code_is(tmp_path, monkeypatch):
    """The provenance that a study writes is what is compared; this file stands for a chapter."""
    monkeypatch.setenv("GANLAB_SCALE", "full")
    monkeypatch.setenv("GANLAB_RECORD", str(tmp_path))
    Study("demo", small_trial, {}).run(progress=False)
    stored = json.loads((tmp_path / "demo.json").read_text())["code"]
    assert stored == code_in([Path(__file__).read_text()], "small_trial")


def small_trial(seed):
    return {"value": helped(seed)}


def helped(x):
    return x + 1


def test_the_table_counts_each_recording_once():
    text = recording_ages.table(AGES)
    last = next(line for line in text.splitlines() if line.startswith("| **all**"))
    assert sum(int(cell.strip(" *")) for cell in last.split("|")[2:-1] if cell.strip()) == len(AGES)


def test_the_table_names_what_is_older():
    age = recording_ages.Age("old-one", "01-losses", recording_ages.OLDER)
    assert "Older than their code: `old-one`." in recording_ages.table([age])
