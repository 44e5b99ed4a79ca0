#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What each role could still do if it were taken over: release and sanitizer build.
# timeout: 120
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null; then
	echo "skip walls: needs root and network namespaces"
	exit 0
fi
status=0
for build in "$BUILD" "$BUILD_ASAN"; do
	[ -x "$build/tests/netns_walls" ] || continue
	mkdir "$TMPDIR/$(basename "$build")"
	"$build/tests/netns_walls" "$TMPDIR/$(basename "$build")" || status=1
done
exit $status
