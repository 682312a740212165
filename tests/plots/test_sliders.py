"""The slider's HTML: whole, alone on its page, small, and readable without a script or without eyes."""

import base64
import html
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from ganlab import plots
from ganlab.data import load
from ganlab.plots import COLORS
from ganlab.plots.house_style import FACE

plt = pytest.importorskip("matplotlib.pyplot")
image_files = pytest.importorskip("PIL.Image")
VOID = {"img", "input"}


@pytest.fixture(autouse=True)
def clean():
    plt.switch_backend("agg")
    with plt.rc_context():
        plots.style()
        yield
    plt.close("all")


def frame(k, size=(3, 2)):
    ax = plt.subplots(figsize=size)[1]
    ax.plot([0, 1], [0, k], color=COLORS["fake"])
    ax.set(ylim=(0, 5))
    return ax


def make(name="demo", count=3, **options):
    options = {"alt": "A line turns upwards", **options}
    return plots.slider(
        [lambda k=k: frame(k) for k in range(count)], [f"step {k}" for k in range(count)], name=name, **options
    )


class Reader(HTMLParser):
    """Collects the elements and checks that every tag is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.scripts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"unclosed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)

    def one(self, tag):
        (attributes,) = [attributes for name, attributes in self.elements if name == tag]
        return attributes


def test_html_is_whole_and_accessible():
    page = Reader(make(alt='Samples "jump" & <spread>').html())
    image, control = page.one("img"), page.one("input")
    assert image["alt"] == 'Samples "jump" & <spread>'
    assert (control["type"], control["min"], control["max"], control["value"]) == ("range", "0", "2", "2")
    assert control["aria-label"] == "training step"
    assert "hidden" in page.one("div")  # the script shows the controls: without it they would do nothing
    assert page.one("button")["type"] == "button"
    assert "noscript" in {tag for tag, _ in page.elements} and len(page.scripts) == 1


def test_every_frame_is_there_once_and_the_last_one_is_the_fallback():
    made = make()
    payloads = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", made.html())
    assert [base64.b64decode(payload) for payload in payloads] == [made.frames[2], made.frames[0], made.frames[1]]
    bundle = made._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == made.frames[2]
    assert bundle["text/plain"] == repr(made) == "Slider('demo', 3 frames)"


def test_frames_show_what_was_drawn_in_its_colours():
    drawn = np.asarray(image_files.open(io.BytesIO(make().frames[1])).convert("RGB")).astype(int)
    assert drawn.shape == (220, 330, 3)
    for color in (FACE, COLORS["fake"]):
        target = np.round(255 * np.array(plt.matplotlib.colors.to_rgb(color)))
        assert np.abs(drawn - target).max(-1).min() <= 4


def test_what_is_stored_does_not_depend_on_the_pixels():
    """nbval compares the HTML once the pictures are cut out."""
    one, two = make(), plots.slider([frame(5 - k) for k in range(3)], ["step 0", "step 1", "step 2"], name="demo",
                                    alt="A line turns upwards")  # fmt: skip
    cut = [re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "PICTURE", made.html()) for made in (one, two)]
    assert cut[0] == cut[1] and one.html() != two.html()
    assert len(cut[0]) < 4000


def test_two_sliders_do_not_clash():
    one, two = Reader(make("one").html()), Reader(make("two").html())
    assert one.one("figure")["data-ganlab-slider"] == "one"
    assert '[data-ganlab-slider="one"]' in one.scripts[0] and "two" not in one.scripts[0]
    assert '[data-ganlab-slider="two"]' in two.scripts[0]
    assert not [attributes for page in (one, two) for _, attributes in page.elements if "id" in attributes]
    # Nothing of the script reaches the page's global scope.
    assert re.fullmatch(r"\s*\(\(\) => \{.*\}\)\(\);\s*", one.scripts[0], re.DOTALL)


def test_nothing_is_fetched():
    text = make().html()
    page = Reader(text)
    assert not re.search(r"https?:|//[a-z]|import|fetch|require", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))
    assert all(attributes.get("src", "data:").startswith("data:") for _, attributes in page.elements)


def test_labels_cannot_break_out_of_the_script():
    label = '</script><b>"x"</b>'
    page = Reader(plots.slider([frame(0)], [label], name="demo", alt="A line").html())
    listed = re.search(r"const labels = (.*);", page.scripts[0]).group(1)
    assert json.loads(listed) == [label]
    assert "b" not in {tag for tag, _ in page.elements}
    assert html.escape(label) in plots.slider([frame(0)], [label], name="demo", alt="A line").html()


def test_a_frame_takes_about_fifteen_kilobytes():
    """So that twenty of them are near 0.3 MB."""
    ring, cloud = load("ring"), torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    frames = [lambda k=k: plots.points(cloud / k, ring, lambda x: k * x[:, 0] + x[:, 1]) for k in (1, 2, 3, 4)]
    assert len(plots.slider(frames, range(4), name="demo", alt="A cloud").html()) < 4 * 20_000


def test_figures_are_closed():
    """An open figure would be shown a second time at the end of the cell."""
    figures = [frame(k).figure for k in range(3)]
    plots.slider(figures, range(3), name="demo", alt="A line")
    make()
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alt": " "}, "say in a sentence what the picture shows"),
        ({"alt": None}, "alt=None"),
        ({"name": "my slider"}, "use only a-z"),
        ({"frames": [], "labels": []}, "frames is empty"),
        ({"labels": ["only one"]}, "1 entries for 2 frames"),
        ({"frames": [lambda: None] * 2}, "a frame is NoneType"),
        ({"frames": [lambda: frame(0), lambda: frame(0, (4, 2))]}, "different sizes"),
        ({"colors": 1}, "colors=1"),
    ],
)
def test_bad_input_is_refused(change, message):
    options = {
        "frames": [lambda: frame(0), lambda: frame(1)],
        "labels": [0, 1],
        "name": "demo",
        "alt": "A line",
        **change,
    }
    with pytest.raises(ValueError, match=message):
        plots.slider(options.pop("frames"), options.pop("labels"), **options)


def test_alt_text_must_be_given():
    with pytest.raises(TypeError, match="alt"):
        plots.slider([frame(0)], [0], name="demo")
