#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The release program is built hardened: what readelf and objdump say of it.
: "${SAKIMORI:=build/sakimori}"
say() { if [ "$2" = 1 ]; then echo "ok $1"; else echo "not ok $1: not in the program"; fi; }
has() { readelf -W "$1" "$SAKIMORI" | grep -qE "$2" && echo 1 || echo 0; }
say 'position independent' "$(has -h 'Type: +DYN')"
say 'read-only relocations' "$(has -l 'GNU_RELRO')"
say 'bound at start' "$(has -d 'FLAGS.*NOW')"
say 'stack not executable' "$(has -l 'GNU_STACK.* RW ')"
say 'stack protector' "$(has -s '__stack_chk_fail')"
say 'fortified' "$(has -s '__[a-z]*printf_chk')"
say 'no segment writable and executable' "$(readelf -W -l "$SAKIMORI" | grep -qE 'LOAD.* RWE ' && echo 0 || echo 1)"
if [ "$(uname -m)" = x86_64 ]; then
	say 'control flow marks' "$(objdump -d "$SAKIMORI" | grep -q endbr64 && echo 1 || echo 0)"
fi
