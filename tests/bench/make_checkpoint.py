#!/usr/bin/env python3
"""Writes a BLIP-2 checkpoint of about 1 GB in shards, with weights that mean nothing: for measuring what loading takes.

    make_checkpoint.py OUT [--dtype float16|float32|bfloat16]
    target/release/host bench OUT --batch-size 1 --new-tokens 2      # "loaded in … with … at most"
Needs torch and transformers. Tokenizer and image processor are the nano checkpoint's, with the images' size corrected.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from transformers import Blip2Config, Blip2ForConditionalGeneration

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=Path)
parser.add_argument("--dtype", default="float32")
given = parser.parse_args()
here = Path(__file__).resolve().parent
config = json.loads((here / "middling/config.json").read_text())
config.pop("model_type")
torch.manual_seed(0)
model = Blip2ForConditionalGeneration(Blip2Config(**config)).to(getattr(torch, given.dtype))
model.save_pretrained(given.out, max_shard_size="200MB")
nano = here.parents[1] / "samples/nano/blip2-opt"
for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
    shutil.copy(nano / name, given.out)
path = given.out / "processor_config.json"
processor = json.loads(path.read_text())
side = config["vision_config"]["image_size"]
processor["image_processor"]["size"] = {"height": side, "width": side}
path.write_text(json.dumps(processor, indent=2))
size = sum(file.stat().st_size for file in given.out.glob("*.safetensors"))
print(f"{given.out}: {size / 1e9:.2f} GB, {sum(p.numel() for p in model.parameters()) / 1e6:.0f} million weights")
