#!/usr/bin/env bash
# Runs Schemathesis. It is installed once, into a cache folder of its own, with exactly the packages
# of tests/openapi/requirements.txt.
set -euo pipefail

requirements="$(dirname "$0")/../tests/openapi/requirements.txt"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/madang"
venv="$cache/schemathesis-$(sha256sum "$requirements" | cut -c1-16)"

if [ ! -e "$venv/complete" ]; then
    echo "Installing Schemathesis (once)" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" >&2
    touch "$venv/complete"
fi

exec "$venv/bin/schemathesis" "$@"
