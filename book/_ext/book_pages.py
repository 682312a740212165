"""The Sphinx extension of this book: references of a page, tables of registries, the line that offers the notebook.

{claims}, {reproductions}, ...   the accounts, see account_pages.py
{replications}                   what other machines measured again, beside what is recorded
{recording-ages}                 which recorded tables are older than their code
{references}                     what this page cites
{names}                          a row for each registry: the argument, the names it takes, where they stand
{wing}, {wings}                  the pages on the package, see api_pages.py
{symptoms}, {causes}, {choices}  the symptom page, see symptom_pages.py
"""

import importlib
import os
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import account_pages
import account_tables
import api_pages
import dark_figures
import docstrings
import recording_ages
import replication_tables
import symptom_pages
import works_cited
from markdown_directive import MarkdownDirective


class Replications(MarkdownDirective):
    """Each replication: in sentences, then tables of the claims, the results and the studies."""

    def run(self) -> list[nodes.Node]:
        return [node for text, classes in replication_tables.page() for node in self.markdown(text, *classes)]


class RecordingAges(MarkdownDirective):
    """How many recorded tables of each chapter are as the code is, older, or of unknown age."""

    def run(self) -> list[nodes.Node]:
        return self.markdown(recording_ages.table(recording_ages.ages()), "totals", "ages")


class Names(MarkdownDirective):
    """The body has a line for each registry: "argument: module.REGISTRY"."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        rows = []
        for line in self.content:
            argument, registry = line.split(": ")
            module, name = registry.rsplit(".", 1)
            known = getattr(importlib.import_module(module), name)
            rows.append([argument, ", ".join(f'`"{key}"`' for key in known), f"`{registry}`"])
        return self.markdown(account_tables.table(["Argument", "Names", "Registry"], rows), "names")


class References(SphinxDirective):
    """The works that this page cites by {cite}; the list is known once the whole page has been read."""

    def run(self) -> list[nodes.Node]:
        return [pending_references()]


class pending_references(nodes.General, nodes.Element):
    """Stands for the list until the page is resolved."""


def list_references(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace each `pending_references` by the list of what the page cites, by author and year."""
    places = list(doctree.findall(pending_references))
    if not places:
        return
    cited = {key for ref in app.env.get_domain("cite").citation_refs if ref.docname == docname
             for key in (target.key for target in ref.targets)}  # fmt: skip
    listed = nodes.bullet_list(classes=["references"])
    for key in sorted(cited & set(works_cited.entries()), key=works_cited.short):
        listed += nodes.list_item("", _inline(works_cited.markdown(key)))
    for place in places:
        place.replace_self(listed)


def _inline(text: str) -> nodes.paragraph:
    """The few Markdown signs that `works_cited.markdown` writes, as nodes: [text](url) and *text*."""
    before, rest = text.split("[", 1)
    title, rest = rest.split("](", 1)
    url, rest = rest.split(")", 1)
    paragraph = nodes.paragraph("", before)
    paragraph += nodes.reference("", title, refuri=url)
    for i, piece in enumerate(rest.split("*")):
        paragraph += nodes.emphasis("", piece) if i % 2 else nodes.Text(piece)
    return paragraph


def offer_notebook(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Under a chapter's title, a line that opens or downloads the chapter as a notebook for Colab."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    name = f"{Path(docname).name}.ipynb"
    base = os.environ.get("GANLAB_COLAB_BASE")
    if base:
        url, text = f"{base.rstrip('/')}/{name}", "Open this chapter in Colab"
    else:
        url, text = f"{'../' * docname.count('/')}colab/{name}", "Download this chapter for Colab"
    title = next(doctree.findall(nodes.title), None)
    if title is not None:
        line = nodes.paragraph("", classes=["notebook-link"])
        line += nodes.reference("", text, refuri=url)
        title.parent.insert(title.parent.index(title) + 1, line)


def setup(app: Sphinx) -> dict:
    account_pages.add_directives(app)
    symptom_pages.add_directives(app)
    app.add_directive("replications", Replications)
    app.add_directive("recording-ages", RecordingAges)
    app.add_directive("references", References)
    app.add_directive("names", Names)
    app.add_directive("wing", api_pages.Wing)
    app.add_directive("wings", api_pages.Wings)
    app.add_node(pending_references)
    app.add_config_value("comments_config", {}, "")  # jupyter-book sets it, though we leave sphinx_comments out
    app.set_html_assets_policy("always")  # MathJax on every page: the side bar may hold a title with math
    app.connect("autodoc-process-docstring", docstrings.process)
    app.connect("autodoc-skip-member", api_pages.skip)
    app.connect("html-page-context", api_pages.lighten)
    app.connect("html-page-context", dark_figures.both)
    app.connect("doctree-resolved", list_references)
    app.connect("doctree-resolved", offer_notebook)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
