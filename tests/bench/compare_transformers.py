#!/usr/bin/env python3
"""Runs a BLIP-2 of given shapes with random weights through transformers and through Lookbook, in turn, and prints the ratio.

Needs torch and transformers of any recent version, no network, and the built example:
    cargo build --release -p blip2 --example bench
    compare_transformers.py target/release/examples/bench [CONFIG.json] [--batch-size N] [--new-tokens N] [--threads N]
The two take turns, --runs times each, and each one's best time counts: a busy machine disturbs both alike.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import torch
from transformers import Blip2Config, Blip2ForConditionalGeneration

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("bench")
arguments.add_argument("config", nargs="?", default=str(Path(__file__).with_name("middling.json")))
for flag, usual in (("--batch-size", 8), ("--new-tokens", 20), ("--threads", 2), ("--runs", 3)):
    arguments.add_argument(flag, type=int, default=usual)
given = arguments.parse_args()

torch.set_num_threads(given.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
content = json.loads(Path(given.config).read_text())
content.pop("model_type")
config = Blip2Config(**content)
torch.manual_seed(0)
model = Blip2ForConditionalGeneration(config).eval().to(device, torch.bfloat16 if device == "cuda" else torch.float32)
size = config.vision_config.image_size
pixels = torch.randn(given.batch_size, 3, size, size, device=device, dtype=model.dtype)


def timed(tokens):
    begin = time.perf_counter()
    with torch.inference_mode():
        model.generate(pixel_values=pixels, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, num_beams=1)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


theirs, first, ours = [], [], []
timed(2)
for _ in range(given.runs):
    first.append(timed(1))
    theirs.append(timed(given.new_tokens))
    command = [given.bench, given.config, "--batch-size", str(given.batch_size), "--new-tokens", str(given.new_tokens),
               "--threads", str(given.threads), "--runs", "1"]
    ours.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
mine = min(ours, key=lambda run: run["total_seconds"])
total, start = min(theirs), min(first)
step = (total - start) / max(given.new_tokens - 1, 1) * 1e3
print(f"{device}, batch {given.batch_size}, {given.new_tokens} tokens, {given.threads} threads, best of {given.runs}")
print(f"{'':24}{'transformers':>14}{'lookbook':>14}{'ratio':>8}")
for label, a, b, better in (
    ("images/s", given.batch_size / total, given.batch_size / mine["total_seconds"], 1),
    ("first token, s", start, mine["first_token_seconds"], -1),
    ("decode step, ms", step, mine["step_milliseconds"], -1),
):
    print(f"{label:24}{a:14.3f}{b:14.3f}{b / a if better > 0 else a / b:8.2f}")
print("ratio: how many times as fast Lookbook is")
