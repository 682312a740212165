"""Games under a monitor, and the settings they are played in."""

import pytest
import torch

from ganlab import data
from ganlab.clinic import GAMES, SETTINGS, examine, settings
from ganlab.diagnosis import features


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_random_state():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (examine("plain / ring-mlp / hinge", seed, steps=5).game() for seed in (1, 1, 2))
    assert one.equals(same) and not one["real_logit"].equals(other["real_logit"])
    assert torch.equal(torch.get_rng_state(), before)


def test_it_measures_every_step_as_the_readme_s_two_lines_do_or_as_told():
    seen = []
    monitor = examine(
        "plain / ring-mlp / hinge", steps=10, look=lambda monitor, step: seen.append((monitor.step, step))
    )
    assert monitor.game()["step"].tolist() == list(range(1, 11))
    assert seen == [(step, step) for step in range(1, 11)]
    assert examine("plain / ring-mlp / hinge", steps=6, every=2).game()["step"].tolist() == [1, 2, 4, 6]
    assert examine("collapse / ring-mlp / hinge", steps=10).step == 10  # two rounds of five steps of G
    assert not monitor.activations().empty and not monitor.moves().empty


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_it_needs_steps(steps):
    with pytest.raises(ValueError, match="steps"):
        examine("plain / ring-mlp / hinge", steps=steps)


@pytest.mark.parametrize(
    "case",
    [
        "nonfinite-penalty-at-zero / ring-mlp / wasserstein",
        "nonfinite-data: 0 divided by 0 / digits-mlp / nonsaturating",
        "nonfinite-half / digits-mlp / nonsaturating",
        "nonfinite-rate / ring-mlp / wasserstein",
    ],
)
def test_a_run_of_nan_goes_on_to_its_end(case):
    monitor = examine(case, steps=20)
    assert monitor.step == 20 and monitor.origin is not None


def test_the_plain_game_is_finite():
    assert examine("plain / ring-mlp / wasserstein", steps=20).origin is None


# What the monitor shows of a fault, from its construction, and of the twin beside it.
@pytest.mark.parametrize(
    ("name", "feature", "expected", "twin"),
    [
        ("one-batch", "repeat", 1, 0), ("fixed-latents", "repeat_z", 1, 0), ("detached", "G_detached", 1, 0),
        ("frozen-generator", "G_frozen", 1, 0), ("z-unused: multiplied by 0", "spread", 0, None),
        ("targets-swapped", "real_slope", None, None),
    ],
)  # fmt: skip
def test_the_fault_is_in_what_is_measured(name, feature, expected, twin):
    found = features(examine(f"{name} / ring-mlp / nonsaturating", steps=20))[feature]
    plain = features(examine("plain / ring-mlp / nonsaturating", steps=20))[feature]
    if expected is None:
        assert plain < 0 < found  # D is pushed to call real samples generated
    else:
        assert found == pytest.approx(expected, abs=1e-6)
        assert plain == (pytest.approx(twin, abs=1e-6) if twin is not None else pytest.approx(plain)) and plain != found


@pytest.mark.parametrize("name", SETTINGS)
def test_held_out_samples_are_held_out(name):
    setting = SETTINGS[name]
    held_out, shape = setting.held_out, setting.train.shape
    assert held_out.shape[1:] == shape and len(held_out) >= 30
    assert setting.images == (len(shape) == 3) and setting.convolutional == (name.split("-")[1] in ("dcgan", "resnet"))
    if setting.train.samples is not None:
        nearest = torch.cdist(held_out.flatten(1), setting.train.samples.flatten(1)).min(1).values
        assert (nearest > 0).float().mean() > 0.98  # but for real doubles in the set


def test_without_the_garments_there_are_faces(monkeypatch):
    load = data.load

    def missing(name, **options):
        if name == "fashion_mnist":
            raise FileNotFoundError(name)
        return load(name, **options)

    monkeypatch.setattr(settings.data, "load", missing)
    faces = settings._garments(16)
    assert faces.name == "faces" and faces.shape == (1, 16, 16)


def test_an_unknown_setting_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="ring-mlp, grid-resmlp"):
        settings.get("no such")


def test_conditional_games_are_where_labels_are():
    assert all(setting.labelled for setting in SETTINGS.values() if GAMES["conditional"].under(setting))
