"""Makes the parity fixtures of the PTB tokenizer and of BLEU, ROUGE-L and CIDEr from pycocoevalcap itself.

    python make.py [--shared DIR]

Pinned: Python 3.11, pycocoevalcap 1.2, numpy 2.x, Java 17 on PATH. Writes beside itself:
  items.jsonl   own-made items (product_text.py): texts, the reference's tokens, and its scores given these tokens
  corpus.json   corpus scores of these items
  rare.jsonl    rare forms (product_text.rare): texts and the reference's tokens
  shared.json   for texts that are not ours to publish (--shared): a digest of each text's tokens, and corpus scores

Plain CIDEr is not in the package: it is computed here, plainly, from the paper's formula.
"""

import argparse
import base64
import collections
import contextlib
import io
import json
import math
import pathlib
import subprocess
import sys

import pycocoevalcap.tokenizer
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS, STANFORD_CORENLP_3_4_1_JAR, PTBTokenizer

import product_text

HERE = pathlib.Path(__file__).parent
JAR = pathlib.Path(list(pycocoevalcap.tokenizer.__path__)[0]) / STANFORD_CORENLP_3_4_1_JAR


def tokenize(captions):
    """The package's tokens of each caption by itself."""
    lines = "".join(base64.b64encode(caption.replace("\n", " ").encode()).decode() + "\n" for caption in captions)
    done = subprocess.run(["java", "-cp", str(JAR), str(HERE / "OneByOne.java")], input=lines.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True)
    tokens = [base64.b64decode(line).decode() for line in done.stdout.split(b"\n")[: len(captions)]]
    return [" ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATIONS) for line in tokens]


def check_against_package(captions, tokens):
    """`tokenize` must say what the package's own class says, called with one caption, and an empty one for the line's end."""
    for caption, expected in zip(captions, tokens):
        with contextlib.redirect_stderr(io.StringIO()):
            said = PTBTokenizer().tokenize({0: [{"caption": caption}, {"caption": ""}]})[0][0]
        assert said == expected, (caption, said, expected)


def plain_cider(references, candidates):
    """Vedantam et al. 2015, equations 1 to 3, with the package's weights: 10 x mean over n of mean over references of the cosine."""
    def grams(text, n):
        words = text.split()
        return collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    scores = {key: 0.0 for key in references}
    for n in (1, 2, 3, 4):
        frequency = collections.Counter(g for texts in references.values() for g in {g for text in texts for g in grams(text, n)})
        weigh = lambda text: {g: c * (math.log(len(references)) - math.log(max(1, frequency[g]))) for g, c in grams(text, n).items()}
        for key, texts in references.items():
            own = weigh(candidates[key][0])
            for text in texts:
                other = weigh(text)
                norms = math.sqrt(sum(w * w for w in own.values())) * math.sqrt(sum(w * w for w in other.values()))
                if norms:
                    scores[key] += 10 / 4 / len(texts) * sum(w * other.get(g, 0.0) for g, w in own.items()) / norms
    return sum(scores.values()) / len(scores), scores


def score(references, candidates):
    """The corpus's and the items' values: dictionaries of tokenized texts in, a dictionary and a list of dictionaries out."""
    with contextlib.redirect_stdout(io.StringIO()):
        bleu, bleu_items = Bleu(4).compute_score(references, candidates, verbose=0)
        rouge, rouge_items = Rouge().compute_score(references, candidates)
        cider, cider_items = Cider().compute_score(references, candidates)
    plain, plain_items = plain_cider(references, candidates)
    corpus = {f"bleu-{k + 1}": float(bleu[k]) for k in range(4)} | {"rouge-l": float(rouge), "cider": float(cider), "cider-plain": plain}
    items = [
        {f"bleu-{k + 1}": float(bleu_items[k][i]) for k in range(4)}
        | {"rouge-l": float(rouge_items[i]), "cider": float(cider_items[i]), "cider-plain": plain_items[key]}
        for i, key in enumerate(references)
    ]
    return corpus, items


def digest(text):
    """FNV-1a, 64 bits, the upper 32 of them."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value >> 32:08x}"


def own(count=600, seed=20261124):
    items = product_text.items(count, seed)
    texts = [text for item in items for text in [item["candidate"], *item["references"]]]
    tokens = tokenize(texts)
    check_against_package(texts[::40], tokens[::40])
    rest = iter(tokens)
    for item in items:
        item["candidate_tokens"] = next(rest)
        item["reference_tokens"] = [next(rest) for _ in item["references"]]
    corpus, scores = score({i["id"]: i["reference_tokens"] for i in items}, {i["id"]: [i["candidate_tokens"]] for i in items})
    with open(HERE / "items.jsonl", "w") as file:
        for item, values in zip(items, scores):
            file.write(json.dumps(item | {"scores": {k: round(v, 13) for k, v in values.items()}}, ensure_ascii=False) + "\n")
    (HERE / "corpus.json").write_text(json.dumps(corpus, indent=1) + "\n")


def rare():
    texts = product_text.rare()
    tokens = tokenize(texts)
    check_against_package(texts[::20], tokens[::20])
    lines = [json.dumps({"text": text, "tokens": said}, ensure_ascii=False) + "\n" for text, said in zip(texts, tokens)]
    (HERE / "rare.jsonl").write_text("".join(lines))


def shared(folder):
    descriptions = [json.loads(line)["description"] for line in open(folder / "product-descriptions.jsonl")]
    flickr = json.load(open(folder / "flickr8k-expert.json"))
    treebank = [
        line[len("# text = ") :].rstrip("\n")
        for part in ("train", "dev", "test")
        for line in open(folder / "ud-english-ewt" / f"en_ewt-ud-{part}.conllu")
        if line.startswith("# text = ")
    ]
    references = {key: entry["ground_truth"] for key, entry in flickr.items()}
    # Each candidate stands there once a rating.
    pairs = list(dict.fromkeys((key, judged["caption"]) for key, entry in flickr.items() for judged in entry["human_judgement"]))
    tokens = {}
    texts = list(dict.fromkeys([text for texts in references.values() for text in texts] + [caption for _, caption in pairs]))
    tokens = dict(zip(texts, tokenize(texts)))
    corpus, _ = score(
        {i: [tokens[text] for text in references[key]] for i, (key, _) in enumerate(pairs)},
        {i: [tokens[caption]] for i, (_, caption) in enumerate(pairs)},
    )
    parts = {"product-descriptions": tokenize(descriptions), "flickr8k-expert": [tokens[text] for text in texts], "ud-english-ewt": tokenize(treebank)}
    made = {"tokens": {name: " ".join(map(digest, lines)) for name, lines in parts.items()}, "flickr8k-expert": {"items": len(pairs), "corpus": corpus}}
    (HERE / "shared.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=pathlib.Path)
    arguments = parser.parse_args()
    own()
    rare()
    if arguments.shared:
        shared(arguments.shared)
    sys.stdout.write("".join(f"{path.name} {path.stat().st_size}\n" for path in sorted(HERE.glob("*.json*"))))
