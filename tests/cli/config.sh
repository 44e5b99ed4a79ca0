#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The configuration as its writer meets it through `run` (src/cmd/daemon.c): faults with file and line, what is in
# force, secrets that stay where they are, pages that say what the program does.
top=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
: "${SAKIMORI_ASAN:=$top/build-asan/sakimori}" "${TMPDIR:=/tmp}"
s=$SAKIMORI_ASAN
cd "$TMPDIR" || exit 1

say() { # NAME CONDITION-CODE WHY
	if [ "$2" = 0 ]; then echo "ok $1"; else echo "not ok $1: $3"; fi
}

# NAME EXIT STDERR: of `run --check` with the file on stdin; nothing may come out of stdout.
check() {
	name=$1 want=$2
	cat >c.yaml
	"$s" --config c.yaml run --check >out 2>err </dev/null
	code=$?
	[ $code = "$want" ]
	say "$name: exit" $? "exit $code"
	[ ! -s out ] && [ "$(cat err)" = "$3" ]
	say "$name: words" $? "$(cat out err)"
}

check 'smallest' 0 '' <<'Y'
network: {operator: self}
Y
check 'no operator' 2 "c.yaml:1: \`operator\` is missing; expected one of self|household|telecom" <<'Y'
language: en
Y
check 'wrong key' 2 "c.yaml:3: unknown key \`sensers\` in the document, did you mean \`sensors\`?" <<'Y'
network:
  operator: self
sensers: []
Y
check 'several, by line' 2 "c.yaml:2: \`telcom\` for \`operator\`; expected one of self, household, telecom, did you mean \`telecom\`?
c.yaml:4: \`64\` for \`ring\`; expected a size with its unit such as 64MiB or 20GB
c.yaml:5: unknown key \`interfaces\` in \`sensors\`, did you mean \`interface\`?" <<'Y'
network:
  operator: telcom
sensors:
  - ring: 64
    interfaces: eth0
Y
check 'no such channel' 2 "c.yaml:4: \`desc\` is no channel of this file, did you mean \`desk\`?" <<'Y'
network: {operator: self}
alerts:
  channels: [{type: syslog, name: desk}]
  rules: [{name: r, channels: [desc]}]
Y
check 'a bomb' 2 "c.yaml:1: an anchor (&) or alias (*); write the value out, or quote it" <<'Y'
a: &a [1, 1]
b: [*a, *a]
Y
check 'a secret in the file' 2 "c.yaml:9: a value itself for the secret \`password\`; expected {file: PATH} or {env: NAME}" <<'Y'
network: {operator: self}
alerts:
  channels:
    - type: mail
      name: me
      server: smtps://mail.example.net
      from: a@example.net
      to: [b@example.net]
      password: hunter2
Y
check 'a remote metrics page' 2 "c.yaml:2: \`192.0.2.1\` is no loopback address; expected one, or \`allow-remote: true\`" <<'Y'
network: {operator: self}
metrics: {listen: 192.0.2.1:9470}
Y

"$s" --config missing.yaml run --check 2>err
[ $? = 3 ] && grep -q '^missing.yaml: No such file' err
say 'no such file' $? "$(cat err)"
"$s" --config . run --check 2>err
say 'a folder' $(($? != 3)) "$(cat err)"
"$s" run --check >out 2>err
[ $? = 0 ] && [ ! -s out ] && [ ! -s err ]
say 'without a file' $? "$(cat out err)"

# Printed, read and printed again: the same.
"$s" run --check -v >defaults.yaml
for f in defaults.yaml "$top"/examples/sakimori.yaml "$top"/examples/isp.yaml; do
	name=$(basename "$f")
	"$s" --config "$f" run --check -v >once.yaml && "$s" --config once.yaml run --check -v >twice.yaml &&
		[ -s once.yaml ] && cmp -s once.yaml twice.yaml
	say "the same again: $name" $? "differs"
	[ -z "$("$s" --config "$f" run --check 2>&1)" ]
	say "no fault: $name" $? 'says something'
done

# The reference to a secret is printed, the secret is not.
printf 'hunter2\n' >secret
chmod 600 secret
cat >c.yaml <<Y
network: {operator: self}
alerts:
  channels: [{type: webhook, name: w, url: "https://example.net", token: {file: $PWD/secret}}]
Y
"$s" --config c.yaml run --check -v >out 2>&1
grep -q "token: {file: " out && ! grep -q hunter2 out
say 'secrets stay' $? "$(grep -n hunter2 out)"

# Other commands find the store by the configuration.
printf 'network: {operator: self}\nstore: {directory: %s}\n' "$PWD/there" >c.yaml
"$s" --config c.yaml telescope top --from 2026-01-01 >out 2>&1
[ $? = 3 ] && grep -q "$PWD/there" out
say 'store of the configuration' $? "$(cat out)"
printf 'network: {operator: sefl}\n' >c.yaml
"$s" --config c.yaml telescope top --from 2026-01-01 >out 2>&1
[ $? = 2 ] && grep -q '^c.yaml:1: ' out
say 'fault in it' $? "$(cat out)"

# The page of reference.
if "$s" run --schema | cmp -s - "$top/docs/configuration.md"; then
	echo 'ok docs/configuration.md is current'
else
	echo 'not ok docs/configuration.md is current: run sakimori run --schema >docs/configuration.md'
fi
# Every key that is printed has a line in the manual.
missing=$("$s" run --check -v | sed -n 's/^\([a-z-]*\):.*/\1/p' | while read -r key; do
	grep -qE "^\.It Ic \"$key(\[\])?\"" "$top/man/sakimori.yaml.5" || echo "$key"
done)
[ -z "$missing" ]
say 'manual names every key' $? "$missing"
