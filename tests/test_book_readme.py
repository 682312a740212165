"""The README's examples run as they stand, in fewer steps."""

import re
from pathlib import Path

import pandas as pd

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    training, watching = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert "fit(2000" in training and "\n...  # your loop" in watching
    names: dict = {}
    exec(training.replace("fit(2000", "fit(5"), names)
    assert names["points"].shape == (8, 1000, 2)
    assert isinstance(names["trainer"].history, pd.DataFrame)
    assert (tmp_path / "ring.pt").exists()
    trainer = names["trainer"]
    names |= {"optimizer_d": trainer.optimizer_d, "optimizer_g": trainer.optimizer_g}
    exec(watching.replace("...", "trainer.fit(8, progress=False)"), names)
    assert "step 3 | D: |grad| " in capsys.readouterr().out


def test_the_two_commands_come_first():
    assert README.index("make book") < README.index("make test") < README.index("\n## ")
