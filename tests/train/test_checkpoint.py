"""A checkpoint is whole, or it is refused; the old one survives whatever happens to the new one."""

import pickle
import resource
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganlab.train import CheckpointError, checkpoint

STATE = {"weights": torch.arange(1000.0), "step": 7, "log": [(1, torch.ones(2))], "name": "run", "none": None}


def test_what_is_saved_is_loaded(tmp_path):
    checkpoint.save(STATE, tmp_path / "new" / "run.pt")
    loaded = checkpoint.load(tmp_path / "new" / "run.pt")
    assert torch.equal(loaded["weights"], STATE["weights"])
    assert loaded["step"] == 7
    assert loaded["log"][0][0] == 1
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["run.pt"]


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_any_changed_or_missing_byte_is_noticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("tampered") / "run.pt"
    checkpoint.save(STATE, path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        checkpoint.load(path)


def test_folders_that_are_not_there_are_made(tmp_path):
    path = tmp_path / "runs" / "ring" / "run.pt"
    for step in (1, 2):
        checkpoint.save({"step": step}, path)
        assert checkpoint.load(path) == {"step": step}
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_a_truncated_file_says_so(tmp_path):
    checkpoint.save(STATE, tmp_path / "run.pt")
    content = (tmp_path / "run.pt").read_bytes()
    (tmp_path / "run.pt").write_bytes(content[:-1])
    with pytest.raises(CheckpointError, match=r"run\.pt is truncated or changed .*: use an older checkpoint"):
        checkpoint.load(tmp_path / "run.pt")


def test_a_foreign_file_is_refused(tmp_path):
    torch.save(STATE, tmp_path / "theirs.pt")
    with pytest.raises(CheckpointError, match="not a ganlab checkpoint"):
        checkpoint.load(tmp_path / "theirs.pt")
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "missing.pt")


class Payload:
    """Unpickled, it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_loading_never_runs_code(tmp_path, monkeypatch):
    trap = tmp_path / "trap"
    monkeypatch.setattr(checkpoint, "_check", lambda value, place: None)  # as a stranger would write it
    checkpoint.save({"weights": Payload(trap)}, tmp_path / "run.pt")
    trap.unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match="more than tensors"):
        checkpoint.load(tmp_path / "run.pt")
    assert not trap.exists()
    # The trap works where the guard is missing.
    pickle.loads(pickle.dumps(Payload(trap)))
    assert trap.exists()


def test_tensors_go_to_the_device_that_is_asked_for(tmp_path):
    """ "meta" is the one device that every machine has beside its own."""
    checkpoint.save({"steps": 3, "weights": torch.ones(2)}, tmp_path / "run.pt")
    there = checkpoint.load(tmp_path / "run.pt", map_location="meta")
    assert there["weights"].is_meta and there["weights"].shape == (2,) and there["steps"] == 3
    assert checkpoint.load(tmp_path / "run.pt")["weights"].device.type == "cpu"


FULL_DISK = """
import resource, sys, torch
from ganlab.train import checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
checkpoint.save({"weights": torch.zeros(1_000_000)}, sys.argv[1])
"""


def test_the_old_checkpoint_survives_a_full_disk(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    path = tmp_path / "run.pt"
    checkpoint.save(STATE, path)
    before = path.read_bytes()
    failed = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True)
    assert failed.returncode != 0
    assert "OSError" in failed.stderr
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
