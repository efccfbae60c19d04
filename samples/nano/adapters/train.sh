#!/usr/bin/env bash
# Fine-tunes the nano models on the sample catalogues and puts the adapters beside this script:
#
#     cargo xtask demo                                   # once: builds the program, draws the catalogues
#     samples/nano/adapters/train.sh [MODEL-DATASET…]    # all six: about half an hour on two cores
#     python tests/parity/peft/make_fixtures.py --nano   # what PEFT makes of them, for the tests
#
# What is learnt is each shop's own manner of description (see samples/README.md). Each adapter is the best trial, by the loss of the
# validation split, of the sweep in sweeps/. The test split is not read here.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=samples/nano/adapters
names=("$@")
if ((${#names[@]} == 0)); then
    for file in "$here"/sweeps/*.toml; do names+=("$(basename "$file" .toml)"); done
fi
for name in "${names[@]}"; do
    sweep=runs/adapters/$name
    target/release/host sweep "$here/sweeps/$name.toml" --threads 1 --out "$sweep"
    best=$(awk -F, 'NR == 2 { print $2 }' "$sweep/table.csv")
    mkdir -p "$here/$name"
    cp "$sweep/trials/$best/adapter"/adapter_{config.json,model.safetensors} "$here/$name/"
done
