"""Run chapters from top to bottom and store their outputs, so that a repeated run changes as few lines as can be.

python book/_ext/execute.py book/02-measure.ipynb ...
python book/_ext/execute.py --discard ...      run only, and leave the file as it is
"""

import argparse
import hashlib
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LANGUAGE = {"name": "python"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def execute(path: Path, discard: bool = False) -> float:
    """Run the notebook at `path` in its own folder; returns the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    seconds = time.perf_counter() - start
    if not discard:
        nbformat.write(normalised(notebook), path)
    return seconds


def normalised(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what changes from run to run or from editor to editor. Changes it in place."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
        for editor_state in ("execution", "collapsed", "scrolled", "jupyter", "id"):
            cell.metadata.pop(editor_state, None)
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--discard", action="store_true", help="do not store the outputs")
    arguments = parser.parse_args()
    for path in arguments.notebooks:
        seconds = execute(path, arguments.discard)
        print(f"{path}: {seconds:.0f} s, {path.stat().st_size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
