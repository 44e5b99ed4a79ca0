#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/reference.md and docs/api.md are what the program's own tables say, and the field lists that others build on are in it.
top=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SAKIMORI:-$top/build/sakimori}
fault=0
if "$bin" --reference | cmp -s - "$top/docs/reference.md"; then
	echo "ok reference-is-current"
else
	echo "not ok reference-is-current: run sakimori --reference >docs/reference.md"
	fault=1
fi
if "$bin" --reference-api | cmp -s - "$top/docs/api.md"; then
	echo "ok reference-of-the-interface-is-current"
else
	echo "not ok reference-of-the-interface-is-current: run sakimori --reference-api >docs/api.md"
	fault=1
fi
for word in next_step due_ns close_code collateral approvers dropped clock; do
	if grep -q "$word" "$top/docs/reference.md"; then
		echo "ok reference-names-$word"
	else
		echo "not ok reference-names-$word: the field is gone"
		fault=1
	fi
done
exit $fault
