#!/usr/bin/env bash
# Runs Schemathesis, with exactly the packages of tests/openapi/requirements.txt.
set -euo pipefail

here="$(dirname "$0")"
python="$("$here/python.sh" "$here/../tests/openapi/requirements.txt")"
exec "$(dirname "$python")/schemathesis" "$@"
