#!/bin/sh
# Reconciles a million transactions on each of the three sides and prints time and memory.
# usage: bench/reconcile.sh BUILD [ROWS]
set -eu
build=${1:?usage: bench/reconcile.sh BUILD [ROWS]}
rows=${2:-1000000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "writing $rows rows a side"
"$build/bench/reconcile-rows" "$folder" "$rows"
ls -l "$folder" | awk 'NR > 1 { printf "  %-16s %6.0f MiB\n", $9, $5 / 1048576 }'

# Runs the command and prints its wall time and its peak of resident memory.
measure() {
	name=$1
	shift
	python3 - "$name" "$@" <<'PY'
import resource, subprocess, sys, time
begun = time.monotonic()
with open('/dev/null', 'wb') as nowhere:
    status = subprocess.run(sys.argv[2:], stdout=nowhere).returncode
seconds = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
print(f'  {sys.argv[1]:<30} {seconds:6.2f} s ({cpu:.2f} s of CPU) {used.ru_maxrss / 1024:5.0f} MiB   exit {status}')
PY
}

# In a month after the last row, so that nothing is too young.
set -- "$build/src/app/vaultbell" reconcile --data "$folder" --as-of 2025-03-01T00:00:00Z --custodian "csv:$folder/custodian.csv"
measure 'journal, CSV and CSV' "$@" --ledger "csv:$folder/ledger.csv" --json
measure 'journal, CSV and JSON lines' "$@" --ledger "jsonl:$folder/ledger.jsonl" --json
# Without events, every transaction is a break: the report is what takes time.
mkdir "$folder/empty"
"$build/bench/reconcile-rows" "$folder/empty" 0
set -- "$build/src/app/vaultbell" reconcile --data "$folder/empty" --as-of 2025-03-01T00:00:00Z --custodian "csv:$folder/custodian.csv"
measure 'no events: a break for each' "$@" --ledger "csv:$folder/ledger.csv" --json
