#!/bin/sh
# Installs the servers that Madang is compared with; nothing else in the repository needs them. Each that cannot be had is left
# out, and so is its column. LiveKit: Go 1.26 or newer. mediasoup: npm fetches its worker, or builds it (Python, a C++ compiler).
cd "$(dirname "$0")" || exit 1
livekit_version=${LIVEKIT_VERSION:-v1.13.5}
missing=

if ! command -v janus >/dev/null; then
  [ "$(id -u)" = 0 ] && sudo= || sudo=sudo
  # Its service is not wanted: it would take the ports.
  $sudo apt-get install -y janus && $sudo systemctl disable --now janus 2>/dev/null
fi
command -v janus >/dev/null || missing="$missing janus"

livekit() {
  mkdir -p build/livekit && cd build/livekit || return 1
  folder=$(go mod download -json "github.com/livekit/livekit-server@$livekit_version" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
  # `go install` refuses a module whose go.mod has `replace` lines, as some of its versions have: so they become ours.
  cp "$folder/go.mod" "$folder/go.sum" . && chmod u+w go.mod go.sum || return 1
  sed -i 's#^module .*#module peers/livekit#' go.mod
  go mod edit -require "github.com/livekit/livekit-server@$livekit_version" &&
    go build -mod=mod -o ../livekit-server github.com/livekit/livekit-server/cmd/server
}
[ -x build/livekit-server ] || (livekit) || missing="$missing livekit"

if ! [ -d mediasoup/node_modules/mediasoup ]; then
  (cd mediasoup && npm ci --no-audit --no-fund --loglevel=error) || {
    # The worker can be built elsewhere.
    (cd mediasoup && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    [ -n "$MEDIASOUP_WORKER_BIN" ] || missing="$missing mediasoup(its worker: name one in MEDIASOUP_WORKER_BIN)"
  }
fi
[ -z "$missing" ] || { echo "not to be had:$missing"; exit 1; }
