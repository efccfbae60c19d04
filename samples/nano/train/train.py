"""Trains a nano checkpoint and saves it as a Hugging Face directory.

    cargo run --release -p samples -- --out CATALOGUE
    cargo run --release -p samples -- --out CORPUS --corpus --articles 24000
    pip install -r requirements.txt                      # the versions that the committed files were made with
    python train.py --family blip2-opt --corpus CORPUS --catalogue CATALOGUE --out ../blip2-opt
    python train.py --family blip2-t5 --vision-from ../blip2-opt --corpus CORPUS --catalogue CATALOGUE --steps 2000 --rate 1.5e-3 --out ../blip2-flan-t5
    python train.py --family llava --vision-from ../blip2-opt --corpus CORPUS --catalogue CATALOGUE --steps 2000 --rate 1.5e-3 --out ../llava
    python train.py --evaluate ../blip2-opt --catalogue CATALOGUE

Beside the captions, small heads learn to read the attributes from what the language model sees of the picture: without
them a model of this size takes hours to find out that it should look. The heads are not saved.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import Blip2ForConditionalGeneration

from corpus import bleu4, held_out, load_corpus, named_category
from families import FAMILIES


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=FAMILIES)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--evaluate", type=Path, help="only score this directory on the held-out garments")
    parser.add_argument("--captions", type=Path, help="write the captions and their token ids there, a JSON line a garment")
    parser.add_argument("--vision-from", type=Path, help="begin with the eyes of this BLIP-2 directory")
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    if args.evaluate:
        evaluate(args.evaluate, args.catalogue, args.captions)
    else:
        family = FAMILIES[args.family]()
        save(train(family, args), family, args.out)
        evaluate(args.out, args.catalogue, args.captions)


def train(family, args):
    captions, seen, pixels = load_corpus(args.corpus, family.image_processor(), family.cache_name)
    family.train_tokenizer(captions)
    model = family.build()
    if args.vision_from:
        family.begin_with(model, Blip2ForConditionalGeneration.from_pretrained(args.vision_from, dtype=torch.float32))
    rows = [family.row(caption) for caption in captions]
    attributes = sorted(seen[0])
    values = {name: sorted({line[name] for line in seen}) for name in attributes}
    targets = torch.tensor([[values[name].index(line[name]) for name in attributes] for line in seen])
    print(f"{len(rows)} pictures, vocabulary {len(family.tokenizer)}, longest row {max(len(ids) for ids, _ in rows)}")
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters")

    model.train()
    pixel_values = normalised(pixels[:2], family)
    width = family.seen(model, pixel_values).flatten(1).shape[1]
    heads = torch.nn.ModuleList(torch.nn.Linear(width, len(values[name])) for name in attributes)
    parameters = list(model.parameters()) + list(heads.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=args.rate, betas=(0.9, 0.98), weight_decay=0.05)
    warm = 200
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, 0.02 + 0.49 * (1 + np.cos(np.pi * step / args.steps)))
    )
    random = np.random.default_rng(args.seed)
    pad = family.tokenizer.pad_token_id
    batches, started = [], time.time()
    log = torch.zeros(2 + len(attributes))
    for step in range(args.steps):
        batches = batches or batches_of_like_length([len(ids) for ids, _ in rows], args.batch, random)
        chosen = batches.pop()
        longest = max(len(rows[i][0]) for i in chosen)
        ids = torch.full((len(chosen), longest), pad)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for place, i in enumerate(chosen):
            row, given = rows[i]
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
            labels[place, given : len(row)] = torch.tensor(row[given:])
        vision = family.seen(model, normalised(shifted(pixels[chosen], random), family))
        logits = family.logits(model, vision, ids, mask)
        words = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        read = vision.flatten(1)
        guesses = [head(read) for head in heads]
        attribute_losses = [torch.nn.functional.cross_entropy(guess, targets[chosen, k]) for k, guess in enumerate(guesses)]
        loss = words + 0.25 * sum(attribute_losses)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        right = [(guess.argmax(1) == targets[chosen, k]).float().mean() for k, guess in enumerate(guesses)]
        log += torch.stack([words.detach(), loss.detach(), *right])
        if (step + 1) % 100 == 0:
            mean, log = log / 100, torch.zeros_like(log)
            shares = " ".join(f"{name} {share:.2f}" for name, share in zip(attributes, mean[2:].tolist()))
            print(f"{step + 1} {time.time() - started:.0f} s: words {mean[0]:.3f} all {mean[1]:.3f} | {shares}", flush=True)
    return model


def batches_of_like_length(lengths, size, random):
    """One epoch's batches in random order; rows of a batch are nearly equally long, so that little is padding."""
    order, lengths = random.permutation(len(lengths)), np.array(lengths)
    groups = [group[np.argsort(lengths[group], kind="stable")] for group in np.array_split(order, max(1, len(order) // (size * 20)))]
    batches = [group[start : start + size] for group in groups for start in range(0, len(group), size)]
    return [batches[i] for i in random.permutation(len(batches))]


def shifted(pixels, random):
    """Each picture moved by up to 3 pixels, its edge repeated."""
    side = pixels.shape[-1]
    padded = np.pad(pixels, ((0, 0), (0, 0), (3, 3), (3, 3)), mode="edge")
    corners = random.integers(0, 7, (len(pixels), 2))
    return np.stack([p[:, y : y + side, x : x + side] for p, (y, x) in zip(padded, corners)])


def normalised(pixels, family):
    processor = family.image_processor()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (processor.image_mean, processor.image_std))
    return (torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255 - mean) / std


def save(model, family, folder):
    shutil.rmtree(folder, ignore_errors=True)
    model.half().save_pretrained(folder)
    family.processor().save_pretrained(folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {size / 1e6:.2f} MB")
    assert size <= 6e6


def evaluate(folder, catalogue, write_to=None):
    """Captions of the held-out garments by the saved directory, greedy, against their descriptions."""
    config = transformers.AutoConfig.from_pretrained(folder)
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    prompt = FAMILIES["llava"].prompt if config.model_type == "llava" else None
    lines = []
    for shop, items in held_out(catalogue).items():
        captions, new_ids = [], []
        for start in range(0, len(items), 16):
            pictures = [picture for *_, picture in items[start : start + 16]]
            text = {"text": [prompt] * len(pictures)} if prompt else {}
            inputs = processor(images=pictures, return_tensors="pt", **text)
            ids = model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=100)
            # transformers repeats what it was given: the prompt, the queries and BOS, or the decoder's start.
            encoder_decoder = config.model_type == "blip-2" and not config.use_decoder_only_language_model
            given = inputs["input_ids"].shape[1] if prompt else 1 if encoder_decoder else config.num_query_tokens + 1
            ids, pad = ids[:, given:], processor.tokenizer.pad_token_id
            new_ids += [[token for token in row if token != pad] for row in ids.tolist()]
            captions += [text.strip() for text in processor.batch_decode(ids, skip_special_tokens=True)]
        lines += [
            json.dumps({"shop": shop, "id": name, "caption": caption, "token_ids": ids})
            for caption, ids, (name, *_) in zip(captions, new_ids, items)
        ]
        right = [named_category(caption) == noun for caption, (_, noun, _, _) in zip(captions, items)]
        score = bleu4(captions, [reference for _, _, reference, _ in items])
        print(f"{shop}: {len(items)} held-out garments, category {np.mean(right):.3f}, BLEU-4 {score:.3f}")
        for caption, (name, _, reference, _) in list(zip(captions, items))[:6]:
            print(f"  {name} {caption}\n     reference {reference}")
    if write_to:
        write_to.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
