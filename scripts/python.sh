#!/usr/bin/env bash
# Prints the path of a Python that has exactly the packages of a requirements file. They are installed once, into a cache
# folder of their own.
set -euo pipefail

requirements="$1"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/madang"
venv="$cache/python-$(sha256sum "$requirements" | cut -c1-16)"

if [ ! -e "$venv/complete" ]; then
    echo "Installing $requirements (once)" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" >&2
    touch "$venv/complete"
fi

echo "$venv/bin/python"
