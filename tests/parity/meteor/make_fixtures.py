"""Makes METEOR's fixtures by running the reference program on segments of many kinds.

Needs pycocoevalcap 1.2 (its meteor-1.5.jar and data/paraphrase-en.gz) and Java 17; nothing else outside the standard
library. Usage, from the project's root:

    python tests/parity/meteor/make_fixtures.py PATH/TO/pycocoevalcap/meteor [../shared/data]

Writes into this folder:
- `own.jsonl.gz`: segments made here, with the score of each with and without paraphrases;
- `normalised.jsonl.gz`: texts, and the tokens that the reference's normaliser makes of them;
- `flickr8k-expert.txt.gz`, `product-descriptions.txt.gz`: for the shared data sets, scores only, two a line (with and
  without paraphrases), in the order that `shared_segments` below gives; the test makes the same segments from the data;
- `corpus.json`: the corpus scores of each set.
"""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FULL = []
NO_PARAPHRASE = ["-m", "exact stem synonym", "-w", "1.0 0.6 0.8"]
PUNCTUATION = ".,;:!?()'\"`"


def tokens(text):
    """The rule for shared texts, the same in the test: lowercase, at white space, without punctuation at either end."""
    words = (word.strip(PUNCTUATION) for word in text.lower().split())
    return " ".join(word for word in words if word and word.strip("-"))


def reference_scores(jar, segments, options):
    """The jar's score of each (caption, references), and of the corpus, through its stdio mode."""
    java = ["java", "-Xmx2G", "-Dfile.encoding=UTF-8", "-jar", str(jar)]
    process = subprocess.Popen(
        [*java, "-", "-", "-stdio", "-l", "en", "-norm", *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
    )

    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()

    statistics = []
    for caption, references in segments:
        ask(" ||| ".join(["SCORE", *references, caption]))
        statistics.append(process.stdout.readline().strip())
    ask(" ||| ".join(["EVAL", *statistics]))
    scores = [float(process.stdout.readline()) for _ in segments]
    corpus = float(process.stdout.readline())
    process.stdin.close()
    process.wait()
    return scores, corpus


def normalised(jar, texts, scratch):
    """The jar's tokens of each text, from the alignments that it writes of every text with itself."""
    scratch.mkdir(exist_ok=True)
    source = scratch / "texts"
    source.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    subprocess.run(
        ["java", "-Xmx2G", "-Dfile.encoding=UTF-8", "-jar", str(jar), source, source, "-l", "en", "-norm", "-q",
         "-m", "exact", "-w", "1.0", "-writeAlignments", "-f", str(scratch / "out")],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    blocks = (scratch / "out-align.out").read_text(encoding="utf-8").split("Alignment\t")[1:]
    assert len(blocks) == len(texts)
    found = [block.split("\n")[1] for block in blocks]
    for left in scratch.iterdir():
        left.unlink()
    scratch.rmdir()
    return found


# Segments of our own.

COLOURS = "black white red blue green grey beige navy pink cream dark light striped checked patterned".split()
FABRICS = ["cotton", "soft cotton jersey", "linen", "wool", "denim", "viscose", "satin", "imitation leather",
           "a cotton blend", "organic cotton", "ribbed jersey", "fine-knit cotton", "stretch denim", "chiffon", "fleece"]
GARMENTS = ["t-shirt", "shirt", "blouse", "dress", "jumper", "pullover", "cardigan", "jacket", "coat", "trousers",
            "jeans", "shorts", "skirt", "hoodie", "top", "vest top", "leggings", "blazer", "sweater", "boots", "hat"]
DETAILS = ["long sleeves", "short sleeves", "a round neckline", "a v-neck", "buttons down the front", "side pockets",
           "a zip at the back", "a zip down the front", "a tie belt at the waist", "ribbing at the cuffs and hem",
           "an elasticated waist", "a collar", "a drawstring hood", "a slit in the sides", "5-pocket styling",
           "a button at the cuffs", "patch pockets", "a rounded hem", "dropped shoulders", "flounces", "narrow shoulder straps"]
FITS = ["relaxed fit", "slim fit", "loose fit", "slightly longer at the back", "unlined", "lined", "fully lined",
        "calf-length", "knee-length", "ankle-length", "cropped", "oversized", "straight-cut", "1 3/4 length", "3/4-length sleeves"]
WHO = ["a man", "a woman", "a little girl", "two boys", "a group of people", "a dog", "a brown dog", "two dogs", "a child",
       "three young men", "the player", "an old man", "several children", "a lady", "a person", "kids", "a black cat"]
DOES = ["is running", "runs", "walks", "is walking", "sits", "is sitting", "stands", "is standing", "jumps", "is jumping",
        "is playing", "plays", "rides a bike", "is riding a bicycle", "holds a ball", "is holding a red ball", "looks", "smiles",
        "throws a frisbee", "is eating an apple", "are watching", "swims", "climbs a rock", "is wearing a blue hat"]
WHERE = ["on the beach", "in the grass", "in a field", "on a street", "in front of a building", "near the water", "by the sea",
         "next to a car", "in the park", "at the camera", "through the snow", "on top of a hill", "over a fence",
         "in the middle of the road", "with a friend", "behind a house", "in a swimming pool", "because of the rain", "at night"]
FEW = "the a dog dogs cat cats of in on red shirt shirts t-shirt blouse run runs running walk walking in front because".split()


def product(random, garment=None):
    colour, fabric = random.choice(COLOURS), random.choice(FABRICS)
    garment = garment or random.choice(GARMENTS)
    details = random.sample(DETAILS, random.randint(1, 4))
    start = random.choice([f"{garment} in {colour} {fabric}", f"{colour} {garment} in {fabric}", f"{garment} in {fabric}"])
    text = f"{start} with {' and '.join(details[:2])}"
    if details[2:]:
        text += " " + " and ".join(details[2:])
    if random.random() < 0.6:
        text += " " + random.choice(FITS)
    return text


def scene(random, who=None):
    return " ".join([who or random.choice(WHO), random.choice(DOES), *random.sample(WHERE, random.randint(1, 2))])


def paraphrased(random, text, table):
    """The text with phrases of it replaced by their paraphrases."""
    words, out, at = text.split(), [], 0
    while at < len(words):
        for length in random.sample([1, 2, 3, 4], 4):
            choices = table.get(" ".join(words[at:at + length]))
            if choices and at + length <= len(words) and random.random() < 0.6:
                out.append(random.choice(choices))
                at += length
                break
        else:
            out.append(words[at])
            at += 1
    return " ".join(out)


def phrases_of(texts, table_file):
    """Of the paraphrase table, what starts from a phrase of the texts, in either direction."""
    wanted = set()
    for text in texts:
        words = text.split()
        wanted.update(" ".join(words[i:i + n]) for i in range(len(words)) for n in range(1, 5))
    table = {}
    with gzip.open(table_file, "rt", encoding="utf-8") as lines:
        for _ in lines:
            one, other = next(lines).strip(), next(lines).strip()
            for a, b in ((one, other), (other, one)):
                if a in wanted:
                    table.setdefault(a, []).append(b)
    return {phrase: sorted(set(others)) for phrase, others in table.items()}


def own_segments(table_file):
    pick = random.Random(20261124)
    segments = []

    def references(make):
        return [make() for _ in range(pick.randint(1, 5))]

    for _ in range(700):
        garment = pick.choice(GARMENTS)
        segments.append((product(pick, garment), references(lambda: product(pick, garment))))
    for _ in range(700):
        who = pick.choice(WHO)
        segments.append((scene(pick, who), references(lambda: scene(pick, who if pick.random() < 0.5 else None))))
    plain = [scene(pick) if pick.random() < 0.5 else product(pick) for _ in range(800)]
    table = phrases_of(plain, table_file)
    for text in plain:
        segments.append((paraphrased(pick, text, table), references(lambda: paraphrased(pick, text, table))))
    for _ in range(600):
        some = pick.sample(FEW, pick.randint(2, len(FEW)))
        draw = lambda: " ".join(pick.choice(some) for _ in range(pick.randint(1, 14)))
        segments.append((draw(), references(draw)))
    for _ in range(100):
        draw = lambda: " ".join(scene(pick) if pick.random() < 0.5 else product(pick) for _ in range(20)).split()
        long = lambda: " ".join(draw()[:100])
        segments.append((long(), references(long)))
    for _ in range(60):
        text = scene(pick)
        segments.append(("", references(lambda: scene(pick))))
        segments.append((text, [text, *references(lambda: scene(pick))]))
        segments.append((text, [""] if pick.random() < 0.3 else ["", scene(pick)]))
    odd = ["t-shirt", "s/m", "h&m", "women 's", "do n't", "u.s.", "1\u00a03/4", "rock-n-roll", "100 %", "l.", "5-pocket", "12oz .",
           "% / &", "-lrb-", "o'clock", "café", "3.5 cm", "1,000", "us$ 20", "size : xl", "2020-01-01", "w /", "é", "日本", "# 20"]
    for _ in range(240):
        draw = lambda: " ".join(pick.choice(odd) if pick.random() < 0.5 else pick.choice(product(pick).split())
                                for _ in range(pick.randint(1, 10)))
        segments.append((draw(), references(draw)))
    return segments


def own_texts():
    pick = random.Random(7)
    pieces = [*"aabbcxyzAB0123  ..,,''`--/&\"()!?$%_s", "’", "“", "–", "é", "\u00a0", "n't", " ", " ", "t-", ".", "a.", "b-",
              "mr.", "Mr.", "No.", "no.", "pp.", "v.", "vs.", "е", "日", "Ж", "u.s.", "İ", "\u3000", "—", "…"]
    texts = ("".join(pick.choice(pieces) for _ in range(pick.randint(1, 14))) for _ in range(6000))
    return [text for text in texts if text.replace("\u00a0", " ").strip()]


def shared_segments(data):
    """(name, segments) of the shared data sets; the test builds the same ones in the same order."""
    pictures = json.loads((data / "flickr8k-expert.json").read_text(encoding="utf-8"))
    flickr = []
    for picture in pictures.values():
        references = [tokens(text) for text in picture["ground_truth"]]
        captions = dict.fromkeys(judged["caption"] for judged in picture["human_judgement"])
        flickr += [(tokens(caption), references) for caption in captions]
    yield "flickr8k-expert", flickr
    lines = (data / "product-descriptions.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [tokens(json.loads(line)["description"]) for line in lines]
    count = len(texts)
    # Every description against one to five others, at fixed strides.
    yield "product-descriptions", [
        (text, [texts[(at + stride) % count] for stride in (1, 7, 20, 50, 101)[: at % 5 + 1]]) for at, text in enumerate(texts)
    ]


def write(name, lines):
    with open(HERE / name, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out:
        out.write("".join(line + "\n" for line in lines).encode())


def main():
    meteor = Path(sys.argv[1])
    jar = meteor / "meteor-1.5.jar"
    texts = own_texts()
    pairs = zip(texts, normalised(jar, texts, HERE / "scratch"))
    write("normalised.jsonl.gz", (json.dumps(pair, ensure_ascii=False) for pair in pairs))
    sets = [("own", own_segments(meteor / "data/paraphrase-en.gz"))]
    if sys.argv[2:]:
        sets += shared_segments(Path(sys.argv[2]))
    corpus = {}
    for name, segments in sets:
        full, of_all = reference_scores(jar, segments, FULL)
        without, of_all_without = reference_scores(jar, segments, NO_PARAPHRASE)
        corpus[name] = {"segments": len(segments), "meteor": of_all, "meteor-no-paraphrase": of_all_without}
        if name == "own":
            rows = ([caption, references, a, b] for (caption, references), a, b in zip(segments, full, without))
            write("own.jsonl.gz", (json.dumps(row, ensure_ascii=False) for row in rows))
        else:
            write(f"{name}.txt.gz", (f"{a!r} {b!r}" for a, b in zip(full, without)))
    (HERE / "corpus.json").write_text(json.dumps(corpus, indent=1) + "\n")


if __name__ == "__main__":
    main()
