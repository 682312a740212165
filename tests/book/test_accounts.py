"""The books of account: every stated verdict is recomputed; the rule itself is tested on small cases."""

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import account_tables
import account_totals
import accounts
import measures
import record_order
import spark
import values
import works_cited

BOOK = Path(__file__).resolve().parents[2] / "book"
CLAIMS, REPRODUCTIONS = accounts.claims(), accounts.reproductions()


@pytest.mark.parametrize("name", CLAIMS)
def test_claim_agrees_with_its_numbers(name):
    assert accounts.disagreements({name: CLAIMS[name]}) == []


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_reproduction_agrees_with_its_numbers(name):
    assert accounts.disagreements({name: REPRODUCTIONS[name]}) == []


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_reproduction_names_its_source(name):
    assert REPRODUCTIONS[name].source in {"exact", *works_cited.entries()}


def test_every_check_is_used():
    entries = [m for claim in CLAIMS.values() for m in claim.measures] + [r.measure for r in REPRODUCTIONS.values()]
    assert set(measures.checks()) == {measure.check for measure in entries if measure.check}


# The rule, on a small study: kind a is near 2, kind b near 4, at step 10; five seeds.
@pytest.fixture
def study(monkeypatch):
    rows = [
        {"kind": kind, "step": step, "seed": seed, "value": step * (level + 0.1 * seed)}
        for kind, level in (("a", 0.2), ("b", 0.4))
        for step in (1, 10)
        for seed in range(5)
    ]
    tables = {"small": pd.DataFrame(rows), "single": pd.DataFrame(rows[:1])}
    monkeypatch.setattr(measures, "_recorded", tables.__getitem__)


def at_the_end(threshold, of="a", kind="mean", **more):
    where = {"kind": of, "step": "last"}
    return measures.Measure(
        label="x", study="small", column="value", where=where, threshold=threshold, kind=kind, **more
    )


# Kind a at the end: 2, 3, 4, 5, 6. Mean 4, 95 % interval 4 -+ 2.776 * 1.581 / sqrt(5) = [2.037, 5.963].
@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [
        ("> 2", "holds"),
        ("> 2.1", "open"),
        ("> 5.9", "open"),
        ("> 6", "fails"),
        ("< 6", "holds"),
        ("<= 1", "fails"),
        (">= 4", "open"),
        ("2 .. 6", "holds"),
        ("3 .. 5", "open"),
        ("6 .. 7", "fails"),
        ("-1e1 .. 1e1", "holds"),
    ],
)
def test_interval_against_threshold(study, threshold, verdict):
    assert at_the_end(threshold).verdict() == verdict


def test_interval_is_student_t(study):
    value = at_the_end("> 0").compute()
    assert (value.mean, value.seeds) == (pytest.approx(4), 5)
    assert (value.low, value.high) == (pytest.approx(2.0368, abs=1e-3), pytest.approx(5.9632, abs=1e-3))


def test_against_is_paired_by_seed(study):
    difference = at_the_end("> 0", "b", against={"where": {"kind": "a"}}).compute()
    assert difference.mean == pytest.approx(2) and difference.high - difference.low < 1e-9
    ratio = at_the_end("> 0", "b", "ratio", against={"where": {"kind": "a"}}, effect="ratio").compute()
    assert ratio.mean == pytest.approx((4 / 2 * 5 / 3 * 6 / 4 * 7 / 5 * 8 / 6) ** (1 / 5))


def test_exact_value_at_the_threshold(monkeypatch):
    monkeypatch.setattr(measures, "checks", lambda: {"two": lambda: 2.0})
    judged = {
        t: measures.Measure(label="x", check="two", threshold=t, kind="exact").verdict()
        for t in ("< 2", "<= 2", "2 .. 2")
    }
    assert judged == {"< 2": "fails", "<= 2": "holds", "2 .. 2": "holds"}


def test_one_seed_proves_nothing(study):
    measure = measures.Measure(label="x", study="single", column="value", threshold="> -1e9", kind="mean")
    assert measure.verdict() == "open" and str(measure.compute()) == "0.2" and measure.compute().runs == "one run"


@pytest.mark.parametrize(
    ("thresholds", "verdict"),
    [
        (["> 2", "< 6"], "holds"),
        (["> 6", "< 1"], "fails"),
        (["> 2", "> 6"], "depends"),
        (["> 2", "> 6", "> 4"], "depends"),
        (["> 2", "> 4"], "undecided"),
        (["> 6", "> 4"], "undecided"),
        (["> 4"], "undecided"),
    ],
)
def test_verdict_of_several_measures(study, thresholds, verdict):
    """An interval across the threshold is no contradiction. 51 claims had been printed as `depends` for that."""
    claim = accounts.Claim(
        id="C0.1", statement="s", chapter=("c",), verdict="holds", reason="r",
        measures=tuple(map(at_the_end, thresholds)),
    )  # fmt: skip
    assert claim.computed() == verdict


ENTRY = """
- id: C0.1
  statement: Kind a ends above two.
  chapter: 01-losses
  verdict: holds
  reason: It does.
  measures:
    - {label: value at the end, study: small, column: value, where: {kind: a, step: last}, kind: mean, threshold: "> 2"}
"""
RESULT = """
- {id: end, what: The end, exact: 4, source: exact, chapter: 01-losses, study: small, column: value,
   where: {kind: a, step: last}, kind: mean, band: [3, 5], pass: true}
"""


def test_a_contradicted_claim_is_reported(study, tmp_path):
    file = tmp_path / "claims.yml"
    file.write_text(ENTRY)
    assert accounts.disagreements(accounts.claims(file)) == []
    file.write_text(ENTRY.replace("verdict: holds", "verdict: fails"))
    (line,) = accounts.disagreements(accounts.claims(file))
    assert "C0.1: the file says 'fails', the numbers say 'holds': small: 4 [2.04, 5.96] (> 2)" in line
    file.write_text(ENTRY.replace("> 2", "> 6"))
    (line,) = accounts.disagreements(accounts.claims(file))
    assert "the file says 'holds', the numbers say 'fails'" in line


def test_a_claim_of_the_book_whose_verdict_is_turned_is_reported(tmp_path):
    measured = {name: claim for name, claim in CLAIMS.items() if claim.measures}
    for name, claim in measured.items():
        turned = "fails" if claim.computed() == "holds" else "holds"
        changed = accounts.Claim(**{**vars(claim), "verdict": turned})
        assert accounts.disagreements({name: changed}), name


def test_a_contradicted_reproduction_is_reported(study, tmp_path):
    file = tmp_path / "reproductions.yml"
    file.write_text(RESULT)
    assert accounts.disagreements(accounts.reproductions(file)) == []
    file.write_text(RESULT.replace("[3, 5]", "[5, null]"))
    (line,) = accounts.disagreements(accounts.reproductions(file))
    assert "end: the file says True, the numbers say False: small: 4" in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("verdict: holds", "verdict: maybe", "unknown verdict 'maybe'; known: holds"),
        ("verdict: holds", "verdict: not measurable", "stands without measures"),
        ("  reason: It does.\n", "", "missing: reason"),
        ("reason:", "because:", "unknown keys"),
        ('"> 2"', '"about 2"', 'write "< x"'),
        ("column: value, ", "", "needs a `column`"),
        ("label: value at the end, ", "", "needs a `label`"),
        ("study: small", "check: f, study: small", "either"),
        ("kind: mean, ", "", "`kind` '' is none of mean, share, ratio, exact"),
        ("kind: mean", "kind: exact", "kind exact is for checks"),
        ("kind: mean", "kind: share, possible: [0, 1]", "goes with kind mean"),
    ],
)
def test_a_faulty_entry_is_named(tmp_path, old, new, message):
    file = tmp_path / "claims.yml"
    file.write_text(ENTRY.replace(old, new))
    with pytest.raises(accounts.AccountError, match=r"claims\.yml: C0\.1") as error:
        accounts.claims(file)
    assert message in str(error.value)


def test_an_id_may_not_stand_twice(tmp_path):
    file = tmp_path / "claims.yml"
    file.write_text(ENTRY + ENTRY)
    with pytest.raises(accounts.AccountError, match="this id stands twice"):
        accounts.claims(file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("column: value", "column: vlaue", "no column ['vlaue']; columns: kind, step, seed, value"),
        ("kind: a", "kind: c", "no row has"),
        (", step: last", "", "leaves several rows per seed; they differ in ['step']"),
    ],
)
def test_a_measurement_that_is_not_there_is_reported(study, tmp_path, old, new, message):
    file = tmp_path / "claims.yml"
    file.write_text(ENTRY.replace(old, new))
    (line,) = accounts.disagreements(accounts.claims(file))
    assert message in line


def test_table_escapes_what_would_end_a_cell():
    line = account_tables.table(["head"], [["a|b $|x| + \\|y\\|$\nc"]]).splitlines()[-1]
    assert line == r"| a\|b $\vert x\vert  + \Vert y\Vert $ c |"


def test_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text("- id: A\n  statement: one\n  statement: two\n")
    with pytest.raises(values.AccountError, match="line 1: statement stands twice"):
        accounts.claims(path)


@pytest.mark.parametrize(("kind", "entries"), [("claims", CLAIMS), ("theory", REPRODUCTIONS)])
def test_the_totals_count_every_entry_once(kind, entries):
    """Each row adds up, and the rows add up to the last one."""
    lines = account_totals.totals(entries.values(), kind).splitlines()[2:]
    counts = [[int(n.strip("* ") or 0) for n in line.strip("|").split("|")[1:]] for line in lines]
    assert all(sum(row[:-1]) == row[-1] for row in counts)
    assert [sum(column) for column in zip(*counts[:-1], strict=True)] == counts[-1]
    assert counts[-1][-1] == len(entries)


def test_totals_of_a_small_book(study):
    """Two chapters; claims that hold, fail, are undecided, are not measurable."""
    parts = [("01-a", "holds", (at_the_end("> 2"),)), ("01-a", "fails", (at_the_end("> 6"),))]
    parts += [("02-b", "undecided", (at_the_end("> 4"),)), ("02-b", "not measurable", ())]
    claims = [accounts.Claim(f"X{i}", "x", (at,), verdict, "why", m) for i, (at, verdict, m) in enumerate(parts)]
    rows = account_totals.totals(claims, "claims").splitlines()[2:]
    assert [row.split("|")[2:-1] for row in rows] == [
        [" 1 ", " 1 ", "  ", "  ", "  ", "  ", " 2 "],
        ["  ", "  ", "  ", " 1 ", "  ", " 1 ", " 2 "],
        [" **1** ", " **1** ", "  ", " **1** ", "  ", " **1** ", " **4** "],
    ]


def places(value, band):
    """Where the picture has the band's ends, the interval's and the mean, in pixels."""
    tags = re.findall(r'class="spark-(\w+)"([^/]*)/', spark.svg(value, band))
    numbers = {name: {k: float(v) for k, v in re.findall(r'(\w+)="([-\d.]+)"', text)} for name, text in tags}
    left = numbers["band"]["x"]
    return left, left + numbers["band"]["width"], *(numbers["interval"][k] for k in ("x1", "x2")), numbers["mean"]["cx"]


@given(*[st.floats(-1e6, 1e6, width=32)] * 4)
def test_the_picture_is_in_order(a, b, c, d):
    """What is less in the numbers is not further right in the picture, and all of it is in the picture."""
    low, mean, high = sorted((a, b, c))
    left, right, x1, x2, middle = places(values.Value(mean, low, high, 5), values.band(f"> {d}"))
    assert 0 <= x1 <= middle <= x2 <= spark.WIDTH
    assert 0 <= left <= right <= spark.WIDTH + 1
    assert left <= middle if d <= mean else left >= middle


def test_the_picture_shows_which_side():
    band = values.band("> 1")
    left, right, *_, mean = places(values.Value(0.5, 0.4, 0.6, 5), band)
    assert mean < left and right == spark.WIDTH
    left, *_, mean = places(values.Value(1.5, 1.4, 1.6, 5), band)
    assert mean > left
    # Orders of magnitude: 1, 100 and 10,000 at equal distances.
    left, right, _, _, mean = places(values.Value(100, 100, 100), values.band("1 .. 10000"))
    assert mean == pytest.approx((left + right) / 2, abs=0.1)


def test_a_claim_whose_study_is_not_recorded_is_not_yet_measured(study):
    awaited = measures.Measure(study="never-recorded", column="x", label="x", threshold="> 0", kind="mean")
    other = at_the_end("> 2", against={"study": "never-recorded"})
    for found in (awaited, other):
        claim = accounts.Claim("X", "x", ("01-a",), "not yet measured", "why", (at_the_end("> 2"), found))
        assert claim.computed() == "not yet measured"
        assert claim.awaited == {"never-recorded"}
        assert "never-recorded" in account_tables.claims_table([claim], works_cited.cite, {})
        assert accounts.disagreements({"X": claim}) == []
        assert "Of 0 measures" in account_totals.chance([claim])
    holds = accounts.Claim("X", "x", ("01-a",), "holds", "why", (awaited,))
    assert "not recorded" in accounts.disagreements({"X": holds})[0]


def test_what_is_awaited_is_a_study_of_a_chapter(tmp_path):
    """A slip in a study's name would be awaited for ever."""
    known = {name for part in record_order.parts(tmp_path) for name in part.names}
    awaited = {study for claim in CLAIMS.values() for study in claim.awaited}
    assert awaited <= known, f"no chapter measures {sorted(awaited - known)}"
