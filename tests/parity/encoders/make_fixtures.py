#!/usr/bin/env python3
"""Makes the fixtures of the encoders' parity tests: what torchvision, transformers, sentence-transformers and scikit-learn compute.

Pinned: Python 3.11, torch 2.9.1, torchvision 0.24.1, transformers 5.23.0, sentence-transformers 6.2.0, scikit-learn 1.9.1,
tokenizers 0.23.3, safetensors 0.8.0, pillow 13.0.0, numpy 2.4.6. Usage: make_fixtures.py; it reads the images of
../transformers/images and the checkpoint ../transformers/checkpoints/opt-small, and writes beside itself.

ResNet50 is too large to commit: its weights are drawn from a formula (SplitMix64) that the test computes too. The other checkpoints are tiny
and random, one folder each, with expected.safetensors.
"""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sklearn.decomposition import PCA
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    BlipImageProcessorPil,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    ConvNextImageProcessorPil,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetForImageClassification,
)

HERE = Path(__file__).resolve().parent
OTHERS = HERE.parent / "transformers"
IMAGES = [Image.open(OTHERS / "images" / f"{number}.png").convert("RGB") for number in range(8)]
TEXTS = [
    "a red dress with long sleeves and a round neckline",
    "Blue denim jeans, straight leg, HIGH waist",
    "shirt",
    "",
    "striped cotton shirt with short sleeves and buttons " * 6,
    "A knitted jumper in black wool.",
]


def formula(seed, count):
    """SplitMix64, the upper 24 bits as a number in -1 <= x < 1."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)


def by_formula(model):
    """Weights of a ResNet50 that keep activations of order 1; the tensors in the order of their names, each with its own seed."""
    with torch.no_grad():
        for seed, (name, tensor) in enumerate(sorted(model.state_dict().items())):
            if name.endswith("num_batches_tracked"):
                continue
            x = formula(seed + 1, tensor.numel())
            if tensor.dim() > 1:
                x = x * np.float32((6 / tensor[0].numel()) ** 0.5)
            elif name.endswith("running_var"):
                x = np.float32(1) + np.float32(0.5) * x
            elif name.endswith("weight"):
                # The last normalisation of a block is small, so that the sum along the blocks stays small too.
                x = (np.float32(1) + np.float32(0.2) * x) * np.float32(0.15 if ".bn3." in name else 1)
            else:
                x = np.float32(0.1) * x
            tensor.copy_(torch.from_numpy(x).reshape(tensor.shape))
    return model.eval()


def widen(model, spread, seed):
    """Random weights that make vectors far apart; normalisation weights around 1."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.is_floating_point():
                continue
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand_like(tensor))
            elif tensor.dim() < 2 and ("norm" in name.lower()) and name.endswith("weight"):
                tensor.copy_(1 + 0.2 * torch.randn_like(tensor))
            elif tensor.dim() < 2:
                tensor.copy_(0.1 * torch.randn_like(tensor))
            elif "embed" in name or "relative" in name:
                tensor.copy_(torch.randn_like(tensor) * 0.5)
            else:
                tensor.copy_(torch.randn_like(tensor) * spread / tensor[0].numel() ** 0.5)
    return model.eval()


def fresh(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def settings(processor):
    return json.dumps({k: v for k, v in processor.to_dict().items() if v is not None}, indent=1)


def resnet50():
    folder = fresh("resnet50")
    model = by_formula(torchvision.models.resnet50(weights=None))
    transforms = torchvision.transforms
    prepare = transforms.Compose([
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    pixels = torch.stack([prepare(image) for image in IMAGES])
    cut = torch.nn.Sequential(*list(model.children())[:-1])
    with torch.no_grad():
        features = cut(pixels)[:, :, 0, 0]
    # Every 7th row and column of the pixels, as the 8-bit values that they come from.
    mean, deviation = (torch.tensor(x, dtype=torch.float64)[:, None, None] for x in
                       ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    bytes_ = ((pixels.double() * deviation + mean) * 255).round().to(torch.uint8)[:, :, ::7, ::7].contiguous()
    save_file({"features": features.contiguous(), "pixels": bytes_}, folder / "expected.safetensors")
    print("resnet50: features of", features.abs().mean().item(), "on average, at most", features.abs().max().item())


def resnet_hugging_face():
    folder = fresh("resnet-hf")
    config = ResNetConfig(embedding_size=8, hidden_sizes=[16, 24, 32, 40], depths=[1, 2, 1, 1], num_labels=3)
    model = widen(ResNetForImageClassification(config), 0.8, 1)
    model.save_pretrained(folder)
    processor = ConvNextImageProcessorPil(
        size={"shortest_edge": 56}, crop_pct=0.875, resample=3, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]
    )
    (folder / "preprocessor_config.json").write_text(settings(processor))
    pixels = processor(IMAGES, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        features = model.resnet(pixels).pooler_output[:, :, 0, 0]
    save_file({"features": features.contiguous()}, folder / "expected.safetensors")
    print("resnet-hf:", tuple(pixels.shape), "features of", features.abs().mean().item())


def clip_tokenizer(length):
    """As CLIP's: lowercase byte-level BPE with an end of word, `<|startoftext|>` and `<|endoftext|>` last in the vocabulary."""
    made = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("  ", " "), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator([text.lower() for text in TEXTS], trainers.BpeTrainer(vocab_size=120, end_of_word_suffix="</w>"))
    made.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    begin, end = made.token_to_id("<|startoftext|>"), made.token_to_id("<|endoftext|>")
    made.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", begin), ("<|endoftext|>", end)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<|endoftext|>", eos_token="<|endoftext|>", bos_token="<|startoftext|>", model_max_length=length
    )
    return made, fast, begin, end


def clip(name, seed, misnamed):
    """`misnamed`: the end token is said to be 2, as in the first published configurations."""
    folder = fresh(name)
    length = 20
    made, fast, begin, end = clip_tokenizer(length)
    config = CLIPConfig(
        text_config=dict(vocab_size=made.get_vocab_size(), hidden_size=24, intermediate_size=32, num_hidden_layers=2,
                         num_attention_heads=4, max_position_embeddings=length, bos_token_id=begin,
                         eos_token_id=2 if misnamed else end, projection_dim=16),
        vision_config=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, image_size=42,
                           patch_size=7, projection_dim=16),
        projection_dim=16,
    )
    model = widen(CLIPModel(config), 1.5, seed)
    model.save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    processor = CLIPImageProcessorPil(size={"shortest_edge": 42}, crop_size={"height": 42, "width": 42})
    (folder / "preprocessor_config.json").write_text(settings(processor))
    model = CLIPModel.from_pretrained(folder).eval()
    pixels = processor(IMAGES, return_tensors="pt")["pixel_values"]
    words = fast(TEXTS, padding=True, truncation=True, return_tensors="pt")
    given = dict(input_ids=words["input_ids"], attention_mask=words["attention_mask"])

    def tensor(output):
        return output if isinstance(output, torch.Tensor) else output.pooler_output

    with torch.no_grad():
        image, text = tensor(model.get_image_features(pixel_values=pixels)), tensor(model.get_text_features(**given))
        one = tensor(model.get_text_features(input_ids=words["input_ids"][:1, : int(words["attention_mask"][0].sum())]))
    assert image.shape == (8, 16) and text.shape == (6, 16), (image.shape, text.shape)
    assert torch.allclose(one, text[:1], atol=1e-5)
    save_file({"image": image.contiguous(), "text": text.contiguous()}, folder / "expected.safetensors")
    lengths = words["attention_mask"].sum(1).tolist()
    (folder / "texts.json").write_text(json.dumps({"texts": TEXTS, "ids": [row[:n] for row, n in zip(words["input_ids"].tolist(), lengths)]}))
    print(name, "tokens", lengths)


def mpnet(name, seed, modules):
    """`modules`: what sentence-transformers puts around the transformer."""
    folder = fresh(name)
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=130, special_tokens=["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]))
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    config = MPNetConfig(vocab_size=made.get_vocab_size() + 3, hidden_size=24, num_hidden_layers=2, num_attention_heads=4,
                         intermediate_size=40, max_position_embeddings=202, layer_norm_eps=1e-5, relative_attention_num_buckets=32)
    model = widen(MPNetModel(config), 1.2, seed)
    model.save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    fast = dict(tokenizer_class="PreTrainedTokenizerFast", model_max_length=200, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
                unk_token="[UNK]", mask_token="<mask>", model_input_names=["input_ids", "attention_mask"])
    (folder / "tokenizer_config.json").write_text(json.dumps(fast, indent=1))
    kind = "sentence_transformers.models."
    listed = [dict(idx=0, name="0", path="", type=kind + "Transformer")]
    if modules:
        listed += [dict(idx=1, name="1", path="1_Pooling", type=kind + "Pooling"),
                   dict(idx=2, name="2", path="2_Normalize", type=kind + "Normalize")]
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(dict(
            word_embedding_dimension=24, pooling_mode_cls_token=False, pooling_mode_mean_tokens=True, pooling_mode_max_tokens=False,
            pooling_mode_mean_sqrt_len_tokens=False)))
        (folder / "2_Normalize").mkdir()
        (folder / "modules.json").write_text(json.dumps(listed, indent=1))
        (folder / "sentence_bert_config.json").write_text(json.dumps(dict(max_seq_length=40, do_lower_case=False)))
    reference = SentenceTransformer(str(folder), device="cpu")
    # More than 128 tokens, so that all buckets of distances are met.
    texts = TEXTS + ["a striped shirt in red cotton, and blue jeans " * 14]
    vectors = reference.encode(texts, batch_size=3, convert_to_tensor=True, normalize_embeddings=False).float().cpu()
    tokens = reference[0].tokenize(texts) if hasattr(reference[0], "tokenize") else reference.tokenize(texts)
    lengths = tokens["attention_mask"].sum(1).tolist()
    save_file({"sentence": vectors.contiguous()}, folder / "expected.safetensors")
    (folder / "texts.json").write_text(json.dumps({"texts": texts, "ids": [r[:n] for r, n in zip(tokens["input_ids"].tolist(), lengths)]}))
    if (folder / "2_Normalize").is_dir():
        (folder / "2_Normalize").rmdir()
    print(name, "tokens", lengths, "lengths", vectors.norm(dim=1).tolist()[:3])


def blip2():
    """The spaces of a checkpoint that the captioners' fixtures have."""
    source = OTHERS / "checkpoints" / "opt-small"
    model = Blip2ForConditionalGeneration.from_pretrained(source, dtype=torch.float32).eval()
    size = model.config.vision_config.image_size
    processor = BlipImageProcessorPil(size={"height": size, "width": size})
    pixels = processor(IMAGES, return_tensors="pt")["pixel_values"]
    inside = getattr(model, "model", model)
    with torch.no_grad():
        states = inside.vision_model(pixels).last_hidden_state
        queries = inside.qformer(query_embeds=inside.query_tokens.expand(8, -1, -1), encoder_hidden_states=states).last_hidden_state
    folder = fresh("blip2-opt-small")
    save_file({"vision": states.mean(1).contiguous(), "queries": queries.flatten(1).contiguous()}, folder / "expected.safetensors")
    print("blip2:", tuple(states.shape), tuple(queries.shape))


def pca():
    """Features with a decaying spectrum and a mean far from 0; what scikit-learn makes of them."""
    folder = fresh("pca")
    random = np.random.default_rng(5)
    turned = np.linalg.qr(random.normal(size=(40, 40)))[0]
    features = (random.normal(size=(150, 40)) * 1.35 ** -np.arange(40) * 3) @ turned.T + 5 * random.normal(size=40)
    features = features.astype(np.float32)
    np.save(folder / "features.npy", features)
    (folder / "ids.txt").write_text("".join(f"item-{number}\n" for number in range(150)))
    whole = features.astype(np.float64)
    by_share, by_count = PCA(n_components=0.95, svd_solver="full").fit(whole), PCA(n_components=12, svd_solver="full").fit(whole)
    np.save(folder / "expected-variance.npy", by_share.transform(whole).astype(np.float32))
    np.save(folder / "expected-12.npy", by_count.transform(whole).astype(np.float32))
    (folder / "expected.json").write_text(json.dumps({
        "components_for_95": int(by_share.n_components_), "share": float(by_share.explained_variance_ratio_.sum()),
        "explained_variance": by_count.explained_variance_.tolist(), "first": by_count.components_[0].tolist()}))
    print("pca:", by_share.n_components_, "components for 95 %")


def shapes():
    """Tensors of the published models at full size, on the meta device; configurations as sparse as the hub's."""
    configs = {
        "resnet-50": dict(model_type="resnet"),
        "clip-vit-base-patch16": dict(model_type="clip", projection_dim=512, text_config=dict(eos_token_id=2), vision_config=dict(patch_size=16)),
        "all-mpnet-base-v2": dict(model_type="mpnet", max_position_embeddings=514, layer_norm_eps=1e-5),
    }
    classes = {"resnet": (ResNetConfig, ResNetForImageClassification), "clip": (CLIPConfig, CLIPModel), "mpnet": (MPNetConfig, MPNetModel)}
    lists = {}
    with torch.device("meta"):
        for name, config in configs.items():
            family = classes[config["model_type"]]
            model = family[1](family[0](**{k: v for k, v in config.items() if k != "model_type"}))
            lists[name] = {"config": config, "tensors": {k: list(v.shape) for k, v in model.state_dict().items()}}
        model = torchvision.models.resnet50(weights=None)
        lists["resnet50.tv_in1k"] = {"config": {"architecture": "resnet50"}, "tensors": {k: list(v.shape) for k, v in model.state_dict().items()}}
    for name, entry in lists.items():
        print(name, len(entry["tensors"]), "tensors")
    with gzip.GzipFile(HERE / "shapes.json.gz", "wb", compresslevel=9, mtime=0) as out:
        out.write(json.dumps(lists, separators=(",", ":")).encode())


if __name__ == "__main__":
    torch.set_num_threads(1)
    resnet50()
    resnet_hugging_face()
    clip("clip", 2, misnamed=False)
    clip("clip-misnamed-end", 3, misnamed=True)
    mpnet("mpnet", 4, modules=True)
    mpnet("mpnet-plain", 5, modules=False)
    blip2()
    pca()
    shapes()
