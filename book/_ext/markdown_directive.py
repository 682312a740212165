"""A Sphinx directive whose content is Markdown that we write."""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class MarkdownDirective(SphinxDirective):
    """A directive whose content is Markdown that we write."""

    def markdown(self, text: str, *classes: str) -> list[nodes.Node]:
        box = nodes.container(classes=list(classes))
        lines = StringList(text.splitlines(), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, box)
        return [box]
