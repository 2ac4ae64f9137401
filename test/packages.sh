#!/bin/sh
# Installs what the tests use beside Go, where it is missing and we may: as root on a
# Debian system. Elsewhere it names what is missing; the tests that need it are skipped.
# With the word bench, it is what the benchmarks compare with.
set -eu

missing=""
case "${1:-test}" in
test)
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || missing="$missing postgresql"
	{ command -v redis-server || command -v valkey-server; } >/dev/null || missing="$missing redis-server"
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
	command -v gcc >/dev/null || command -v cc >/dev/null || missing="$missing gcc libc6-dev" # for -race
	command -v curl >/dev/null || missing="$missing curl"
	;;
bench)
	command -v wrk >/dev/null || missing="$missing wrk"
	command -v nginx >/dev/null || missing="$missing nginx-light"
	[ -e /usr/lib/nginx/modules/ngx_http_lua_module.so ] || missing="$missing libnginx-mod-http-lua"
	ls /usr/lib/*/lua/5.1/_openssl.so >/dev/null 2>&1 || missing="$missing lua-luaossl"
	ls /usr/lib/*/lua/5.1/cjson.so >/dev/null 2>&1 || missing="$missing lua-cjson"
	;;
esac
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing:$missing"
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	case "$missing" in # Debian starts it on port 80, for which nobody asked
	*nginx-light*) systemctl disable --now nginx 2>/dev/null || service nginx stop || true ;;
	esac
	exit 0
fi
echo "not installed, what needs it is skipped:$missing"
