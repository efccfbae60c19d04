"""A run directory of many items and two models with generated texts, to measure `host compare` and `host report` on.

    python3 tests/bench/large_run.py RUN [ITEMS]
    host merge RUN && time host compare RUN --baseline a --candidate b --metrics bleu,cider,meteor
"""

import json
import random
import sys
from pathlib import Path

METRICS = {"bleu": "ngram", "rouge-l": "ngram", "cider": "ngram", "meteor": "meteor"}
WORDS = """a in soft cotton with long sleeves and round neckline short dress jersey top fitted waist wide legs button front
collar chest pocket viscose weave concealed zip side lining elastic hem ribbed cuffs print straight cut denim jacket shirt""".split()

run, items = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
random.seed(1)


def text(like=None, kept=0.0):
    words = like.split() if like else [random.choice(WORDS) for _ in range(random.randint(8, 30))]
    return " ".join(word if like and random.random() < kept else random.choice(WORDS) for word in words)


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


references = [text() for _ in range(items)]
listed = [
    {"id": f"{n:07}", "references": [reference], "category": f"kind {n % 17}", "product": f"{n}", "image": ""}
    for n, reference in enumerate(references)
]
write(run / "items/made.jsonl", listed)
for model, kept in (("a", 0.4), ("b", 0.41)):
    predictions = [
        {"id": f"{n:07}", "caption": text(reference, kept), "token_ids": [2], "finish": "eos"}
        for n, reference in enumerate(references)
    ]
    write(run / f"predictions/made/{model}/shard-0000.jsonl", predictions)
plan = ['command = "eval"', 'split = "test"', "seed = 42", 'device = "cpu"', "[generation]"]
for model in "ab":
    plan += ["[[model]]", f'name = "{model}"', 'plugin = "none"', 'weights = "none"', 'weights_sha256 = ""', "[model.generation]"]
plan += ["[[dataset]]", 'name = "made"', 'plugin = "none"', 'root = "none"']
for metric, plugin in METRICS.items():
    plan += ["[[metric]]", f'name = "{metric}"', f'plugin = "{plugin}"']
plan += ["[[plugin]]", 'name = "none"', 'version = ""', 'sha256 = ""', "[environment]", 'host_version = ""']
(run / "run.toml").write_text("\n".join(plan) + "\n")
