#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/setup knows the Debian package of every library that the build asks for, and has nothing to do a second time.
: "${TOP:=.}"
cd "$TOP" || exit 1
for name in $(grep -rhoE "dependency\('[a-z0-9_-]+'" --include=meson.build . | cut -d"'" -f2 | sort -u); do
	[ "$name" != threads ] || continue
	folder=$(pkg-config --variable=pcfiledir "$name" 2>/dev/null)
	package=$(dpkg -S "$folder/$name.pc" 2>/dev/null | cut -d: -f1)
	if [ -z "$package" ]; then
		echo "not ok package of $name: no Debian package brings it"
	elif tr -s ' \t' '\n\n' <tools/setup | grep -qxE "$package'?"; then
		echo "ok package of $name"
	else
		echo "not ok package of $name: $package is not in tools/setup"
	fi
done

said=$(tools/setup 2>&1)
if [ "$said" = 'tools/setup: all there' ]; then
	echo 'ok second time'
elif [ "$(id -u)" != 0 ]; then
	echo 'skip second time: not root and packages are missing'
else
	echo "not ok second time: $said"
fi
