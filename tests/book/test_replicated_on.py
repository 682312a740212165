"""The column *replicated on*, recomputed from the tables: another kind of device, fresh seeds, and what changed."""

import json
import re

import pandas as pd
import pytest

import account_tables
import accounts
import measures
import replicated_on
import replications
import works_cited
from ganlab.study import recorded, recordings
from values import AccountError

CLAIMS = accounts.claims()
STUDY = "saturation-fresh"  # a study that claims rest on, recorded on a CPU


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.delenv("GANLAB_RECORD", raising=False)


@pytest.fixture
def measured_again(tmp_path):
    """Writes the recorded table as another device has it, changed as asked; returns the folder of replications."""

    def write(change=lambda table: None, device="NVIDIA of another kind", name=STUDY):
        table = recorded(name).copy()
        table.attrs["provenance"] = {**json.loads(json.dumps(table.attrs["provenance"])), "device": device}
        change(table)
        recordings.write(table, name, tmp_path / "there")
        return tmp_path

    return write


def holding():
    """A claim that holds by one number of the study alone, which one of the book's claims has."""
    measured = [m for claim in CLAIMS.values() for m in claim.measures if m.studies == {STUDY} and not m.against]
    measure = next(m for m in measured if m.verdict() == "holds")
    return accounts.Claim("X", "x", ("05-saturation",), "holds", "why", (measure,))


def test_the_same_numbers_keep_their_verdicts(measured_again):
    claim = holding()
    (one,) = replicated_on.repetitions({claim.id: claim}, measured_again())[claim.id]
    assert (one.on, one.numbers, one.changed, one.verdict) == ("NVIDIA of another kind", 1, (), claim.computed())
    assert "1 of 1 number, its verdict stays" in replicated_on.in_full(claim, [one])


def test_a_verdict_that_turns_is_seen(measured_again):
    claim = holding()
    (measure,) = claim.measures
    band = measures.band(measure.threshold)
    beyond = 2 * band.high + 1e3 if band.high < float("inf") else band.low - 1e3

    def turn(table):
        table[measure.column] = beyond + 1e-6 * table.seed

    found = replicated_on.repetitions({claim.id: claim}, measured_again(turn))
    (one,) = found[claim.id]
    assert one.changed == ((measure.label, "holds", "fails"),) and one.verdict == "fails"
    text = replicated_on.in_full(claim, [one])
    assert "✓ here, ✗ there" in text and "the claim would be *fails* there" in text
    assert "its verdict changes" in replicated_on.in_short(claim, [one])
    assert "1 turned from confirmed to refuted" in replicated_on.summary({claim.id: claim}, found)


def test_the_same_kind_of_device_is_no_other(measured_again):
    claim = holding()
    assert replicated_on.repetitions({claim.id: claim}, measured_again(device="CPU (another), 1 threads")) == {}
    assert replicated_on.kind("CPU (AMD EPYC), 1 threads") == "CPU" != replicated_on.kind("NVIDIA H100 80GB HBM3")


def test_a_number_that_rests_on_a_study_that_was_not_repeated_does_not_count(measured_again):
    pairs = [(c, m) for c in CLAIMS.values() if not c.awaited for m in c.measures if len(m.studies) == 2]
    claim, measure = pairs[0]
    folder = measured_again(name=sorted(measure.studies)[0], device="Another")
    found = replicated_on.repetitions({claim.id: claim}, folder).get(claim.id, [])
    whole = sum(m.studies == {sorted(measure.studies)[0]} for m in claim.measures)
    assert sum(one.numbers for one in found if one.on == "Another") == whole < len(claim.measures)


# Fresh seeds.
@pytest.fixture
def asked(monkeypatch):
    """A claim whose second measure repeats the first, of a study with the seeds given."""
    first = pd.DataFrame({"seed": range(8), "value": [1.0, 1.1, 1.2, 1.3] * 2})

    def build(seeds=range(8, 16), shift=0.0, headline=False, **more):
        again = pd.DataFrame({"seed": seeds, "value": [1.0 + shift, 1.1 + shift] * (len(seeds) // 2)})
        monkeypatch.setattr(measures, "_recorded", {"first": first, "again": again}.__getitem__)
        asked = {"column": "value", "kind": "mean", "threshold": "> 0.9", "repeats": "x"} | more
        pair = (measures.Measure("first", "value", label="x", kind="mean", threshold="> 0.9"),
                measures.Measure("again", label="y", **asked))  # fmt: skip
        return accounts.Claim("X", "x", ("01-a",), "holds", "why", pair, headline=headline)

    return build


def test_fresh_seeds_are_shown_with_what_became_of_the_verdict(asked, tmp_path):
    claim = asked()
    (one,) = replicated_on.repetitions({"X": claim}, tmp_path)["X"]
    assert (one.on, one.numbers, one.stayed) == ("fresh seeds, 8 to 15", 1, 1)
    (one,) = replicated_on.repetitions({"X": asked(shift=-1)}, tmp_path)["X"]
    assert one.changed == (("x", "holds", "fails"),)


@pytest.mark.parametrize(("devices", "other"), [(("NVIDIA H100", "CPU (x)"), True), (("CPU (x)", "CPU (y)"), False)])
def test_fresh_seeds_on_another_kind_of_device_are_both(asked, tmp_path, devices, other):
    claim = asked(headline=True)
    for study, device in zip(("first", "again"), devices, strict=True):
        measures._recorded(study).attrs["provenance"] = {"device": device}
    found = replicated_on.repetitions({"X": claim}, tmp_path)
    assert found["X"][0].elsewhere == other
    assert found["X"][0].on == "fresh seeds, 8 to 15" + (", on another kind of device" if other else "")
    assert f"1 were repeated in one way or the other, {int(other)} in both" in replicated_on.summary(
        {"X": claim}, found
    )


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"seeds": range(7, 15)}, r"not fresh: \[7\]"),
        ({"repeats": "z"}, "label of no other measure"),
        ({"repeats": "y"}, "label of no other measure"),
        ({"threshold": "> 0.8"}, "another threshold"),
        ({"kind": "ratio"}, "another kind"),
        ({"against": {"where": {}}}, "not both set against a control"),
    ],
)
def test_what_repeats_nothing_is_refused(asked, how, message):
    with pytest.raises(AccountError, match=message):
        replicated_on.fresh(asked(**how))


# What the book has.
def test_some_claims_of_the_book_were_repeated_in_each_way():
    ways = {one.on.split(",")[0] for all_ in replicated_on.book().values() for one in all_}
    assert {"fresh seeds", "NVIDIA H100 80GB HBM3"} <= ways


def test_each_repetition_of_the_book_is_what_its_tables_say():
    """Recomputed by another way: for each number, the study's table is read from the replication by hand."""
    checked = 0
    for name in replications.names():
        folder = replications.REPLICATIONS / name
        for key, found in replicated_on.book().items():
            claim = CLAIMS[key]
            for one in found:
                if not one.verdict:
                    continue
                theirs = [m for m in claim.measures if m.studies and m.studies <= set(replications.studies(name))]
                changed = []
                for measure in theirs:
                    with recordings.from_folder(folder):
                        measures.forget()
                        there = claim.judged(measure)
                    measures.forget()
                    here = claim.judged(measure)
                    changed += [(measure.label, here, there)] if here != there else []
                assert (one.numbers, one.changed) == (len(theirs), tuple(changed)), key
                checked += len(theirs)
    assert checked > 100


def test_the_studies_of_each_replication_come_from_another_kind_of_device():
    """Whoever records one of them anew on a GPU takes the old table, or none, as its replication."""
    for name in replications.names():
        folder = replications.REPLICATIONS / name
        for study in replications.studies(name):
            assert replicated_on._elsewhere(study, name, replications.REPLICATIONS), f"{folder.name}/{study}"


def test_the_page_has_the_column_and_a_box_the_line():
    some = [CLAIMS[name] for name in replicated_on.book()]
    page = account_tables.claims_table(some, works_cited.cite, replicated_on.book(), in_full=True).splitlines()
    assert page[0] == "| Claim | Verdict | Measured | Replicated on |"
    assert all("verdict" in row.rsplit("|", 2)[1] for row in page[2:])
    box = account_tables.claims_table(some, works_cited.cite, replicated_on.book()).splitlines()
    assert box[0] == "| Claim | Verdict | Measured |" and all("*Replicated* on" in row for row in box[2:])
    alone = [c for c in CLAIMS.values() if c.id not in replicated_on.book() and c.verdict != "not yet measured"]
    rows = account_tables.claims_table(alone, works_cited.cite, {}, in_full=True).splitlines()[2:]
    assert {re.split(r"(?<!\\)\|", row)[4].strip() for row in rows} == {"no", ""}
