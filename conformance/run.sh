#!/bin/sh
# Builds ticketetl, serves three sandbox accounts and drives them with HubSpot's
# official client for Node; then drives ticketetl itself against the strict
# stand-in. Each prints "N passed, M failed" last; fails if any did.
#
# TICKETETL=path uses a binary that is already built.
set -eu
cd "$(dirname "$0")"

work=$(mktemp -d)
pids=
finish() {
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

if [ -z "${TICKETETL:-}" ]; then
	TICKETETL=$work/ticketetl
	(cd .. && go build -o "$TICKETETL" ./cmd/ticketetl)
fi
if [ ! -d node_modules/@hubspot/api-client ]; then
	npm ci --no-audit --no-fund --loglevel=error >&2
fi

# serve NAME FLAG... starts an account; its address comes in $work/NAME.
serve() {
	name=$1
	shift
	"$TICKETETL" sandbox --listen 127.0.0.1:0 "$@" >"$work/$name" 2>"$work/$name.log" &
	pids="$pids $!"
	tries=0
	until [ -s "$work/$name" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 100 ]; then
			echo "the sandbox did not start:" >&2
			cat "$work/$name.log" >&2
			exit 1
		fi
		sleep 0.1
	done
}

serve account --no-limits --index-lag 0s
serve limited --limit 5
serve dated --no-limits --index-lag 0s --switches 2026-09

node conformance.mjs "$(head -n 1 "$work/account")" "$(head -n 1 "$work/limited")" "$(head -n 1 "$work/dated")"
node strict/selftest.mjs
TICKETETL=$TICKETETL node strict/run.mjs
