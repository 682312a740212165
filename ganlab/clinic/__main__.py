"""Play the clinic's games, and record what came of them.

python -m ganlab.clinic play FOLDER --seeds 0 1 2 3     what FOLDER lacks of all runs, two seeds of everything first
python -m ganlab.clinic long FOLDER --seeds 0           the long runs that bear labels out or not
python -m ganlab.clinic write FOLDER --out DIRECTORY    adds what is there to clinic-games and clinic-labels
python -m ganlab.clinic certainty                       how sure the doctor's rules are, of these two tables

Each can be stopped and started again: what is in FOLDER is not played again.
"""

import argparse

from ganlab.clinic import certainties
from ganlab.clinic._recording import play, play_long, write


def main() -> None:
    """The command line above."""
    parser = argparse.ArgumentParser(
        prog="python -m ganlab.clinic", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["play", "long", "write", "certainty"])
    parser.add_argument("folder", nargs="?", default=".")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(8)))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of play and long: for how long")
    parser.add_argument("--out", help="of write: where to; of certainty: to which file")
    given = parser.parse_args()
    if given.command == "certainty":
        certainties.write(given.out)
        return
    if given.command == "write":
        if given.out is None:
            parser.error("write needs --out")
        count = write(given.folder, given.out, given.seeds, given.processes)
        print(f"{count} runs are recorded")
        return
    does = play if given.command == "play" else play_long
    print(f"{does(given.folder, given.seeds, given.processes, given.seconds)} runs are missing")


if __name__ == "__main__":
    main()
