#!/bin/sh
# Installs what the tests use beside Go, where it is missing and we may: as root on a
# Debian system. Elsewhere it names what is missing; the tests that need it are skipped.
set -eu

missing=""
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || missing="$missing postgresql"
{ command -v redis-server || command -v valkey-server; } >/dev/null || missing="$missing redis-server"
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
command -v gcc >/dev/null || command -v cc >/dev/null || missing="$missing gcc libc6-dev" # for -race
command -v curl >/dev/null || missing="$missing curl"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing:$missing"
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	exit 0
fi
echo "not installed, tests that need it are skipped:$missing"
