"""Were the thresholds of a claim committed before its recording? Read from git; what it says is kept in claims.yml.

    python book/_ext/history.py    writes `registered: true` into the claims of which it is so, takes it from the others

A claim is registered if each of its measures, with its cells and its threshold, stood in a commit before the one that
brought the recording: not in the same one. What is exact has no recording. A copy without history keeps what the file
says.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = "book/claims.yml"
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def registered(claims: Iterable[Mapping[str, Any]]) -> set[str]:
    """The ids, of entries as they stand in claims.yml, whose every recorded measure was set before it was recorded."""
    found = set()
    for claim in claims:
        recorded = [measure for measure in claim.get("measures") or [] if measure.get("kind") != "exact"]
        if recorded and all(map(_was_set_before, recorded)):
            found.add(claim["id"])
    return found


def available() -> str:
    """Why the history cannot be read, in a sentence; empty if it can."""
    try:
        if _git("rev-parse", "--is-shallow-repository") != "false":
            return "This is a shallow clone: what claims.yml says about registration cannot be verified here."
        top = Path(_git("rev-parse", "--show-toplevel"))
    except (OSError, subprocess.CalledProcessError):
        return "This copy has no history: what claims.yml says about registration cannot be verified here."
    return "" if top == ROOT else "This copy lies in another repository: its registrations cannot be verified here."


def _was_set_before(measure: Mapping[str, Any]) -> bool:
    study, other = measure.get("study"), (measure.get("against") or {}).get("study")
    if study is None:  # a check over seeds is computed when the book is built
        return False
    set_in = _first_commits().get(_key(measure))
    recordings = [_first_recording(name) for name in {study, other or study}]
    # What is not recorded yet is set before it is: the commit that will bring it is a later one.
    return bool(set_in) and all(not recording or _before(set_in, recording) for recording in recordings)


def _key(measure: Mapping[str, Any]) -> str:
    """What is measured and the threshold, without its words."""
    parts = ("study", "column", "where", "against", "effect", "check", "threshold")
    return json.dumps([measure.get(name) for name in parts], sort_keys=True, default=str)


@cache
def _first_commits() -> dict[str, str]:
    """For each measure that ever stood in claims.yml, the first commit that had it."""
    first: dict[str, str] = {}
    for commit in _git("log", "--reverse", "--topo-order", "--format=%H", "--", CLAIMS).split():
        try:
            claims = yaml.load(_git("show", f"{commit}:{CLAIMS}"), Loader) or []
        except yaml.YAMLError:
            continue
        for claim in claims:
            for measure in claim.get("measures") or []:
                first.setdefault(_key(measure), commit)
    return first


@cache
def _first_recording(study: str) -> str:
    path = f"ganlab/recorded/{study}.csv"
    commits = _git("log", "--reverse", "--topo-order", "--diff-filter=A", "--format=%H", "--", path).split()
    return commits[0] if commits else ""


@cache
def _before(earlier: str, later: str) -> bool:
    """Is `earlier` a proper ancestor of `later`?"""
    if not later or earlier == later:
        return False
    call = ["git", "-C", str(ROOT), "merge-base", "--is-ancestor", earlier, later]
    return subprocess.run(call, check=False, capture_output=True).returncode == 0


def _git(*arguments: str) -> str:
    call = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    path = ROOT / CLAIMS
    text = path.read_text()
    names = registered(yaml.load(text, Loader))
    text = re.sub(r"(?m)^  registered: .*\n", "", text)
    for name in names:
        start = text.index(f"- id: {name}\n")
        end = text.index("\n  verdict: ", start)
        text = f"{text[:end]}\n  registered: true{text[end:]}"
    path.write_text(text)
    print(f"{len(names)} claims were registered before their recording")


if __name__ == "__main__":
    if problem := available():
        raise SystemExit(problem)
    main()
