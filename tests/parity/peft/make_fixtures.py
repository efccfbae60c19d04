#!/usr/bin/env python3
"""Makes the fixtures of the training tests: what PEFT and torch make of a few optimizer steps on tiny random models.

Pinned in requirements.txt beside this file. Usage:
  make_fixtures.py                    makes cases/ and layers/ (the checkpoints are those of tests/parity/transformers)
  make_fixtures.py --nano             makes nano.json: PEFT's scores with the adapters of samples/nano/adapters, which `host train` wrote
  make_fixtures.py --check DIR        reads adapters that this project wrote (DIR/CASE/, by `LOOKBOOK_ADAPTERS_OUT=DIR cargo test -p blip2
                                      -p llava`) with PEFT and compares its scores with ours (DIR/CASE/scores.json)

A case is a folder: the adapter that PEFT wrote after STEPS steps, and expected.json: losses and gradient norms of the steps, the same of a
run in double precision (`exact`), and the scores of the first new token with that adapter. A begins as a formula that both sides know, B as
zero. The base's own dropouts are off.
"""

import argparse
import contextlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Blip2ForConditionalGeneration, LlavaForConditionalGeneration
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

HERE = Path(__file__).resolve().parent
CHECKPOINTS = HERE.parent / "transformers" / "checkpoints"
CASES = HERE / "cases"
NANO = HERE.parents[2] / "samples" / "nano"
STEPS, MICRO, ACCUMULATED, RANK, ALPHA = 20, 2, 2, 4, 8
RATE, DECAY, CLIP = 5e-4, 0.01, 1.0
CAPTIONS = [
    "a red dress with long sleeves and a round neckline",
    "blue denim jeans, straight leg, high waist",
    "striped cotton shirt with short sleeves and buttons",
    "a photo of a knitted jumper",
    "black wool",
    "short sleeves",
    "a dress",
    "straight leg jeans in blue cotton with a high waist",
]
PROMPT = "USER: <image>\nDescribe the appearance of the clothing item\nASSISTANT:"
FAMILIES = {"opt-small": Blip2ForConditionalGeneration, "t5-untied": Blip2ForConditionalGeneration, "llava-grouped": LlavaForConditionalGeneration}
TARGETS = {"query-value": ["q", "v", "q_proj", "v_proj"], "all-linear": "all-linear"}
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=torch.float64)[:, None, None]
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=torch.float64)[:, None, None]


def base(family):
    return FAMILIES[family].from_pretrained(CHECKPOINTS / family, dtype=torch.float32).eval()


def pixels(family):
    stored = load_file(CHECKPOINTS / family / "expected.safetensors")["pixels"]
    return ((stored.double() / 255 - MEAN) / DEVIATION).float()


class Rows:
    """How a caption becomes ids and labels, as the reference's own forward pass takes them."""

    def __init__(self, family, folder=None):
        self.family = family
        folder = folder or CHECKPOINTS / family
        self.made = Tokenizer.from_file(str(folder / "tokenizer.json"))
        config = json.loads((folder / "config.json").read_text())
        self.image = self.made.token_to_id("<image>")
        self.vectors = config.get("num_query_tokens") or config["image_seq_length"]

    def prompt(self):
        if self.family.startswith("llava"):
            return [i for t in self.made.encode(PROMPT).ids for i in ([self.image] * self.vectors if t == self.image else [t])]
        return [self.image] * self.vectors + [2 if self.family.startswith("opt") else 1]

    def batch(self, captions):
        prompt = self.prompt()
        if self.family.startswith("t5"):
            labels = [self.made.encode(caption).ids for caption in captions]
            longest = max(map(len, labels))
            return {
                "input_ids": torch.tensor([prompt] * len(captions)),
                "labels": torch.tensor([row + [-100] * (longest - len(row)) for row in labels]),
            }
        if self.family.startswith("opt"):
            rows = [self.made.encode(caption).ids[1:] + [2] for caption in captions]
        else:
            given = len(self.made.encode(PROMPT).ids)
            rows = [self.made.encode(f"{PROMPT} {caption}").ids[given:] + [2] for caption in captions]
        longest = max(map(len, rows))
        pad = {"o": 1, "l": 3}[self.family[0]]
        return {
            "input_ids": torch.tensor([prompt + row + [pad] * (longest - len(row)) for row in rows]),
            "attention_mask": torch.tensor([[1] * (len(prompt) + len(row)) + [0] * (longest - len(row)) for row in rows]),
            "labels": torch.tensor([[-100] * len(prompt) + row + [-100] * (longest - len(row)) for row in rows]),
        }


def losses(model, family, values, rows):
    """The sum of the token losses, and how many tokens that are."""
    out = model(pixel_values=values, **rows)
    logits, labels = out.logits, rows["labels"]
    if not family.startswith("t5"):
        logits, labels = logits[:, :-1], labels[:, 1:]
    flat = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=-100, reduction="sum")
    count = int((labels != -100).sum())
    # The reference's own loss is the mean of the same.
    assert torch.allclose(out.loss.float() * count, flat.float(), rtol=1e-5), (out.loss * count, flat)
    return flat, count


def begin(model):
    """A by a formula, B zero: the numbers are no matter of a random generator."""
    for name, tensor in model.named_parameters():
        if "lora_A" in name:
            path = name.removeprefix("base_model.model.").split(".lora_A")[0]
            place = np.arange(tensor.numel(), dtype=np.float64)
            values = np.sin(0.7 * place + len(path)) / math.sqrt(tensor.shape[1])
            tensor.data.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))


def first_scores(model, family, values, prompt):
    decoder = {"decoder_input_ids": torch.zeros(len(values), 1, dtype=torch.long)} if family.startswith("t5") else {}
    with torch.no_grad():
        return model(pixel_values=values, input_ids=torch.tensor([prompt] * len(values)), **decoder).logits[:, -1]


@contextlib.contextmanager
def norms_in_their_inputs_precision():
    """transformers computes these in f32 whatever the model's precision is, which a run in f64 must not do."""

    def forward(self, x):
        epsilon = getattr(self, "variance_epsilon")
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon))

    kept = {norm: norm.forward for norm in (LlamaRMSNorm, T5LayerNorm)}
    for norm in kept:
        norm.forward = forward
    try:
        yield
    finally:
        for norm, own in kept.items():
            norm.forward = own


def train(family, config, dtype):
    """The model after its steps, and what they were."""
    torch.manual_seed(0)
    model = get_peft_model(base(family), config).eval()
    model.peft_config["default"].base_model_name_or_path = f"lookbook/{family}"
    begin(model)
    model.to(dtype)
    before = {name: tensor.clone() for name, tensor in model.named_parameters() if "lora_" not in name}
    adapters = [tensor for name, tensor in model.named_parameters() if "lora_" in name]
    optimizer = torch.optim.AdamW(adapters, lr=RATE, weight_decay=DECAY)
    rows, values = Rows(family), pixels(family).to(dtype)
    place, steps = 0, []
    for step in range(STEPS):
        batches = []
        for _ in range(ACCUMULATED):
            chosen = [(place + offset) % len(CAPTIONS) for offset in range(MICRO)]
            place += MICRO
            batches.append((values[chosen], rows.batch([CAPTIONS[c] for c in chosen])))
        # As transformers' Trainer since 4.46: every counted token of the step weighs the same.
        tokens = sum(int((b["labels"] != -100).sum()) for _, b in batches)
        total = 0.0
        for given, batch in batches:
            loss, _ = losses(model, family, given, batch)
            (loss / tokens).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(adapters, CLIP)
        optimizer.step()
        optimizer.zero_grad()
        steps.append({"loss": total / tokens, "tokens": tokens, "norm": norm.item()})
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.named_parameters() if name in before)
    return model, steps


def make(family, targets, stabilised):
    name = f"{family}-{targets}-{'rslora' if stabilised else 'classic'}"
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, use_rslora=stabilised, target_modules=TARGETS[targets], bias="none")
    with norms_in_their_inputs_precision():
        _, exact = train(family, config, torch.float64)
    model, steps = train(family, config, torch.float32)
    for own, other in zip(steps, exact):
        own["exact"] = {"loss": other["loss"], "norm": other["norm"]}
    folder = CASES / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    scores = first_scores(model, family, pixels(family)[:2], Rows(family).prompt())
    expected = {
        "family": family, "targets": targets, "rank": RANK, "alpha": ALPHA, "rslora": stabilised, "micro": MICRO, "accumulated": ACCUMULATED,
        "rate": RATE, "decay": DECAY, "clip": CLIP, "captions": CAPTIONS, "steps": steps, "scores": scores.flatten().tolist(),
        "layers": sorted(n.removeprefix("base_model.model.").split(".lora_A")[0] for n, _ in model.named_parameters() if "lora_A" in n),
    }
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))
    farthest = lambda of: max(abs(s[of] - s["exact"][of]) / s["exact"][of] for s in steps)
    print(name, "loss", round(steps[0]["loss"], 4), "->", round(steps[-1]["loss"], 4), "norm", round(steps[0]["norm"], 3),
          f"f32 from f64: losses {farthest('loss'):.1e}, norms {farthest('norm'):.1e};",
          sum(f.stat().st_size for f in folder.iterdir()) // 1024, "KiB")


ROLES = {"q": "query", "k": "key", "v": "value", "o": "output", "q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "output",
         "out_proj": "output", "query": "query", "key": "key", "value": "value", "projection": "output", "qkv": "query", "lm_head": "head",
         "language_projection": "projection", "linear_1": "projection", "linear_2": "projection"}


def layers(family):
    """Every linear layer of the reference, with the tower and role that strategies go by."""
    found = []
    for path, module in base(family).named_modules():
        if isinstance(module, torch.nn.Linear):
            own = path.removeprefix("model.")
            tower = "vision" if own.startswith("vision") else "qformer" if own.startswith("qformer") else "language"
            tower = "projector" if own.startswith(("language_projection", "multi_modal_projector")) else tower
            # The Q-Former's attention calls its output `dense`, as its feed-forward part calls both of its layers.
            role = "output" if own.endswith("attention.output.dense") else ROLES.get(own.split(".")[-1], "mlp")
            found.append({"path": path, "inputs": module.in_features, "outputs": module.out_features, "tower": tower, "role": role})
    (HERE / "layers").mkdir(exist_ok=True)
    (HERE / "layers" / f"{family}.json").write_text("[\n" + ",\n".join(json.dumps(layer) for layer in found) + "\n]\n")


def check(directory):
    """Ours in PEFT: the scores of both, and the largest difference."""
    worst = 0.0
    for folder in sorted(directory.iterdir()):
        ours = json.loads((folder / "scores.json").read_text())
        family = ours["family"]
        model = PeftModel.from_pretrained(base(family), folder).eval()
        rows, values = Rows(family), pixels(family)
        theirs = first_scores(model, family, values[:2], rows.prompt()).flatten()
        without = first_scores(base(family), family, values[:2], rows.prompt()).flatten()
        difference = (theirs - torch.tensor(ours["scores"])).abs().max().item()
        worst = max(worst, difference)
        print(folder.name, "largest difference", f"{difference:.2e}", "the adapter moves scores by", round((theirs - without).abs().max().item(), 3))
        assert difference < 1e-4, folder
        assert (theirs - without).abs().max() > 1e-2, "the adapter does nothing"
    print("all within 1e-4; the worst", f"{worst:.2e}")


def nano():
    """The first scores of a picture by a formula, with each adapter of the samples."""
    found = {}
    for folder in sorted(path for path in (NANO / "adapters").iterdir() if (path / "adapter_config.json").is_file()):
        name = folder.name.rsplit("-", 1)[0]
        family = {"blip2-opt": "opt-small", "blip2-flan-t5": "t5-untied", "llava": "llava-grouped"}[name]
        load = lambda: FAMILIES[family].from_pretrained(NANO / name, dtype=torch.float32).eval()
        model = load()
        side = model.config.vision_config.image_size
        values = torch.sin(0.37 * torch.arange(3 * side * side, dtype=torch.float64)).float().reshape(1, 3, side, side)
        prompt = Rows(family, NANO / name).prompt()
        without = first_scores(model, family, values, prompt).flatten()
        scores = first_scores(PeftModel.from_pretrained(load(), folder).eval(), family, values, prompt).flatten()
        print(folder.name, "the adapter moves scores by", round((scores - without).abs().max().item(), 2))
        found[folder.name] = {"model": name, "scores": [float(f"{score:.7g}") for score in scores.tolist()]}
    (HERE / "nano.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", type=Path)
    arguments.add_argument("--nano", action="store_true")
    arguments.add_argument("--only", default="", help="makes only cases whose names begin so")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    if given.check:
        check(given.check)
        return
    if given.nano:
        nano()
        return
    for family in FAMILIES:
        layers(family)
        for targets in TARGETS:
            for stabilised in (False, True):
                if family.startswith(given.only):
                    make(family, targets, stabilised)


if __name__ == "__main__":
    main()
