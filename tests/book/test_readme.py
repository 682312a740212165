"""The README's examples run as they stand, in fewer steps."""

import re
from pathlib import Path

import pandas as pd
import torch

import labels
import wings
from ganlab import nets

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def example(number: int) -> str:
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number]


def test_own_loop_runs(capsys):
    names = {"G": nets.mlp_generator((2,), width=8), "D": nets.mlp_discriminator((2,), width=8)}
    names["batches"] = torch.randn(3, 16, 2)
    exec(example(0), names)
    assert "step 3 | D: |grad| " in capsys.readouterr().out


def test_training_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "fit(2000" in example(1)
    names: dict = {}
    exec(example(1).replace("fit(2000", "fit(5"), names)
    assert names["points"].shape == (8, 1000, 2)
    assert isinstance(names["trainer"].history, pd.DataFrame)
    assert (tmp_path / "ring.pt").exists()


def test_the_two_commands_come_first():
    assert README.index("make book") < README.index("make test") < README.index("\n## ")


def test_the_map_names_every_chapter():
    titles = [
        f"{path.stem[:2].lstrip('0')}. {labels.index([path])[f'doc:{path.stem}'].title}" for path in labels.chapters()
    ]
    assert re.findall(r"^\| (\d+\. [^|]+?) \|", README, re.MULTILINE) == titles


def test_the_table_of_the_wings_is_that_of_the_tree():
    """Each wing with the first sentence of its docstring and its lines of code."""
    rewrite = "run: python book/_ext/wings.py"
    assert wings.stated(README) == wings.table(), rewrite
    assert README.count("\n| [`ganlab/") == len(wings.wings()), rewrite


def test_every_path_that_the_readme_names_is_there():
    names = re.findall(r"`((?:book|ganlab|tests|benchmarks)/[\w./-]*)`", README)
    names += re.findall(r"\]\(([\w./]+)\)", README)
    assert len(names) > 30
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_way_to_the_page_names_every_file():
    folder = ROOT / "book" / "_ext"
    named = re.findall(r"^\|[^|]*\| `([\w.]+)` \|", (folder / "README.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(path.name for path in folder.iterdir() if path.suffix in (".py", ".html"))
