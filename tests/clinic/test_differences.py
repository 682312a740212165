"""A game beside its twin: what is printed is what differs, and the twin's lines are those that run."""

import pytest

from ganlab.clinic import GAMES, difference
from ganlab.clinic.plain import Plain

SICK = [name for name, game in GAMES.items() if game.sick]


@pytest.mark.parametrize("name", SICK)
def test_every_sick_game_differs_from_its_twin(name):
    lines = difference(name).splitlines()
    assert {line[:1] for line in lines} <= {"+", "-", " ", ""}
    assert any(line.startswith("+") for line in lines) or any(line.startswith("-") for line in lines)


def test_a_line_that_moved_is_taken_away_and_put_in():
    lines = difference("discriminator-gradients-leak").splitlines()
    assert lines.index("-     self.step_d.zero_grad()") < lines.index("+     self.step_d.zero_grad()")
    assert sum(line[0] != " " for line in lines) == 2


def test_a_setting_is_told_as_an_assignment():
    assert difference("frozen-generator: rate 0") == f"- rate_g = {Plain.rate_g!r}\n+ rate_g = 0.0"


def test_docstrings_are_left_out():
    assert not any('"""' in difference(name) for name in GAMES)


def test_an_unknown_game_is_refused():
    with pytest.raises(ValueError, match="unknown game 'flu'"):
        difference("flu")
