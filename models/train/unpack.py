"""Unpacks a split into class folders for `sluice evaluate`: python unpack.py --data DIR --split test --out FOLDER

One folder a class, named by the first word group of the line in classes.txt (the wnid where there is one).
"""

import argparse
from pathlib import Path

from data import jpegs


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", type=Path, required=True)
    args.add_argument("--split", required=True)
    args.add_argument("--out", type=Path, required=True)
    opt = args.parse_args()
    names = [line.split("\t")[0].strip() for line in (opt.data / "classes.txt").read_text().splitlines() if line.strip()]
    for number, (jpeg, label) in enumerate(jpegs(opt.data, opt.split)):
        folder = opt.out / names[label]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06d}.jpg").write_bytes(jpeg)


if __name__ == "__main__":
    main()
