"""The game as D plays it: its accuracy, its logits, what it is shown, and the gradient that it hands to G."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from ganlab._modules import floats, logit_parts, tensors
from ganlab._numeric import NAN
from ganlab.monitor._apart import told_apart
from ganlab.monitor._calls import Call, Slopes, batches_of, side_by_side, sums, total
from ganlab.monitor._counts import COUNTS, Counted, between, count, cut, leaked, loudness
from ganlab.monitor._given import codes, label_gap
from ganlab.monitor._listening import Listening, of_parameters
from ganlab.monitor._made import Made
from ganlab.monitor._order import LOGITS, judgement
from ganlab.monitor._own import Own, Pair
from ganlab.monitor._penalty import PENALTY, filled, of_penalty
from ganlab.monitor._push import PUSH, felt, push
from ganlab.monitor._samples import Repeats
from ganlab.monitor._series import Series
from ganlab.monitor._shown import SHOWN, Shown

# The columns of a point, in this order, by what they are read off.
SIGNS = ("real_slope", "fake_slope", "g_slope")
GAME = (
    *LOGITS, *PUSH, *SIGNS, *SHOWN, "repeat_z", "alike_z", *PENALTY, *COUNTS, "cut_calls", "leaked", "felt",
    "slope_order", "loudness", "label_gap", "between",
)  # fmt: skip


class Game:
    """Watches the calls of the discriminator. Made by `ganlab.monitor.Monitor`.

    By the chain rule a fake x of the batch sends G the gradient dL/dlogit(x) times dD(x)/dx. Both factors pass by in
    the backward pass of G's own step: they cost no pass of their own, and hold for any loss.

    A call in D's own step is one on fakes if its input is what a generator has made since D stepped last, detached or
    not, and else one on real samples. Where that does not tell (both in one batch, samples with noise), the batch that
    goes along with the generator's is taken for its own (`ganlab.monitor._apart`); where that does not tell either,
    `logits` has to.

    Args:
        generators: the networks that make fakes.
        shared: D and a generator have one optimizer, so that D's step is the generator's.
    """

    def __init__(
        self, D: nn.Module | None, generators: Iterable[nn.Module], members: int | None, series: Series,
        shared: bool = False,
    ):  # fmt: skip
        self.members, self.series, self.on, self.shared = members, series, True, shared
        self._D, self._lead = D, 1 if members is None else 2
        self._shown, self._repeats_z = Shown(self._lead), Repeats(self._lead)
        self.made = Made(self._lead)
        self.soon = False  # is the next step measured?
        self.own = Own()
        self._forget()
        self.calls, self.unread = 0, 0  # in training, on samples of a generator; of these without logits
        self._listening = None
        if D is not None:
            looks = self._watch, self._note, self._drop
            self._listening = Listening(D, generators, *looks, self.made, self._lead)

    def _forget(self) -> None:
        """A step begins: nothing is known of it."""
        self._told: tuple[tuple[list[Tensor], Slopes | None], ...] | None = None
        self._logits: tuple[Tensor, Tensor] | None = None
        self._samples: tuple[Tensor, Tensor] | None = None
        self._paired = False  # D has stepped by a pair of calls
        self._signs: tuple[Tensor | None, Tensor | None] = (None, None)
        self._push: list[Tensor] = []  # for each backward pass of G's step, as of `Slopes.through`
        self._waiting: list[Call] = []  # calls in D's step that are not D's own
        self._penalised = False  # was D asked for its slope at samples?
        self._counted = Counted(None, None, [])  # D's calls in its own step
        self._leaked = NAN  # whether the gradients of that step are of G's loss too
        self._cut = NAN  # and in G's, how many teach nothing
        self._felt = NAN  # whether G's gradient has come by way of D
        self._loudness: Tensor | None = None
        self._label_gap: Tensor | None = None
        self._between: Tensor | None = None
        self._sure: Tensor | None = None  # whether D's calls could be told apart by what the generator gave
        self._z: Tensor | None = None

    def logits(self, real: Any, fake: Any) -> None:
        told = []
        for parts in (logit_parts(output, self.members is not None) for output in (real, fake)):
            live = [part for part in parts if part.requires_grad]
            told.append((parts, Slopes(live, self._lead) if live else None))
        self._told = tuple(told)
        self._logits = tuple(side_by_side([part.detach() for part in parts], self._lead) for parts, _ in told)

    def _note(self, inputs: tuple, named: dict, output: Any) -> None:
        if self.on or self.soon:
            self.made.note(inputs, named, output)

    def _watch(self, inputs: tuple, named: dict, output: Any) -> None:
        if not self.on or not torch.is_grad_enabled():
            return
        xs = floats((inputs, named))
        logits = [y for y in logit_parts(output, self.members is not None) if y.requires_grad]
        if any(map(is_functorch_wrapped_tensor, xs)) or not xs:
            self._penalised |= bool(xs)
            return  # a penalty's own pass
        single = self.members is None  # of a population all is taken to hang on a generator
        fake = next((i for i, x in enumerate(xs) if x.grad_fn and not (single and not of_parameters(x))), None)
        attached = fake is not None
        self.calls += attached
        self._listening.attached |= attached
        if not logits:
            self.unread += attached
            return
        asked = not attached and any(x.requires_grad for x in xs)  # by a penalty of one's own, for its gradient
        self._penalised |= asked
        cut = [x.detach() for x in xs]
        known, self._z = self.made.places(cut, self._z)
        made = fake if attached else next(iter(known), None)
        slopes = Slopes(logits, self._lead, xs[fake] if attached else None, asked)
        given = [x.detach() for x in tensors((inputs, named))]
        trains = any(p.requires_grad for p in self._D.parameters())
        self.own.calls.append(Call(cut, [y.detach() for y in logits], made, attached, asked, slopes, given, trains))

    def _drop(self) -> None:
        self.own.calls, self.calls, self.unread = [], 0, 0

    def before_step(self, of_discriminator: bool, passes: Sequence[int], in_d: Sequence[int] = ()) -> list[Tensor]:
        """A player is about to step: what D was called on since the last step was for this one.

        passes: the backward passes that have reached the player since then. A generator that none has reached has its
        gradient of a pass of D's loss, as behind a layer that turns gradients round. in_d: those that have reached D.

        Returns the sums of the slopes at its logits.
        """
        slopes: list[Tensor] = []
        if of_discriminator:
            if self._listening is not None:
                self.own.by_parts = self._listening.d_steps(bool(passes))
            own = self.own.of_d(self._told)
            if own is not None or not self._paired:  # else a step of a penalty's, or of another term's
                self._look(own, passes)
            self._waiting = [call for call in self.own.calls if call.attached and not self.own.early]
            slopes = [sign for sign in self._signs if sign is not None]
        else:
            calls = self.own.calls
            self._cut = cut(calls)
            if any(call.slopes.went_on() for call in calls):
                self._leaked *= 0.0  # G has a pass of its own: what came to D was D's; NaN stays
            stepped = self._counted.numbers is not None and not self.own.one_pass
            found, slopes = push(self._waiting, calls, passes, stepped)
            self._push = found or self._push
            self._felt = float(bool(found) or felt(calls, passes, in_d) or self._felt == 1)
            self.own.of_g()
        self.own.calls = []
        return slopes

    def _look(self, own: Pair | None, passes: Sequence[int]) -> None:
        """At D's calls in a step of its own."""
        calls = self.own.calls
        self._counted = count(calls, None if own is None else own[1], self._lead)
        self._between = between(calls, self._lead)
        self._loudness = loudness(calls, [made.outputs for made in self.made.known], self._lead)
        self._paired = own is not None
        if own is not None:
            self._take(*own)
        elif self._told is not None:
            self._signs = sums(self._told, [], [])
        else:
            self._tell_apart(calls)
        early = self.own.early  # which passes reached D then, is not known any more
        self._leaked = NAN if own is None or self.shared or early else leaked(calls, own, passes)
        for call in [] if own is None or self.shared else own[1]:
            call.slopes.pass_on()  # G's loss may come by the same call

    def _take(self, real: list[Call], fake: list[Call]) -> None:
        """D's own calls of this step."""
        if self._told is None:
            parts = ([y for call in calls for y in call.logits] for calls in (real, fake))
            self._logits = tuple(side_by_side(logits, self._lead) for logits in parts)
        self._signs = sums(self._told, real, fake)
        batches = batches_of(real, fake, self._lead)
        self._samples = None if batches is None else tuple(torch.cat(some, self._lead - 1) for some in batches)
        if batches is not None and (labels := codes(real[0].given, self._lead)) is not None:
            self._label_gap = label_gap(batches[0][0], labels, self._lead)

    def _tell_apart(self, calls: Sequence[Call]) -> None:
        """D's calls of this step, none of which is on what a generator gave."""
        if (found := told_apart(calls, self.made.known, self._lead)) is None:
            return
        self._logits = found.real.logits, found.fake.logits
        self._samples = found.real.x, found.fake.x
        self._signs = tuple(None if one.slopes is None else one.slopes.sum(-1) for one in found[:2])
        self._sure, self._z = found.sure, found.z
        if (numbers := self._counted.numbers)[:2] == (2, 0):
            self._counted = self._counted._replace(numbers=(1, 1, *numbers[2:]))

    def after_step(self, of_discriminator: bool) -> None:
        """A player has stepped."""
        self.own.stepped(of_discriminator)
        self.made.stepped(of_discriminator)

    def close_step(self, step: int) -> None:
        """The step is over: keep its numbers."""
        pair, shown, pushed = self._logits, self._samples, total(self._push)
        known = (
            (len(LOGITS), None if pair is None else self._if_sure(judgement(*pair))),
            (len(PUSH), None if pushed is None else torch.stack([pushed[1], pushed[2] / len(self._push)])),
            *((1, None if sign is None else self._if_sure(sign[None])) for sign in self._signs),
            (1, None if pushed is None else pushed[:1]),
            (len(SHOWN), None if shown is None else self._if_sure(self._shown.rows(*shown))),
        )
        if (like := next((rows[0] for _, rows in known if rows is not None), None)) is not None:
            latents = None if self._z is None else torch.stack([self._repeats_z.share(self._z), self._repeats_z.alike])
            numbers, order, asked = self._counted
            single = (order, self._loudness, self._label_gap, self._between)
            known = (
                *known,
                (2, latents),
                (len(PENALTY), of_penalty(self._penalised, asked, shown, like, self._lead)),
                (
                    len(COUNTS) + 3,
                    filled((*(numbers or [NAN] * len(COUNTS)), self._cut, self._leaked, self._felt), like),
                ),
                *((1, None if row is None else row.to(like)[None]) for row in single),
            )
            nothing = torch.full_like(like, NAN)
            self.series.add(step, torch.cat([
                nothing.expand(length, *like.shape) if rows is None else rows for length, rows in known
            ]))  # fmt: skip
        self._forget()

    def round_ends(self) -> None:
        """The last player has stepped, whether that is measured or not."""
        if self._listening is not None:
            self._listening.round_ends()
        self.own.round_ends()
        self.made.round_ends()

    def _if_sure(self, rows: Tensor) -> Tensor:
        return rows if self._sure is None else torch.where(self._sure, rows, NAN)

    def remove(self) -> None:
        if self._listening is not None:
            self._listening.remove()
        self._forget()
        self.own, self.made = Own(), Made(self._lead)
