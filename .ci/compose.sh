#!/bin/sh
# The lab by hand, as the README tells it: docker compose up, the page's
# commands, docker compose down. Both ways in which the Dockerfile makes the
# image are run, with docker-compose 1.29 and with docker compose 2 where they
# are installed.
#
#   prebuilt      the binary made with this computer's Go
#   multi-stage   in a stand-in for the golang image, made of this computer's Go
#                 and its module cache, with the lab's own static shell as
#                 /bin/sh: nothing is pulled, no network is needed
#
# Everything happens in a copy of the repository, under names of its own, and
# is gone when the script ends, however it ends.
set -eu
cd "$(dirname "$0")/.."

id=hostlab-ci-$$
began=$(date +%s)
before=$(docker image ls -q --filter dangling=true) || {
	echo "compose.sh: error: docker does not answer" >&2
	exit 1
}
work=$(mktemp -d)
compose=
stand_in=

say() { echo "compose.sh: $(($(date +%s) - began)) s: $*"; }
die() { say "error: $*" >&2; exit 1; }

untagged() { docker image ls -q --filter dangling=true --filter label=org.opencontainers.image.title=hostlab; }

clean() {
	trap '' INT TERM HUP
	for pid in ${server:-}; do kill "$pid" 2>/dev/null || true; done
	if [ -n "$compose" ]; then
		(cd "$work/lab" && $compose down --rmi local --volumes --remove-orphans --timeout 1) >/dev/null 2>&1 || true
	fi
	if [ -n "$stand_in" ]; then
		docker image rm "$stand_in" >/dev/null 2>&1 || true
	fi
	# What the old builder leaves of the stages that it went through.
	for image in $(untagged); do
		case $before in *"$image"*) ;; *) docker image rm "$image" >/dev/null 2>&1 || true ;; esac
	done
	chmod -R u+w "$work"
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# copy the files of the repository that the Dockerfile and Compose look at.
copy() {
	mkdir -p "$work/lab/cmd"
	cp compose.yaml .env Dockerfile .dockerignore LICENSE go.mod go.sum "$work/lab"
	cp -R cmd/host "$work/lab/cmd/host"
	cp -R lab "$work/lab/lab"
}

# prebuilt is what a reader without internet types.
prebuilt() {
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o dist/host ./cmd/host
	dist/host install dist/rootfs
}

# make_stand_in makes an image that can do for the Dockerfile what golang:1.26
# does: Go, a shell, and, in place of the internet, a module proxy of files.
make_stand_in() {
	root=$work/golang
	cp -R "$work/lab/dist/rootfs" "$root"
	mkdir -p "$root/usr/local/go" "$root/proxy"
	tar -C "$(go env GOROOT)" --exclude='*_test.go' --exclude=testdata -cf - VERSION bin/go go.env pkg src |
		tar -C "$root/usr/local/go" -xf -
	cache=$(go env GOMODCACHE)/cache/download
	(cd "$cache" && find . -name '*.mod' -o -name '*.info') >"$work/files"
	go list -deps -f '{{with .Module}}{{if .Version}}{{.Path}}@{{.Version}}{{end}}{{end}}' ./cmd/host | sort -u |
		xargs go mod download -json | sed -n 's/^\t"Zip": "\(.*\)",$/\1/p' | sed "s,^$cache/,," >>"$work/files"
	tar -C "$cache" -cf - -T "$work/files" | tar -C "$root/proxy" -xf -
	stand_in=hostlab-golang:$id
	tar -C "$root" -cf - . | docker import \
		--change "ENV PATH=/usr/local/go/bin:/bin" \
		--change "ENV GOPROXY=file:///proxy GOSUMDB=off GOTOOLCHAIN=local" \
		- "$stand_in" >/dev/null
	rm -rf "$root"
}

# up starts the lab in the book's network, or in another when somebody has that
# one, as the reader does with HOSTLAB_NET.
up() {
	for HOSTLAB_NET in 192.168.5 $(seq -f 10.213.%g 1 9); do
		if $compose up -d >"$work/out" 2>&1; then
			say "$compose ($($compose version --short)), $HOSTLAB_TARGET, $HOSTLAB_NET.0/24"
			return
		fi
		grep -q -i overlap "$work/out" || break
	done
	cat "$work/out" >&2
	die "$compose up failed"
}

# expect LINE...: the file $work/out has every line.
expect() {
	for line; do
		grep -q -x -e "$line" "$work/out" || {
			say "error: no line matches: $line" >&2
			sed 's/^/    /' "$work/out" >&2
			exit 1
		}
	done
}

# on HOST COMMAND...: run it in a host; output in $work/out.
on() {
	status=0
	$compose exec -T "$@" >"$work/out" 2>&1 </dev/null || status=$?
}

# nothing_left fails when Docker still has something of the project.
nothing_left() {
	for what in container network volume; do
		all=; [ $what = container ] && all=--all
		left=$(docker $what ls $all -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
		[ -z "$left" ] || die "$compose down left a $what: $left"
	done
}

# page plays page 30 in a running lab.
page() {
	$compose logs >"$work/out" 2>&1
	expect ".*docker compose exec laptop .*"
	$compose exec -T guinness udp_remote server "$HOSTLAB_NET.130" >"$work/server" 2>&1 </dev/null &
	server=$!
	on guinness await udp/1060
	[ $status = 0 ] || die "the server does not listen: $(cat "$work/server" "$work/out")"

	on laptop udp_remote client guinness
	expect "Client socket name is ('$HOSTLAB_NET.10', [0-9]*)" \
		"Waiting up to 0.1 seconds for a reply" \
		"The server says 'Your data was 23 bytes'"
	[ $status = 0 ] || die "another machine: exit status $status"

	on guinness udp_remote client 127.0.0.1
	expect "Client socket name is ('127.0.0.1', [0-9]*)" \
		"Waiting up to 0.1 seconds for a reply" \
		"udp_remote: Connection refused"
	[ $status = 1 ] || die "through the loopback interface: exit status $status; want 1"

	on guinness udp_remote client "$HOSTLAB_NET.130"
	expect "Client socket name is ('$HOSTLAB_NET.130', [0-9]*)" \
		"The server says 'Your data was 23 bytes'"
	[ $status = 0 ] || die "by its own external address: exit status $status"

	cp "$work/server" "$work/out"
	expect "Listening at ('$HOSTLAB_NET.130', 1060)" \
		"The client at ('$HOSTLAB_NET.10', [0-9]*) says 'This is another message'" \
		"The client at ('$HOSTLAB_NET.130', [0-9]*) says 'This is another message'"

	on stranger sh -c 'echo "$(hostname) is $HOME"'
	expect "stranger is /root"
	on laptop touch /bin/new
	[ $status != 0 ] || die "the root file system can be written"
	on laptop ping -c 1 1.1.1.1
	[ $status != 0 ] || die "the lab has a way out"
}

# router plays a lesson's lab of two networks by hand, from the Compose file that
# hostlab prints: laptop and cellar find each other only by the routes in it, and
# when guinness has become a router.
router() {
	export HOSTLAB_TARGET=host-prebuilt COMPOSE_PROJECT_NAME="$id-router" COMPOSE_FILE=router.yaml
	for HOSTLAB_NET in 192.168.5 $(seq -f 10.213.%g 1 9); do
		"$work/hostlab" lab router --print | sed "s/192\.168\.5\./$HOSTLAB_NET./g" >router.yaml
		$compose up -d >"$work/out" 2>&1 && break
		grep -q -i overlap "$work/out" || break
	done
	on cellar sh -c 'udp_remote server 10.77.0.20 >/tmp/out & await udp/1060'
	on guinness sysctl net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.eth1.forwarding=1
	expect "net.ipv4.conf.eth0.forwarding = 1" "net.ipv4.conf.eth1.forwarding = 1"
	on laptop udp_remote client 10.77.0.20
	expect "Client socket name is ('$HOSTLAB_NET.10', [0-9]*)" "The server says 'Your data was 23 bytes'"
	on cellar ip route
	expect "$HOSTLAB_NET.0/24 via 10.77.0.130 .*"
	on laptop udp_remote client fd00:5::130
	expect "Client socket name is ('fd00:5::10', [0-9]*)" "udp_remote: Connection refused"
	$compose down --rmi local >"$work/out" 2>&1 || die "$compose down failed"
	nothing_left
	unset COMPOSE_FILE
	say "$compose: the lab of lesson router, as hostlab prints it"
}

# round TARGET: build, up, the page, down.
round() {
	export HOSTLAB_TARGET="$1" COMPOSE_PROJECT_NAME="$id" HOSTLAB_NET
	$compose build >"$work/out" 2>&1 || { cat "$work/out" >&2; die "$compose build failed"; }
	up
	page
	stop=$(date +%s)
	$compose down >"$work/out" 2>&1 || { cat "$work/out" >&2; die "$compose down failed"; }
	[ $(($(date +%s) - stop)) -lt 10 ] || die "down took 10 s or more: process 1 does not end on SIGTERM"
	wait "$server" || true # its host is gone
	server=
	nothing_left
	$compose down --rmi local >/dev/null 2>&1
	left=$(docker image ls -q --filter "reference=$id*")
	[ -z "$left" ] || die "$compose down --rmi local left images: $left"
}

copy
(cd "$work/lab" && prebuilt)
make_stand_in
go build -o "$work/hostlab" ./cmd/hostlab
say "the stand-in is ready"
export HOSTLAB_GO_IMAGE="$stand_in"

found=
for candidate in docker-compose "docker compose"; do
	if ! $candidate version >/dev/null 2>&1; then
		say "skipped: $candidate is not installed"
		continue
	fi
	found=yes
	compose=$candidate
	cd "$work/lab"
	round host-prebuilt
	router
	rm -rf dist # a clean clone has none
	round host
	cd "$OLDPWD"
	(cd "$work/lab" && prebuilt)
done
[ -n "$found" ] || die "neither docker-compose nor docker compose is installed"
say ok
