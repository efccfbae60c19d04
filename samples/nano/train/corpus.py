"""The training corpus of `samples --corpus`, and the held-out garments of `samples --out`.

Pictures go through the family's own Hugging Face image processor once, up to and without rescaling and
normalising, and are cached beside the corpus as bytes: training sees exactly what inference sees.
"""

import csv
import json
import math
import re
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
from PIL import Image


def load_corpus(folder, processor, cache_name):
    """Captions, what is to be seen (dictionaries), and pixels [n, 3, side, side] as uint8."""
    lines = [json.loads(line) for line in open(folder / "captions.jsonl", encoding="utf-8")]
    cache = folder / f"{cache_name}.npy"
    if not cache.exists():
        np.save(cache, resized(processor, [folder / line["image"] for line in lines]))
    return [line["caption"] for line in lines], [line["seen"] for line in lines], np.load(cache)


def resized(processor, paths):
    """The processor's pictures before it rescales and normalises them."""
    out = []
    for path in paths:
        picture = Image.open(path).convert("RGB") if isinstance(path, Path) else path
        values = processor(picture, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
        out.append(np.clip(np.round(values), 0, 255).astype(np.uint8))
    return np.stack(out)


def held_out(catalogue, limit=None):
    """The test articles of both shops: {shop: [(id, category, description, picture)]}."""
    hm = catalogue / "hm"
    wanted = (hm / "splits/test.txt").read_text().split()
    rows = {row["article_id"]: row for row in csv.DictReader(open(hm / "articles.csv", encoding="utf-8"))}
    items = []
    for name in wanted[:limit]:
        noun = NOUNS.get(rows[name]["product_type_name"], rows[name]["product_type_name"]).lower()
        picture = Image.open(hm / "images" / name[:3] / f"{name}.jpg").convert("RGB")
        items.append((name, noun, rows[name]["detail_desc"], picture))
    with h5py.File(catalogue / "fashiongen/fashiongen_256_256_validation.h5") as file:
        text = lambda field, row: file[field][row][0].decode("latin-1")
        first = {}  # the first picture of each product
        for row in range(len(file["index"])):
            first.setdefault(int(file["input_productID"][row][0]), row)
        others = []
        for product, row in list(first.items())[:limit]:
            colour_and_noun = text("input_name", row).lower()
            noun = next(noun for noun in ALL_NOUNS if colour_and_noun.endswith(noun))
            picture = Image.fromarray(file["input_image"][row])
            others.append((str(product), noun, text("input_description", row), picture))
    return {"hm": items, "fashiongen": others}


# Where the word of a description is not the product_type_name in lower case.
NOUNS = {"Jumpsuit/Playsuit": "jumpsuit", "Leggings/Tights": "leggings"}
# Longest first, so that "polo shirt" is not taken for a shirt.
ALL_NOUNS = sorted(
    "t-shirt,vest top,polo shirt,shirt,sweater,hoodie,cardigan,jacket,blazer,coat,dress,jumpsuit,skirt,trousers,shorts,leggings".split(","),
    key=len,
    reverse=True,
)


def named_category(caption):
    """The first garment that a caption names, or None."""
    text = caption.lower()
    found = [(text.find(noun), -len(noun), noun) for noun in ALL_NOUNS if re.search(rf"\b{noun}\b", text)]
    return min(found)[2] if found else None


def words(text):
    return re.sub(r"[.,]", " ", text.lower()).split()


def bleu4(candidates, references):
    """Corpus BLEU-4 (Papineni et al., 2002), one reference, words without full stops and commas."""
    match, total, length, wanted = [0] * 4, [0] * 4, 0, 0
    for candidate, reference in zip(candidates, references):
        a, b = words(candidate), words(reference)
        length, wanted = length + len(a), wanted + len(b)
        for n in range(1, 5):
            grams = [Counter(zip(*[tokens[i:] for i in range(n)])) for tokens in (a, b)]
            match[n - 1] += sum((grams[0] & grams[1]).values())
            total[n - 1] += max(len(a) - n + 1, 0)
    if min(match) == 0:
        return 0.0
    brevity = min(1.0, math.exp(1 - wanted / length))
    return brevity * math.exp(sum(math.log(m / t) for m, t in zip(match, total)) / 4)
