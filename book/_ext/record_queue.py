"""Which call of which study comes next: the most important study that can go on, without changing chapters needlessly.

A slice is one statement of a chapter that runs studies. It is planned by a worker (its studies and their calls), once
all fresh tables that it reads are there; then its calls are handed out; then its studies are finished.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

PLAN, CALL, FINISH = "plan", "call", "finish"


@dataclass
class Part:
    """A slice on its way: `calls` are those not handed out yet, `open` those not answered, for each study.

    `names`: the studies that it may run, as far as can be read; `again`: those whose recorded tables stay as they are.
    """

    chapter: str
    script: str
    number: int
    names: frozenset[str]
    reads: frozenset[str]
    rank: float
    again: frozenset[str]
    wanted: frozenset[str] | None = None
    calls: dict[str, list[int]] = field(default_factory=dict)
    open: dict[str, set[int]] = field(default_factory=dict)
    planned: bool = False


class Queue:
    """The parts, and what is known of them. Safe to use from several threads.

    `near`: as many of the first tasks are looked through for one of a worker's own chapter; `kept`: the studies that an
    earlier run finished.
    """

    def __init__(self, parts: list[Part], near: int, kept: frozenset[str] = frozenset()):
        self.kept = kept
        parts = [part for part in parts if not part.names or not part.names <= kept]
        self.parts = sorted(parts, key=lambda part: part.rank)
        self.near = near
        self.done: dict[str, tuple[Part, dict[str, Any]]] = {}
        self.failed: dict[str, str] = {}
        self.busy: set[tuple[str, int]] = set()
        self.changed = threading.Condition()

    def next(self, chapter: str) -> tuple[Part, dict[str, Any]] | None:
        """The next task for a worker that has worked on `chapter`; waits for one; None when nothing can come."""
        with self.changed:
            while True:
                near = [task for part in self.parts if (task := self._task(part))][: self.near]
                if near:
                    own = [task for task in near if task[0].chapter == chapter and task[1]["op"] != PLAN]
                    part, task = (own or near)[0]
                    self._take(part, task)
                    return part, task
                if not self.busy and not any(part.open for part in self.parts):
                    return None
                self.changed.wait(1.0)

    def answered(self, part: Part, task: dict[str, Any], answer: dict[str, Any]) -> None:
        """Enter what a worker said."""
        with self.changed:
            study = task.get("study", "")
            if task["op"] == PLAN:
                self.busy.discard((part.chapter, part.number))
                self._plan(part, answer)
            elif "error" in answer:
                self.failed[study] = answer["error"]
                part.calls.pop(study, None)
                part.open.pop(study, None)
            elif task["op"] == CALL and study in part.open:
                part.open[study].discard(task["index"])
            elif task["op"] == FINISH:
                part.open.pop(study)
                self.done[study] = (part, answer)
            self.changed.notify_all()

    def _plan(self, part: Part, answer: dict[str, Any]) -> None:
        if "error" in answer:
            self.failed[f"{part.chapter}, statement {part.number}"] = answer["error"]
            return
        for study, calls in answer["studies"]:
            if study not in self.kept and (part.wanted is None or study in part.wanted):
                part.calls[study], part.open[study] = list(range(calls)), set(range(calls))

    def _task(self, part: Part) -> tuple[Part, dict[str, Any]] | None:
        """What could be done now for a part."""
        if not part.planned:
            return (part, {"op": PLAN}) if not self._waits(part) else None
        for study, open_calls in part.open.items():
            if part.calls.get(study):
                return part, {"op": CALL, "study": study, "index": part.calls[study][0]}
            if not open_calls and study in part.calls:
                return part, {"op": FINISH, "study": study}
        return None

    def _take(self, part: Part, task: dict[str, Any]) -> None:
        if task["op"] == PLAN:
            part.planned = True
            self.busy.add((part.chapter, part.number))
        elif task["op"] == CALL:
            part.calls[task["study"]].pop(0)
        else:
            del part.calls[task["study"]]

    def _waits(self, part: Part) -> bool:
        """A table that it reads is still to come; one that stays as it is need not be measured again first."""
        settled = self.done.keys() | self.failed.keys() | self.kept
        others = [other for other in self.parts
                  if other is not part and other.names & part.reads - settled - other.again]  # fmt: skip
        return any(not self._is_planned(other) or part.reads & other.open.keys() - other.again for other in others)

    def _is_planned(self, part: Part) -> bool:
        return part.planned and (part.chapter, part.number) not in self.busy
