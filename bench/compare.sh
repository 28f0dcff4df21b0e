#!/usr/bin/env bash
# How long a receiver takes to find the few events in which its journal differs from what its sender sent, and how much it
# exchanges for it. Makes both sides' data, has both build their trees, and then compares.
#   bench/compare.sh [EVENTS [DIFFERENCES]]     10,000,000 and 5 without; needs about 450 bytes of disk an event
# BUILD_DIR names the build, TMPDIR where the data goes. Prints one JSON object.
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-10000000} differences=${2:-5}
build=${BUILD_DIR:-build}
vaultbell=$build/src/app/vaultbell
data=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$data"
}
trap finish EXIT
mkdir "$data/sender" "$data/receiver"

seconds() { date +%s; }
began=$(seconds)
"$build/bench/compare-rows" "$data/sender" "$data/receiver" "$events" "$differences"
made=$(seconds)
echo "compare: $events events made in $((made - began)) s; $(du -sm "$data" | cut -f1) MiB" >&2

"$vaultbell" token create --data "$data/sender" --role platform-admin >"$data/token"
"$vaultbell" serve --data "$data/sender" --listen 127.0.0.1:0 >"$data/out" 2>"$data/log" &
server=$!
: >>"$data/out"
until grep -q '^vaultbell: serving' "$data/out"; do
  kill -0 "$server" || { cat "$data/log" >&2; exit 1; }
  read -r -t 0.05 <> <(:) || true
done
url=$(sed -n 's/^vaultbell: serving //p' "$data/out")

compare() {
  "$vaultbell" compare --data "$data/receiver" --source bank --url "$url/api/v1/app/bank/endpoint/main" \
    --token-file "$data/token" --json || [ $? = 1 ]
}
# Microseconds of CPU an event, of so many seconds.
each() { awk -v seconds="$1" -v events="$events" 'BEGIN { printf "%.2f", seconds * 1000000 / events }'; }
server_cpu() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$server/stat"; }
before=$(server_cpu)
TIMEFORMAT='%U %S'
{ time compare >"$data/first" 2>"$data/log.compare"; } 2>"$data/time"
built=$(seconds)
cat "$data/log.compare" >&2
sender=$(awk -v before="$before" -v after="$(server_cpu)" 'BEGIN { print after - before }')
receiver=$(awk '{ print $1 + $2 }' "$data/time")
echo "compare: both trees built in $((built - made)) s; CPU us an event: sender $(each "$sender"), receiver $(each "$receiver")" >&2
compare
