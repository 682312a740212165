"""Headline claims are decided at 99 %: a claim that 95 % decides and 99 % does not is undecided."""

import re

import pandas as pd
import pytest
from scipy import stats

import account_tables
import account_totals
import accounts
import measures
import replicated_on
import works_cited
from values import LEVEL

CLAIMS = accounts.claims()
HEADLINES = {name: claim for name, claim in CLAIMS.items() if claim.headline}


@pytest.fixture
def study(monkeypatch):
    """Five seeds with the values 2 to 6: mean 4, standard error 0.7071."""
    table = pd.DataFrame({"way": "a", "seed": range(5), "value": [2.0, 3, 4, 5, 6], "hit": 1})
    both = pd.concat([table, table.assign(way="b", hit=0)])
    monkeypatch.setattr(measures, "_recorded", {"small": both}.__getitem__)


def claim(threshold, column="value", kind="mean", **more):
    measure = measures.Measure("small", column, {"way": "a"}, kind=kind, threshold=threshold, label="x")
    return accounts.Claim("X", "x", ("01-a",), "undecided", "why", (measure,), **more)


def test_the_interval_is_wider(study):
    for level, headline in ((0.95, False), (0.99, True)):
        one = claim("> 2", headline=headline)
        value = one.measures[0].compute(one.level)
        half = stats.t.ppf(0.5 + level / 2, 4) * 0.5**0.5
        assert (value.low, value.high) == (pytest.approx(4 - half), pytest.approx(4 + half))


# 95 %: [2.04, 5.96]; 99 %: [0.74, 7.26].
@pytest.mark.parametrize(
    ("threshold", "usual", "strict"),
    [
        ("> 2", "holds", "undecided"),
        ("> 6", "fails", "undecided"),
        ("> 0.7", "holds", "holds"),
        ("> 8", "fails", "fails"),
    ],
)
def test_what_95_decides_and_99_does_not_is_undecided(study, threshold, usual, strict):
    assert claim(threshold).computed() == usual
    assert claim(threshold, headline=True).computed() == strict
    assert claim(threshold, headline=True).computed(LEVEL) == usual


@pytest.mark.parametrize(("column", "kind", "threshold"), [("value", "ratio", "> 2.1"), ("hit", "share", "> 0.5")])
def test_ratios_and_shares_have_wider_intervals_too(study, column, kind, threshold):
    assert claim(threshold, column, kind).computed() == "holds"
    assert claim(threshold, column, kind, headline=True).computed() == "undecided"


def test_the_level_is_printed_and_what_the_file_says_is_held_against_it(study):
    one = claim("> 2", headline=True)
    text = account_tables.claims_table([one], works_cited.cite, {})
    assert "★ headline" in text and "[0.744, 7.26]** (99%)" in text
    assert "99%" not in account_tables.claims_table([claim("> 2")], works_cited.cite, {})
    assert accounts.disagreements({"X": one}) == []
    stated = accounts.Claim("X", "x", ("01-a",), "holds", "why", one.measures, headline=True)
    assert "the numbers say 'undecided'" in accounts.disagreements({"X": stated})[0]
    assert "*holds* at 95 %" in account_totals.headlines([one], {})


def test_chance_counts_a_headline_claim_at_its_own_level(study):
    both = [claim("> 2"), claim("> 2", headline=True)]
    said = account_totals.chance(both * 50)
    assert "Of 100 measures 100 have an interval, 50 of them" in said
    assert "about 3," in said  # 50 * 0.05 + 50 * 0.01


def test_the_book_has_a_handful_and_most_chapters_have_one():
    assert 10 <= len(HEADLINES) <= 20
    assert len({claim.chapter[0] for claim in HEADLINES.values()}) >= 15
    table = account_totals.headlines(CLAIMS.values(), replicated_on.book())
    assert re.findall(r"\*\*([SC][\d.]+)\*\*", table) == list(HEADLINES)


@pytest.mark.parametrize("name", [name for name, claim in CLAIMS.items() if claim.source])
def test_the_works_that_a_claim_is_after_are_known_and_shown(name):
    one = CLAIMS[name]
    assert set(one.source) <= set(works_cited.entries())
    text = account_tables.claims_table([one], works_cited.cite, {})
    assert f"after {', '.join(map(works_cited.cite, one.source))}" in text


def test_claims_of_the_tutorials_name_no_work_and_some_of_ours_do():
    assert not [name for name, claim in CLAIMS.items() if claim.source and name.startswith("S")]
    assert sum(bool(claim.source) for claim in CLAIMS.values()) > 40
