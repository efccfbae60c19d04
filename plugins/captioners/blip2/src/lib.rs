//! The BLIP-2 captioners: ViT, Q-Former and a language model
