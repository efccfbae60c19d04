"""The three families of nano models: configuration, tokenizer, processor, and how a caption becomes a training row.

The sizes are ours; everything else follows the hub's checkpoints of the family: special tokens, prompts, end tokens.
"""

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

SIDE, QUERIES, VOCABULARY = 96, 8, 640
CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}


def added(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


class Blip2:
    """What the two BLIP-2 families share: vision tower, Q-Former, square pictures."""

    cache_name = "pixels-square"
    prompt = None

    def image_processor(self):
        return BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}, **CLIP)

    def processor(self):
        return Blip2Processor(self.image_processor(), self.tokenizer, num_query_tokens=QUERIES)

    def model(self, text_config):
        config = Blip2Config(
            vision_config=dict(
                hidden_size=96, intermediate_size=384, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE, patch_size=16,
                initializer_range=0.02,
            ),
            qformer_config=dict(
                hidden_size=96, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, encoder_hidden_size=96,
                cross_attention_frequency=2, vocab_size=len(self.tokenizer), max_position_embeddings=64,
                hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            ),
            text_config=text_config,
            num_query_tokens=QUERIES,
            image_token_index=self.tokenizer.convert_tokens_to_ids("<image>"),
        )
        model = Blip2ForConditionalGeneration(config)
        # transformers begins with zeros, with which all queries would stay equal.
        torch.nn.init.normal_(model.query_tokens, std=0.5)
        return model

    def seen(self, model, pixels):
        """What the language model is given of a picture, as one vector a picture (for the attribute heads)."""
        vision = model.vision_model(pixels).last_hidden_state
        queries = model.query_tokens.expand(len(pixels), -1, -1)
        return model.qformer(query_embeds=queries, encoder_hidden_states=vision).last_hidden_state

    def begin_with(self, model, other):
        """Takes the vision tower and the Q-Former of another BLIP-2."""
        model.vision_model.load_state_dict(other.vision_model.state_dict())
        model.qformer.load_state_dict(other.qformer.state_dict())
        model.query_tokens.data.copy_(other.query_tokens)


class Opt(Blip2):
    def train_tokenizer(self, captions):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.train_from_iterator(
            captions,
            trainers.BpeTrainer(
                vocab_size=VOCABULARY, special_tokens=added("<s>", "<pad>", "</s>", "<unk>"),
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
            ),
        )
        tokenizer.add_special_tokens(added("<image>"))
        tokenizer.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="</s>", eos_token="</s>", unk_token="</s>", pad_token="<pad>",
            extra_special_tokens={"image_token": "<image>"}, model_max_length=128, clean_up_tokenization_spaces=False,
        )

    def build(self):
        newline = self.tokenizer.convert_tokens_to_ids("Ċ")
        model = self.model(dict(
            model_type="opt", vocab_size=len(self.tokenizer), hidden_size=128, word_embed_proj_dim=128, ffn_dim=512,
            num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=128, dropout=0.0, attention_dropout=0.0,
            eos_token_id=newline, bos_token_id=2, pad_token_id=1,
        ))
        model.generation_config = GenerationConfig(bos_token_id=2, pad_token_id=1, eos_token_id=newline, max_new_tokens=100)
        return model

    def row(self, caption):
        """Token ids, and how many of them at the beginning are given."""
        ids = self.tokenizer(caption, add_special_tokens=False)["input_ids"]
        image = self.tokenizer.convert_tokens_to_ids("<image>")
        return [image] * QUERIES + [2] + ids + self.tokenizer("\n", add_special_tokens=False)["input_ids"], QUERIES + 1

    def logits(self, model, vision, ids, mask):
        embeds = model.get_input_embeddings()(ids)
        embeds = torch.cat([model.language_projection(vision), embeds[:, QUERIES:]], 1)
        return model.language_model(inputs_embeds=embeds, attention_mask=mask, use_cache=False).logits[:, :-1]


class T5(Blip2):
    def train_tokenizer(self, captions):
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Replace(" {2,}", " ")
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        tokenizer.train_from_iterator(
            captions,
            trainers.UnigramTrainer(
                vocab_size=VOCABULARY, special_tokens=added("<pad>", "</s>", "<unk>"), unk_token="<unk>", show_progress=False,
            ),
        )
        tokenizer.add_special_tokens(added("<image>"))
        tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
            extra_special_tokens={"image_token": "<image>"}, model_max_length=128, clean_up_tokenization_spaces=False,
        )

    def build(self):
        model = self.model(dict(
            model_type="t5", vocab_size=len(self.tokenizer), d_model=128, d_kv=32, d_ff=256, num_heads=4, num_layers=2,
            num_decoder_layers=2, dropout_rate=0.0, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
            decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, bos_token_id=1,
        ))
        model.generation_config = GenerationConfig(
            decoder_start_token_id=0, bos_token_id=1, pad_token_id=0, eos_token_id=1, max_new_tokens=100
        )
        return model

    def row(self, caption):
        # The decoder is given its start token, the pad.
        return [0] + self.tokenizer(caption)["input_ids"], 1

    def logits(self, model, vision, ids, mask):
        end = model.get_input_embeddings()(torch.full((len(ids), 1), 1))
        embeds = torch.cat([model.language_projection(vision), end], 1)
        return model.language_model(inputs_embeds=embeds, decoder_input_ids=ids, use_cache=False).logits[:, :-1]


class Llava:
    cache_name = "pixels-crop"
    prompt = "USER: <image>\nDescribe the appearance of the clothing item\nASSISTANT:"
    patch = 16

    def image_processor(self):
        return CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, **CLIP)

    def processor(self):
        return LlavaProcessor(
            self.image_processor(), self.tokenizer, patch_size=self.patch, vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
        )

    def train_tokenizer(self, captions):
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        # Merges within words only while training; afterwards, as in Llama's, nothing splits the text.
        tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        specials = added("<unk>", "<s>", "</s>") + [AddedToken(f"<0x{byte:02X}>", normalized=False) for byte in range(256)]
        prompts = [self.prompt.replace("<image>", "").replace("\n", " ")] * 500
        tokenizer.train_from_iterator(
            prompts + captions,
            trainers.BpeTrainer(vocab_size=VOCABULARY + 256, special_tokens=specials, show_progress=False),
        )
        tokenizer = plain_bytes(tokenizer)
        tokenizer.add_special_tokens(added("<image>", "<pad>"))
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
            extra_special_tokens={"image_token": "<image>"}, model_max_length=256, padding_side="left",
            clean_up_tokenization_spaces=False,
        )

    def build(self):
        image, pad = self.tokenizer.convert_tokens_to_ids(["<image>", "<pad>"])
        model = LlavaForConditionalGeneration(LlavaConfig(
            vision_config=dict(
                model_type="clip_vision_model", hidden_size=96, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
                image_size=SIDE, patch_size=self.patch, projection_dim=96,
            ),
            text_config=dict(
                model_type="llama", vocab_size=len(self.tokenizer), hidden_size=128, intermediate_size=320, num_hidden_layers=2,
                num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=256, rms_norm_eps=1e-5, pad_token_id=pad,
                bos_token_id=1, eos_token_id=2,
            ),
            image_token_index=image, image_seq_length=(SIDE // self.patch) ** 2, vision_feature_layer=-2,
            vision_feature_select_strategy="default", tie_word_embeddings=False,
        ))
        model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=pad, max_new_tokens=100)
        return model

    def row(self, caption):
        image = self.tokenizer.convert_tokens_to_ids("<image>")
        given, ids = (self.tokenizer(text)["input_ids"] for text in (self.prompt, f"{self.prompt} {caption}"))
        assert ids[: len(given)] == given, "the caption must not change the prompt's tokens"
        many = lambda tokens: [t for token in tokens for t in ([token] * (SIDE // self.patch) ** 2 if token == image else [token])]
        return many(ids) + [2], len(many(given))

    def seen(self, model, pixels):
        vision = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
        return model.model.multi_modal_projector(vision)

    def logits(self, model, vision, ids, mask):
        embeds = model.get_input_embeddings()(ids)
        place = (ids == model.config.image_token_index).unsqueeze(-1).expand_as(embeds)
        embeds = embeds.masked_scatter(place, vision)
        hidden = model.model.language_model(inputs_embeds=embeds, attention_mask=mask, use_cache=False).last_hidden_state
        return model.lm_head(hidden)[:, :-1]

    def begin_with(self, model, other):
        """Takes what a CLIP tower has in common with BLIP-2's: patches, positions and the layers that both have."""
        own, theirs = model.model.vision_tower.state_dict(), other.vision_model.state_dict()
        taken = {
            "embeddings.class_embedding": theirs["embeddings.class_embedding"].flatten(),
            "embeddings.patch_embedding.weight": theirs["embeddings.patch_embedding.weight"],
            "embeddings.position_embedding.weight": theirs["embeddings.position_embedding"][0],
        }
        same = {"layer_norm1": "layer_norm1", "layer_norm2": "layer_norm2", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"}
        for layer in range(other.config.vision_config.num_hidden_layers):
            for part in ("weight", "bias"):
                at = lambda name: f"encoder.layers.{layer}.{name}.{part}"
                taken |= {at(to): theirs[at(name)] for to, name in same.items()}
                taken[at("self_attn.out_proj")] = theirs[at("self_attn.projection")]
                qkv = theirs[at("self_attn.qkv")].chunk(3)
                taken |= {at(f"self_attn.{name}_proj"): part for name, part in zip("qkv", qkv)}
        prefix = "vision_model." if any(name.startswith("vision_model.") for name in own) else ""
        wrong = [name for name, tensor in taken.items() if own[prefix + name].shape != tensor.shape]
        assert not wrong, wrong
        model.model.vision_tower.load_state_dict({prefix + name: tensor for name, tensor in taken.items()}, strict=False)


def plain_bytes(tokenizer):
    """The byte tokens are ordinary entries of the vocabulary, and nothing splits the text, as in Llama's tokenizer."""
    import json

    content = json.loads(tokenizer.to_str())
    content["pre_tokenizer"] = None
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(content))


FAMILIES = {"blip2-opt": Opt, "blip2-t5": T5, "llava": Llava}
