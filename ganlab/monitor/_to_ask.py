"""The tables that a monitor can be asked for: methods of `ganlab.monitor.Monitor`."""

from typing import TYPE_CHECKING

from ganlab import diagnosis
from ganlab.monitor import _tables

if TYPE_CHECKING:
    import pandas


def gradients(monitor, by: str = "layer") -> "pandas.DataFrame":
    """A row for each step, phase (the player that stepped), layer and seed.

    Columns: step, phase, layer, depth (0 for the first layer registered), seed, grad_norm (2-norm of the loss's
    gradient), zero_share (share of exact zeros), nonfinite (how many entries are NaN or infinite), update_ratio
    (2-norm of the step taken over that of the weights), status. With `by="parameter"` also parameter. With
    `by="net"` a row for the whole network of the player, with no layer and no depth.

    `status` is "ok", or why there is no number (NaN): "frozen" (requires_grad is off), "missing" (no gradient
    reached the parameter), "detached" (none reached the whole network), "stale" (a gradient is there, but no
    backward pass has touched it since the last step), "not in optimizer"; "sparse" has numbers. A layer or a net
    has the status of its parameters, or "mixed"; its numbers are those of its parameters that have any.

    Raises:
        ValueError: another `by`.
    """
    return _tables.gradients(monitor.players.values(), monitor.seeds, by)


def totals(monitor) -> "pandas.DataFrame":
    """A row for each phase, parameter and seed: measured steps, and in how many the gradient was not finite.

    Counted at every measured step, also at those that `capacity` has dropped since.
    """
    return _tables.totals(monitor.players.values(), monitor.seeds)


def activations(monitor) -> "pandas.DataFrame":
    """A row for each step, phase, net, layer and seed, if the layers are tapped.

    Columns: step, phase (whose step the passes belonged to), net, layer, kind, depth, seed, rms, dead_share (units
    that are 0 for the whole batch; NaN for layers with weights), saturated_share (tanh and sigmoid outputs within
    0.5 % of their range from a bound; else NaN), grad_rms (RMS over the entries of dL/dh, h the layer's output; NaN
    where none came back).
    """
    parts = {key: (monitor._taps[key[0]].layers, series.read()) for key, series in monitor._activity.items()}
    return _tables.activations(parts, monitor.seeds)


def game(monitor) -> "pandas.DataFrame":
    """A row for each step and seed: how D judges, which way the losses push its logits, and what it is shown.

    Columns beside step and seed, NaN where unknown:

    - real_accuracy, fake_accuracy, pair_accuracy, real_logit, fake_logit: D's accuracies and mean logits.
    - loss_slope, input_slope: two factors of the gradient that D sends to G, the sum over the batch of |dL/dlogit|,
      and the mean over the batch of ||dD/dx||_2 at the generated samples.
    - real_slope, fake_slope: the sum over the batch of dL/dlogit, with its sign, in D's own step. Of a mean of
      logistic, hinge or Wasserstein losses real_slope is in [-1, 0] and fake_slope in [0, 1]: a turned sign or
      swapped targets show. g_slope: the same in G's own step, where a sound loss has it below 0.
    - spread: mean distance of two generated samples over that of two real ones; 0: all alike.
    - energy: the energy distance of the two batches, normalised, in [0, 1] (Szekely & Rizzo 2013, Energy
      statistics): 0 for one law, 1 for two points. Where chance makes the estimate negative it is 0.
    - real_low, real_high, fake_low, fake_high: the least and the greatest number in the batches.
    - repeat: the share of the real batch that was also in the last one measured, whatever the order, less what has its
      like in its own batch; repeat_z: the share of G's inputs, all of them together, that was there before. 1: one
      batch over and over. alike_z: the share of G's inputs that have their like in the same batch. seen_before: the
      share of the real batch that was in any one measured before; remembered: how many samples these had (4096 are
      kept). Of a set of N samples drawn at random the first is about 1 - exp(-remembered / N).
    - mean_gap: how far the means of both batches are apart, in root mean squares of a real sample about its mean;
      mean_turn: the cosine of the way from one to the other with that of the first step, -1 where G's mean has come out
      on the other side.
    - penalised: 1 where D was asked in its step for its slope at samples, as gradient penalties ask, and else 0.
      severed: 1 where no graph was made of that slope (`create_graph=True` is missing), so that no penalty on it moves
      D. reach: how far the points at which it was asked lie outside of both batches, in widths of their range; below 0:
      within. Both 0 without a penalty, and NaN for those that are made of `torch.func`.
    - real_calls, fake_calls: how often D was called in its own step on what a generator has just made, and on anything
      else, without the calls of a penalty; batch: samples in the first of these; width: logits that D gives for one.
    - slope_order: the correlation, over the logits of D's step, of a logit with the slope of D's loss at it. Real
      logits lie high and have negative slopes, so it is below 0; where targets are broadcast it is near 1.
    - cut_calls: how often D was called in G's step on what a generator has just made, without its graph, so that
      nothing goes back to it (`D(fake.detach())`). leaked: 1 where D steps with gradients of G's loss among its own.
      felt: 1 where a gradient of G came by way of D, by its logits or by its features, or where D was frozen, so that
      it cannot be seen; 0 where D had no part in it.
    - loudness: the root mean square of the quieter of D's two batches over that of what a generator has just given,
      where D was called on neither exactly; NaN where it was. Noise of the deviation s, on data and samples of the
      root mean square r, makes it about sqrt(1 + (s / r)^2).
    - label_gap: where D takes labels (whole numbers, or rows with a single 1), the mean squared distance of two real
      samples of one label over that of two of different ones: 1 where labels say nothing of the samples.
    - between: where D is called on two other batches beside the generated one, how much longer the way from one of them
      to the generated one is by way of the other, row by row: 1 for points on the line, as a penalty takes them.

    real_accuracy and fake_accuracy take 0 for the border, as the logistic losses do. With Wasserstein, hinge or
    relativistic losses nothing fixes the zero: there pair_accuracy says how well D tells, the share of pairs of a
    real and a generated sample whose logits are in order (ties half).

    A small loss_slope is saturation: D is sure, and the loss is flat there. With batch norm in D, input_slope mixes
    samples. Of a map of logits, or of several, each place counts as a logit, and input_slope is that of their
    mean, weighted by their slopes. Gradients that are accumulated over several backward passes are added up.
    Under a `GradScaler` the slopes are too large by the scale.

    D's two calls in its own step are told apart by what they are on: one on what a generator player has returned
    since D's last step. D may step on the one kind, and then on the other, or both losses may come before both steps.
    Where no call is on what a generator returned (real and fake in one batch, shuffled or not, noise on both, a pool
    of older samples, a condition beside them), the batch, or the half of it, is taken of which a fifth of the rows is
    from there, or that goes along, row by row, with it; the latter not of generators that change images into others.
    Of more batches than two, as of gradients that are added up, each is looked at so. Where neither clearly is (noise
    on shuffled rows, large crops, much noise), or where they are not of one shape, the numbers are NaN, and the loop
    has to tell the logits: `logits(real, fake)`. Samples are as D sees them, after noise and augmentation: that of
    D's inputs which a generator made, and the real ones at the same place; distances are between 64 samples of each
    batch. A generator of which the loop calls the parts alone (`G.synthesis(G.mapping(z))`, `G.forward(z)`) is heard
    from the second measured step on, and so are several D's in one container; of a D in a chain of parts nothing is
    known.
    """
    return _tables.game(monitor._game.series.read(), monitor.seeds)


def moves(monitor) -> "pandas.DataFrame":
    """A row for each step, phase (the player that stepped), net and seed: whom the step moved, and with what.

    Columns: step, phase, net, seed, moved (2-norm of the net's step over that of its weights; 0 of a net of which
    the phase's optimizer holds nothing), carried (of the player's own net: 2-norm of what lay in `.grad` already
    when the phase's first backward pass reached it, over that of the gradients that were used), weights and evenness
    (of the player's own net in front of the step: the root mean square of its weights, and their mean size over that
    root, by parameter; 1 where all have one size, as weights that a clip holds at its bound, 0.87 for uniform and
    0.80 for normal ones), mode.

    carried is 0 where `zero_grad` stands in its place. What the other player's backward pass left behind counts as
    carried; what several passes of one phase add up does not. It is 1 where no pass of this round of the game has
    reached the net, and NaN where none has since its last step, and for other nets. Under a `GradScaler` it is too
    large by the scale, unless it is 0.

    mode is that of the net's modules in the phase's forward passes that hang on a graph: "train", "eval", "mixed",
    or "" if there were none. Where G's samples are made before D steps and used afterwards, their pass counts for
    G's phase too. Modules that hold others are not asked.

    Two steps without `zero_grad`, whose gradients are (3, 4, 1) each: the second uses twice that, half of it carried.

    >>> import torch
    >>> from ganlab.monitor import Monitor
    >>> net = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> monitor = Monitor({"G": (net, optimizer)})
    >>> for _ in range(2):
    ...     net(torch.tensor([[3.0, 4.0]])).backward(); optimizer.step()
    >>> monitor.moves()[["carried", "mode"]].values.tolist()
    [[0.0, 'train'], [0.5, 'train']]
    """
    return _tables.moves(monitor._moves, list(monitor.players), monitor.seeds)


def settings(monitor) -> "pandas.DataFrame":
    """A row for each player (phase) and seed: what is written down of its optimizer and its network, as it is now.

    Columns: phase, seed, optimizer (its class); the largest over groups of parameters of rate, adaptive (1 if steps
    are divided by the size of the gradient, as Adam's; 0.5 if by that of all so far, as Adagrad's), momentum (of
    Adam its first beta), decay (weight decay), maximize (1 if it steps up the gradient); norm_eps (the largest
    number that a normalising layer adds to a variance), bounded (the share of its layers with weights that spectral
    normalisation or a like parametrization bounds), at_bound (the share of the numbers in the matrices that it
    trains that have exactly the size of the largest beside them: those that a clip holds), ends_in (1: its output is
    that of an nn.Tanh, 2: of an nn.Sigmoid, 0: neither) and steps (how many it has made, measured or not). NaN: it has
    none, or has not been called.

    >>> import torch
    >>> from ganlab.monitor import Monitor
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    >>> monitor = Monitor({"G": (net, torch.optim.Adam(net.parameters(), lr=0.001, betas=(0.5, 0.99)))})
    >>> monitor.settings()[["optimizer", "rate", "momentum", "norm_eps", "bounded"]].values.tolist()
    [['Adam', 0.001, 0.5, 1e-05, 0.0]]
    """
    return _tables.settings_of(monitor.players, monitor.members, monitor.seeds)


def diagnose(monitor, upto: int | None = None) -> "diagnosis.Diagnosis | list[diagnosis.Diagnosis]":
    """What is wrong, how sure that is, and what to type: see `ganlab.diagnosis.diagnose`.

    With `activations=True` it has more to go by.
    """
    return diagnosis.diagnose(monitor, upto=upto)
