#!/usr/bin/env python3
"""Makes the fixtures of the parity tests against transformers: tiny random checkpoints and what transformers says of them.

Pinned: Python 3.11, torch 2.9.1, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0, pillow 13.0.0, numpy 2.4.6.
Usage: make_fixtures.py [--photos DIR]   (DIR: the folder of garment photographs; without it photos.* stay as they are)

A checkpoint is one folder: a Hugging Face directory, expected.json (prompts, ids, texts) and expected.safetensors (pixel
values, scores of the first new token). Weights are drawn wide, so that scores are far apart and ids are no matter of rounding.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

ONLY = []
HERE = Path(__file__).resolve().parent
CHECKPOINTS = HERE / "checkpoints"
IMAGES = HERE / "images"
NEW_TOKENS = 32
SIZES = [(37, 53), (101, 77), (64, 31), (29, 29), (150, 90), (45, 140), (33, 34), (71, 71)]
CORPUS = [
    "a red dress with long sleeves and a round neckline",
    "blue denim jeans, straight leg, high waist",
    "striped cotton shirt with short sleeves and buttons",
    "Describe the appearance of the clothing item",
    "Question: what is this? Answer:",
    "USER: ASSISTANT: a photo of a knitted jumper in black wool",
]


def draw_images():
    """Odd-sized PNGs: gradients, shapes, stripes and a little noise."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for number, (width, height) in enumerate(SIZES):
        random = np.random.default_rng(number)
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.stack([x * 255 / width, y * 255 / height, (x + y) * 120 / (width + height) + 20 * number], -1)
        cx, cy, r = width * random.uniform(0.3, 0.7), height * random.uniform(0.3, 0.7), min(width, height) / 3
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < r * r] = random.integers(0, 256, 3)
        pixels[(y // 3) % 4 == number % 4] *= 0.6
        pixels += random.integers(-6, 7, pixels.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(IMAGES / f"{number}.png", optimize=True)


def images():
    return [Image.open(IMAGES / f"{number}.png").convert("RGB") for number in range(len(SIZES))]


def tokenizer(special, begin, end):
    """A byte-level BPE whose special tokens stand at the given ids; it knows the corpus's letters only, to stay small."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=112, special_tokens=special, show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    made.add_special_tokens([AddedToken("<image>", special=True, normalized=False)])
    template = ([begin] if begin else []) + ["$A"] + ([end] if end else [])
    made.post_processor = processors.TemplateProcessing(
        single=" ".join(template), special_tokens=[(t, made.token_to_id(t)) for t in {begin, end} - {None}]
    )
    return made


def widen(model, spread, seed):
    """Random weights that make scores far apart; normalisation weights around 1."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.dim() == 1 and ("norm" in name.lower()) and name.endswith("weight"):
                tensor.copy_(1 + 0.2 * torch.randn_like(tensor))
            elif tensor.dim() == 1:
                tensor.copy_(0.1 * torch.randn_like(tensor))
            elif "embed" in name or "shared" in name or "query_tokens" in name or "relative" in name:
                tensor.copy_(torch.randn_like(tensor) * (0.5 if "position" not in name else 0.3))
            elif name.endswith((".SelfAttention.q.weight", ".EncDecAttention.q.weight")):
                # T5 has no scaling of attention: its queries are small instead.
                heads_size = dict(model.config.text_config.to_dict())["d_kv"]
                tensor.copy_(torch.randn_like(tensor) * spread / (tensor[0].numel() * heads_size) ** 0.5)
            else:
                fan = tensor[0].numel()
                tensor.copy_(torch.randn_like(tensor) * spread / fan**0.5)
    model.tie_weights()
    return model.eval()


def store(name, model, made, processor, dtype, shard, layout, extra):
    folder = CHECKPOINTS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # What a file in half precision says is what is compared: the reference runs on the rounded weights too.
    model.to(dtype)
    model.save_pretrained(folder, max_shard_size=shard)
    model.to(torch.float32)
    made.save(str(folder / "tokenizer.json"))
    settings = {k: v for k, v in processor.to_dict().items() if v is not None}
    if layout == "two files":
        (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=1))
        (folder / "processor_config.json").write_text(json.dumps(extra, indent=1))
    else:
        (folder / "processor_config.json").write_text(json.dumps({"image_processor": settings, **extra}, indent=1))
    return folder


def slim(folder, drop):
    """Removes keys from config.json that equal the defaults, as the hub's configurations leave them out."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for part, key in drop:
        config[part].pop(key)
    path.write_text(json.dumps(config, indent=1))


def new_ids(row, start, ends):
    ids = row[start:].tolist()
    for place, token in enumerate(ids):
        if token in ends:
            return ids[: place + 1]
    return ids


def blip2(name, seed, vision, qformer, text, queries, dtype, shard, layout, prompt, rename=None, drop=(), hub_style=False):
    if not name.startswith(ONLY[0]):
        return
    opt = text["model_type"] == "opt"
    made = tokenizer(["<s>", "<pad>", "</s>", "<unk>"], "</s>", None) if opt else tokenizer(["<pad>", "</s>", "<unk>"], None, "</s>")
    image = made.token_to_id("<image>")
    vocabulary = made.get_vocab_size() + 5
    end = 2 if opt else 1
    text = {"vocab_size": vocabulary, "eos_token_id": end, "bos_token_id": end, **text}
    config = Blip2Config(
        vision_config=vision, qformer_config=qformer, text_config=text, num_query_tokens=queries, image_token_index=image
    )
    config.tie_word_embeddings = text.get("tie_word_embeddings", True)
    model = widen(Blip2ForConditionalGeneration(config), 1.6, seed)
    untied = text.get("tie_word_embeddings") is False
    if untied:
        # T5's class ties always; published Flan-T5 files hold a head of their own, which loading then keeps.
        torch.manual_seed(seed + 100)
        model.language_model.lm_head.weight = torch.nn.Parameter(torch.randn(vocabulary, text["d_model"]) * 0.4)
    size = vision["image_size"]
    processor = BlipImageProcessorPil(size={"height": size, "width": size})
    folder = store(name, model, made, processor, dtype, shard, layout, {"num_query_tokens": queries})
    slim(folder, drop)
    if hub_style:
        config = json.loads((folder / "config.json").read_text())
        config["text_config"].pop("scale_decoder_outputs")
        config["text_config"]["tie_word_embeddings"] = not untied
        (folder / "config.json").write_text(json.dumps(config, indent=1))
    if not opt:
        model = Blip2ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        separate = model.language_model.lm_head.weight.data_ptr() != model.language_model.shared.weight.data_ptr()
        assert separate == untied and model.language_model.config.scale_decoder_outputs != untied
    if rename:
        rename(folder)
    pixels = processor(images(), return_tensors="pt")["pixel_values"]
    cases = []
    scores = {}
    for number, (words, limit) in enumerate([(None, 8), (prompt, 8)]):
        ids = [end] if words is None else made.encode(words).ids
        row = torch.tensor([[image] * queries + ids])
        given = {"pixel_values": pixels, "input_ids": row.repeat(limit, 1)}
        with torch.no_grad():
            decoder = {} if opt else {"decoder_input_ids": torch.zeros(limit, 1, dtype=torch.long)}
            first = model(**given, **decoder).logits[:, -1]
            case = {"prompt": words, "ids": ids}
            start = row.shape[1] if opt else 1
            for kind, options in GENERATIONS.items():
                out = model.generate(**given, max_new_tokens=NEW_TOKENS, **options)
                case[kind] = [new_ids(r, start, [end]) for r in out]
        case["text"] = [made.decode(r, skip_special_tokens=True).strip() for r in case["greedy"]]
        scores[f"scores.{number}"] = first.contiguous()
        cases.append(case)
    finish(folder, cases, pixels, scores)


GENERATIONS = {
    "greedy": dict(do_sample=False, num_beams=1),
    "beam-4": dict(do_sample=False, num_beams=4),
    "beam-3 strict": dict(do_sample=False, num_beams=3, length_penalty=0.5, early_stopping=True, no_repeat_ngram_size=2),
    "penalised": dict(do_sample=False, num_beams=1, repetition_penalty=1.3, no_repeat_ngram_size=3, min_new_tokens=6),
}


def as_bytes(pixels):
    """Pixel values as the 8-bit values that they come from, which is exact and a quarter of the size."""
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=torch.float64)[:, None, None]
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=torch.float64)[:, None, None]
    return ((pixels.double() * deviation + mean) * 255).round().to(torch.uint8).contiguous()


def finish(folder, cases, pixels, scores):
    (folder / "expected.json").write_text(json.dumps({"cases": cases, "settings": GENERATIONS}, separators=(",", ":")))
    save_file({"pixels": as_bytes(pixels), **scores}, folder / "expected.safetensors")
    same = [len({tuple(r) for r in case["greedy"]}) for case in cases]
    used = [len({t for r in case["greedy"] for t in r}) for case in cases]
    print(folder.name, "distinct captions", same, "distinct tokens", used, sum(f.stat().st_size for f in folder.iterdir()) // 1024, "KiB")


def llava(name, seed, vision, text, dtype, shard, layout, prompts, layer=-2, strategy="default", rename=None):
    if not name.startswith(ONLY[0]):
        return
    made = tokenizer(["<unk>", "<s>", "</s>", "<pad>"], "<s>", None)
    image = made.token_to_id("<image>")
    vocabulary = made.get_vocab_size() + 3
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **vision},
        text_config={"model_type": "llama", "vocab_size": vocabulary, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, **text},
        image_token_index=image, vision_feature_layer=layer, vision_feature_select_strategy=strategy,
        image_seq_length=(vision["image_size"] // vision["patch_size"]) ** 2 + (strategy == "full"),
    )
    model = widen(LlavaForConditionalGeneration(config), 1.6, seed)
    size = vision["image_size"]
    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    extra = {"patch_size": vision["patch_size"], "vision_feature_select_strategy": strategy, "num_additional_image_tokens": 1}
    folder = store(name, model, made, processor, dtype, shard, layout, extra)
    # Read back: casting to half precision has rounded the rotary frequencies too, which no file holds.
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    if rename:
        rename(folder)
    pixels = processor(images(), return_tensors="pt")["pixel_values"]
    count = config.image_seq_length
    cases, scores = [], {}
    # Prompts of different lengths stand in one batch, padded on the left; the image token stands anywhere.
    for number, batch in enumerate(prompts):
        texts = [batch[row % len(batch)] for row in range(len(SIZES))]
        rows = [made.encode(t).ids for t in texts]
        rows = [[i for t in r for i in ([image] * count if t == image else [t])] for r in rows]
        longest = max(map(len, rows))
        ids = torch.tensor([[3] * (longest - len(r)) + r for r in rows])
        mask = torch.tensor([[0] * (longest - len(r)) + [1] * len(r) for r in rows])
        given = {"pixel_values": pixels, "input_ids": ids, "attention_mask": mask}
        with torch.no_grad():
            first = model(**given).logits[:, -1]
            case = {"prompts": texts}
            for kind, options in GENERATIONS.items():
                if kind == "penalised" and len(set(texts)) > 1:
                    continue  # transformers counts the padding token among the tokens said; here padding is nothing
                out = model.generate(**given, max_new_tokens=NEW_TOKENS, **options)
                case[kind] = [new_ids(r, longest, [2]) for r in out]
        case["text"] = [made.decode(r, skip_special_tokens=True).strip() for r in case["greedy"]]
        scores[f"scores.{number}"] = first.contiguous()
        cases.append(case)
    finish(folder, cases, pixels, scores)


def rename_tensors(change):
    """Old checkpoints spell tensor names otherwise."""
    from safetensors import safe_open

    def apply(folder):
        for path in folder.glob("model*.safetensors"):
            with safe_open(path, "pt") as file:
                tensors = {change(name): file.get_tensor(name) for name in file.keys()}
            save_file(tensors, path, metadata={"format": "pt"})
        index = folder / "model.safetensors.index.json"
        if index.exists():
            content = json.loads(index.read_text())
            content["weight_map"] = {change(name): file for name, file in content["weight_map"].items()}
            index.write_text(json.dumps(content))

    return apply


def photographs(folder):
    """What both image processors make of real photographs: every 7th (11th) pixel of each channel, as 8-bit values."""
    names, blip_values, clip_values = [], [], []
    for path in sorted(folder.glob("test/*/*.jpg"))[::4]:
        image = Image.open(path).convert("RGB")
        for processor, values, step in (
            (BlipImageProcessorPil(size={"height": 224, "width": 224}), blip_values, 7),
            (CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}), clip_values, 11),
        ):
            pixels = processor(image, return_tensors="pt")["pixel_values"][0]
            values.append(as_bytes(pixels)[:, ::step, ::step])
        names.append(str(path.relative_to(folder)))
    save_file(
        {"blip": torch.stack(blip_values), "clip": torch.stack(clip_values)},
        HERE / "photos.safetensors",
    )
    (HERE / "photos.json").write_text(json.dumps(names, indent=0))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--photos", type=Path)
    arguments.add_argument("--only", default="", help="makes only checkpoints whose names begin so")
    given = arguments.parse_args()
    ONLY.append(given.only)
    torch.set_num_threads(1)
    draw_images()
    if given.photos:
        photographs(given.photos)

    def opt(width, layers, heads, inner, **more):
        return dict(model_type="opt", hidden_size=width, word_embed_proj_dim=width, num_hidden_layers=layers,
                    num_attention_heads=heads, ffn_dim=inner, max_position_embeddings=96, **more)

    def vit(width, layers, heads, inner, size, patch, **more):
        return dict(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner,
                    image_size=size, patch_size=patch, **more)

    def bert(width, layers, heads, inner, **more):
        return dict(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner, **more)

    f32, bf16, f16 = torch.float32, torch.bfloat16, torch.float16
    prompt = "Question: what is this? Answer:"
    blip2("opt-small", 1, vit(32, 2, 4, 64, 28, 7), bert(24, 2, 2, 48), opt(32, 2, 4, 64), 4, f32, "5GB", "two files", prompt)
    blip2("opt-sharded", 2, vit(36, 3, 3, 48, 42, 7), bert(32, 3, 4, 48, cross_attention_frequency=2),
          opt(40, 2, 5, 64), 6, f32, "60KB", "one file", prompt)
    blip2("opt-bf16", 3, vit(40, 2, 5, 64, 32, 8), bert(36, 3, 6, 48, cross_attention_frequency=3), opt(56, 2, 2, 64), 8,
          bf16, "5GB", "one file", prompt, rename=rename_tensors(lambda n: "model." + n),
          drop=[("vision_config", "hidden_act"), ("vision_config", "layer_norm_eps"), ("qformer_config", "hidden_act"),
                ("text_config", "activation_function"), ("text_config", "tie_word_embeddings")])
    blip2("opt-bf16-sharded", 4, vit(24, 4, 2, 48, 56, 8, qkv_bias=False), bert(40, 2, 5, 80, cross_attention_frequency=1),
          opt(48, 4, 6, 64), 5, bf16, "40KB", "two files", prompt,
          rename=rename_tensors(lambda n: n.replace("language_model.model.", "language_model.")))

    def t5(width, layers, heads, size, inner, **more):
        return dict(model_type="t5", d_model=width, num_layers=layers, num_heads=heads, d_kv=size, d_ff=inner,
                    feed_forward_proj="gated-gelu", decoder_start_token_id=0, pad_token_id=0, **more)

    blip2("t5-untied", 5, vit(32, 2, 4, 64, 28, 7), bert(24, 2, 2, 48), t5(32, 2, 4, 8, 64, tie_word_embeddings=False), 4,
          f32, "5GB", "two files", prompt, hub_style=True)
    blip2("t5-sharded", 6, vit(36, 2, 3, 40, 42, 7), bert(24, 2, 4, 40), t5(28, 2, 5, 6, 40, tie_word_embeddings=False), 40,
          f32, "60KB", "one file", prompt)
    blip2("t5-bf16", 7, vit(40, 2, 5, 96, 32, 8), bert(48, 2, 6, 64), t5(48, 3, 2, 16, 64, num_decoder_layers=2,
          tie_word_embeddings=False), 8, bf16, "5GB", "one file", prompt)
    blip2("t5-tied", 8, vit(24, 2, 2, 48, 28, 7), bert(24, 2, 3, 48), t5(32, 3, 2, 16, 64), 12, bf16, "5GB", "two files", prompt)

    def clip(width, layers, heads, inner, size, patch):
        return vit(width, layers, heads, inner, size, patch, projection_dim=16)

    def llama(width, layers, heads, groups, inner, **more):
        return dict(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=groups,
                    intermediate_size=inner, max_position_embeddings=160, rms_norm_eps=1e-5, **more)

    usual = ["USER: <image>\nDescribe the appearance of the clothing item\nASSISTANT:"]
    mixed = ["USER: <image>\nDescribe the clothing\nASSISTANT:", "a photo of a red dress <image>", "<image>Question: what is this?"]
    # The names that the classes have since transformers 4.52; files are written with the older ones.
    new = rename_tensors(lambda n: n.replace("language_model.lm_head", "lm_head") if "lm_head" in n else
          "model." + n.replace("language_model.model.", "language_model."))
    llava("llava-full", 9, clip(32, 3, 4, 64, 28, 7), llama(32, 2, 4, 4, 64), f32, "5GB", "two files", [usual, mixed])
    llava("llava-grouped", 10, clip(36, 4, 3, 48, 42, 7), llama(48, 2, 8, 2, 64), f32, "80KB", "one file", [usual, mixed], rename=new)
    llava("llava-bf16", 11, clip(40, 3, 5, 64, 32, 8), llama(48, 2, 6, 3, 96, tie_word_embeddings=True), bf16, "5GB", "one file",
          [usual, mixed])
    llava("llava-last", 12, clip(24, 3, 2, 48, 56, 8), llama(40, 3, 5, 1, 64), f16, "40KB", "two files", [usual, mixed], layer=-1,
          strategy="full")


if __name__ == "__main__":
    main()
