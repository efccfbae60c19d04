#!/usr/bin/env python3
"""Runs models of the same shapes, number format, batch and token counts through transformers and `host bench`, and prints the ratio.

Weights are random: what they are changes no time. Needs torch and transformers of any recent version, a built host, and no network:
    cargo xtask build
    compare_transformers.py [MODEL …] [--host target/release/host] [--batch-size 8] [--new-tokens 20] [--threads 2] [--runs 3]
A MODEL is one of the six published captioners (blip2-opt-2.7b, …, llava-1.5-13b) or a folder with a config.json; the usual one is
`middling` beside this file, a BLIP-2 that a CPU runs in seconds. With a GPU both sides use it in bf16, else the CPU in f32.

The two take turns, --runs times each, and each one's best time counts: a busy machine disturbs both alike. transformers generates
greedily with its usual attention (SDPA) and cache; neither side has an end token, so every caption has all its tokens.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers

HERE = Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[str(HERE / "middling")])
    parser.add_argument("--host", default="target/release/host")
    parser.add_argument("--batch-size", default="8", help="several, separated by commas: the best of each side is compared too")
    parser.add_argument("--new-tokens", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    batches = [int(size) for size in given.batch_size.split(",")]
    torch.set_num_threads(given.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for name in given.models:
        config = configuration(name)
        theirs, ours = {size: [] for size in batches}, {size: [] for size in batches}
        model = build(config, device)
        for _ in range(given.runs):
            for size in batches:
                theirs[size].append(transformers_times(model, size, given.new_tokens, device))
            for batch in host_times(given, name, config, batches, device):
                ours[batch["batch_size"]].append(batch)
        del model
        table(name, device, given, batches, theirs, ours)


def configuration(name):
    """config.json of a folder, or the one that the lists of tensors were made from."""
    folder = Path(name)
    if (folder / "config.json").is_file():
        return json.loads((folder / "config.json").read_text())
    lists = HERE.parent / "parity/transformers/shapes.json.gz"
    if not lists.is_file():
        sys.exit(f"{name} is no folder with a config.json, and {lists} is not here")
    known = json.loads(gzip.open(lists).read())
    if name not in known:
        sys.exit(f"{name} is no folder with a config.json, and none of {', '.join(known)}")
    return known[name]["config"]


def build(config, device):
    kind = "Blip2" if config["model_type"] == "blip-2" else "Llava"
    values = {key: value for key, value in config.items() if key != "model_type"}
    config = getattr(transformers, f"{kind}Config")(**values)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device == "cuda" else torch.float32)
    with torch.device(device):
        model = getattr(transformers, f"{kind}ForConditionalGeneration")(config)
    torch.set_default_dtype(before)
    return model.eval()


def inputs(model, rows, device):
    config = model.config
    size = config.vision_config.image_size
    given = {"pixel_values": torch.randn(rows, 3, size, size, device=device, dtype=next(model.parameters()).dtype)}
    if config.model_type == "llava":
        image = getattr(config, "image_token_id", None) or config.image_token_index
        vectors = (size // config.vision_config.patch_size) ** 2
        # As many words around the image as `host bench` takes.
        ids = [1] * 4 + [image] * vectors + [1] * 16
        given["input_ids"] = torch.tensor([ids] * rows, device=device)
        given["attention_mask"] = torch.ones_like(given["input_ids"])
    return given


def transformers_times(model, rows, new_tokens, device):
    def timed(tokens):
        begin = time.perf_counter()
        with torch.inference_mode():
            model.generate(**given, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, num_beams=1)
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    given = inputs(model, rows, device)
    timed(2)
    return timed(1), timed(new_tokens)


def host_times(given, name, config, batches, device):
    with tempfile.TemporaryDirectory() as folder:
        # The same configuration on both sides, also where the host would know the name.
        (Path(folder) / "config.json").write_text(json.dumps(config))
        command = [given.host, "bench", folder, "--random-weights", "--batch-size", ",".join(map(str, batches)), "--json", "--quiet"]
        command += ["--new-tokens", str(given.new_tokens), "--runs", "1", "--device", device, "--threads", str(given.threads)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)["batches"]


def table(name, device, given, batches, theirs, ours):
    print(f"{name}: {device}, {given.new_tokens} tokens, {given.threads} threads, best of {given.runs} in turn; "
          f"torch {torch.__version__}, transformers {transformers.__version__}")
    print(f"{'batch':>5} {'':18}{'transformers':>14}{'lookbook':>12}{'ratio':>8}")
    best = [0.0, 0.0]
    for size in batches:
        first, total = (min(times) for times in zip(*theirs[size]))
        mine = {key: min(batch[key] for batch in ours[size]) for key in ("first_token_seconds", "total_seconds", "step_milliseconds")}
        steps = max(given.new_tokens - 1, 1)
        rates = size / total, size / mine["total_seconds"]
        best = [max(pair) for pair in zip(best, rates)]
        step = (total - first) / steps * 1e3
        row(size, "images/s", *rates, rates[1] / rates[0])
        row("", "first token, ms", first * 1e3, mine["first_token_seconds"] * 1e3, first / mine["first_token_seconds"])
        row("", "decoding step, ms", step, mine["step_milliseconds"], step / mine["step_milliseconds"])
    if len(batches) > 1:
        row("best", "images/s", *best, best[1] / best[0])
    print("ratio: how many times as fast Lookbook is\n", flush=True)


def row(size, label, theirs, ours, ratio):
    print(f"{size:>5} {label:18}{theirs:14.2f}{ours:12.2f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
