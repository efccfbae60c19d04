//! The usual LoRA strategies: which linear layers are adapted, at which rank
