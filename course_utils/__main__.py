"""Train, sample and check from a shell; train on many processes with `accelerate launch -m`.

python -m course_utils train --model tutorial --data digits --loss velocity --seconds 90 --out RUN
python -m course_utils reflow RUN --seconds 90 --out RUN2    straighter paths, fewer evaluations
python -m course_utils sample RUN --n 500 --steps 50 --out FILE.npz
python -m course_utils score RUN --evaluations 1,2,4 [--json] [--entry FOLDER]
python -m course_utils page RUN --out FILE.html [--name NAME]    a page on which the network draws
python -m course_utils check 2.5 FILE.py [--json] [--watch]    exit status 0 only if it is right
python -m course_utils hint 2.5 [1]
"""

import argparse
import re
import sys
from pathlib import Path

from course_utils import runs, shell
from course_utils.data import DOWNLOADED, DataError
from course_utils.files import FileError
from course_utils.precision import PRECISIONS
from course_utils.trained import LOSSES, NETWORKS


def whole(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0; got {text}")
    return int(text)


def seed(text):
    if not re.fullmatch(r"\d{1,18}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number below 10**18; got {text}")
    return int(text)


def seconds(text):
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a number above 0; got {text}")
    return float(text)


def npz(text):
    if not text.endswith(".npz"):
        raise argparse.ArgumentTypeError(f"must end in .npz; got {text}")
    return Path(text)


def evaluations(text):
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        raise argparse.ArgumentTypeError(f"must be whole numbers above 0, as 1,2,4; got {text}")
    return [int(number) for number in text.split(",")]


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m course_utils", description=__doc__.split("\n")[0]
    )
    commands = parser.add_subparsers(required=True, dest="command")
    train = commands.add_parser("train", help="train a network, and keep it in a folder")
    train.add_argument("--model", choices=NETWORKS, default="tutorial")
    train.add_argument("--data", choices=["digits", *DOWNLOADED], default="digits")
    train.add_argument("--loss", choices=LOSSES, default="velocity", help="what is asked for")
    train.add_argument("--base", type=whole, default=32, help="channels of the first level")
    train.set_defaults(run=runs.run_training)
    reflow = commands.add_parser("reflow", help="train a run further, on pairs that it draws")
    add_folder(reflow)
    reflow.add_argument("--pairs", type=whole, default=4000, help="of noise and picture")
    reflow.set_defaults(run=runs.run_reflow)
    for one in (train, reflow):
        add_training(one)
    sample = commands.add_parser("sample", help="draw pictures with a trained network")
    add_folder(sample)
    sample.add_argument("--n", type=whole, default=100, help="how many pictures")
    sample.add_argument("--steps", type=whole, default=50, help="network evaluations for each")
    sample.add_argument("--seed", type=seed, default=0)
    sample.add_argument("--out", type=npz, required=True, metavar="FILE.npz")
    sample.set_defaults(run=runs.run_sampling)
    score = commands.add_parser("score", help="tell how good the pictures of a run are")
    add_folder(score)
    score.add_argument("--evaluations", type=evaluations, default=[1, 2, 4], metavar="1,2,4")
    score.add_argument("--json", action="store_true", help="for a program to read")
    score.add_argument("--entry", type=Path, metavar="FOLDER", help="write an entry for the list")
    score.set_defaults(run=runs.run_score)
    page = commands.add_parser("page", help="write a page on which a trained network draws")
    add_folder(page)
    page.add_argument("--name", default="", help="of whose network it is")
    page.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    page.set_defaults(run=runs.run_page)
    shell.add_commands(commands)
    return parser.parse_args(arguments)


def add_folder(command):
    command.add_argument("folder", type=Path, metavar="RUN", help="what train or reflow wrote")


def add_training(command):
    length = command.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=seconds, default=90, help="of training, about")
    length.add_argument("--steps", type=whole, help="of training, exactly")
    command.add_argument("--batch", type=whole, default=64)
    command.add_argument(
        "--precision", choices=PRECISIONS, help="the best for the device, if not given"
    )
    command.add_argument("--save-every", type=whole, default=500, metavar="STEPS")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in DIR, if any, in its own batches and precision, to its own end",
    )


def main(arguments=None):
    options = parse(arguments)
    try:
        if status := options.run(options):
            sys.exit(status)
    except (FileError, DataError, ValueError, MemoryError) as error:
        sys.exit(f"{options.command}: {error}")
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else error
        sys.exit(f"{options.command}: {told}")
    except KeyboardInterrupt:
        sys.exit(f"{options.command}: stopped; what was saved before is kept")


if __name__ == "__main__":
    main()
