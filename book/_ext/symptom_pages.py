"""The symptom page: the causes that the doctor knows, from their register, and what else one sees, from symptoms.yml.

{symptoms} group   a table of what one sees, what to measure, which causes it may be, and where to read
{causes} group     a card for each cause of a group: what one sees, what it is, what the doctor looks at, what to type;
                   with :checklist: they are numbered
{choices}          what one wonders before anything is wrong
"""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

import account_tables
from ganlab.diagnosis import CAUSES, GROUPS, RULES, Cause, looks_at
from markdown_directive import MarkdownDirective

SYMPTOMS = Path(__file__).resolve().parents[1] / "symptoms.yml"
SILENT = "no rule yet: `diagnose` does not name it"


@cache
def read(path: Path = SYMPTOMS) -> Mapping[str, Any]:
    """`symptoms.yml`: symptoms by group, choices, and details by cause.

    Raises:
        ValueError: it names a group or a cause that there is not.
    """
    found = yaml.safe_load(path.read_text())
    if unknown := sorted(set(found["symptoms"]) - set(GROUPS)):
        raise ValueError(f"{path.name}: unknown groups {unknown}; known: {', '.join(GROUPS)}")
    named = {cause for rows in found["symptoms"].values() for row in rows for cause in row["causes"]}
    if unknown := sorted((named | set(found["details"])) - set(CAUSES)):
        raise ValueError(f"{path.name}: unknown causes {unknown}; known: {', '.join(CAUSES)}")
    return found


def symptoms(group: str) -> str:
    """A row a symptom."""
    rows = [
        [row["sees"], row["measure"], "<br>".join(filter(None, [_links(row["causes"]), row["read"]]))]
        for row in read()["symptoms"].get(group, [])
    ]
    return account_tables.table(["you see", "measure", "it may be, and where to read"], rows)


def choices() -> str:
    """A row for what one wonders."""
    return account_tables.table(["you wonder", "read"], [[row["wonder"], row["read"]] for row in read()["choices"]])


def causes(group: str, numbered: bool = False) -> str:
    """The cards of a group, in the order of the register; numbered, they are a checklist."""
    members = [cause for cause in CAUSES.values() if cause.group == group]
    return "\n\n".join(card(cause, f"{number}. " * numbered) for number, cause in enumerate(members, start=1))


def card(cause: Cause, number: str = "") -> str:
    """One cause in Markdown, with an anchor `cause-id`."""
    detail = read()["details"].get(cause.id)
    looks = "; or: ".join(looks_at(cause.id, RULES.values())) or SILENT
    parts = [
        f"**{number}{cause.sees}**<br>`{cause.id}`",
        cause.title,
        *([detail] if detail else []),
        f"*Looks at:* {looks}.",
        f"```python\n{cause.fix}\n```",
        f"*Read:* {{doc}}`{cause.page}`",
    ]
    body = "\n\n".join(parts)
    return f"(cause-{cause.id})=\n::::{{container}} cause\n{body}\n::::"


def _links(ids: Iterable[str]) -> str:
    return ", ".join(f"{{ref}}`{id} <cause-{id}>`" for id in ids)


class Symptoms(MarkdownDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.markdown(symptoms(_group(self)), "symptoms")


class Causes(MarkdownDirective):
    required_arguments = 1
    option_spec: ClassVar = {"checklist": directives.flag}

    def run(self) -> list[nodes.Node]:
        return self.markdown(causes(_group(self), "checklist" in self.options), "causes")


class Choices(MarkdownDirective):
    def run(self) -> list[nodes.Node]:
        return self.markdown(choices(), "symptoms")


def _group(directive: MarkdownDirective) -> str:
    (group,) = directive.arguments
    if group not in GROUPS:
        raise directive.error(f"unknown group {group!r}; known: {', '.join(GROUPS)}")
    return group


def add_directives(app: Sphinx) -> None:
    """What `book_pages.setup` registers."""
    app.add_directive("symptoms", Symptoms)
    app.add_directive("causes", Causes)
    app.add_directive("choices", Choices)
