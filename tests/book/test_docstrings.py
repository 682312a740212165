"""Docstrings on the API pages: plain text in, valid reStructuredText with the same words out."""

from textwrap import dedent

from docutils import nodes
from docutils.core import publish_doctree, publish_string

from docstrings import restructured

DOCSTRING = """\
The *shape* `(n, *shape)` of |x_|, 2 ** k and a_trailing_.

    code(1, *args)

size: the height,
    the width.
fit: how.

- first
- second, which
  goes on

Args:
    lr_g, lr_d: learning rates; `None` is
        none.
    a sentence that names nothing

    momentum: after a blank line.

Raises:
    ValueError: it is wrong."""


def test_restructured_text_is_valid_and_keeps_the_words():
    text = "\n".join(restructured(DOCSTRING.split("\n")))
    page = publish_string(text, writer_name="html5", settings_overrides={"halt_level": 2, "report_level": 5}).decode()
    body = page[page.index("<main") :]
    for expected in (
        'The *shape* <span class="docutils literal">(n, *shape)</span> of |x_|, 2 ** k and a_trailing_.',
        '<pre class="literal-block">code(1, *args)</pre>',
        "<strong>size</strong>: the height, the width.",
        "<strong>fit</strong>: how.",
        "<li><p>first</p></li>\n<li><p>second, which goes on</p></li>",
        "<strong>Args</strong>",
        "<strong>lr_g, lr_d</strong>: learning rates; ",
        "a sentence that names nothing",
        "<strong>momentum</strong>: after a blank line.",
        "<strong>ValueError</strong>: it is wrong.",
    ):
        assert expected in body.replace('<span class="pre">', "").replace("</span> <span>", " "), (expected, body)


def test_an_example_is_a_console_block():
    text = """\
        Twice x:

        >>> for x in (1, 2):
        ...     twice(x)
        2

        Args:
            x: a number, as in x -> 2 x.

            >>> twice(5)  # :notreST:`
            10

        >>> twice("a_")
        'a_a_'"""
    page = publish_doctree("\n".join(restructured(dedent(text).split("\n"))), settings_overrides={"halt_level": 2})
    blocks = list(page.findall(nodes.literal_block))
    assert [block.astext() for block in blocks] == [
        ">>> for x in (1, 2):\n...     twice(x)\n2",
        ">>> twice(5)  # :notreST:`\n10",
        ">>> twice(\"a_\")\n'a_a_'",
    ]
    assert all("pycon" in block["classes"] for block in blocks)
    assert "x: a number, as in x → 2 x." in page.astext()
