#!/usr/bin/env bash
# Prints the path of mdBook, of this very version: what it writes is worked on (web/guides/pages.mjs). It is built once into the
# target folder, in a minute or two, with search and without its own server.
set -euo pipefail

version=0.5.4
tools="${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/tools"
root="$tools/mdbook-$version"

if [ ! -x "$root/bin/mdbook" ]; then
    echo "Building mdBook $version (once)" >&2
    # Unoptimised it needs a second for all guides, and half the time to build.
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --debug \
        --no-default-features --features search --version "$version" --root "$root" mdbook >&2
    rm -rf "$tools/build"
fi

echo "$root/bin/mdbook"
