"""Sheets of images and 2-D points: what is drawn is what was given, and drawing changes nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from ganlab import data as ganlab_data
from ganlab import plots
from ganlab.plots import COLORS

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def clean():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def ring():
    return ganlab_data.load("ring")


def tiles(ax, size, count, columns):
    """The images cut out again from the drawn sheet."""
    sheet = np.asarray(ax.images[0].get_array())
    pitch = size + max(1, round(size / 16))
    corners = [(i // columns * pitch, i % columns * pitch) for i in range(count)]
    return np.stack([sheet[top : top + size, left : left + size, :3] for top, left in corners])


@pytest.mark.parametrize(("channels", "low", "high"), [(1, -1, 1), (3, 0, 1)])
def test_a_sheet_holds_the_images_in_order(channels, low, high):
    images = torch.rand(10, channels, 8, 8) * (high - low) + low
    ax = plots.sample_grid(images, value_range=(low, high), columns=4)
    expected = ((images - low) / (high - low)).permute(0, 2, 3, 1).expand(-1, -1, -1, 3)
    np.testing.assert_allclose(tiles(ax, 8, 10, 4), expected, atol=1e-6)
    assert ax.images[0].get_interpolation() == "nearest"
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


def test_rows_and_columns_are_labelled():
    batches = [torch.full((5, 1, 8, 8), value) for value in (-1.0, 1.0)]
    ax = plots.sample_grid(batches, rows=["step 0", "real"], columns=3, titles=["a", "b", "c"])
    drawn = tiles(ax, 8, 6, 3)
    assert (drawn[:3] == 0).all() and (drawn[3:] == 1).all()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["step 0", "real"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c"]
    np.testing.assert_allclose(ax.get_yticks(), [3.5, 12.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.sample_grid(torch.zeros(4, 8, 8)), r"images has shape \(4, 8, 8\)"),
        (lambda: plots.sample_grid(torch.zeros(0, 1, 8, 8)), "n > 0"),
        (lambda: plots.sample_grid(torch.zeros(4, 2, 8, 8)), "1 or 3"),
        (lambda: plots.sample_grid(torch.full((4, 1, 8, 8), 1.5)), r"span \[1.5, 1.5\], outside value_range=\(-1, 1\)"),
        (lambda: plots.sample_grid(torch.full((4, 1, 8, 8), torch.nan)), "not finite"),
        (lambda: plots.sample_grid([torch.zeros(4, 1, 8, 8)], rows=["a", "b"]), "2 labels for 1 batches"),
        (lambda: plots.sample_grid([torch.zeros(4, 1, 8, 8)], rows=["a"]), "columns=8, but a row has 4"),
        (
            lambda: plots.sample_grid([torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 9, 9)], rows="ab", columns=4),
            "one size",
        ),
        (lambda: plots.sample_grid(torch.zeros(4, 1, 8, 8), titles=["a"]), "titles has 1 labels for 4 columns"),
    ],
)
def test_bad_images_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_points_draws_samples_data_and_modes(ring):
    samples = torch.randn(50, 2)
    ax = plots.points(samples, ring)
    real, fake, modes = ax.lines
    np.testing.assert_allclose(np.array(fake.get_data()).T, samples)
    np.testing.assert_allclose(np.array(modes.get_data()).T, ring.modes)
    assert len(real.get_xdata()) == 1000 and real.get_color() == COLORS["real"] and fake.get_color() == COLORS["fake"]
    assert (ring.modes.abs().max() < torch.tensor([*ax.get_xlim(), *ax.get_ylim()]).abs()).all()


def test_samples_outside_the_picture_are_counted(ring):
    ax = plots.points(torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, -9.0]]), ring)
    assert [text.get_text() for text in ax.texts] == ["data", "generated (2 of 3 outside)"]


def test_the_view_does_not_depend_on_the_samples(ring):
    """Frames of a slider must not jump."""
    one, two = (plots.points(scale * torch.randn(n, 2), ring) for scale, n in ((0.1, 1), (100.0, 5000)))
    assert (one.get_xlim(), one.get_ylim()) == (two.get_xlim(), two.get_ylim())


def contour(ax):
    return next(item for item in ax.collections if hasattr(item, "levels"))


def test_the_landscape_is_the_probability_of_real(ring):
    """D = 4 x: the colour changes along x, not along y, and is even at x = 0."""
    ax = plots.points(torch.zeros(1, 2), ring, lambda x: 4 * x[:, 0])
    drawn = contour(ax)
    np.testing.assert_allclose((drawn.levels[0], drawn.levels[-1]), (0, 1))
    for level, path in zip(drawn.levels[1:-1], drawn.get_paths()[1:], strict=True):
        left = path.vertices[:, 0].min()  # where sigmoid(4 x) passes the level
        assert 1 / (1 + np.exp(-4 * left)) == pytest.approx(level, abs=0.01)
    assert ax.figure.axes[1].get_ylabel() == "D: probability of real"


def test_a_critic_is_shown_by_its_score(ring):
    ax = plots.points(torch.zeros(1, 2), ring, lambda x: x[:, 1] + 100, probability=False)
    levels = contour(ax).levels
    assert levels[0] == pytest.approx(-levels[-1]) and levels[-1] == pytest.approx(ax.get_ylim()[1], rel=0.1)


def test_small_panels_have_neither_labels_nor_ticks(ring):
    _, axes = plt.subplots(1, 2)
    for ax in axes:
        plots.points(torch.zeros(1, 2), ring, lambda x: x[:, 0], ax=ax, labels=False)
        assert len(ax.texts) == len(ax.get_xticks()) == 0
    assert len(axes[0].figure.axes) == 2  # no colour bar


def test_drawing_leaves_the_discriminator_as_it_was(ring):
    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1), nn.Flatten(0))
    net[1].eval()  # a frozen layer in a net in training
    before = {name: value.clone() for name, value in net.state_dict().items()}
    plots.points(torch.zeros(3, 2), ring, net)
    assert [module.training for module in net] == [True, False, True, True] and net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ring: plots.points(torch.zeros(4, 9, 2), ring), r"pick one member, samples\[k\]"),
        (lambda ring: plots.points(torch.full((4, 2), torch.inf), ring), "not finite"),
        (lambda ring: plots.points(torch.zeros(0, 2), ring), "n > 0"),
        (lambda ring: plots.points(torch.zeros(4, 2), ganlab_data.load("digits")), "use sample_grid"),
        (lambda ring: plots.points(torch.zeros(4, 2), ring, lambda x: x), r"not \(m,\)"),
        (lambda ring: plots.points(torch.zeros(4, 2), ring, lambda x: x[:, 0] / 0), "not finite"),
    ],
)
def test_bad_points_are_refused(ring, call, message):
    with pytest.raises(ValueError, match=message):
        call(ring)
