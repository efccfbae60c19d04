#!/usr/bin/env python3
"""Images or texts a second of the encoders at full size with random weights, beside torch's, in turn on the same threads.

Pinned: Python 3.11, torch 2.9.1, torchvision 0.24.1, transformers 5.23.0.
Usage: compare_encoders.py TARGET [--threads N] [--batch-size N] [--runs N]   (TARGET: target/release, after
cargo build --release -p resnet50 -p clip -p sentence-bert --examples)
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import torch
import torchvision
from transformers import CLIPConfig, CLIPModel, MPNetConfig, MPNetModel

arguments = argparse.ArgumentParser()
arguments.add_argument("target", type=Path)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--batch-size", type=int, default=8)
arguments.add_argument("--runs", type=int, default=3)
given = arguments.parse_args()
torch.set_num_threads(given.threads)
rows = given.batch_size
pixels = torch.sin(torch.arange(rows * 3 * 224 * 224) * 0.37).reshape(rows, 3, 224, 224)
ids = torch.tensor([[(row * 31 + token * 7) % 30000 for token in range(32)] for row in range(rows)])
resnet = torchvision.models.resnet50(weights=None).eval()
clip = CLIPModel(CLIPConfig(vision_config=dict(patch_size=16), text_config={})).eval()
mpnet = MPNetModel(MPNetConfig(max_position_embeddings=514)).eval()
peers = {
    "resnet50": lambda: resnet(pixels),
    "clip": lambda: clip.get_image_features(pixel_values=pixels),
    "sentence-bert": lambda: mpnet(input_ids=ids, attention_mask=torch.ones_like(ids)),
}


def torch_rate(call):
    best = float("inf")
    with torch.inference_mode():
        for _ in range(given.runs + 1):
            begin = time.perf_counter()
            call()
            best = min(best, time.perf_counter() - begin)
    return rows / best


for name, call in peers.items():
    for _ in range(2):
        theirs = torch_rate(call)
        command = [given.target / "examples" / f"bench_{name.replace('-', '_')}", str(rows), str(given.threads), str(given.runs)]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["per_second"]
        print(f"{name}: ours {ours:.2f} a second, torch {theirs:.2f}, {ours / theirs:.2f} times", flush=True)
