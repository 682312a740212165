"""ganlab: a small laboratory for gradient trouble in GANs.

What people come for:

    ganlab.nets, ganlab.losses, ganlab.train                the GAN: networks, what each player minimises, the loop
    ganlab.theory                                           the losses derived, and what should happen on paper
    ganlab.clipping, ganlab.penalties, ganlab.monitor       gradients clipped, bounded, watched, in any loop
    ganlab.check                                            what would go wrong, before training (ganlab.preflight)
    ganlab.diagnose                                         what is wrong, while it trains (ganlab.diagnosis)

and the laboratory that the book runs on:

    ganlab.study, ganlab.plots, ganlab.metrics, ganlab.data, ganlab.latent, ganlab.optim, ganlab.population

`import ganlab` needs torch and NumPy alone, and loads a wing when it is first named.
"""

from importlib import import_module

__version__ = "0.1.0"
_WINGS = (
    "nets", "losses", "train", "theory", "clipping", "penalties", "monitor", "preflight", "diagnosis", "clinic",
    "study", "plots", "metrics", "data", "latent", "optim", "population",
)  # fmt: skip
_CALLS = {"check": "preflight", "diagnose": "diagnosis"}  # a name of the package to the wing that has it
__all__ = ["__version__", *_CALLS, *_WINGS]


def __getattr__(name: str):
    if name in _CALLS:
        return getattr(import_module(f"ganlab.{_CALLS[name]}"), name)
    if name in _WINGS:
        try:
            return import_module(f"ganlab.{name}")
        except ModuleNotFoundError as error:
            if (error.name or "ganlab").startswith("ganlab"):
                raise
            raise ImportError(
                f"ganlab.{name} needs {error.name}: pip install '.[all]' in ganlab's folder brings it"
            ) from error
    raise AttributeError(f"module 'ganlab' has no attribute {name!r}; its wings: {', '.join(_WINGS)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_CALLS, *_WINGS])
