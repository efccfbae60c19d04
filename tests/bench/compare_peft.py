#!/usr/bin/env python3
"""Fine-tunes a BLIP-2 of given shapes with random weights by PEFT and by Lookbook, in turn, and prints speed, memory and the ratios.

Needs what tests/parity/peft/requirements.txt pins, no network, and the built example:
    cargo build --release --workspace --examples
    compare_peft.py target/release/examples/train_bench [CONFIG.json] [--micro-batch N] [--tokens N] [--threads N] [--all-linear]
Rank 32, alpha 64, rank-stabilised, dropout 0.05, AdamW, clipping. Each run is a process of its own; each one's best step counts, and the
smallest of its peaks of memory. Memory is given whole, and above what the loaded model took.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("bench")
arguments.add_argument("config", nargs="?", default=str(Path(__file__).parent / "middling" / "config.json"))
for flag, usual in (("--micro-batch", 4), ("--tokens", 20), ("--threads", 2), ("--steps", 4), ("--runs", 3), ("--rank", 32)):
    arguments.add_argument(flag, type=int, default=usual)
for flag in ("--all-linear", "--checkpointing", "--reference"):
    arguments.add_argument(flag, action="store_true")
given = arguments.parse_args()


def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def reference():
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Blip2Config, Blip2ForConditionalGeneration

    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    content = json.loads(Path(given.config).read_text())
    content.pop("model_type")
    config = Blip2Config(**content)
    image = config.text_config.vocab_size - 1
    config.image_token_index = image
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Blip2ForConditionalGeneration(config).to(device, torch.bfloat16 if device == "cuda" else torch.float32)
    targets = "all-linear" if given.all_linear else ["q", "v", "q_proj", "v_proj"]
    lora = LoraConfig(r=given.rank, lora_alpha=2 * given.rank, lora_dropout=0.05, use_rslora=True, target_modules=targets)
    model = get_peft_model(model, lora).train()
    if given.checkpointing:
        model.gradient_checkpointing_enable()
    adapters = [tensor for tensor in model.parameters() if tensor.requires_grad]
    optimizer = torch.optim.AdamW(adapters, lr=1e-4, weight_decay=1e-6)
    loaded = peak()
    rows, queries, size = given.micro_batch, config.num_query_tokens, config.vision_config.image_size
    t5 = config.text_config.model_type == "t5"
    caption = torch.tensor([[(row * 31 + place * 7) % 90 + 5 for place in range(given.tokens)] for row in range(rows)])
    prompt = torch.tensor([[image] * queries + [1 if t5 else 2]] * rows)
    ids = prompt if t5 else torch.cat([prompt, caption], 1)
    labels = caption if t5 else torch.cat([torch.full_like(prompt, -100), caption], 1)
    ids, labels = ids.to(device), labels.to(device)
    seconds, losses = [], []
    for _ in range(given.steps + 1):
        pixels = torch.randn(rows, 3, size, size, device=device, dtype=model.dtype)
        begin = time.perf_counter()
        loss = model(pixel_values=pixels, input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(adapters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - begin)
    best = min(seconds[1:])
    trained = sum(tensor.numel() for tensor in adapters)
    print(json.dumps({"device": device, "trained": trained, "step_seconds": best, "images_per_second": rows / best, "losses": losses,
                      "loaded_kib": loaded, "peak_kib": peak()}))


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


if given.reference:
    reference()
    sys.exit()

flags = ["--all-linear"] * given.all_linear + ["--checkpointing"] * given.checkpointing
for name in ("micro_batch", "tokens", "threads", "steps", "rank"):
    flags += ["--" + name.replace("_", "-"), str(getattr(given, name))]
theirs, ours = [], []
for _ in range(given.runs):
    theirs.append(run([sys.executable, __file__, given.bench, given.config, "--reference", *flags]))
    ours.append(run([given.bench, given.config, *flags]))
a, b = (min(runs, key=lambda one: one["step_seconds"]) for runs in (theirs, ours))
assert a["trained"] == b["trained"], f"not the same adapters: {a['trained']} and {b['trained']} numbers"
least = lambda runs, of: min(of(one) for one in runs) / 1024
whole, above = (lambda one: one["peak_kib"]), (lambda one: one["peak_kib"] - one["loaded_kib"])
print(f"{a['device']} and {b['device']}, {'all linear layers' if given.all_linear else 'query and value'}, rank {given.rank}, "
      f"micro-batch {given.micro_batch}, {given.tokens} tokens, {given.threads} threads, best of {given.runs} runs")
print(f"{'':32}{'PEFT':>10}{'lookbook':>12}{'ratio':>8}")
for label, left, right, ratio in (
    ("images/s", a["images_per_second"], b["images_per_second"], b["images_per_second"] / a["images_per_second"]),
    ("peak memory, MiB", least(theirs, whole), least(ours, whole), least(ours, whole) / least(theirs, whole)),
    ("  above the loaded model, MiB", least(theirs, above), least(ours, above), least(ours, above) / max(least(theirs, above), 1e-9)),
):
    print(f"{label:32}{left:10.2f}{right:12.2f}{ratio:8.2f}")
print("ratio: Lookbook's by PEFT's; more is better for images/s, less for memory")
