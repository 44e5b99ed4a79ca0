#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# With cmd/user.c, role/firstlogin.c.
# The first login and `sakimori user`, beside a daemon and without one.
bin=$SAKIMORI
store=$TMPDIR/store
daemon=
trap 'test -z "$daemon" || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }' EXIT
same() {
	if [ "$2" = "$3" ]; then echo "ok user-$1"; else echo "not ok user-$1: '$2', not '$3'"; fi
}
user() { "$bin" --store "$store" user "$@"; }
code() { "$@" >/dev/null 2>&1; echo $?; }

"$bin" range traffic --profile demo --seed 1 --dark 198.18.0.0/24 -o "$TMPDIR/t.pcap"
cat >"$TMPDIR/off.yaml" <<'END'
network: {operator: self}
sensors: [{name: local, dark: [198.18.0.0/24]}]
metrics: {listen: "off"}
console: {listen: "off"}
END
# No console, no user: nobody needs one.
"$bin" --config "$TMPDIR/off.yaml" --store "$store" run --replay "$TMPDIR/t.pcap" --speed max --once 2>"$TMPDIR/log"
same "none-without-console" "$(user list)" ""
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed "s/console: .*/console: {listen: '127.0.0.1:$port'}/" "$TMPDIR/off.yaml" >"$TMPDIR/on.yaml"
echo precious >"$TMPDIR/precious"
ln -s "$TMPDIR/precious" "$store/first-login"
"$bin" --config "$TMPDIR/on.yaml" --store "$store" run 2>"$TMPDIR/log2" &
daemon=$!
n=0
until grep -q "ready:" "$TMPDIR/log2" || [ $n -gt 100 ]; do n=$((n + 1)); sleep 0.1; done
first=$(cat "$store/first-login")
same "follows-no-link" "$(cat "$TMPDIR/precious")" "precious"
same "first-login-is-for-its-owner" "$(stat -c %a "$store/first-login")" 600
same "first-login-is-the-password-alone" "$(printf %s "$first" | wc -c) $(wc -l <"$store/first-login")" "23 1"
same "first-user" "$(user list)" "admin  active  * admin  see-subscriber, see-dark"
same "the-log-has-no-password" "$(grep -c "$first" "$TMPDIR/log2")" 0

once=$(user add hanako --role 'isp-a analyst,isp-b viewer' --right see-dark --language ja)
same "one-time-password" "$(printf %s "$once" | wc -c)" 23
same "added" "$(user list | tail -n 1)" "hanako  active  isp-a analyst, isp-b viewer  see-dark"
same "twice" "$(code user add hanako)" 1
same "bad-name" "$(code user add 'a b')" 2
same "bad-role" "$(code user add x --role 'isp-a king')" 2
same "bad-right" "$(code user add x --right see-all)" 2
user change hanako --role '* viewer'
same "changed" "$(user list | tail -n 1)" "hanako  active  * viewer  see-dark"
user disable hanako
same "disabled" "$(user --json list | tail -n 1 | grep -c '"state":"disabled"')" 1
user enable hanako
same "short" "$(echo short | code user password hanako)" 2
same "common" "$(echo password1234 | code user password hanako)" 2
same "nobody" "$(echo 'a good long one' | code user password taro)" 1
same "set" "$(echo 'ぬるぽガッとても長い合い言葉' | code user password hanako)" 0
same "first-login-stays" "$(test -e "$store/first-login"; echo $?)" 0
same "rescue" "$(user password admin --once | wc -c)" 24
same "first-login-is-over" "$(test -e "$store/first-login"; echo $?)" 1
same "by-the-daemon" "$("$bin" --store "$store" store query "select count(*) from audit where what = 'user-add' and who like '%control socket%'" | tail -n 1)" 1
same "no-hash" "$("$bin" --store "$store" store query 'select * from credential' 2>&1 | grep -c argon2)" 0
"$bin" --store "$store" store export -h >/dev/null 2>&1
same "no-hash-in-an-export" "$(for what in user token audit; do "$bin" --store "$store" --json store export $what 2>/dev/null; done | grep -c argon2)" 0
kill "$daemon"
wait "$daemon" 2>/dev/null
daemon=
user disable hanako
same "without-a-daemon" "$(user list | tail -n 1 | cut -c 1-16)" "hanako  disabled"
same "the-audit-is-whole" "$(code "$bin" --store "$store" store check)" 0
same "no-token" "$(code user token-revoke 0123456789abcdef)" 1
same "tokens" "$(user token-list)" ""
