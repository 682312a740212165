"""Anchors and flags: each rule catches the entries that a critical reading had found by hand."""

import warnings

import pandas as pd
import pytest
import yaml

import accounts
import anchors
import flags
import history
import measures
import record_order
from values import AccountError

CLAIMS = accounts.claims()


def refusals(name):
    return [anchors.refusal(measure) for measure in CLAIMS[name].measures]


@pytest.mark.parametrize(
    ("name", "index", "why"),
    [
        ("C2.5", 2, "same side"),  # more modes than all eight
        ("C8.11", 0, "quarter"),
    ],
)
def test_a_threshold_that_cannot_tell_is_refused(name, index, why):
    """Each of these had decided something."""
    claim = CLAIMS[name]
    assert why in refusals(name)[index]
    assert claim.judged(claim.measures[index]) == "open"


def test_a_fall_by_a_quarter_is_refused_where_none_diverged():
    """So S4.3 once asked of clipped Adam."""
    where = {"optimizer": "adam", "heat": "hot", "clip": "norm", "threshold": 1}
    against = {"where": {"clip": "none", "threshold": 0}}
    measure = measures.Measure("clipping-ring", "diverged", where, against, kind="share", threshold="< -0.25")
    assert "same side" in anchors.refusal(measure)


def test_a_control_that_leaves_no_room_is_refused():
    """Of weights that start at the bounds to 89 %, hardly ten in a hundred more can come there."""
    where, against = {"rule": "clip 0.01, eps 1e-30", "layer": 12}, {"column": "at_bounds_start"}
    measure = measures.Measure("critic-depth", "at_bounds", where, against, kind="share", threshold="> 0.1")
    assert "hardly more room" in anchors.refusal(measure)


def test_most_thresholds_are_not_refused():
    measured = [measure for claim in CLAIMS.values() for measure in claim.measures if not measure.awaited]
    found = [anchors.refusal(measure) for measure in measured]
    assert sum(map(bool, found)) < len(found) / 10


def test_a_claim_that_rests_on_refused_thresholds_is_undecided():
    assert CLAIMS["C8.11"].computed() == "undecided"


def test_pairs_of_equal_losses_are_not_ranked():
    """C2.3 counted pairs of losses that do not differ, of which every second run "contradicts" the means: 0.33."""
    assert CLAIMS["C2.3"].measures[0].compute().mean == pytest.approx(0.212, abs=5e-4)


def test_noise_is_compared_with_none_at_one_rate():
    """C13.5 had once set noise at a rate of 0.003 against none at 0.01."""
    assert not any(map(flags.own_rates, CLAIMS["C13.5"].measures))
    where = {"way": "constant 0.3", "lr": 0.003, "quarter": 4}
    against = {"where": {"way": "none 0", "lr": 0.01}}
    before = measures.Measure("noise-equal", "overlap", where, against, kind="share", threshold="< -0.05")
    assert flags.own_rates(before)


@pytest.fixture
def made(monkeypatch):
    table = pd.DataFrame({"seed": [0, 1, 2, 3] * 2, "clip": ["none"] * 4 + ["norm"] * 4})
    table["overlap"] = [0.2, 0.22, 0.18, 0.2, 0.5, 0.52, 0.48, 0.5]
    table["norm"] = table["overlap"] * 10
    monkeypatch.setattr(measures, "_recorded", {"s": table}.__getitem__)

    def build(threshold, column="overlap", kind="share", **more):
        where, against = {"clip": "norm"}, {"where": {"clip": "none"}}
        return measures.Measure("s", column, where, against, kind=kind, threshold=threshold, **more)

    return build


@pytest.mark.parametrize(
    ("threshold", "found"),
    [
        ("> 0.1", (0, 0.8)),  # a gain: at most to 1
        ("< -0.1", (0, -0.2)),  # a loss: at most to 0
        ("> -0.1", (-0.2, 0)),  # no worse
        ("< 0.1", (0.8, 0)),  # no better
        ("-0.05 .. 0.05", (-0.2, 0)),  # equal
    ],
)
def test_the_anchors_of_a_difference_come_from_its_control(made, threshold, found):
    assert anchors.anchors(made(threshold)) == pytest.approx(found)


def test_anchors_of_a_ratio_and_written_ones(made):
    ratio = made("> 2", "norm", "ratio", effect="ratio")
    assert anchors.anchors(ratio) == (1, None)
    assert anchors.refusal(ratio) == ""
    written = made("> 2", "norm", "ratio", effect="ratio", anchors={"nothing": 1, "all": 1.5})
    assert "same side" in anchors.refusal(written)
    cell = {"study": "s", "column": "overlap", "where": {"clip": "none"}}
    assert anchors.anchors(made("> 0.1", anchors={"all": cell})).all == pytest.approx(0.2)
    with pytest.raises(AccountError, match=r"unknown keys \['some'\]"):
        anchors.anchors(made("> 0.1", anchors={"some": 1}))


def test_a_wide_margin_confirms_nothing_and_may_refute(made):
    assert "quarter" in anchors.refusal(made("-0.1 .. 0.35"))
    assert anchors.refusal(made("-0.1 .. 0.1")) == ""  # 0.3 lies outside of a wide margin all the more


@pytest.mark.parametrize("search", flags.searches(), ids=lambda search: f"{search['final'][0]}-{search['knob']}")
def test_each_search_can_be_read(search):
    """Its final study and its columns exist, and claims use it."""
    used = [m for claim in CLAIMS.values() for m in claim.measures if m.study in search["final"]]
    assert used
    found = 0
    for where in [where for measure in used for study, where in flags._sides(measure) if study in search["final"]]:
        group = {theirs: where[mine] for mine, theirs in search["of"].items() if mine in where}
        best = flags.best_of_search(search, group) if len(group) == len(search["of"]) else None
        if best is not None:
            found += 1
            assert best[0] in best[1]
    assert found


@pytest.mark.parametrize(
    ("name", "edge"),
    [
        ("S1.12", True),
        ("S3.3", True),
        ("S1.13", True),
        ("S5.2", True),
        ("C2.6", False),
        ("C14.4", False),
    ],
)
def test_the_best_at_an_end_of_its_grid_is_flagged(name, edge):
    """S1.12 rests on a DCGAN whose best rate is the highest of five."""
    assert ("edge" in flags.flags(CLAIMS[name])) == edge


def test_the_edge_is_seen_in_a_small_search(monkeypatch):
    table = pd.DataFrame({"way": "a", "lr": [1, 2, 3] * 2, "seed": [0] * 3 + [1] * 3, "score": [1, 2, 3, 1, 2, 3]})
    monkeypatch.setattr(flags, "_searched", lambda names: table)
    search = {"final": ["f"], "tuned": ["t"], "of": {"way": "way"}, "knob": "lr", "score": "score"}
    assert flags.best_of_search(search | {"best": "high"}, {"way": "a"}) == (3, [1, 2, 3])
    table["score"] = [1, 3, 2] * 2
    assert flags.best_of_search(search | {"best": "high"}, {"way": "a"})[0] == 2
    assert flags.best_of_search(search | {"best": "low"}, {"way": "a"})[0] == 1
    assert flags.best_of_search(search | {"best": "low"}, {"way": "b"}) is None


def test_the_best_of_several_knobs_is_that_of_all_together(monkeypatch):
    """The best mean over all betas has a rate of 1, the best pair a rate of 2."""
    table = pd.DataFrame({"lr": [1, 1, 2, 2, 3, 3], "beta": [0.0, 0.5] * 3, "seed": 0, "score": [4, 4, 0, 9, 5, 5]})
    monkeypatch.setattr(flags, "_searched", lambda names: table)
    search = {"final": ["f"], "tuned": ["t"], "of": {}, "score": "score", "best": "low"}
    assert table.groupby("lr").score.mean().idxmin() == 1
    assert flags.best_of_search(search | {"knob": "lr"}, {}) == (2, [1, 2, 3])
    assert flags.best_of_search(search | {"knob": "beta"}, {}) == (0.0, [0.0, 0.5])


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("S1.8", "floor"),
        ("S4.8", "floor"),
        ("C12.7", "few"),
        ("C7.4", "small"),
        ("C15.11", "post hoc"),
        ("C14.1", "refused"),
    ],
)
def test_flags(name, flag):
    """S1.8: no DCGAN without norms is there at the last look."""
    assert flag in flags.flags(CLAIMS[name])


def test_what_is_exact_or_on_images_is_not_small():
    assert flags.flags(CLAIMS["C8.4"]) == []
    assert "small" not in flags.flags(CLAIMS["S1.12"])


def test_searches_name_studies_that_there_are_and_none_twice(tmp_path):
    """An entry of a study that is gone would be passed over in silence, as one that is not yet recorded is."""
    entries = yaml.safe_load((flags.BOOK / "tuning.yml").read_text())
    known = {name for part in record_order.parts(tmp_path) for name in part.names}
    named = {name for entry in entries for name in (*entry["final"], *entry["tuned"])}
    assert not sorted(name for name in named - known if not measures.is_recorded(name))
    assert not [entry for number, entry in enumerate(entries) if entry in entries[:number]]


def test_scopes_name_studies_that_are_recorded():
    """Or that a claim awaits, or that a chapter has written down."""
    awaited = frozenset().union(*(claim.awaited for claim in CLAIMS.values()))
    listed = {line.split(",")[0] for line in record_order.ORDER.read_text().splitlines()}
    for name in flags.scopes():
        assert name in awaited | listed or len(measures._recorded(name))


def test_registration_is_what_the_history_says():
    """Where there is one. Whether thresholds came before the recording is nothing that anybody writes by hand."""
    if problem := history.available():
        warnings.warn(problem, stacklevel=1)
        pytest.skip(problem)
    entries = yaml.safe_load((history.ROOT / history.CLAIMS).read_text())
    stated = {name for name, claim in CLAIMS.items() if claim.registered}
    assert history.registered(entries) == stated, "run `python book/_ext/history.py`"
    assert stated and len(stated) < len(CLAIMS)
    changed = [claim for claim in entries if claim["id"] in stated][:1]
    changed[0]["measures"][0]["threshold"] = "> 12345"
    assert history.registered(changed) == set()
