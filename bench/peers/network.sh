#!/bin/sh
# Runs a command in a network of its own, from which nothing leads out: 10.9.0.1 is an address of a device that is not the
# loopback one, because Janus passes that over, but what is sent to it stays in the kernel as it would there. It goes with
# the command. As root, or where users may make namespaces.
set -e
if [ "$1" != --inside ]; then
  [ "$(id -u)" = 0 ] && exec unshare --net "$0" --inside "$@"
  exec unshare --user --map-root-user --net "$0" --inside "$@"
fi
shift
ip link set lo up
# Whichever the kernel has; none of them sends anything anywhere.
ip link add media0 type dummy 2>/dev/null || ip link add media0 type ifb 2>/dev/null || ip link add media0 type bridge
ip addr add 10.9.0.1/24 dev media0
ip link set media0 up
exec "$@"
