"""The accounts on the pages.

{claims} S5.7 C2.1          a box with these claims
{reproductions} name name   a box with these results
{claims-table}              all claims, totals first
{reproductions-table} kind  all results of a kind, "theory" or "published", totals first
{accounts-filter}           a search in all rows of the page, and a choice of verdicts and flags
{flags-table}               what each flag says, and how many claims have it
{chance}                    how many measures chance alone would decide
{headlines}                 the headline claims, decided at 99 %
{replicated}                how many claims were repeated, on what
"""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

import account_tables
import account_totals
import accounts
import replicated_on
from markdown_directive import MarkdownDirective
from works_cited import cite

log = logging.getLogger(__name__)

# Words and buttons that hide rows. Without scripts all rows stay.
FILTER = (Path(__file__).parent / "filter.html").read_text()


class AccountDirective(MarkdownDirective):
    """Entries of the accounts, after a warning for each whose stated verdict is not the computed one."""

    def checked(self, entries: dict) -> list:
        for line in accounts.disagreements(entries):
            log.warning("accounts: %s", line, location=self.get_location())
        return list(entries.values())


class Box(AccountDirective):
    """The entries whose ids are the arguments. Subclasses say where they come from and how they look."""

    optional_arguments = 1000
    kind = ""

    def run(self) -> list[nodes.Node]:
        known = getattr(accounts, self.kind)()
        if unknown := [name for name in self.arguments if name not in known]:
            raise self.error(f"unknown {self.kind} {unknown}; known: {', '.join(known)}")
        if not self.arguments:
            raise self.error(f"name the {self.kind} to show; known: {', '.join(known)}")
        return self.box(self.checked({name: known[name] for name in self.arguments}))


class Claims(Box):
    kind = "claims"

    def box(self, claims: list) -> list[nodes.Node]:
        text = account_tables.claims_table(claims, cite, replicated_on.book())
        return self.markdown(f"{text}\n\n{{doc}}`All claims </book/claims>`", "accounts")


class Reproductions(Box):
    kind = "reproductions"

    def box(self, entries: list) -> list[nodes.Node]:
        text = account_tables.reproductions_table(entries, cite)
        return self.markdown(f"{text}\n\n{{doc}}`All results </book/reproductions>`", "accounts", "results")


class ClaimsTable(AccountDirective):
    """Every claim: the totals, then a table for each chapter."""

    def run(self) -> list[nodes.Node]:
        entries = self.checked(accounts.claims())
        found = self.markdown(account_totals.totals(entries, "claims"), "totals")
        for chapter, part in account_tables.by_chapter(entries).items():
            text = account_tables.claims_table(part, cite, replicated_on.book(), in_full=True)
            found += self.markdown(f"{_head(chapter, 'claims')}\n\n{text}", "accounts", "claims")
        return found


class ReproductionsTable(AccountDirective):
    """Every result of a kind: the totals, then a table for each chapter."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        kind = self.arguments[0]
        known = {name: entry for name, entry in accounts.reproductions().items() if entry.kind == kind}
        if not known:
            raise self.error(f"no results of kind {kind!r}; known: theory, published")
        entries = self.checked(known)
        found = self.markdown(account_totals.totals(entries, kind), "totals")
        for chapter, part in account_tables.by_chapter(entries).items():
            text = account_tables.reproductions_table(part, cite, sparks=True)
            found += self.markdown(f"{_head(chapter, kind)}\n\n{text}", "accounts", "results")
        return found


class Filter(MarkdownDirective):
    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", FILTER, format="html")]


class FlagsTable(MarkdownDirective):
    def run(self) -> list[nodes.Node]:
        return self.markdown(account_totals.flags_table(accounts.claims().values()), "flags")


class Chance(MarkdownDirective):
    def run(self) -> list[nodes.Node]:
        return self.markdown(account_totals.chance(accounts.claims().values()))


class Headlines(MarkdownDirective):
    def run(self) -> list[nodes.Node]:
        return self.markdown(account_totals.headlines(accounts.claims().values(), replicated_on.book()), "headlines")


class ReplicatedOn(MarkdownDirective):
    def run(self) -> list[nodes.Node]:
        return self.markdown(replicated_on.summary(accounts.claims(), replicated_on.book()))


def _head(chapter: str, kind: str) -> str:
    return f"({account_tables.anchor(chapter, kind)})=\n**{{doc}}`/book/{chapter}`**"


def add_directives(app: Sphinx) -> None:
    """What `book_pages.setup` registers."""
    app.add_directive("claims", Claims)
    app.add_directive("claims-table", ClaimsTable)
    app.add_directive("reproductions", Reproductions)
    app.add_directive("reproductions-table", ReproductionsTable)
    app.add_directive("accounts-filter", Filter)
    app.add_directive("flags-table", FlagsTable)
    app.add_directive("chance", Chance)
    app.add_directive("headlines", Headlines)
    app.add_directive("replicated", ReplicatedOn)
