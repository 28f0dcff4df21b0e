#!/bin/sh
# link.sh links COMMAND...            the command, a compiler linking a program, must succeed
# link.sh refuses SYMBOL COMMAND...   it must fail, because SYMBOL is not defined
# What the command writes goes to a temporary file, named behind it as -o FILE.
set -u
expected=$1
shift
symbol=
if [ "$expected" = refuses ]; then
	symbol=$1
	shift
fi
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT

"$@" -o "$folder/program" >"$folder/messages" 2>&1
status=$?
case $expected in
links)
	[ "$status" = 0 ] && exit 0
	cat "$folder/messages"
	echo "the layer calls something that is not in the layers below it (script/layers)"
	exit 1
	;;
refuses)
	if [ "$status" != 0 ] && grep -q "undefined reference to .$symbol'" "$folder/messages"; then
		exit 0
	fi
	cat "$folder/messages"
	echo "status $status; expected the link to fail with an undefined reference to $symbol"
	exit 1
	;;
*)
	echo "link.sh: expected links or refuses, not $expected"
	exit 2
	;;
esac
