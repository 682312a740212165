"""The README's example runs as it stands, in fewer steps."""

import re
from pathlib import Path

import pandas as pd

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert "fit(2000" in code
    names: dict = {}
    exec(code.replace("fit(2000", "fit(5"), names)
    assert names["points"].shape == (8, 1000, 2)
    assert isinstance(names["trainer"].history, pd.DataFrame)
    assert (tmp_path / "ring.pt").exists()


def test_the_two_commands_come_first():
    assert README.index("make book") < README.index("make test") < README.index("\n## ")
