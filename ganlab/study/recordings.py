"""Recorded results: a tidy table, its arrays and its provenance, as plain files that ship with the package."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import ganlab
from ganlab._files import replace

_FIRST: ContextVar[Path | None] = ContextVar("the folder that from_folder names", default=None)


def provenance(**facts: Any) -> dict[str, Any]:
    """Where and when a result was measured: device, versions, commit, date, and the given facts.

    >>> from ganlab.study import provenance
    >>> list(provenance(seeds=[0, 1]))
    ['device', 'ganlab', 'torch', 'numpy', 'python', 'commit', 'date', 'seeds']
    """
    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else f"CPU ({_cpu_name()}), {torch.get_num_threads()} threads",
        "ganlab": ganlab.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
        **facts,
    }


def write(table: pd.DataFrame, name: str, folder: str | Path) -> None:
    """Write `table` as name.csv, name.json (its `.attrs["provenance"]`) and, if it holds arrays, name.npz.

    Each file is replaced whole: a reader never meets half of one. The table goes last: where it is, the rest is.
    Numbers keep six digits.

    >>> import os
    >>> import tempfile
    >>> import pandas as pd
    >>> from ganlab.study.recordings import write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(pd.DataFrame({"seed": [0, 1], "modes": [7, 8]}), "ring", folder)
    ...     sorted(os.listdir(folder))
    ['ring.csv', 'ring.json']
    """
    folder = Path(folder)
    table, arrays = _without_arrays(table)
    if arrays:
        replace(folder / f"{name}.npz", lambda file: np.savez_compressed(file, **arrays))
    facts = json.dumps(table.attrs.get("provenance", {}), indent=2, default=str) + "\n"
    replace(folder / f"{name}.json", lambda file: file.write(facts.encode()))
    replace(folder / f"{name}.csv", lambda file: file.write(table.to_csv(index=False, float_format="%.6g").encode()))


def read(name: str, folder: str | Path) -> pd.DataFrame:
    """Read what `write` wrote, arrays in their cells and provenance in `.attrs["provenance"]`.

    >>> import tempfile
    >>> import pandas as pd
    >>> from ganlab.study.recordings import read, write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(pd.DataFrame({"seed": [0, 1], "modes": [7, 8]}), "ring", folder)
    ...     read("ring", folder)["modes"].tolist()
    [7, 8]

    Raises:
        FileNotFoundError: there are no such files.
    """
    folder = Path(folder)
    table = pd.read_csv(folder / f"{name}.csv")
    table.attrs["provenance"] = json.loads((folder / f"{name}.json").read_text())
    if (folder / f"{name}.npz").exists():
        with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
            for key in arrays.files:
                row, column = key.split(".", 1)
                table[column] = table[column].astype(object)
                table.at[int(row), column] = arrays[key]
    return table


def recorded(name: str) -> pd.DataFrame:
    """The recorded table `name`: from the folder in GANLAB_RECORD if it is there, else the one in the package.

    Within `from_folder` that folder is looked through first.

    >>> from ganlab.study import recorded
    >>> table = recorded("ring-seeds")  # a GAN on the ring, measured again and again while it trains
    >>> table["seed"].nunique(), sorted(table.attrs["provenance"])[:3]
    (16, ['commit', 'date', 'device'])

    Raises:
        ValueError: there is none of this name; the message lists those there are.
    """
    shipped = Path(str(files("ganlab") / "recorded"))
    folders = [Path(folder) for folder in [_FIRST.get(), os.environ.get("GANLAB_RECORD"), shipped] if folder]
    for folder in folders:
        if (folder / f"{name}.csv").exists():
            return read(name, folder)
    known = ", ".join(sorted({file.stem for folder in folders for file in folder.glob("*.csv")})) or "none"
    raise ValueError(f"no recorded result {name!r}; recorded: {known}")


@contextmanager
def from_folder(folder: str | Path) -> Iterator[None]:
    """Within it, `recorded` takes what `folder` holds from there: the same studies, measured elsewhere.

    >>> import tempfile
    >>> import pandas as pd
    >>> from ganlab.study.recordings import from_folder, recorded, write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(pd.DataFrame({"seed": [0], "modes": [7]}), "ring-seeds", folder)
    ...     with from_folder(folder):
    ...         len(recorded("ring-seeds"))
    1
    """
    token = _FIRST.set(Path(folder))
    try:
        yield
    finally:
        _FIRST.reset(token)


def caption(table: pd.DataFrame) -> str:
    """One line to print with a recorded table: what it was measured on, with which seeds, when and in what time.

    >>> from ganlab.study import Study, caption
    >>> table = Study("squares", lambda seed: {"square": seed**2}, grid={}, seeds=range(3)).run(progress=False)
    >>> caption(table).split("; ")[-2:]
    ['3 seeds from 0 to 2', '0 minutes.']
    """
    facts = table.attrs["provenance"]
    seeds = facts["seeds"]
    return (
        f"Recorded {facts['date']} on {facts['device']}; torch {facts['torch']}, commit {facts['commit']}; "
        f"{len(seeds)} seeds from {min(seeds)} to {max(seeds)}; {facts['seconds'] / 60:.0f} minutes."
    )


def _without_arrays(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The table with each array replaced by its shape, and the arrays by "row.column"."""
    arrays = {}
    plain = table.reset_index(drop=True).copy()
    plain.attrs = table.attrs
    for column in plain.select_dtypes(object).columns:
        for row, value in enumerate(plain[column]):
            if isinstance(value, np.ndarray | torch.Tensor):
                arrays[f"{row}.{column}"] = np.asarray(value)
                plain.at[row, column] = "x".join(map(str, value.shape))
    return plain, arrays


def _commit() -> str:
    """GANLAB_COMMIT; without it the commit of the working tree, marked if it has changes; "unknown" outside one."""
    if said := os.environ.get("GANLAB_COMMIT"):
        return said[:7] if len(said) == 40 else said  # of a whole hash what git itself prints
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=Path(__file__).parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
