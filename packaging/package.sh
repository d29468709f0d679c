#!/usr/bin/env bash
# Builds the programs that are published and packs them into dist/ (docs/packages.md).
set -euo pipefail

root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root"

# Everything is as old as the commit, so that it can be built again from there.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" ||
        { echo "This is no checkout of git: set SOURCE_DATE_EPOCH to the time (in seconds) that everything shall have" >&2; exit 1; }
fi
export SOURCE_DATE_EPOCH

amd64="$(packaging/cross.sh amd64)"
arm64="$(packaging/cross.sh arm64)"
transcoder=()
# Made of the machine's own libraries, so it is for a Debian as this one.
if [ "$(uname -m)" = x86_64 ] && pkg-config --exists gstreamer-video-1.0 gstreamer-app-1.0 2>/dev/null; then
    transcoder=(--transcoder "amd64=$(packaging/cross.sh transcoder)")
else
    echo "Not packed: madang-transcoder, which is built on Debian for x86-64 with GStreamer's development files" >&2
fi
node packaging/pack.mjs --out dist --program "amd64=$amd64" --program "arm64=$arm64" "${transcoder[@]}"
