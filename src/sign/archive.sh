#!/bin/sh
# archive.sh INPUT OUTPUT DIRECTORY: joins the members of the archive INPUT to one, in which only vaultbell_* can be
# seen from outside, and puts it in the archive OUTPUT. DIRECTORY takes what lies between.
set -eu
mkdir -p "$3"
joined="$3/vaultbell.o"
ld -r --whole-archive "$1" -o "$joined"
objcopy --wildcard --keep-global-symbol='vaultbell_*' "$joined"
rm -f "$2"
ar rcs "$2" "$joined"
