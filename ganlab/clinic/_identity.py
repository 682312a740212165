"""What a recorded number was made by: the code of a game, with its setting's numbers.

It is read as syntax, so that a docstring or a comment can change and the recording stays.
"""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from functools import cache

from ganlab.clinic.games import GAMES, Case
from ganlab.clinic.playing import EVERY
from ganlab.clinic.settings import SETTINGS, Setting


def played(case: Case) -> str:
    """Ten digits that change with the code of the game, and with its setting's numbers."""
    return _digits(repr(_game(case)))


def watched(case: Case) -> str:
    """The same of a run under a monitor: they change with the steps that it measures, too."""
    return _digits(repr((*_game(case), EVERY)))


def _game(case: Case) -> tuple[list[str], list[object]]:
    classes = [one for one in GAMES[case.game].play.__mro__ if one.__module__.startswith("ganlab")]
    return [_code(one) for one in classes], _numbers(SETTINGS[case.setting])


def same(text: str, code: str, as_of: Callable[[Case], str] = played) -> bool:
    """Whether the case of that text is still there, and is as it was when `code` was written down."""
    try:
        return as_of(Case.read(text)) == code
    except ValueError:
        return False


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _numbers(setting: Setting) -> list[object]:
    """What makes a setting, but for the length of its long run."""
    widths = setting.generator.keywords, setting.discriminator.keywords
    return [setting.name, setting.latent, setting.batch, setting.rate, setting.gamma, setting.critic_steps,
            setting.norm_g, setting.norm_d, *widths]  # fmt: skip


@cache
def _code(what: type) -> str:
    """The syntax of a class, without what it says of itself and where it applies."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(what)))
    tree.body[0].decorator_list = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
