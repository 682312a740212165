"""The live phase portrait: the printed JavaScript computes what Python does, and the HTML is whole and labelled.

SymPy's JavaScript for these formulas is Python, too, up to `const` and the names in `Math`: so it runs here without a
JavaScript engine. Where there is one, it runs there as well.
"""

import base64
import json
import math
import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from ganlab.plots import _javascript, portrait
from ganlab.theory import dynamics
from ganlab.theory.derivations import FORMULAS
from ganlab.theory.dynamics import METHODS, REGULARISERS, TIMINGS, bilinear, dirac, trajectory

plt = pytest.importorskip("matplotlib.pyplot")

MATH = SimpleNamespace(
    pow=pow, sqrt=math.sqrt, abs=abs, exp=math.exp, sign=lambda x: float(np.sign(x)), max=max, PI=math.pi
)
NAMES = {
    "Math": MATH,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "relu": lambda x: max(x, 0),
    "stepped": lambda x: float(x > 0),
}
EVERY = [(loss, regulariser) for loss in FORMULAS for regulariser in REGULARISERS]
POINTS = [(1.0, 1.0), (-0.7, 0.4), (0.3, -1.8), (2.0, 0.0)]


@pytest.fixture(autouse=True)
def clean():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def rule(method, timing):
    """The printed step as a Python function of (state, h, beta, vG, vD, clip)."""
    body = re.fullmatch(r"\(\(\[(.*?)\], .*?\) => \{ (.*) \}\)", _javascript.printed_rule(method, timing))
    *shared, result = body[2].rstrip(";").split("; ")

    def step(state, h, beta, v_g, v_d, clip):
        known = dict(zip(body[1].split(", "), state, strict=True))
        known |= NAMES | {"h": h, "beta": beta, "vG": v_g, "vD": v_d, "clip": clip}
        for line in shared:
            name, value = line.removeprefix("const ").split(" = ")
            known[name] = eval(value, dict(known))
        return eval(result.removeprefix("return "), dict(known))

    return step


@pytest.mark.parametrize(("loss", "regulariser"), EVERY)
def test_printed_fields_compute_what_python_does(loss, regulariser):
    game = dirac(loss, regulariser)
    for part, ours in zip(game.field, dynamics.velocities(game, 0.6), strict=True):
        for theta, psi in POINTS:
            there = eval(_javascript.printed(part), NAMES | {"theta": theta, "psi": psi, "gamma": 0.6})
            assert there == pytest.approx(float(ours(theta, psi)), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("timing", TIMINGS)
def test_printed_steps_go_where_python_goes(method, timing):
    game, h, beta = dirac("nonsaturating", "clip"), 0.2, -0.4
    path = trajectory(game, method, timing, step=h, beta=beta, gamma=0.8, steps=30)
    v_g, v_d = dynamics.velocities(game, 0.8)
    memory = (v_g(1.0, 1.0), v_d(1.0, 1.0)) if method == "optimistic" else (0.0, 0.0)
    state, step = (1.0, 1.0, *memory), rule(method, timing)
    for expected in path[1:]:
        state = step(state, h, beta, v_g, v_d, lambda y: min(max(y, -0.8), 0.8))
        assert np.array(state[:2], dtype=float) == pytest.approx(expected, rel=1e-9)


def make(**options):
    games = {"Dirac-GAN": dirac("minimax"), "clip": dirac("wasserstein", "clip"),
             "WGAN-GP": dirac("wasserstein", "gradient_penalty"), "bilinear": bilinear()}  # fmt: skip
    options = {"games": games, "picture": plt.subplots(figsize=(2, 2))[0], "name": "demo", "alt": "A spiral", **options}
    return portrait.phase_portrait(**options)


def test_html_is_labelled_and_alone():
    page = make().html()
    assert page.count("<figure") == page.count("</figure>") == 1
    assert "http" not in page.replace("http-equiv", ""), "nothing is loaded"
    assert re.search(r'<img [^>]*alt="A spiral"', page)
    for control in re.findall(r"<(?:input|select)[^>]*>", page):
        named = re.search(r'id="([^"]+)"', control)
        assert (named and f'for="{named[1]}"' in page) or f"<label>{_word_before(page, control)}" in page, control
    assert re.search(r'<canvas tabindex="0" role="img" aria-label="[^"]+"', page) and 'role="status"' in page
    assert len(page) < 60_000


def _word_before(page, control):
    return page[: page.index(control)].rsplit("<label>", 1)[1]


def test_mime_bundle_has_a_picture():
    bundle = make()._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG") and "demo" in bundle["text/plain"]


def test_what_the_figure_knows_of_a_game():
    assert "kink: true" in _javascript.printed_game(dirac("wasserstein", "gradient_penalty"))
    assert "kink: false, " not in _javascript.printed_game(dirac("minimax"))
    assert "weighted: false, kink: false" in _javascript.printed_game(bilinear())
    assert "weighted: true" in _javascript.printed_game(dirac("wasserstein", "clip"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"games": {}}, "games"),
        ({"name": "A b"}, "name"),
        ({"alt": " "}, "alt"),
        ({"step": 2.0}, "step"),
        ({"weight": 0.0}, "weight"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript engine")
def test_the_script_parses_and_steps_in_an_engine(tmp_path):
    game, options = dirac("minimax", "r1"), {"step": 0.2, "gamma": 0.3, "steps": 50}
    (tmp_path / "_javascript.js").write_text(re.search(r"<script>(.*)</script>", make().html(), re.S)[1])
    subprocess.run(["node", "--check", tmp_path / "_javascript.js"], check=True)
    for method in METHODS:
        program = f"""
        {_javascript.PRELUDE}
        const game = {_javascript.printed_game(game)}, rule = {_javascript.printed_rule(method, "alternating")};
        const vG = (x, y) => game.vG(x, y, 0.3), vD = (x, y) => game.vD(x, y, 0.3);
        let s = [1, 1, 0, 0];
        if ("{method}" === "optimistic") s = [1, 1, vG(1, 1), vD(1, 1)];
        for (let k = 0; k < 50; k++) s = rule(s, 0.2, 0.5, vG, vD, y => y);
        console.log(JSON.stringify(s.slice(0, 2)));
        """
        there = json.loads(subprocess.run(["node", "-e", program], check=True, capture_output=True, text=True).stdout)
        path = trajectory(game, method, "alternating", beta=0.5, **options)
        assert there == pytest.approx(path[-1].tolist(), rel=1e-9)
