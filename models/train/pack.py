"""Packs folders of JPEGs, one a class, into splits as data.py reads them: python pack.py --from FOLDER --out DATA --splits train=450 val=50

Takes so many pictures of every class for each split (without a number, all that are left), none of them twice, at random and in random order.
Their bytes stay as they are, in folders below that of the class too. DATA/classes.txt is made of the names of the folders; where it is there, its classes stay:
one call a source.
"""

import argparse
import random
import struct
import sys
from pathlib import Path

Row = tuple[Path, int, int]  # file, label, number of the file in its class


def parsed(split: str) -> tuple[str, int]:
    """NAME or NAME=COUNT."""
    name, _, count = split.partition("=")
    return name, int(count) if count else sys.maxsize


def classes(source: Path, file: Path) -> list[str]:
    """Those of classes.txt, by label; `source` may lack some of them, but has no others."""
    found = sorted(folder.name for folder in source.iterdir() if folder.is_dir())
    if not file.exists():
        file.write_text("".join(f"{name}\n" for name in found))
    known = [line.split("\t")[0] for line in file.read_text().splitlines()]
    for name in found:
        if name not in known:
            raise SystemExit(f"{source / name}: {name} is no class of {file}")
    return known


def write(out: Path, split: str, rows: list[Row]) -> None:
    offset = 0
    with (out / f"{split}.images").open("wb") as images, (out / f"{split}.index").open("wb") as index:
        for file, label, number in rows:
            jpeg = file.read_bytes()
            images.write(jpeg)
            index.write(struct.pack("<5I", offset, len(jpeg), label, 0, number))
            offset += len(jpeg)
    print(f"{out / split}.images: {len(rows)} pictures of {len({label for _, label, _ in rows})} classes")


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--from", type=Path, required=True, dest="source", help="holds a folder a class")
    args.add_argument("--out", type=Path, required=True)
    args.add_argument("--splits", type=parsed, nargs="+", required=True, help="NAME=COUNT, pictures of a class")
    args.add_argument("--seed", type=int, default=1)
    opt = args.parse_args()
    opt.out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(opt.seed)
    splits: dict[str, list[Row]] = {name: [] for name, _ in opt.splits}
    for label, name in enumerate(classes(opt.source, opt.out / "classes.txt")):
        files = sorted(file for file in (opt.source / name).rglob("*") if file.suffix.lower() in (".jpg", ".jpeg"))
        left = [(file, label, number) for number, file in enumerate(files)]
        rng.shuffle(left)
        for split, count in opt.splits:
            splits[split] += left[:count]
            left = left[count:]
    for split, rows in splits.items():
        rng.shuffle(rows)
        write(opt.out, split, rows)


if __name__ == "__main__":
    main()
