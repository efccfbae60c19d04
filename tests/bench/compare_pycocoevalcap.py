#!/usr/bin/env python3
"""Times `host score` against pycocoevalcap, from process start to scores, in turn.

Needs: Python 3.11, pycocoevalcap==1.2, Java on the PATH, and a built host with METEOR's table (`host assets add meteor`).
Run:   python3 tests/bench/compare_pycocoevalcap.py --host target/release/host [--items 5000] [--rounds 3]
"""
import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REFERENCE = """
import json, sys
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
items = [json.loads(line) for line in open(sys.argv[1])]
tokenizer = PTBTokenizer()
gts = tokenizer.tokenize({i: [{"caption": r} for r in item["references"]] for i, item in enumerate(items)})
res = tokenizer.tokenize({i: [{"caption": item["candidate"]}] for i, item in enumerate(items)})
scores = {}
for scorer, names in ((Bleu(4), ["bleu-1", "bleu-2", "bleu-3", "bleu-4"]), (Rouge(), "rouge-l"), (Cider(), "cider"), (Meteor(), "meteor")):
    score, _ = scorer.compute_score(gts, res)
    scores.update(zip(names, score) if isinstance(names, list) else [(names, score)])
json.dump({k: float(v) for k, v in scores.items()}, open(sys.argv[2], "w"))
"""

COLOURS = "black white red navy blue light green dark grey beige pink yellow striped checked floral".split()
GARMENTS = "dress shirt jumper skirt jacket pair of trousers top cardigan coat blouse hoodie t-shirt".split()
FABRICS = "cotton,soft cotton jersey,washed denim,a wool blend,imitation leather,woven fabric,fine-knit viscose".split(",")
DETAILS = (
    "with long sleeves,with a round neckline,and buttons down the front,with a collar,and side pockets,with a V-neck,"
    "and a hood,with ribbed cuffs,with a tie belt at the waist,and a zip at the back"
).split(",")


def caption(random, colour, garment):
    """A caption of a garment: 5 to 25 words."""
    words = [random.choice(["A", "This", "Short", "Long", "Fitted"]), colour, garment, "in", random.choice(FABRICS)]
    words += random.sample(DETAILS, random.randint(0, 4))
    return " ".join(words) + random.choice([".", "", " !"])


def corpus(count):
    """`count` items with five references each, the same for every run."""
    draw = random.Random(1)
    for number in range(count):
        colour, garment = draw.choice(COLOURS), draw.choice(GARMENTS)
        other = draw.choice(COLOURS)
        yield {
            "id": number,
            "candidate": caption(draw, draw.choice([colour, other]), draw.choice([garment, draw.choice(GARMENTS)])),
            "references": [caption(draw, colour, garment) for _ in range(5)],
        }


def timed(command, **options):
    start = time.perf_counter()
    subprocess.run(command, check=True, **options)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="target/release/host")
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        items = folder / "items.jsonl"
        items.write_text("".join(json.dumps(item) + "\n" for item in corpus(arguments.items)))
        theirs, ours = [], []
        for _ in range(arguments.rounds):
            theirs.append(timed([sys.executable, "-c", REFERENCE, items, folder / "theirs.json"], stdout=subprocess.DEVNULL))
            with open(folder / "ours.json", "w") as out:
                command = [arguments.host, "score", "--quiet", "--input", items, "--metrics", "bleu,rouge-l,cider,meteor", "--json"]
                ours.append(timed(command, stdout=out))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        reference = json.loads((folder / "theirs.json").read_text())
        found = json.loads((folder / "ours.json").read_text())["corpus"]
        print(f"{arguments.items} items x 5 references, {arguments.rounds} rounds in turn")
        print("pycocoevalcap  " + "  ".join(f"{t:7.2f} s" for t in theirs))
        print("host score     " + "  ".join(f"{t:7.2f} s" for t in ours))
        print("ratio          " + "  ".join(f"{a / b:7.1f} x" for a, b in zip(theirs, ours)))
        print(f"largest child (pycocoevalcap's Java included): {peak:.0f} MB")
        for name, value in reference.items():
            print(f"{name:8}  {value:.12f}  {found[name]:.12f}  difference {abs(value - found[name]):.1e}")


if __name__ == "__main__":
    main()
