#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make install and make uninstall into a folder: what is put there goes again, what is the operator's stays; the unit,
# users and folders are what systemd takes.
top=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SAKIMORI:-$top/build/sakimori}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
root=$dir/root
fault=0

# judge NAME CONDITION-RESULT WHY
judge() {
	if [ "$2" = 0 ]; then
		echo "ok $1"
	else
		echo "not ok $1: $3"
		fault=1
	fi
}

cd "$top" || exit 1
prefix=$(meson introspect --buildoptions build | python3 -c 'import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
DESTDIR=$root meson install --no-rebuild -C build >"$dir/said" 2>&1
judge installs $? "$(tail -3 "$dir/said")"

missing=
for f in bin/sakimori lib/systemd/system/sakimori.service lib/sysusers.d/sakimori.conf lib/tmpfiles.d/sakimori.conf \
	share/sakimori/examples/sakimori.yaml share/sakimori/examples/sensor.conf share/man/man8/sakimori-run.8; do
	[ -f "$root$prefix/$f" ] || missing="$missing $f"
done
[ -f "$root/etc/sakimori/sakimori.yaml" ] || missing="$missing /etc/sakimori/sakimori.yaml"
[ -z "$missing" ]
judge installs-all $? "missing:$missing"

"$root$prefix/bin/sakimori" run --check --config "$root/etc/sakimori/sakimori.yaml" >"$dir/said" 2>&1
judge default-configuration-is-right $? "$(cat "$dir/said")"

# A copy with every example line in force is right, too.
sed -E 's/^#(sensors|alerts|metrics|  )/\1/' dist/sakimori.yaml >"$dir/all.yaml"
grep -q '^sensors:' "$dir/all.yaml" && "$bin" run --check --config "$dir/all.yaml" >"$dir/said" 2>&1
judge its-examples-are-right $? "$(cat "$dir/said")"

unit=$root$prefix/lib/systemd/system/sakimori.service
grep -q "^ExecStart=$prefix/bin/sakimori run " "$unit"
judge unit-names-the-program $? "$(grep ExecStart "$unit")"

echo '# mine' >>"$root/etc/sakimori/sakimori.yaml"
DESTDIR=$root meson install --no-rebuild -C build >"$dir/said" 2>&1
tail -1 "$root/etc/sakimori/sakimori.yaml" | grep -q '^# mine'
judge configuration-is-never-overwritten $? "$(grep sakimori.yaml "$dir/said")"

if command -v systemd-analyze >/dev/null; then
	# The paths are looked up on this machine: the program must be where the unit says.
	sed "s,^ExecStart=$prefix,ExecStart=$root$prefix," "$unit" >"$dir/sakimori.service"
	systemd-analyze verify --man=no "$dir/sakimori.service" >"$dir/said" 2>&1
	judge unit-verifies $? "$(head -3 "$dir/said")"
	! grep -q "sakimori.service:[0-9]" "$dir/said"
	judge unit-has-no-unknown-key $? "$(grep sakimori.service "$dir/said" | head -3)"
	systemd-analyze security --offline=true --threshold=45 "$dir/sakimori.service" >"$dir/said" 2>&1
	judge unit-is-hardened $? "$(tail -2 "$dir/said")"
	systemd-sysusers --root="$root" --dry-run "$root$prefix/lib/sysusers.d/sakimori.conf" >"$dir/said" 2>&1
	judge users-are-taken $? "$(head -3 "$dir/said")"
else
	for n in unit-verifies unit-has-no-unknown-key unit-is-hardened users-are-taken; do
		echo "skip $n: no systemd on this machine"
	done
fi

# The numbers are those of the program's own table.
"$bin" run --roles | awk 'NR > 1 && $2 ~ /^47/ { print $1, $2 }' | sort >"$dir/roles"
awk '$1 == "u" { sub("sakimori-", "", $2); print $2, $3 }' dist/sakimori.sysusers | sort >"$dir/users"
[ -s "$dir/roles" ] && cmp -s "$dir/roles" "$dir/users"
judge users-are-those-of-the-roles $? "$(diff "$dir/roles" "$dir/users" | head -3)"

mkdir -p "$root/var/lib/sakimori"
DESTDIR=$root tools/uninstall >"$dir/said" 2>&1
left=$(find "$root" -type f ! -path "$root/etc/sakimori/sakimori.yaml")
[ -z "$left" ]
judge uninstalls-all $? "left: $left"
[ -z "$(cd "$root" && find . -type d -empty -path '*sakimori*' ! -path ./var/lib/sakimori)" ]
judge leaves-no-folder-of-its-own $? "$(find "$root" -type d -empty)"
[ -f "$root/etc/sakimori/sakimori.yaml" ] && [ -d "$root/var/lib/sakimori" ] && [ "$(grep -c '^kept' "$dir/said")" = 2 ]
judge keeps-configuration-and-store $? "$(grep kept "$dir/said")"
exit $fault
