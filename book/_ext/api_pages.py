"""The pages on the package, made from the package: nothing on them is written twice, and nothing can be left out.

{wing} ganlab.clipping      what a wing says of itself, a table of its names that leads, each name in full, by file
{wings}                     every wing with what it answers
"""

import importlib
import re
from collections.abc import Iterator

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import wings
from account_tables import table
from docstrings import CODE, restructured

# What neither the theme nor a colour scheme tells from plain text, and a page of signatures has thousands of.
INERT = re.compile(r'<span class="(?:pre|n|nn|p|w)">([^<]*)</span>')
DIRECTIVE = {"function": "autofunction", "class": "autoclass", "exception": "autoexception"}
MOST = 100  # names of a registry that are listed: a line of a page has an end


class Wing(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        wing = self.arguments[0]
        if wing not in wings.wings():
            raise self.error(f"unknown wing {wing!r}; known: {', '.join(wings.wings())}")
        for path in wings.files(wing).values():
            self.env.note_dependency(str(path))
        parts = dict(sections(wing))
        found = _parsed(self, parts.pop(wing))
        for module, text in parts.items():
            section = nodes.section("", nodes.title("", module.removeprefix("ganlab.")), names=[module])
            self.state.document.note_implicit_target(section, section)
            found.append(section)
            section += _parsed(self, text)
        return found


class Wings(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return _parsed(self, f":::{{container}} leads\n{contents()}\n:::")


def sections(wing: str) -> Iterator[tuple[str, str]]:
    """(module, Markdown) for the face of a wing, with the table of all names, and for each of its files."""
    names = wings.public(wing)
    rows = [[f"{{py:obj}}`{label(name)} <{name.full}>`", summary(name)] for name in names]
    for module in wings.files(wing):
        lead = [":::{container} names leads", table(["Name", "What it is"], rows), ":::"] if module == wing else []
        entries = [entry(name) for name in names if name.place == module and name.kind != "module"]
        yield module, "\n\n".join([_rst(f".. automodule:: {module}"), *lead, *map(_rst, entries)])


def contents() -> str:
    """The wings in the README's groups, each with its page and what it answers."""
    rows = []
    for group, members in wings.GROUPS.items():
        rows += [[f"**{group}**", ""]]
        rows += [[f"[ganlab.{name}]({name}.md)", markdown(wings.question(f"ganlab.{name}"))] for name in members]
    return table(["Wing", "What it answers"], rows)


def label(name: wings.Name) -> str:
    """As short as it can be: without the wing."""
    return name.full.split(".", 2)[2]


def summary(name: wings.Name) -> str:
    """A line on the name, in Markdown: its first sentence; of a constant without a comment what is in it."""
    return markdown(wings.first_sentence(name.docstring) or held(name))


def entry(name: wings.Name) -> str:
    """The name in full, in reStructuredText."""
    if name.kind != "constant":
        members = "\n   :members:" if name.kind == "class" else ""
        return f".. {DIRECTIVE[name.kind]}:: {name.full}{members}"
    module, short = name.full.rsplit(".", 1)
    text = restructured([name.docstring, "", held(name)])
    return "\n".join([f".. py:data:: {short}", f"   :module: {module}", "", *(f"   {line}".rstrip() for line in text)])


def held(name: wings.Name) -> str:
    """The names in a registry, or the value of another constant where it is short."""
    value = getattr(importlib.import_module(name.home), name.name)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        names = [f'`"{key}"`' for key in value]
        return ", ".join(names[:MOST]) + f" and {len(names) - MOST} more" * (len(names) > MOST)
    return f"`{value!r}`" if len(repr(value)) < 100 else ""


def markdown(text: str) -> str:
    """A sentence of a docstring as Markdown: the signs outside of its code mean nothing."""
    parts, position = [], 0
    for code in CODE.finditer(text):
        parts += [_escaped(text[position : code.start()]), code[0]]
        position = code.end()
    return "".join([*parts, _escaped(text[position:])])


def skip(app, what: str, name: str, obj, skipped: bool, options) -> bool | None:
    """For Sphinx's event autodoc-skip-member: a field of a named tuple, of which Python says that it is one."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def lighten(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """For Sphinx's event html-page-context: the page without its inert marks, which are a third of its bytes."""
    if pagename.startswith("book/api/"):
        body, found = context["body"], 1
        while found:  # from the inside out
            body, found = INERT.subn(r"\1", body)
        context["body"] = body


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_<\[\]{}^~])", r"\\\1", text).replace("->", "→").replace("$", "&#36;")


def _rst(text: str) -> str:
    return f"```{{eval-rst}}\n{text}\n```"


def _parsed(directive: SphinxDirective, text: str) -> list[nodes.Node]:
    """The nodes of Markdown without headings."""
    box = nodes.container()
    lines = StringList(text.splitlines(), source=directive.get_source_info()[0])
    directive.state.nested_parse(lines, directive.content_offset, box)
    return box.children
