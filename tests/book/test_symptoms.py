"""The symptom page, followed by a newcomer: its snippets run in a bare loop and say what the page says they say."""

import math
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import torch
import yaml
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

import myst
import symptom_pages
from ganlab.clipping import clip_grad_norm_
from ganlab.diagnosis import CAUSES, GROUPS, RULES, looks_at
from ganlab.monitor import Monitor

PAGE = (Path(__file__).resolve().parents[2] / "book" / "symptoms.md").read_text()
OPENING, BY_HAND, NONFINITE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
BEFORE, DIAGNOSE = OPENING.split("  # before the loop\n")
IN_THE_LOOP, AFTER = re.split(r"see below\n", BY_HAND)
SYMPTOMS = {group: symptom_pages.symptoms(group) for group in GROUPS}
CARDS = {group: symptom_pages.causes(group) for group in GROUPS}


def row(start: str) -> str:
    """The row of what one sees that begins like this."""
    (found,) = [line for table in SYMPTOMS.values() for line in table.splitlines() if line.startswith(f"| {start}")]
    return found


def newcomer(depth=2, steps=3, in_the_loop=IN_THE_LOOP, d_per_g=1, init=None):
    """A loop of one's own on points, with the page's lines where it says that they go; the names that it leaves."""
    torch.manual_seed(0)
    hidden = [layer for _ in range(depth) for layer in (torch.nn.Linear(64, 64), torch.nn.ReLU())]
    G = torch.nn.Sequential(torch.nn.Linear(8, 64), *hidden, torch.nn.Linear(64, 2))
    if init is not None:
        G.apply(init)
    D = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.LeakyReLU(0.2), torch.nn.Linear(64, 1))
    optimizer_d, optimizer_g = (torch.optim.Adam(net.parameters(), 1e-2) for net in (D, G))
    names = {"D": D, "G": G, "optimizer_d": optimizer_d, "optimizer_g": optimizer_g}
    exec(BEFORE, names)
    real, z = 3 + 0.1 * torch.randn(64, 2), torch.randn(64, 8)
    for _ in range(steps):
        for _ in range(d_per_g):
            optimizer_d.zero_grad()
            names["D_on_real"], names["D_on_fake"] = D(real), D(G(z).detach())
            exec(in_the_loop, names)
            (softplus(-names["D_on_real"]).mean() + softplus(names["D_on_fake"]).mean()).backward()
            optimizer_d.step()
        optimizer_g.zero_grad()
        softplus(-D(G(z))).mean().backward()
        optimizer_g.step()
    return names | {"z": z, "real": real}


def printed(code: str, names: dict) -> str:
    with redirect_stdout(StringIO()) as said:
        exec(code, names)
    return said.getvalue()


def test_the_snippet_runs_and_holds_no_nan():
    names = newcomer()
    text = printed(AFTER, names)
    assert "grad_rms" in text and "loss_slope" in text and "nan" not in text.lower()


def test_without_the_call_the_logits_are_found_where_d_is_called_on_each():
    told, found = (newcomer(**options)["monitor"].game() for options in ({}, {"in_the_loop": ""}))
    assert told.real_logit.notna().all()
    assert (told - found).abs().max().max() == 0
    assert "cannot tell which is which" in PAGE and "and mean logits of `game()` are NaN, and your loop has to" in PAGE


def test_a_d_that_wins_under_the_non_saturating_loss_is_found():
    """Case A: D's loss goes to 0 and the samples are noise. The slope is near 1, the logits tell."""
    game = newcomer(steps=40, d_per_g=20)["monitor"].game().iloc[-1]
    assert game.real_logit - game.fake_logit > 10 and min(game.real_accuracy, game.fake_accuracy) > 0.98
    assert game.loss_slope > 0.9
    said = row("D's loss goes to zero")
    assert "tens where D had won" in said and "non-saturating loss it is near 1" in said
    assert "{ref}`discriminator-too-strong <" in said and "{doc}`05-saturation`" in said


def test_a_deep_g_is_found_by_dl_dh_and_not_by_dl_dw():
    """Case B: thirty layers without biases, as Xavier initialises them."""

    def xavier(layer):
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.xavier_normal_(layer.weight)
            torch.nn.init.zeros_(layer.bias)

    names = newcomer(depth=30, steps=1, init=xavier)
    fresh = newcomer(depth=30, steps=0, init=xavier)["G"]
    passing = names["snapshot"](fresh, names["z"], lambda x: softplus(-names["D"](x)).mean()).grad_rms[1:-1]
    weights = names["monitor"].gradients(by="parameter").query("phase == 'G' and parameter.str.endswith('weight')")
    norms = weights.grad_norm.iloc[1:-1]
    falls, hides = passing.max() / passing.min(), norms.max() / norms.min()
    assert falls > 1000 and hides < 30, (falls, hides)
    said = row("a deep generator does not learn at all")
    assert "`snapshot(G, z, loss)`" in said and "hides depth" in said


def test_the_first_nan_is_named():
    """Case C: the logarithm of a probability, and a D that is sure."""
    names = newcomer()
    for p in names["D"].parameters():
        p.data *= 60
    names["optimizer_d"].zero_grad()
    torch.log(1 - torch.sigmoid(names["D"](names["real"]))).mean().backward()
    names["optimizer_d"].step()
    text = printed(NONFINITE, names)
    assert re.search(r"\b4\s+D\s+0\s+0\.weight\b", text), text  # step, whose step, layer, parameter; nothing is cut off


# The numbers of the checklist.
def slope(function, at: float) -> float:
    x = torch.tensor(at, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(x), x)
    return gradient.item()


def test_where_the_logarithm_of_a_probability_breaks():
    log_sigmoid, log_rest = lambda x: torch.log(torch.sigmoid(x)), lambda x: torch.log(1 - torch.sigmoid(x))
    assert math.isnan(slope(log_sigmoid, -104.0)) and math.isfinite(slope(log_sigmoid, -80.0))
    assert math.isnan(slope(log_rest, 17.0)) and math.isfinite(slope(log_rest, 15.0))
    for x in (-104.0, 17.0):
        assert math.isfinite(slope(softplus, x)) and math.isfinite(slope(lambda x: softplus(-x), x))
        with_logits = lambda x: binary_cross_entropy_with_logits(x, torch.ones_like(x))  # noqa: E731
        assert math.isfinite(slope(with_logits, x))
    assert "$l \\le -103$" in CARDS["nan"] and "$l \\ge 17$" in CARDS["nan"]


def test_the_range_of_half_precision():
    half = torch.finfo(torch.float16)
    assert half.max == 65504 and torch.tensor(2.9e-8).half() == 0 < torch.tensor(3.1e-8).half()
    assert torch.tensor(1e38).bfloat16().isfinite()


def test_a_root_at_zero_and_a_batch_of_one():
    zero = torch.zeros(2, requires_grad=True)
    assert torch.autograd.grad(zero.square().sum().sqrt(), zero)[0].isnan().all()
    assert (torch.autograd.grad(torch.linalg.vector_norm(zero), zero)[0] == 0).all()
    assert torch.ones(1).std().isnan()


def test_a_clip_does_not_mend_a_nan():
    """So the checklist does not send the reader to a clip."""
    p = torch.nn.Parameter(torch.ones(2))
    p.grad = torch.tensor([math.nan, 1.0])
    clip_grad_norm_([p], 1.0)
    assert not p.grad.isfinite().all()
    checklist = symptom_pages.causes("nan", numbered=True)
    assert [int(number) for number in re.findall(r"^\*\*(\d)\. ", checklist, re.MULTILINE)] == [1, 2, 3, 4, 5, 6]
    assert "clip_grad" not in checklist


# The page and the register.
def on_the_page(page: str) -> list[str]:
    """The ids of the cards that the page's directives make, in order."""
    groups = [box.argument for box in myst.directives(page) if box.name == "causes"]
    return [id for group in groups for id in re.findall(r"^\(cause-(.+)\)=$", CARDS[group], re.MULTILINE)]


def test_each_cause_is_on_the_page_once():
    assert sorted(on_the_page(PAGE)) == sorted(CAUSES)


def test_a_part_left_out_is_seen():
    shorter = re.sub(r"```\{causes\} samples\n```\n", "", PAGE)
    assert set(CAUSES) - set(on_the_page(shorter)) == {id for id, c in CAUSES.items() if c.group == "samples"}


def test_all_symptoms_and_choices_are_on_the_page():
    boxes = [(box.name, box.argument) for box in myst.directives(PAGE)]
    assert [name for kind, name in boxes if kind == "symptoms"] == list(symptom_pages.read()["symptoms"])
    assert ("choices", "") in boxes
    assert sum(table.count("\n| ") for table in SYMPTOMS.values()) - len(GROUPS) >= 40


@pytest.mark.parametrize("known", CAUSES.values(), ids=CAUSES)
def test_a_card_has_all_of_its_cause(known):
    text = symptom_pages.card(known)
    for part in (known.sees, known.title, known.fix, f"{{doc}}`{known.page}`", f"(cause-{known.id})="):
        assert part in text
    looks = looks_at(known.id, RULES.values())
    assert all(sentence in text for sentence in looks)
    assert (symptom_pages.SILENT in text) == (not looks)


def test_a_symptom_that_names_no_cause_is_refused(tmp_path):
    good = yaml.safe_dump({"symptoms": {"losses": [{"causes": ["collapse"]}]}, "details": {}})
    (tmp_path / "a.yml").write_text(good)
    symptom_pages.read(tmp_path / "a.yml")
    for bad, said in (
        (good.replace("collapse", "flu"), "causes \\['flu'\\]"),
        (good.replace("losses", "fun"), "groups"),
    ):
        (tmp_path / "b.yml").write_text(bad)
        symptom_pages.read.cache_clear()
        with pytest.raises(ValueError, match=f"unknown {said}"):
            symptom_pages.read(tmp_path / "b.yml")


def test_links_of_the_page_lead_somewhere():
    text = "\n".join([*SYMPTOMS.values(), *CARDS.values(), symptom_pages.choices()])
    book = Path(__file__).resolve().parents[2] / "book"
    pages = {path.stem for path in [*book.glob("*.md"), *book.glob("*.ipynb")]}
    for role, content in myst.roles(text):
        target = content.rsplit("<", 1)[-1].rstrip(">").strip()
        if role == "doc":
            assert target in pages, target
        elif target.startswith("cause-"):
            assert target.removeprefix("cause-") in CAUSES, target


ROWS = [line for table in SYMPTOMS.values() for line in table.splitlines()[2:]]


@pytest.mark.parametrize("line", ROWS)
def test_what_a_row_measures_exists(line):
    """Names of the package in the rows are names that it has."""
    for name in re.findall(r"`monitor\.(\w+)\(", line):
        assert hasattr(Monitor, name), name
    if "monitor.game()" in line:
        named = set(re.findall(r"`(\w+_(?:logit|slope|accuracy))`", line))
        assert named <= set(newcomer(steps=1)["monitor"].game().columns), named
