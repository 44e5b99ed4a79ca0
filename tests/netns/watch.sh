#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# telescope watch between network namespaces, release and sanitizer build. timeout: 240 seconds in all.
# timeout: 240
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null; then
	echo "skip netns-watch: needs root and network namespaces"
	exit 0
fi
status=0
"$BUILD/tests/netns_watch" "$SAKIMORI" release "$TMPDIR" || status=1
if [ -x "$SAKIMORI_ASAN" ]; then
	"$BUILD/tests/netns_watch" "$SAKIMORI_ASAN" asan "$TMPDIR" || status=1
fi
exit $status
