#!/usr/bin/env bash
# Runs fuzz targets: `run.sh [TARGET|all] [SECONDS]`.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${2:-600}
targets=${1:-all}
if [ "$targets" = all ]; then targets=$(cd fuzz/fuzz_targets && ls -- *.rs | sed 's/\.rs$//'); fi
for target in $targets; do
    mkdir -p "fuzz/corpus/$target"
    # No sanitizer: they need a nightly compiler, and our own code is checked by overflow and debug assertions. A leak or an allocation
    # without bound shows as a breach of the memory limit.
    cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1500 -max_len=65536 -print_final_stats=1
done
