//! BLEU, ROUGE-L and CIDEr: metrics over n-grams and subsequences of tokens
