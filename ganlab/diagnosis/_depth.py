"""Rules on depth: the gradient from layer to layer, and units that pass none on."""

from ganlab.diagnosis.rules import Rule, above, below, for_players, within

RULES = [
    Rule(
        "depth-vanishing",
        "G-vanishes",
        (*within("G_back_early", -25.0, -2.6), below("G_dead", 0.9)),
        "dL/dh at G's first layer is {ten_G_back_early:.0e} of that at its last",
        "chapter 4: variance maps",
    ),
    Rule(
        "depth-vanishing",
        "D-vanishes",
        (*within("D_back_early", -25.0, -4.0),),
        "dL/dh at D's first layer is {ten_D_back_early:.0e} of that at its last",
        "chapter 4: variance maps; the mean over places at the end of a convolutional D alone gives 2e-3",
        title="The gradient shrinks from layer to layer: the first layers of D get none.",
        fix="D = ganlab.nets.resmlp_discriminator(real.shape[1:])   # blocks with a skip\n"
        "optimizer_d = torch.optim.Adam(D.parameters(), 2e-4)",
    ),
    Rule(
        "explosion",
        "G-explodes",
        (above("G_back_early", 2.0),),
        "dL/dh at G's first layer is {ten_G_back_early:.0e} times that at its last",
        "chapter 4: variance maps",
    ),
    *for_players(
        lambda player: Rule(
            "explosion",
            f"{player}-forward",
            (
                above(f"{player}_rms_inside", 1.2),
                above(f"{player}_rms_growth", 0.4),
                below(f"{player}_saturated", 0.5),
                below(f"{player}_weights_growth", 0.3),
                above("energy_fall", 0.1),
            ),
            f"the outputs of a layer inside {player} are {{ten_{player}_rms_inside:.0f}} in root mean square, "
            f"{{ten_{player}_rms_growth:.0f}} times those of its first layer",
            "chapter 4: variance maps; no healthy game that rules were set on does that",
            title=f"The outputs grow from layer to layer of {player}: its weights are too large at the start.",
            fix=f"for layer in {player}.modules():\n"
            "    if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d):\n"
            "        torch.nn.init.kaiming_normal_(layer.weight)",
        )
    ),
    Rule(
        "dead-units",
        "G-dead",
        (above("G_dead", 0.9),),
        "{G_dead:.0%} of the units of a layer of G are 0 for a whole batch",
        "chapter 12: dead units",
    ),
    Rule(
        "dead-units",
        "D-dead",
        (above("D_dead", 0.9),),
        "{D_dead:.0%} of the units of a layer of D are 0 for a whole batch",
        "chapter 12: dead units",
    ),
    Rule(
        "saturated-units",
        "G-saturated",
        (above("G_saturated", 0.5),),
        "{G_saturated:.0%} of the outputs of a bounded layer of G are at a bound",
        "chapter 12: saturated units",
    ),
    Rule(
        "saturated-units",
        "D-saturated",
        (above("D_saturated", 0.5),),
        "{D_saturated:.0%} of the outputs of a bounded layer of D are at a bound",
        "chapter 12: saturated units",
    ),
]
