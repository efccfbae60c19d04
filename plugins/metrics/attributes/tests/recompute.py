"""Recomputes attribute precision and recall from tags, after the study's definition. Python 3.9 or later, nothing else.

    cargo run --release -p attributes --example tags < items.jsonl | python3 recompute.py

Says how many items agree; ends with 1 where one does not.
"""

import json
import sys
from collections import Counter

KEPT = {"NOUN", "ADJ", "PROPN"}


def lemmas(tags):
    return [lemma for lemma, upos in tags if upos in KEPT]


items = [json.loads(line) for line in sys.stdin]
counts = Counter(lemma for item in items for reference in item["references"] for lemma in lemmas(reference))
pool = {lemma for lemma, count in counts.items() if count >= 10}
wrong = 0
for item in items:
    h = set(lemmas(item["candidate"]))
    p = {lemma for reference in item["references"] for lemma in lemmas(reference)} & pool
    tp = len(h & p)
    precision = tp / len(h & pool) if h & pool else 0
    recall = tp / len(p) if p else 0
    sets = {"matched": sorted(h & p), "missed": sorted(p - h), "extra": sorted((h & pool) - p)}
    same = {kind: sorted(words) for kind, words in item["sets"].items()} == sets
    if not same or item["precision"] != precision or item["recall"] != recall:
        wrong += 1
        print(item["id"], item["sets"], sets, item["precision"], precision, item["recall"], recall)
print(f"{len(items) - wrong} of {len(items)} items agree; pool of {len(pool)}")
sys.exit(wrong > 0)
