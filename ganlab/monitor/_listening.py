"""Hooks on the passes of D and of the generators; on those of their parts where a loop calls these alone."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor, nn

from ganlab._modules import floats, logit_parts, tensors
from ganlab.monitor._hooks import Hook
from ganlab.monitor._made import Made
from ganlab.monitor._parts import Parts
from ganlab.monitor._samples import place

FAR = 64  # nodes of a graph that are looked at

Look = Callable[[tuple, dict, Any], None]


class Listening:
    """Made by `ganlab.monitor._game.Game`.

    Args:
        watch: is called behind each pass of D; note: behind each of a generator. forget: is called where what `watch`
            was called with was no pass of D after all.
        made: what generators have given.
        lead: as in `ganlab.monitor._samples.pick`.

    Attributes:
        attached: in this round D was called on samples that hang on a generator.
    """

    def __init__(
        self, D: nn.Module, generators: Iterable[nn.Module], watch: Look, note: Look, forget: Callable[[], None],
        made: Made, lead: int,
    ):  # fmt: skip
        self._D, self._generators, self._made, self._lead = D, list(generators), made, lead
        self._watch, self._note, self._forget = watch, note, forget
        self._d_called = self._g_called = self.attached = False  # the second two in this round
        self._of_d: Parts | None = None
        self._gave: list[Tensor] = []  # what D's parts gave since somebody stepped; held, so that no other lies there
        self._own = set(D.parameters())
        self._of_g: list[Parts] = []
        looks = [(D, self._at_d), *((net, self._at_g) for net in self._generators)]
        self._hooks = [net.register_forward_hook(Hook(net, look), with_kwargs=True) for net, look in looks]

    def _at_d(self, inputs: tuple, named: dict, output: Any) -> None:
        self._d_called = True
        self._watch(inputs, named, output)

    def _at_g(self, inputs: tuple, named: dict, output: Any) -> None:
        self._g_called = True
        self._note(inputs, named, output)

    def d_steps(self, passes: bool) -> bool:
        """Whether its parts are listened to. passes: a backward pass has reached D."""
        self._gave = []
        if passes and not self._d_called and self._of_d is None:
            self._of_d = Parts(self._D, self._at_part)
        return self._of_d is not None

    def _at_part(self, inputs: tuple, named: dict, output: Any) -> None:
        """What sees samples and gives a number, or a map of numbers, is a D of its own. Another is a part of one, and
        then nothing is known.
        """
        shapes = {x.shape[self._lead :] for made in self._made.known for x in made.outputs}
        if not shapes:
            return
        xs = floats((inputs, named))
        samples = all(x.shape[self._lead :] in shapes for x in xs) and not any(map(self._of_a_part, xs))
        self._gave += [y.detach() for y in tensors(output)]
        if samples and all(y.shape[self._lead : self._lead + 1] in ((), (1,)) for y in logit_parts(output, False)):
            self._watch(inputs, named, output)
        else:
            self._of_d.remove()
            self._forget()

    def _of_a_part(self, x: Tensor) -> bool:
        """Whether another part has given it, or it was made of what one gave."""
        if any(place(x) == place(y) for y in self._gave):
            return True
        return x.grad_fn is not None and any(p in self._own for p in parameters_of(x))

    def round_ends(self) -> None:
        """The last player has stepped."""
        self._gave = []
        if (self.attached or not self._d_called) and not self._g_called and not self._of_g:
            self._of_g = [Parts(net, self._note) for net in self._generators]
        self.attached = self._g_called = False

    def remove(self) -> None:
        for hook in (*self._hooks, *self._of_g, *([] if self._of_d is None else [self._of_d])):
            hook.remove()


def of_parameters(x: Tensor) -> bool:
    """Whether a graph ends in parameters; one that ends in other tensors alone is that of samples of which somebody
    asks a gradient, behind an augmentation say. A large graph is taken to end in some.

    >>> import torch
    >>> from ganlab.monitor._listening import of_parameters
    >>> x = torch.zeros(2, 3, requires_grad=True)
    >>> of_parameters(x + 1), of_parameters(torch.nn.Linear(3, 3)(x))
    (False, True)
    """
    return any(True for _ in parameters_of(x))


def parameters_of(x: Tensor) -> Iterator[Tensor | None]:
    """Of the nearest nodes of a graph those that end in parameters; None at last, if there are more nodes."""
    waiting, seen = [x.grad_fn], set()
    while waiting and len(seen) < FAR:
        node = waiting.pop(0)
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(leaf := getattr(node, "variable", None), nn.Parameter):
            yield leaf
        waiting += [following for following, _ in node.next_functions]
    if waiting:
        yield None
