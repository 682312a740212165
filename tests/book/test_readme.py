"""The README's examples run as they stand, in fewer steps."""

import re
from pathlib import Path

import pandas as pd
import torch

import labels
from ganlab import nets

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


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
