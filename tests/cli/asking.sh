#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# With cmd/auditing.c and role/asking.c.
# Questions of local users to a running daemon: each sees what `access` says, a long question ends with its asker.
if [ "$(id -u)" != 0 ] || ! setpriv --reuid nobody --regid nogroup --clear-groups true 2>/dev/null; then
	echo "skip asking: needs root and setpriv"
	exit 0
fi
chmod 755 "$TMPDIR"
bin=$TMPDIR/sakimori
store=$TMPDIR/store
cp "$SAKIMORI" "$bin"
cat >"$TMPDIR/c.yaml" <<'END'
network:
  operator: telecom
  tenant: isp-b
sensors:
  - name: a
    tenant: isp-a
    dark: [198.18.0.0/16]
    own: [203.0.113.0/24]
access:
  - {user: nobody, tenants: [isp-a]}
  - {user: daemon, tenants: [isp-b], rights: [see-subscriber]}
  - {user: games, tenants: [isp-a], rights: [see-subscriber]}
metrics: {listen: "off"}
console: {listen: "off"}
END
"$bin" range traffic --profile demo --seed 1 --dark 198.18.0.0/16 --own 203.0.113.0/24 -o "$TMPDIR/demo.pcap"
"$bin" --config "$TMPDIR/c.yaml" --store "$store" run --replay "$TMPDIR/demo.pcap" 2>"$TMPDIR/log" &
daemon=$!
trap 'kill $daemon 2>/dev/null; wait $daemon 2>/dev/null' EXIT
n=0
until [ "$("$bin" --store "$store" store query "select count(*) from finding where kind='own-suspect'" 2>/dev/null | tail -n 1)" = 1 ]; do
	n=$((n + 1))
	if [ $n -gt 100 ]; then
		echo "not ok asking: no finding after 10 s: $(tail -n 3 "$TMPDIR/log")"
		exit 1
	fi
	sleep 0.1
done
as() {
	user=$1
	shift
	setpriv --reuid "$user" --regid nogroup --clear-groups "$bin" --store "$store" store query "$@" 2>&1
}
same() {
	if [ "$2" = "$3" ]; then echo "ok asking-$1"; else echo "not ok asking-$1: '$2', not '$3'"; fi
}
own="select subject from finding where kind='own-suspect'"
same "masked without the right" "$(as nobody "$own" | tail -n 1)" "(masked)"
same "not by another finding either" "$(as nobody "select count(*) from finding where subject like '203.0.113.25%'" | tail -n 1)" 0
same "seen with the right" "$(as games "$own" | tail -n 1)" "203.0.113.25"
same "another tenant sees nothing" "$(as daemon "select count(*) from finding" | tail -n 1)" 0
same "no audit without admin" "$(as nobody "select count(*) from audit" | tail -n 1)" 0
case "$(as bin "$own")" in
*access*) echo "ok asking-a stranger is sent away" ;;
*) echo "not ok asking-a stranger is sent away" ;;
esac
case "$(as nobody "delete from finding")" in
*STORE*|*not*|*only*) echo "ok asking-nothing is written" ;;
*) echo "not ok asking-nothing is written" ;;
esac
same "many rows" "$("$bin" --store "$store" store query --ask --rows 90000 "with recursive t(x) as (select 1 union all select x+1 from t limit 90000) select x from t" | tail -n 1)" 90000
endless="with recursive t(x) as (select 1 union all select x+1 from t) select count(*) from t"
timeout 1 "$bin" --store "$store" store query --ask --time 60000 "$endless" >/dev/null 2>&1
timeout 1 "$bin" --store "$store" store query --ask --time 60000 "$endless" >/dev/null 2>&1
timeout 1 "$bin" --store "$store" store query --ask --time 60000 "$endless" >/dev/null 2>&1
same "askers who went leave no work" "$(timeout 5 "$bin" --store "$store" store query --ask "select 7 as n" | tail -n 1)" 7
"$bin" --store "$store" store hold-add --from 2026-01-01 --to 2026-01-02 --reason test >/dev/null 2>&1
case "$("$bin" --store "$store" store query "select who, what from audit order by seq desc limit 1" | tail -n 1)" in
*"uid 0"*hold-add) echo "ok asking-a hold goes through the daemon" ;;
*) echo "not ok asking-a hold goes through the daemon" ;;
esac
# One user with as many endless questions as he likes: others are answered all the same.
flood=
n=0
while [ $n -lt 40 ]; do
	timeout 12 setpriv --reuid nobody --regid nogroup --clear-groups "$bin" --store "$store" store query --ask --time 60000 "$endless" >/dev/null 2>&1 &
	flood="$flood $!"
	n=$((n + 1))
done
sleep 1.5
same "one user's flood doesn't hold up others" "$(timeout 5 setpriv --reuid games --regid nogroup --clear-groups "$bin" --store "$store" store query --ask "select 7 as n" 2>&1 | tail -n 1)" 7
kill $flood 2>/dev/null
exit 0
