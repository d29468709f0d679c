#!/usr/bin/env bash
# Checks the tools that `make run` (or, with the argument `test` or `package`, that) needs. Names every
# missing one with the command that installs it. With those it installs Debian packages itself
# where it may: as root, or by a sudo that asks nothing. So it does with what `make run` can do
# without: GStreamer, which composes recordings.
set -euo pipefail

purpose="${1:-run}"
packages=()
problems=()

has() { command -v "$1" >/dev/null 2>&1; }

# at_least FOUND WANTED: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

has cc || packages+=(build-essential)
has make || packages+=(make)
if [ "$purpose" = package ]; then
    # Brings the C compilers for other machines.
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
    has dpkg-deb || packages+=(dpkg)
    # Finds the libraries that a program is linked with.
    has dpkg-shlibdeps || packages+=(dpkg-dev)
    # Another reader of images and another processor, for `make package-test`.
    has skopeo || packages+=(skopeo)
    has qemu-aarch64 || packages+=(qemu-user)
fi
if [ "$purpose" = test ]; then
    has chromium || packages+=(chromium)
    has firefox-esr || packages+=(firefox-esr)
    # For Schemathesis and aiortc. Debian ships venv, and pip for it, apart from Python.
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
    # For networks of the tests' own.
    has nft || packages+=(nftables)
    has ip || packages+=(iproute2)
    # Encodes, probes and decodes in the recorder's tests.
    has ffmpeg || packages+=(ffmpeg)
    # A font with Hangul, for names in composed pictures.
    [ -n "$(fc-list :lang=ko 2>/dev/null)" ] || packages+=(fonts-nanum)
    # A proxy in front of the server, its certificate, and what checks our service unit.
    has nginx || [ -x /usr/sbin/nginx ] || packages+=(nginx)
    # Another proxy, and what reads the guide's compose file.
    has caddy || packages+=(caddy)
    has docker-compose || packages+=(docker-compose)
    # An RTMP server to broadcast to, and TLS in front of it.
    [ -f /usr/lib/nginx/modules/ngx_rtmp_module.so ] || packages+=(libnginx-mod-rtmp)
    [ -f /usr/lib/nginx/modules/ngx_stream_module.so ] || packages+=(libnginx-mod-stream)
    has openssl || packages+=(openssl)
    # Counts instructions.
    has valgrind || packages+=(valgrind)
    has systemd-analyze || packages+=(systemd)
    # For packages: makes the server's user, and looks at scripts.
    has adduser || packages+=(adduser)
    has shellcheck || packages+=(shellcheck)
    # Makes browsers trust an authority of the tests' own.
    has certutil || packages+=(libnss3-tools)
    # turnutils_uclient, another implementation's client of TURN.
    has turnutils_uclient || packages+=(coturn)
    # For openvidu-java-client.
    has javac || packages+=(default-jdk-headless)
    has mvn || packages+=(maven)
    # An ACME authority to get certificates from.
    has pebble || packages+=(pebble)
    # Looks at our metrics and alert rules.
    has promtool || packages+=(prometheus)
    # Pion, a WebRTC engine in Go.
    has go || packages+=(golang-go)
    # GStreamer's webrtcbin, for Debian's own Python.
    /usr/bin/python3 -c 'import gi; gi.require_version("GstWebRTC", "1.0")' 2>/dev/null ||
        packages+=(python3-gi gir1.2-gst-plugins-bad-1.0)
    compgen -G "/usr/lib/*/gstreamer-1.0/libgstnice.so" >/dev/null || packages+=(gstreamer1.0-nice)
    # GStreamer's RTSP server, which stands for cameras.
    /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null ||
        packages+=(python3-gi gir1.2-gst-rtsp-server-1.0)
    # Somebody who speaks, and a recogniser, for Debian's own Python.
    has espeak-ng || packages+=(espeak-ng)
    /usr/bin/python3 -c 'import pocketsphinx, websockets' 2>/dev/null ||
        packages+=(python3-pocketsphinx python3-websockets)
    [ -d /usr/share/pocketsphinx/model/en-us ] || packages+=(pocketsphinx-en-us)
fi

gstreamer=()
has pkg-config || gstreamer+=(pkg-config)
pkg-config --exists gstreamer-1.0 2>/dev/null || gstreamer+=(libgstreamer1.0-dev)
pkg-config --exists gstreamer-video-1.0 2>/dev/null || gstreamer+=(libgstreamer-plugins-base1.0-dev)
while read -r plugin package; do
    compgen -G "/usr/lib/*/gstreamer-1.0/libgst$plugin.so" >/dev/null || gstreamer+=("$package")
done <<'END'
opus gstreamer1.0-plugins-base
pango gstreamer1.0-x
vpx gstreamer1.0-plugins-good
openh264 gstreamer1.0-plugins-bad
opencv gstreamer1.0-opencv
x264 gstreamer1.0-plugins-ugly
libav gstreamer1.0-libav
END
# What faces look like, for filters.
[ -e /usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml ] || gstreamer+=(opencv-data)
# For cameras behind TLS.
compgen -G "/usr/lib/*/gio/modules/libgiognutls.so" >/dev/null || gstreamer+=(glib-networking)

if has cargo; then
    found="$(rustc --version | cut -d' ' -f2)"
    at_least "$found" 1.92.0 || problems+=("rustc $found is too old (1.92 or newer):  rustup update stable")
else
    problems+=("cargo is missing:  see https://rustup.rs")
fi
if [ "$purpose" = test ] && has cargo; then
    cargo fmt --version >/dev/null 2>&1 || problems+=("rustfmt is missing:  rustup component add rustfmt")
    cargo clippy --version >/dev/null 2>&1 || problems+=("clippy is missing:  rustup component add clippy")
fi

if has node && has npm; then
    found="$(node --version | tr -d v)"
    at_least "$found" 20.19.0 || problems+=("Node.js $found is too old (20.19 or newer):  see https://nodejs.org/en/download")
else
    problems+=("Node.js is missing (20.19 or newer):  see https://nodejs.org/en/download")
fi

root=
if [ "$(id -u)" -ne 0 ]; then root="sudo -n"; fi
may_install() { has apt-get && { [ -z "$root" ] || sudo -n true 2>/dev/null; }; }
apt_install="apt-get install -y --no-install-recommends"

install() {
    echo "Installing $*"
    $root apt-get update -qq
    # Tests start their own: a service that the package would start takes a port, and looks at nobody's metrics.
    case " $* " in *" prometheus "*) $root systemctl mask prometheus.service 2>/dev/null || true ;; esac
    DEBIAN_FRONTEND=noninteractive $root $apt_install "$@" >/dev/null
}

if [ "$purpose" = test ]; then
    packages+=("${gstreamer[@]}")
elif [ ${#gstreamer[@]} -gt 0 ]; then
    if may_install; then
        install "${gstreamer[@]}"
    else
        echo "Without GStreamer recordings are not composed, and nothing is filtered or transcoded:  sudo $apt_install ${gstreamer[*]}" >&2
    fi
fi

if [ ${#packages[@]} -gt 0 ]; then
    if [ "$purpose" != run ] && may_install; then
        install "${packages[@]}"
    else
        problems+=("missing: ${packages[*]}:  sudo $apt_install ${packages[*]}")
    fi
fi

if [ ${#problems[@]} -gt 0 ]; then
    echo "Before 'make $purpose' can go on:" >&2
    printf '  %s\n' "${problems[@]}" >&2
    exit 1
fi
