#!/usr/bin/env bash
# Runs the fuzz targets in turn: fuzz.sh MINUTES [TARGET…], all of them without a name. Says for each how much was tried and
# seen; fails with the first that finds something.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes="$1"
shift
if ! cargo fuzz --version >/dev/null 2>&1 || ! cargo +nightly --version >/dev/null 2>&1; then
    echo "cargo-fuzz or the nightly toolchain is missing:  rustup toolchain install nightly; cargo install cargo-fuzz --locked" >&2
    exit 1
fi
# Their dependencies are the server's, in the same versions.
[ -e fuzz/Cargo.lock ] || cp Cargo.lock fuzz/Cargo.lock
if [ $# -eq 0 ]; then
    mapfile -t targets < <(cargo +nightly fuzz list)
    set -- "${targets[@]}"
fi

for target in "$@"; do
    seeds="fuzz/seeds/$target"
    if [ "$target" = sdp_offer ]; then seeds="crates/sfu/tests/calls/sdp"; fi
    mkdir -p "fuzz/corpus/$target"
    log="fuzz/corpus/$target.log"
    echo "$target: $minutes minutes"
    if ! cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "$seeds" -- \
        -max_total_time="$((minutes * 60))" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        exit 1
    fi
    echo "  $(grep -o 'number_of_executed_units: .*' "$log"), $(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)"
done
