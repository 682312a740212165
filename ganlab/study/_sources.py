"""What a piece of source defines and what it uses, read from its syntax: comments, docstrings and layout do not count.

`canonical` is a piece of syntax as text, the same for every version of Python; `uses` are the names that it takes from
around it; `definitions` what the top level of some sources binds to each name; `reached` what a name rests on.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping

# What a name is bound to: the statements, in their order, or the dotted path that it is imported from.
Definition = list[ast.stmt] | str
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IGNORED = {"ctx", "kind", "type_comment", "type_ignores"}


def canonical(node: object) -> str:
    """The syntax as text, without docstrings and without what differs between versions of Python.

    >>> import ast
    >>> from ganlab.study._sources import canonical
    >>> canonical(ast.parse("x = 1  # one")) == canonical(ast.parse("x  =  1"))
    True
    """
    if isinstance(node, list):
        return f"[{', '.join(map(canonical, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if (
        isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS[:2]))
        and ast.get_docstring(node, clean=False) is not None
    ):
        fields["body"] = node.body[1:]
    # An empty field is left out: later versions of Python add some.
    parts = [f"{k}={canonical(v)}" for k, v in fields.items() if k not in _IGNORED and v is not None and v != []]
    return f"{type(node).__name__}({', '.join(parts)})"


def uses(node: ast.AST, bound: frozenset[str] = frozenset()) -> set[str]:
    """The names that `node` takes from around it, with the attributes it asks of them: `nets.mlp` is one.

    >>> import ast
    >>> from ganlab.study._sources import uses
    >>> sorted(uses(ast.parse("def f(x, y=ONE): return nets.mlp(x) + [z for z in x] + two")))
    ['ONE', 'nets.mlp', 'two']
    """
    if isinstance(node, ast.Name):
        return {node.id} - bound if isinstance(node.ctx, ast.Load) else set()
    if isinstance(node, ast.Attribute) and (path := _dotted(node)):
        return set() if path.split(".")[0] in bound else {path}
    if isinstance(node, FUNCTIONS):
        outer = [*getattr(node, "decorator_list", []), node.args, getattr(node, "returns", None)]
        body = node.body if isinstance(node.body, list) else [node.body]
        inner = bound | {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)} | stored(body)
        return _all(outer, bound) | _all(body, inner - _declared(body))
    if isinstance(node, ast.ClassDef):
        own = bound | stored(node.body)
        body = set().union(*(uses(part, bound if isinstance(part, FUNCTIONS) else own) for part in node.body))
        return _all([*node.decorator_list, *node.bases, *node.keywords], bound) | body
    if isinstance(node, COMPREHENSIONS):
        inner = bound | stored([loop.target for loop in node.generators])
        return uses(node.generators[0].iter, bound) | _all(ast.iter_child_nodes(node), inner)
    return _all(ast.iter_child_nodes(node), bound)


def stored(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that statements bind in their own scope."""
    found: set[str] = set()
    for node in _scope(nodes):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.MatchMapping):
            found.add(node.rest or "")
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.ExceptHandler | ast.MatchAs
                        | ast.MatchStar):  # fmt: skip
            found.add(node.name or "")
    return found - {""}


def imports(node: ast.AST) -> dict[str, str]:
    """What each name is imported from, wherever in `node` it is.

    >>> import ast
    >>> from ganlab.study._sources import imports
    >>> imports(ast.parse("from ganlab.nets import mlp as net"))
    {'net': 'ganlab.nets.mlp'}
    """
    found = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            for alias in part.names:
                found[alias.asname or alias.name] = alias.name
        elif isinstance(part, ast.ImportFrom):
            start = "." * part.level + (f"{part.module}." if part.module else "")
            found |= {alias.asname or alias.name: start + alias.name for alias in part.names}
    return found


def definitions(texts: Iterable[str], last_line: int | None = None) -> dict[str, Definition]:
    """What each name is bound to at the top level of `texts`: a notebook's cells in the order they ran, or one script.

    A later definition takes the place of an earlier one; a statement that changes a value (`x += 1`, `x["a"] = 1`,
    `x.append(1)`, a loop or a branch that binds x) is added to it. A change made inside a function that is called is
    not seen. `last_line`: of the last text, the statements that begin by there.

    >>> from ganlab.study._sources import definitions
    >>> {name: len(found) for name, found in definitions(["a = 1", "a = 2; b = []", "b.append(a)"]).items()}
    {'a': 1, 'b': 2}
    """
    found: dict[str, Definition] = {}
    texts = list(texts)
    for number, text in enumerate(texts):
        for node in statements(text):
            if last_line is not None and number == len(texts) - 1 and node.lineno > last_line:
                break
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {name.split(".")[0]: path if name != path else path.split(".")[0]
                          for name, path in imports(node).items()}  # fmt: skip
            else:
                _define(node, found)
    return found


def reached(names: Iterable[str], table: Mapping[str, Definition]) -> tuple[dict[str, Definition], set[str]]:
    """Of `table`, all that `names` rest on, by name; and the dotted paths of what is used from elsewhere."""
    found: dict[str, Definition] = {}
    paths: set[str] = set()
    waiting = list(names)
    while waiting:
        name, _, rest = waiting.pop().partition(".")
        definition = table.get(name)
        if isinstance(definition, str):
            paths.add(f"{definition}.{rest}" if rest else definition)
        elif definition is not None and name not in found:
            for node in definition:
                waiting += uses(node)
                paths |= set(imports(node).values())
        if definition is not None:
            found[name] = definition
    return found, paths


def statements(text: str) -> list[ast.stmt]:
    """The top level of a source, without the lines that are for IPython alone; of what is no Python, nothing.

    >>> from ganlab.study._sources import statements
    >>> len(statements("%matplotlib inline\\nx = 1"))
    1
    """
    lines = ["" if line.startswith(("%", "!")) else line for line in text.split("\n")]
    for source in (text, "\n".join(lines)):
        try:
            return ast.parse(source).body
        except (SyntaxError, ValueError):
            continue
    return []


def _define(node: ast.stmt, found: dict[str, Definition]) -> None:
    """Enter a statement under each name that it binds, in the place of what was there or after it."""
    code = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    used = {name.split(".")[0] for name in uses(node)}
    bound = stored([node])
    for name in bound:
        anew = code or (isinstance(node, ast.Assign | ast.AnnAssign) and name not in used)
        earlier = found.get(name, [])
        found[name] = [node] if anew or isinstance(earlier, str) else [*earlier, node]
    for name in set() if code else _changed(node) - bound:
        if isinstance(earlier := found.get(name), list):
            found[name] = [*earlier, node]


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute of an attribute of a name; "" of anything else."""
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return before and f"{before}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _all(nodes: Iterable[ast.AST | None], bound: Iterable[str]) -> set[str]:
    return set().union(*(uses(node, frozenset(bound)) for node in nodes if node is not None))


def _scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of one scope: a function or a class in it is one node, and what a comprehension binds is its own."""
    for node in nodes:
        yield node
        if isinstance(node, COMPREHENSIONS):
            yield from (part.target for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
        elif not isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            yield from _scope(ast.iter_child_nodes(node))


def _declared(body: Iterable[ast.AST]) -> set[str]:
    """What a function's body says is not its own."""
    return {name for node in _scope(body) if isinstance(node, ast.Global) for name in node.names}


def _changed(node: ast.stmt) -> set[str]:
    """The names whose values a statement changes in place."""
    found = set()
    for part in _scope([node]):
        if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            found.add(_base(part))
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            found.add(_base(part.value.func) if isinstance(part.value.func, ast.Attribute) else "")
    return found - {""}


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
