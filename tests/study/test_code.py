"""A call is known by its code: what counts (what the trial calls, the package's files) and what does not (words)."""

import ast
import importlib.util
import sys
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganlab.study import Study, scale
from ganlab.study import code as code_file
from ganlab.study._sources import canonical, definitions, reached, statements, uses
from ganlab.study.code import code_in, code_of, package_files

# A GPU's machine may have no Jupyter, and collects this file too.
nbformat = pytest.importorskip("nbformat")
NotebookClient = pytest.importorskip("nbclient").NotebookClient

SCRIPT = '''"""A script."""
from functools import cache

FACTOR = 2
TABLE = {"a": lambda x: x + 1}
TABLE["b"] = abs
COUNT = 0


class Step:
    """Takes a step."""

    def take(self, x):
        """One step."""
        return x * FACTOR


def helper(x):
    """Helps."""
    return Step().take(x)


@cache
def cached(x):
    return helper(x)


def unused(x):
    return x - 1


def trial(seed):
    """Measures."""
    global CALLS
    CALLS = globals().get("CALLS", 0) + 1
    return {"value": cached(seed) + TABLE["a"](seed)}
'''


def script(folder, text=SCRIPT, name="script_under_test"):
    """The module with this text, imported anew."""
    (folder / f"{name}.py").write_text(text)
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def calls(folder, text):
    """How many calls a study in the folder makes when the script is `text`."""
    module = script(folder, text)
    Study("demo", module.trial, {}, seeds=[0, 1]).run(resume=folder / "kept", progress=False)
    return getattr(module, "CALLS", 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return Step().take(x)", "return Step().take(x) + 1"),
        ("return x * FACTOR", "return x * FACTOR + 0"),
        ("FACTOR = 2", "FACTOR = 3"),
        ("x: x + 1}", "x: x + 2}"),
        ('TABLE["b"] = abs', 'TABLE["b"] = len'),
        ("@cache\n", ""),
        ("from functools import cache", "from functools import lru_cache as cache"),
        ('TABLE["a"](seed)}', 'TABLE["b"](seed)}'),
    ],
    ids=["function", "method", "constant", "lambda", "a change in place", "decorator", "import", "trial"],
)
def test_what_the_trial_calls_changes_and_it_is_measured_anew(tmp_path, old, new):
    assert SCRIPT.count(old) == 1
    assert calls(tmp_path, SCRIPT) == 2
    assert calls(tmp_path, SCRIPT) == 0
    assert calls(tmp_path, SCRIPT.replace(old, new)) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return Step().take(x)", "return Step().take(x)  # a word"),
        ('"""Helps."""', '"""Helps others."""'),
        ('    """One step."""\n', ""),
        ('"""A script."""', '"""Another."""\n# and a line'),
        ("return x - 1", "return x - 2"),
        ("COUNT = 0", "COUNT = 1"),
        ("Step().take(x)", "Step().take(\n        x\n    )"),
    ],
    ids=["comment", "docstring", "no docstring", "script's docstring", "unused", "unused constant", "layout"],
)
def test_what_does_not_matter_changes_and_nothing_is_measured_anew(tmp_path, old, new):
    assert SCRIPT.count(old) == 1
    assert calls(tmp_path, SCRIPT) == 2
    assert calls(tmp_path, SCRIPT.replace(old, new)) == 0


def test_a_file_of_the_package_that_is_used_counts(tmp_path, monkeypatch):
    package = tmp_path / "ganlab"
    (package / "study").mkdir(parents=True)
    (package / "plots").mkdir()
    (package / "__init__.py").write_text("")
    (package / "_base.py").write_text("def mean(x):\n    return sum(x) / len(x)\n")
    (package / "study" / "__init__.py").write_text("from ganlab.study.means import average\nfrom .other import x\n")
    (package / "study" / "means.py").write_text("from .. import _base\n\ndef average(x):\n    return _base.mean(x)\n")
    (package / "study" / "other.py").write_text("x = 1\n")
    (package / "plots" / "__init__.py").write_text("y = 1\n")
    paths = {"ganlab.study.average", "numpy.mean"}
    before = package_files(paths, package)
    assert list(before) == ["study/means.py", "_base.py"]
    assert set(package_files({"ganlab.study"}, package)) == {*before, "study/__init__.py", "study/other.py"}

    def after(file, text):
        (package / file).write_text(text)
        return package_files(paths, package)

    assert after("study/other.py", "x = 2\n") == before
    assert after("_base.py", '"""Means."""\ndef mean(x):\n    return sum(x) / len(x)  # plain\n') == before
    assert after("_base.py", "def mean(x):\n    return sum(x) / max(1, len(x))\n") != before


def test_the_package_is_part_of_what_a_call_is_known_by(tmp_path, monkeypatch):
    text = SCRIPT.replace("FACTOR = 2", "from ganlab.study import interval\nFACTOR = 2").replace(
        "* FACTOR", "* FACTOR * (interval([1, 1]).mean if x else 1)"
    )
    assert (calls(tmp_path, text), calls(tmp_path, text)) == (2, 0)
    monkeypatch.setattr(code_file, "package_files", lambda paths: {"study/intervals.py": "another"})
    assert calls(tmp_path, text) == 2


def test_closures_and_their_values_count():
    def factor(n):
        def inside(x):
            return n * x

        return lambda seed: {"value": inside(seed)}

    assert code_of(factor(2)) == code_of(factor(2))
    two, three = code_of(factor(2)), code_of(factor(3))
    assert two["trial"] == three["trial"] and two["settings"] != three["settings"]

    def other(n):
        def inside(x):
            return n + x

        return lambda seed: {"value": inside(seed)}

    assert code_of(other(2))["trial"] != two["trial"]


def test_a_partial_a_method_and_an_object_have_code():
    class Measures:
        def __call__(self, seed):
            return {"value": seed}

        def trial(self, seed):
            return {"value": -seed}

    made = Measures()
    assert len({code_of(made)["trial"], code_of(made.trial)["trial"]}) == 2
    one, two = code_of(partial(made.trial, 1)), code_of(partial(made.trial, 2))
    assert one["trial"] == two["trial"] and one["settings"] != two["settings"]


def test_a_setting_that_differs_from_run_to_run_counts(tmp_path):
    text = "import os\nSTEPS = int(os.environ['STEPS_UNDER_TEST'])\n\ndef trial(seed):\n    return {'value': STEPS}\n"
    with pytest.MonkeyPatch.context() as environment:
        found = []
        for steps in "121":
            environment.setenv("STEPS_UNDER_TEST", steps)
            found.append(code_of(script(tmp_path, text).trial))
    assert found[0] == found[2]
    assert found[0]["trial"] == found[1]["trial"] and found[0]["settings"] != found[1]["settings"]


def test_the_scale_is_part_of_what_a_call_is_known_by(tmp_path, monkeypatch):
    values = []
    for name in ("quick", "full", "quick"):
        monkeypatch.setenv("GANLAB_SCALE", name)
        made = Study("demo", lambda seed: {"value": len(scale())}, {})
        values.append(made.run(resume=tmp_path, progress=False).value.item())
    assert values == [5, 4, 5] and len(list(tmp_path.glob("*.csv"))) == 2


def test_without_a_source_a_study_runs_but_does_not_resume(tmp_path):
    names = {}
    exec("def trial(seed): return {'value': seed}", names)
    made = Study("demo", names["trial"], {}, seeds=[3])
    table = made.run(progress=False)
    assert table.value.item() == 3 and table.attrs["provenance"]["code"] == {}
    with pytest.raises(OSError, match="source of trial is not to be had"):
        made.run(resume=tmp_path, progress=False)


CELLS = [
    "from ganlab.study import Study, at_scale, interval\nSTEPS = at_scale(quick=1, full=2)",
    "%time 1\ndef helper(x):\n    return x + STEPS",
    "def trial(seed):\n    return {'value': interval([helper(seed)] * 2).mean}",
    "found = Study('demo', trial, {}).run(progress=False).attrs['provenance']['code']; print(found)\nSTEPS = 9",
    "def helper(x):\n    return 0",
]


def test_a_notebook_that_runs_and_one_that_is_read_have_the_same_code(monkeypatch):
    monkeypatch.setenv("GANLAB_SCALE", "quick")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    NotebookClient(notebook, kernel_name="python3").execute()
    printed = "".join(output.text for output in notebook.cells[3].outputs if output.name == "stdout")
    assert ast.literal_eval(printed) == code_in(CELLS[:4], "trial", last_line=1)
    assert code_in(CELLS[:4], "trial", last_line=1) != code_in(CELLS[:4], "trial")
    assert code_in(CELLS[:4], "trial")["trial"] != code_in(CELLS, "trial")["trial"]


def test_a_trial_that_no_cell_defines_is_refused():
    with pytest.raises(ValueError, match="no cell defines 'trial'"):
        code_in(["x = 1"], "trial")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(a, *b, c=d, **e): return a + b + c + e + g", "d g"),
        ("lambda x: x + y", "y"),
        ("def f():\n    x = 1\n    return [x + y for y in z if w]", "w z"),
        ("def f():\n    global n\n    n = n + 1", "n"),
        ("class A(B):\n    c = d\n    e = c\n    def f(self): return c", "B c d"),
        ("def f():\n    import torch as t\n    return t.ones(u.v.w)", "u.v.w"),
        ("@a.b\ndef f(x: c) -> d: return f2(x.y).z", "a.b c d f2"),
        ("def f(x):\n    match x:\n        case {1: A(b=c), **d}: return c + d + e", "A e"),
        ("try:\n    a\nexcept B as c:\n    c", "B a c"),
        ("with a as b:\n    b.c", "a b.c"),
        ("def f():\n    if (n := g()): return [m for m in n if (k := m)], k", "g"),
        ("def outer():\n    def f(): return h()\n    h = 1\n    return f", ""),
        ("{**a, 'b': c[d]}", "a c d"),
    ],
)
def test_the_names_that_a_piece_of_source_uses(source, found):
    assert sorted(uses(ast.parse(source))) == found.split()


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (["x = 1", "x = 2"], 1),
        (["x = 1", "x = x + 1"], 2),
        (["x = 1", "x += 1"], 2),
        (["x = {}", "x['a'] = 1", "x.update(b=2)", "x.c = 3", "del x['a']"], 5),
        (["x = []", "for i in range(3):\n    x.append(i)"], 2),
        (["x = 1", "if True:\n    x = 2"], 2),
        (["def x(): return x", "def x(): return x()"], 1),
        (["x = 1\nprint(x)", "y = x"], 1),
        (["import os as x", "x.chdir('.')", "x = 1"], 1),
        (["x = 1", "this is no Python"], 1),
        (["x = 1", "%%bash\nls"], 1),
    ],
)
def test_the_statements_that_define_a_name(texts, count):
    assert len(definitions(texts)["x"]) == count


def test_what_a_name_rests_on():
    table = definitions(["import numpy as np\nfrom ganlab import nets", "a = b = nets.mlp(c)\nc = np.ones(1)", "d = a"])
    found, paths = reached(["b"], table)
    assert set(found) == {"b", "c", "nets", "np"}
    assert paths == {"numpy.ones", "ganlab.nets.mlp"}


@given(st.text(alphabet="abc \n#=()[]{}:,.1\"'%!", max_size=60))
def test_any_text_can_be_read(text):
    definitions([text])
    for node in statements(text):
        assert canonical(node) and isinstance(uses(node), set)
