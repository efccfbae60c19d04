#!/usr/bin/env bash
# Fine-tunes the nano models on the sample catalogues and puts the adapters beside this script:
#
#     cargo xtask demo                                   # once: builds the program, draws the catalogues
#     samples/nano/adapters/train.sh [MODEL-DATASET…]    # all six: about a quarter of an hour on two cores
#     python tests/parity/peft/make_fixtures.py --nano   # what PEFT makes of them, for the tests
#
# What is learnt is each shop's own manner of description (see samples/README.md), in its own spelling: in lower case, as catalogues are
# prepared, descriptions begin with tokens that these small vocabularies hardly know, and learning those costs what is seen (see
# docs/results.md). Each adapter is the trial of its sweep with the least loss on the validation split. The test split is not read here.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=samples/nano/adapters
host=target/release/host
names=("$@")
if ((${#names[@]} == 0)); then
    for file in "$here"/sweeps/*.toml; do names+=("$(basename "$file" .toml)"); done
fi

# The registry, with the sample catalogues prepared elsewhere and as they are spelled.
registry=registry-own-spelling.toml
trap 'rm -f "$registry" "${registry%.toml}.lock"' EXIT
sed -e 's#^\[datasets\.hm\]$#&\nprepared = "runs/adapters/prepared/hm"#' \
    -e 's#^\[datasets\.hm\.prepare\]$#&\nlowercase = false#' \
    -e 's#^\[datasets\.fashiongen\]$#&\nprepared = "runs/adapters/prepared/fashiongen"\nprepare = { lowercase = false }#' \
    registry.toml > "$registry"
"$host" plugin add --all --registry "$registry"
for dataset in hm fashiongen; do "$host" prepare "$dataset" --registry "$registry"; done

for name in "${names[@]}"; do
    sweep=runs/adapters/$name
    "$host" sweep "$here/sweeps/$name.toml" --registry "$registry" --threads 1 --out "$sweep"
    best=$(awk -F, 'NR == 2 { print $2 }' "$sweep/table.csv")
    mkdir -p "$here/$name"
    cp "$sweep/trials/$best/adapter"/adapter_{config.json,model.safetensors} "$here/$name/"
done
