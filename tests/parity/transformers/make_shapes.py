#!/usr/bin/env python3
"""Lists every tensor of the six captioners at full size, as transformers makes them on the meta device (no weights).

Pinned: Python 3.11, torch 2.9.1, transformers 5.23.0. Usage: make_shapes.py; writes shapes.json.gz beside itself.
The configurations are as sparse as the hub's: what is missing is the default of transformers.
"""

import gzip
import json
from pathlib import Path

import torch
from transformers import Blip2Config, Blip2ForConditionalGeneration, LlavaConfig, LlavaForConditionalGeneration


def opt(width, inner):
    text = dict(model_type="opt", hidden_size=width, word_embed_proj_dim=width, num_hidden_layers=32,
                num_attention_heads=32, ffn_dim=inner, eos_token_id=50118)
    return dict(model_type="blip-2", vision_config={}, qformer_config={}, text_config=text, image_token_index=50265)


def t5(width, heads, inner):
    text = dict(model_type="t5", d_model=width, num_layers=24, num_heads=heads, d_kv=64, d_ff=inner,
                feed_forward_proj="gated-gelu", tie_word_embeddings=False, bos_token_id=1, decoder_start_token_id=0)
    return dict(model_type="blip-2", vision_config={}, qformer_config={}, text_config=text, image_token_index=32100)


def llava(**size):
    text = dict(model_type="llama", max_position_embeddings=4096, rms_norm_eps=1e-5, vocab_size=32064, **size)
    vision = dict(model_type="clip_vision_model", hidden_size=1024, image_size=336, intermediate_size=4096,
                  num_attention_heads=16, num_hidden_layers=24, patch_size=14, projection_dim=768)
    return dict(model_type="llava", image_token_index=32000, vision_config=vision, text_config=text)


MODELS = {
    "blip2-opt-2.7b": opt(2560, 10240),
    "blip2-opt-6.7b": opt(4096, 16384),
    "blip2-flan-t5-xl": t5(2048, 32, 5120),
    "blip2-flan-t5-xxl": t5(4096, 64, 10240),
    "llava-1.5-7b": llava(),
    "llava-1.5-13b": llava(hidden_size=5120, intermediate_size=13824, num_hidden_layers=40, num_attention_heads=40),
}

lists = {}
for name, config in MODELS.items():
    family = (Blip2Config, Blip2ForConditionalGeneration) if config["model_type"] == "blip-2" else (
        LlavaConfig, LlavaForConditionalGeneration)
    with torch.device("meta"):
        model = family[1](family[0](**{k: v for k, v in config.items() if k != "model_type"}))
    tensors = {key: list(value.shape) for key, value in model.state_dict().items()}
    lists[name] = {"config": config, "tensors": tensors}
    print(name, len(tensors), "tensors,", sum(p.numel() for p in model.parameters()) / 1e9, "billion weights")
with gzip.GzipFile(Path(__file__).with_name("shapes.json.gz"), "wb", compresslevel=9, mtime=0) as out:
    out.write(json.dumps(lists, separators=(",", ":")).encode())
