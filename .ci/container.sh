#!/usr/bin/env bash
# Namespaces inside a container of Docker, where a CI job often lives: refused
# with the cause and the way out, or, with the options that the way out names, a
# lesson that passes. Usage: container.sh HOSTLAB HOST, two static binaries.
set -euo pipefail

image=hostlab-ci-container:$$
dir=$(mktemp -d)
trap 'docker image rm -f "$image" >/dev/null 2>&1; rm -rf "$dir"' EXIT
mkdir "$dir/tmp"
chmod 1777 "$dir/tmp"
cp "$1" "$dir/hostlab"
cp "$2" "$dir/host"
chmod a+rx "$dir/hostlab" "$dir/host"
tar -C "$dir" -c . | docker import - "$image" >/dev/null

# lesson OPTION... runs a lesson in a container, and keeps what it says.
lesson() {
  docker run --rm --network none -e HOME=/tmp -e HOSTLAB_HOST_BINARY=/host "$@" "$image" \
    /hostlab run --engine netns loopback-only >"$dir/out" 2>&1
}

refused() { # refused WORD OPTION...
  local word=$1 status=0
  shift
  lesson "$@" || status=$?
  if [ "$status" != 3 ] || ! grep -q "$word" "$dir/out" || ! grep -q "hint: docker run --security-opt" "$dir/out"; then
    echo "docker run $*: exit $status; want 3, \"$word\" and a hint" >&2
    cat "$dir/out" >&2
    exit 1
  fi
  echo "docker run $*: refused, with cause and way out"
}

passes() { # passes OPTION...
  if ! lesson "$@"; then
    echo "docker run $*: want that the lesson passes" >&2
    cat "$dir/out" >&2
    exit 1
  fi
  echo "docker run $*: $(tail -n 2 "$dir/out" | head -n 1)"
}

apparmor=()
if docker info --format '{{.SecurityOptions}}' | grep -q apparmor; then
  apparmor=(--security-opt apparmor=unconfined)
fi
open=(--security-opt seccomp=unconfined --security-opt systempaths=unconfined "${apparmor[@]}")
for user in 0 65534; do
  refused "seccomp filter" --user "$user"
  refused "parts of /proc are masked" --user "$user" --security-opt seccomp=unconfined "${apparmor[@]}"
  passes --user "$user" "${open[@]}"
done
if docker run --rm --privileged --network none "$image" /host hostname >/dev/null 2>"$dir/why"; then
  passes --privileged
else
  echo "SKIPPED: --privileged: this engine starts no such container: $(head -n 1 "$dir/why" | cut -c 1-200)"
fi
