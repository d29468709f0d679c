#!/bin/sh
# Installs Madang's program from a folder of packages on a web server (docs/packages.md). Needs curl, tar, gzip and sha256sum.
#
#   sh install.sh [--to FOLDER] ADDRESS
#
# ADDRESS is that of the folder, which has the file SHA256SUMS in it; MADANG_DOWNLOAD may say it instead. The program comes
# into /usr/local/bin if that can be written to, else into ~/.local/bin.
set -eu

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

folder=
address="${MADANG_DOWNLOAD:-}"
while [ $# -gt 0 ]; do
    case "$1" in
        --to) [ $# -ge 2 ] || fail "--to needs a folder"; folder="$2"; shift 2 ;;
        -*) fail "unknown option $1 (usage: sh install.sh [--to FOLDER] ADDRESS)" ;;
        *) address="$1"; shift ;;
    esac
done
[ -n "$address" ] || fail "where from? Give the address of the folder with SHA256SUMS, or set MADANG_DOWNLOAD"
address="${address%/}"

[ "$(uname -s)" = Linux ] || fail "there are programs for Linux only, and this is $(uname -s)"
case "$(uname -m)" in
    x86_64 | amd64) architecture=amd64 ;;
    aarch64 | arm64) architecture=arm64 ;;
    *) fail "there is no program for $(uname -m), only for x86_64 and aarch64" ;;
esac
for tool in curl tar gzip sha256sum; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is missing"
done

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fetch() { curl --fail --silent --show-error --location --output "$work/$1" "$address/$1" || fail "cannot get $address/$1"; }

fetch SHA256SUMS
line="$(grep -E "^[0-9a-f]{64}  madang-[0-9A-Za-z.+~-]+-linux-$architecture\.tar\.gz\$" "$work/SHA256SUMS")" ||
    fail "$address/SHA256SUMS names no program for $architecture"
[ "$(printf '%s\n' "$line" | wc -l)" -eq 1 ] || fail "$address/SHA256SUMS names more than one program for $architecture"
archive="${line#*  }"
fetch "$archive"
(cd "$work" && printf '%s\n' "$line" | sha256sum -c >/dev/null 2>&1) ||
    fail "$archive is not what SHA256SUMS says: nothing was installed"
tar -xzf "$work/$archive" -C "$work" madang

if [ -z "$folder" ]; then
    folder=/usr/local/bin
    [ -w "$folder" ] || folder="$HOME/.local/bin"
fi
mkdir -p "$folder"
# By name: the old one may be running.
cp "$work/madang" "$folder/.madang.new"
chmod 755 "$folder/.madang.new"
mv -f "$folder/.madang.new" "$folder/madang"

case ":$PATH:" in
    *":$folder:"*) command=madang ;;
    *) command="$folder/madang" ;;
esac
cat <<END
$("$folder/madang" --version) is installed in $folder.

Start it, in a folder where it may keep its files:  $command
Then open http://localhost:4443
On a server, as a service:                          sudo $folder/madang install
END
