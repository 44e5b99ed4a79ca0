#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The build of the pages: the same octets each time and from elsewhere, packages fixed without addresses, what is unpacked is what was packed.
cd "$TOP/web" || exit 1
if ! command -v node >/dev/null 2>&1 || [ ! -d node_modules/esbuild ]; then
	echo 'skip build: no node or no packages of the pages'
	exit 0
fi
tell() { if [ -z "$2" ]; then echo "ok $1"; else echo "not ok $1: $2"; fi; }

tell 'no address in the lock file' "$(grep -n '://' package-lock.json | head -n 1)"
tell 'each package has a hash' "$(node -e '
const bad = Object.entries(require("./package-lock.json").packages).filter(([k, p]) => k && !/^sha512-/.test(p.integrity ?? "")).map(([k]) => k);
console.log(bad.join(" "))')"

start=$(date +%s%N)
node build.mjs --c "$TMPDIR/a.c" --depfile "$TMPDIR/a.d" || exit 1
ms=$((($(date +%s%N) - start) / 1000000))
(cd / && TZ=Asia/Tokyo LANG=ja_JP.UTF-8 node "$TOP/web/build.mjs" --c "$TMPDIR/b.c") || exit 1
tell 'the same octets each time' "$(cmp "$TMPDIR/a.c" "$TMPDIR/b.c" 2>&1)"
tell 'no folder of this machine inside' "$(grep -cF "$TOP" "$TMPDIR/a.c" | grep -v '^0$')"
tell 'built within 10 seconds' "$([ $ms -lt 10000 ] || echo "$ms ms")"
tell 'sources are known to ninja' "$(grep -q 'src/pages/now.js' "$TMPDIR/a.d" && grep -q 'messages/core.ja.json' "$TMPDIR/a.d" || echo 'a source is not in the depfile')"

cat >"$TMPDIR/unpack.c" <<'END'
#include "console/assets.h"
#include <stdio.h>
#include <string.h>
#include <zlib.h>
int main(void)
{
	static uint8_t room[4 << 20];
	bool index = false;
	for (size_t i = 0; i < assets_n; i++) {
		const struct asset *a = &assets[i];
		index |= strcmp(a->path, "/index.html") == 0;
		if (i && strcmp(assets[i - 1].path, a->path) >= 0)
			printf("%s isn't sorted ", a->path);
		if ((a->gzip && a->gzip_n >= a->plain_n) || (a->br && a->br_n >= a->plain_n))
			printf("%s is larger packed ", a->path);
		z_stream z = { .next_in = (uint8_t *)a->gzip, .avail_in = a->gzip_n, .next_out = room, .avail_out = sizeof room };
		if (a->gzip && (inflateInit2(&z, 31) != Z_OK || inflate(&z, Z_FINISH) != Z_STREAM_END || z.total_out != a->plain_n ||
				       memcmp(room, a->plain, a->plain_n) != 0))
			printf("%s is another when unpacked ", a->path);
		inflateEnd(&z);
	}
	if (!index)
		printf("no /index.html");
}
END
if cc -I"$TOP/src" -o "$TMPDIR/unpack" "$TMPDIR/unpack.c" "$TMPDIR/a.c" -lz 2>"$TMPDIR/cc"; then
	tell 'sorted, and packed as it was' "$("$TMPDIR/unpack")"
else
	tell 'sorted, and packed as it was' "$(head -n 3 "$TMPDIR/cc" | tr '\n' ' ')"
fi
