#!/usr/bin/env bash
# Takes the debug information out of programs and leaves it beside each, as NAME.debug: a program's own backtraces and
# debuggers find it there by a link in the program. Without binutils everything stays as it is.
set -euo pipefail

if ! command -v objcopy >/dev/null 2>&1 || ! command -v readelf >/dev/null 2>&1; then
    echo "objcopy is missing (Debian: binutils): the programs keep their debug information" >&2
    exit 0
fi

for program in "$@"; do
    # Not built here, or done before: what is left has nothing more to give.
    if [ ! -f "$program" ] || readelf --section-headers "$program" | grep -q '\.gnu_debuglink'; then
        continue
    fi
    (
        # The link names a file, not a path.
        cd "$(dirname "$program")"
        name="$(basename "$program")"
        objcopy --only-keep-debug "$name" "$name.debug"
        chmod -x "$name.debug"
        # Not in place: cargo has another name for the same file, and it may be running.
        objcopy --strip-all --add-gnu-debuglink="$name.debug" "$name" "$name.stripped"
        mv "$name.stripped" "$name"
    )
done
