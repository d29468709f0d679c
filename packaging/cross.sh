#!/usr/bin/env bash
# Builds one of the programs that are published, the same bytes wherever it is built, and prints its path.
#
#   cross.sh amd64|arm64     the server, static, for any Linux
#   cross.sh transcoder      madang-transcoder, with the libraries of this machine
#
# They have a target folder of their own: what is built for publishing shares nothing with what is built for tests.
set -euo pipefail

package=madang
case "${1:-}" in
    amd64) target=x86_64-unknown-linux-musl ;;
    # There are kernels with pages of 64 KiB, on which an allocator made for smaller ones does not run.
    arm64) target=aarch64-unknown-linux-musl; export JEMALLOC_SYS_WITH_LG_PAGE=16 ;;
    transcoder) target=x86_64-unknown-linux-gnu; package=transcoder ;;
    *) echo "usage: cross.sh amd64|arm64|transcoder" >&2; exit 2 ;;
esac

root="$(cd "$(dirname "$0")/.." && pwd)"
folder="${CARGO_TARGET_DIR:-$root/target/package}"
mkdir -p "$folder"
folder="$(cd "$folder" && pwd)"
cd "$root"

if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    if ! command -v rustup >/dev/null 2>&1; then
        echo "Rust's library for $target is missing, and so is rustup, which brings it:  see https://rustup.rs" >&2
        exit 1
    fi
    rustup target add "$target" >&2
fi

build=build
if [ "$package" = madang ]; then
    # Brings a C compiler with the C libraries of other machines inside.
    python="$(scripts/python.sh packaging/requirements.txt)"
    PATH="$(dirname "$python"):$PATH"
    export ZIG_GLOBAL_CACHE_DIR="$folder/zig"
    build=zigbuild
fi

# No path of this machine comes into the program. `RUSTFLAGS` would be split at spaces in them.
unset RUSTFLAGS
cargo_home="${CARGO_HOME:-$HOME/.cargo}"
flags=("--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$root=/madang" "--remap-path-prefix=$folder=/target")
CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f'; echo "${flags[*]}")"
c_flags="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$folder=/target"
export CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR="$folder" "CFLAGS_${target//-/_}=$c_flags" "CXXFLAGS_${target//-/_}=$c_flags"

cargo "$build" --locked --profile dist --package "$package" --bins --target "$target" >&2
case "$package" in
    madang) echo "$folder/$target/dist/madang" ;;
    transcoder) echo "$folder/$target/dist/madang-transcoder" ;;
esac
