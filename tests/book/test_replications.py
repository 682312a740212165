"""Replications: what is taken in, what is refused, and a verdict that turns is reported as such."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import accounts
import measures
import replication_tables
import replications
from ganlab.study import recorded, recordings

ROOT = Path(__file__).resolve().parents[2]
CLAIMS, REPRODUCTIONS = accounts.claims(), accounts.reproductions()
STUDY = "saturation-fresh"  # a study that claims and reproductions rest on


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.delenv("GANLAB_RECORD", raising=False)


@pytest.fixture
def elsewhere(tmp_path):
    """Writes the recorded table as another machine would have, changed as asked; returns its folder."""

    def write(change=lambda table, facts: None, name=STUDY):
        table = recorded(STUDY).copy()
        table.attrs["provenance"] = facts = json.loads(json.dumps(table.attrs["provenance"]))
        facts["device"], facts["commit"] = "another machine", "unknown"
        changed = change(table, facts)
        folder = tmp_path / "recorded"
        made = table if changed is None else changed
        made.attrs["provenance"] = facts
        recordings.write(made, name, folder)
        return folder

    return write


def test_what_is_taken_in_is_read_back(elsewhere, tmp_path):
    assert replications.take(elsewhere(), "mine", commit="abc", folder=tmp_path / "kept") == {}
    assert replications.names(tmp_path / "kept") == ["mine"]
    assert replications.studies("mine", tmp_path / "kept") == [STUDY]
    table = replications.replicated(STUDY, "mine", tmp_path / "kept")
    pd.testing.assert_frame_equal(table, recorded(STUDY))
    facts = table.attrs["provenance"]
    assert (facts["device"], facts["commit"]) == ("another machine", "abc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table, facts: table.drop(columns="share"), "it has no column share"),
        (lambda table, facts: table.assign(more=1), "columns that the recorded table has not: more"),
        (lambda table, facts: facts.update(seeds=[100, 101]), "its seeds: [100, 101]; of the recorded"),
        (lambda table, facts: table[table.seed > 0], "its seeds are [1, 2,"),
        (lambda table, facts: facts["grid"].update(epochs=[1]), "its grid: {'epochs': [1]"),
        (lambda table, facts: facts.update(scale="quick"), "its scale: quick"),
    ],
    ids=["a column less", "a column more", "seeds", "a seed less", "grid", "scale"],
)
def test_what_is_no_replication_is_refused(elsewhere, tmp_path, change, message):
    refused = replications.take(elsewhere(change), "mine", folder=tmp_path / "kept")
    assert list(refused) == [STUDY] and message in "; ".join(refused[STUDY])
    assert replications.studies("mine", tmp_path / "kept") == []


def test_another_trial_an_unknown_study_and_a_table_without_provenance_are_refused(elsewhere, tmp_path, monkeypatch):
    folder = elsewhere(name="unheard-of")
    assert replications.faults("unheard-of", folder) == ["no study of this name is recorded"]
    elsewhere(lambda table, facts: facts.update(code={"trial": "a", "package": "b"}))
    assert replications.faults(STUDY, folder) == []  # the recorded table is of unknown age
    with monkeypatch.context() as patched:
        ours = recordings.read(STUDY, replications.RECORDED)
        ours.attrs["provenance"]["code"] = {"trial": "c", "package": "b"}
        theirs = recordings.read(STUDY, folder)
        patched.setattr(replications, "read", lambda _, place: theirs if place == folder else ours)
        assert replications.faults(STUDY, folder) == ["another trial made it"]
    (folder / f"{STUDY}.json").unlink()
    assert replications.faults(STUDY, folder) == ["its provenance is missing"]


@pytest.mark.parametrize("name", ["", "H100", "../x", "a b"])
def test_a_name_that_is_no_word_is_refused(elsewhere, name, tmp_path):
    with pytest.raises(ValueError, match="lower-case letters"):
        replications.take(elsewhere(), name, folder=tmp_path / "kept")


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no table"):
        replications.take(tmp_path, "mine", folder=tmp_path / "kept")


def test_the_command_refuses_in_words(tmp_path):
    (tmp_path / "unheard-of.csv").write_text("seed\n0\n")
    command = [sys.executable, str(ROOT / "book/_ext/replications.py"), "take", str(tmp_path), "--name", "mine"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "refused: unheard-of: no study of this name is recorded" in run.stderr
    assert "mine" not in replications.names()


def test_an_unknown_study_of_a_replication_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no study 'x'; it has: none"):
        replications.replicated("x", "mine", tmp_path)


def compared(folder, tmp_path, entries):
    replications.take(folder, "mine", folder=tmp_path / "kept")
    return replications.compared("mine", entries, tmp_path / "kept")


def test_the_same_numbers_have_the_same_verdicts(elsewhere, tmp_path):
    found = compared(elsewhere(), tmp_path, {**CLAIMS, **REPRODUCTIONS})
    assert len(found) > 5
    for one in found:
        assert one.same and one.verdicts[0] == one.verdicts[1]
        for number in one.numbers:
            assert number.same and number.overlap and not number.turned
            assert str(number.recorded) == str(number.replicated)


def decided(entries):
    """The first claim with a number that is confirmed, rests on the study alone and is no difference."""
    for claim in entries.values():
        for measure in claim.measures:
            if measure.studies == {STUDY} and not measure.against and measure.verdict() == "holds":
                return claim, measure
    raise AssertionError("no such claim")


def test_a_verdict_that_turns_is_reported(elsewhere, tmp_path):
    claim, measure = decided(CLAIMS)
    band = measures.band(measure.threshold)
    beyond = 2 * band.high + 1e3 if band.high < float("inf") else band.low - 1e3

    def turn(table, facts):
        spread = 1e-6 * table.seed
        table[measure.column] = beyond + spread

    (one,) = compared(elsewhere(turn), tmp_path, {claim.id: claim})
    number = next(number for number in one.numbers if number.measure is measure)
    assert number.verdicts == ("holds", "fails")
    assert number.turned and not number.overlap
    assert not one.same
    text = replication_tables.entry_rows([one], "Claim")
    assert "**another verdict**" in text and "the intervals are apart" in text
    assert f"{measure.label}: " in text.replace(r"\|", "|")
    assert "from confirmed to refuted" in replication_tables.summary([one], "claims")
    assert " 0 turn" not in replication_tables.summary([one], "claims")
    assert STUDY in replication_tables.study_rows("mine", [one], tmp_path / "kept")


def test_a_reproduction_that_leaves_its_band_is_reported(elsewhere, tmp_path):
    entry = next(e for e in REPRODUCTIONS.values() if e.measure.study == STUDY and e.computed())

    def far(table, facts):
        table[entry.measure.column] = 1e9 + table.seed

    (one,) = compared(elsewhere(far), tmp_path, {entry.id: entry})
    assert one.verdicts == ("pass", "miss") and not one.same


def test_the_recorded_numbers_come_back_after_a_comparison(elsewhere, tmp_path):
    _, measure = decided(CLAIMS)
    before = str(measure.compute())

    def other(table, facts):
        table[measure.column] += 1

    replications.take(elsewhere(other), "mine", folder=tmp_path / "kept")
    with replications.replicating("mine", tmp_path / "kept"):
        assert str(measure.compute()) != before
    assert str(measure.compute()) == before
    with pytest.raises(KeyError), replications.replicating("mine", tmp_path / "kept"):
        raise KeyError
    assert str(measure.compute()) == before


def test_a_number_that_pairs_both_says_so(tmp_path):
    """The claims on balance pair a replicated study with one that was not."""
    mixed = [claim for claim in CLAIMS.values() for m in claim.measures if len(m.studies) == 2]
    both = sorted(next(m for m in mixed[0].measures if len(m.studies) == 2).studies)
    for name, known in (("one", both[:1]), ("two", both)):
        for study in known:
            recordings.write(recorded(study), study, tmp_path / name)
    (one,), (two,) = (replications.compared(name, {mixed[0].id: mixed[0]}, tmp_path) for name in ("one", "two"))
    assert not all(number.whole for number in one.numbers) and all(n.whole for n in two.numbers)
    assert "pair a replicated study" in replication_tables.entry_rows([one], "Claim")
    assert "pair a replicated study" not in replication_tables.entry_rows([two], "Claim")


# What the book has.
@pytest.mark.parametrize("name", replications.names())
def test_each_replication_has_the_seeds_and_columns_of_what_is_recorded(name):
    folder = replications.REPLICATIONS / name
    assert {study: found for study in replications.studies(name) if (found := replications.faults(study, folder))} == {}
    assert replications.facts(name, "commit") not in ("", "unknown")


def test_the_page_shows_each_entry_that_was_replicated():
    text = "\n".join(part for part, _ in replication_tables.page())
    for name in replications.names():
        for one in replications.compared(name, {**CLAIMS, **REPRODUCTIONS}):
            what = f"**{one.entry.id}**" if isinstance(one.entry, accounts.Claim) else one.entry.what.split("$")[0]
            assert what in text
        assert all(f"| `{study}` |" in text for study in replications.studies(name))


def test_replications_stay_out_of_the_package():
    """The notebooks for Colab carry the package, sixteen times."""
    assert not list((ROOT / "ganlab").rglob("replications*"))
    assert sum(path.stat().st_size for path in replications.REPLICATIONS.rglob("*.*")) < 3e6
