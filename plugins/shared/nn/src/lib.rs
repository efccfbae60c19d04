//! Layers, weights and generation that the model plugins share, on burn
