#!/usr/bin/env python3
"""How far transformers itself is from its f32 scores in bf16, on the checkpoints that make_fixtures.py made: writes bf16.json.

Pinned as make_fixtures.py. A GPU here computes in bf16; what that alone costs on such small, wide random weights is what its scores are
held to. Old tensor names that transformers no longer reads are left out. Distances are ‖bf16 − f32‖ / ‖f32‖ over the scores of the first new token of eight images, a case each.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Blip2ForConditionalGeneration, LlavaForConditionalGeneration

HERE = Path(__file__).resolve().parent
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def distances(folder):
    config = json.loads((folder / "config.json").read_text())
    expected, tensors = json.loads((folder / "expected.json").read_text()), load_file(folder / "expected.safetensors")
    llava = config["model_type"] == "llava"
    model = (LlavaForConditionalGeneration if llava else Blip2ForConditionalGeneration).from_pretrained(folder, dtype=torch.bfloat16).eval()
    pixels = ((tensors["pixels"].float() / 255 - MEAN) / DEVIATION).to(torch.bfloat16)
    found = []
    for number, case in enumerate(expected["cases"]):
        given, decoder = {"pixel_values": pixels}, {}
        if llava:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            image, count = model.config.image_token_index, model.config.image_seq_length
            rows = [[i for t in tokenizer.encode(p).ids for i in ([image] * count if t == image else [t])] for p in case["prompts"]]
            longest = max(map(len, rows))
            given["input_ids"] = torch.tensor([[3] * (longest - len(r)) + r for r in rows])
            given["attention_mask"] = torch.tensor([[0] * (longest - len(r)) + [1] * len(r) for r in rows])
        else:
            row = [model.config.image_token_index] * model.config.num_query_tokens + case["ids"]
            given["input_ids"] = torch.tensor([row] * 8)
            if config["text_config"]["model_type"] == "t5":
                decoder["decoder_input_ids"] = torch.zeros(8, 1, dtype=torch.long)
        with torch.no_grad():
            scores = model(**given, **decoder).logits[:, -1].float()
        reference = tensors[f"scores.{number}"]
        found.append(round(((scores - reference).norm() / reference.norm()).item(), 5))
    return found


def main():
    folders = sorted(p.parent for p in (HERE / "checkpoints").glob("*/expected.json"))
    all = {folder.name: distances(folder) for folder in folders}
    # Scores of weights that were not read are as far from the reference as any others.
    all = {name: found for name, found in all.items() if max(found) < 0.5}
    (HERE / "bf16.json").write_text(json.dumps(all, indent=1) + "\n")
    print(json.dumps(all, indent=1))


if __name__ == "__main__":
    main()
