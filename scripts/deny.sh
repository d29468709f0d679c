#!/usr/bin/env bash
# Licences, banned crates and duplicates by cargo-deny, which is installed once when it is missing.
set -euo pipefail

if ! cargo deny --version >/dev/null 2>&1; then
    echo "Installing cargo-deny (once)"
    # Its own target directory, kept: an interrupted build goes on where it stopped.
    CARGO_TARGET_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/madang/cargo-deny" \
        cargo install --quiet --locked cargo-deny
fi

cargo deny --log-level warn check --hide-inclusion-graph bans licenses sources

# Advisories come from a database on the network: a machine that cannot reach it is told so, and
# is not failed; a machine that can is.
if timeout 60 cargo deny --log-level off fetch db >/dev/null 2>&1; then
    cargo deny --log-level warn check advisories
else
    echo "The advisory database cannot be reached: advisories not checked."
fi
