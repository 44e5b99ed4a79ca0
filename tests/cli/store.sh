#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sakimori store (store.c and its files): status, check, backup and restore, query, export, holds, migrate; beside a writer
# and as a user who may only read.
top=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SAKIMORI:-$top/build/sakimori}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
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

# exits NAME CODE COMMAND...: the command ends with that code; what it says is in $dir/said, what it gives in $dir/gave.
exits() {
	name=$1
	want=$2
	shift 2
	"$@" >"$dir/gave" 2>"$dir/said"
	got=$?
	[ $got = "$want" ]
	judge "$name" $? "exit $got: $(cat "$dir/said")"
}

sto() {
	"$bin" --store "$dir/st" store "$@"
}

"$bin" range traffic --profile demo --seed 3 -o "$dir/a.pcap" || exit 1
"$bin" --store "$dir/st" telescope flows -s "$dir/a.pcap" >/dev/null 2>&1 || exit 1

exits status 0 sto status
grep -q '60,000\|60 000\|60000' "$dir/gave"
judge status-counts-flows $? "$(cat "$dir/gave")"
exits status-json 0 "$bin" --json --store "$dir/st" store status
python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); assert d["flows"]["rows"] == 60000 and d["schema"] == d["schema_of_program"] and d["sensors"][0]["sensor"] == "local"' "$dir/gave"
judge status-json-says-it $? "$(cat "$dir/gave")"
exits check-whole 0 sto check
exits no-store 3 "$bin" --store "$dir/none" store status
exits no-store-is-made 3 "$bin" --store "$dir/none" store hold-add --from 2026-01-01 -r x
[ ! -e "$dir/none" ]
judge nothing-is-made $? "a store"

exits query 0 sto query "select sum(flows) from segment"
grep -qx 60000 "$dir/gave"
judge query-answers $? "$(cat "$dir/gave")"
exits query-json 0 "$bin" --json --store "$dir/st" store query "select 1 as one, 'a' as b, null as c"
grep -qx '{"one":1,"b":"a","c":null}' "$dir/gave"
judge query-json-row $? "$(cat "$dir/gave")"
exits query-csv 0 sto query --csv "select '=1+1' as f, 'say \"hi\"' as q"
grep -q "\"'=1+1\",\"say \"\"hi\"\"\"" "$dir/gave"
judge query-csv-no-formula $? "$(cat "$dir/gave")"
exits query-limit 1 sto query -n 3 "select key from rollup"
grep -q 'cut after 3 rows' "$dir/said" && [ "$(wc -l <"$dir/gave")" = 4 ]
judge query-says-cut $? "$(cat "$dir/said")"
exits query-time 1 sto query -t 200 "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
for sql in "delete from finding" "select * from main.finding" "pragma user_version" "attach 'x' as y" "select 1; select 2" "selec"; do
	exits "query-refuses-$(echo "$sql" | tr -c 'a-z\n' -)" 2 sto query "$sql"
done

exits export-flows 0 sto export flows --csv
[ "$(wc -l <"$dir/gave")" = 60001 ]
judge export-flows-all $? "$(wc -l <"$dir/gave") lines"
exits export-sources 0 sto export sources
python3 -c 'import json,sys; [json.loads(l) for l in open(sys.argv[1])]' "$dir/gave"
judge export-sources-json $? "no JSON"
for what in findings signals gaps; do
	exits "export-$what" 0 sto export $what --csv --from 2020-01-01 --to 2030-01-01
done
exits export-nonsense 2 sto export nonsense

# Times as pages write them, for every command that takes them.
exits export-of-the-last-day 0 sto export findings --from now-24h --to now
exits telescope-of-the-last-day 0 "$bin" --store "$dir/st" telescope flows --from now-24h --to now
exits no-such-time 2 "$bin" --store "$dir/st" telescope flows --from now-24x
exits hold-without-reason 2 sto hold-add --from 2026-01-01
exits hold-add 0 sto hold-add --from 2026-01-01 --to 2026-02-01 --reason "order 7"
id=$(cut -d' ' -f1 "$dir/gave")
sto hold-list | grep -q "$id.*order 7"
judge hold-list-has-it $? "$(sto hold-list)"
exits hold-release 0 sto hold-release "$id" --reason "over"
[ -z "$(sto hold-list)" ] && sto hold-list --all | grep -q released
judge hold-is-released $? "$(sto hold-list --all)"
exits hold-release-again 1 sto hold-release "$id" --reason "over"
[ "$(sto query "select count(*) from audit where what like 'hold-%'" | tail -1)" = 2 ]
judge holds-are-audited $? "$(sto query 'select * from audit')"

exits migrate-current 0 sto migrate
grep -q 'nothing to do' "$dir/gave"
judge migrate-says-so $? "$(cat "$dir/gave")"

# Backups: whole ones come back the same, others are refused and the file is named.
mkdir "$dir/st/keys"
echo secret >"$dir/st/keys/seal"
for target in b bk.tar.zst; do
	exits "backup-$target" 0 sto backup "$dir/$target"
	grep -q 'without keys' "$dir/gave"
	judge "backup-$target-says-no-keys" $? "$(cat "$dir/gave")"
	exits "restore-$target" 0 "$bin" store restore "$dir/$target" "$dir/r-$target"
	"$bin" --store "$dir/r-$target" store export flows >"$dir/flows.r"
	sto export flows >"$dir/flows.o"
	cmp -s "$dir/flows.r" "$dir/flows.o"
	judge "restore-$target-same-flows" $? "they differ"
	exits "restored-$target-is-whole" 0 "$bin" --store "$dir/r-$target" store check
	[ ! -e "$dir/r-$target/keys" ]
	judge "restore-$target-no-keys" $? "keys came"
	exits "backup-$target-not-over-another" 3 sto backup "$dir/$target"
	exits "restore-$target-not-into-a-store" 3 "$bin" store restore "$dir/$target" "$dir/st"
done
exits backup-with-keys 0 sto backup --with-keys "$dir/k.tar.zst"
exits restore-with-keys 0 "$bin" store restore "$dir/k.tar.zst" "$dir/rk"
[ "$(cat "$dir/rk/keys/seal")" = secret ] && [ "$(stat -c %a "$dir/rk/keys/seal")" = 600 ]
judge keys-come-back $? "no key"

seg=$(ls "$dir/b/flows" | head -1)
cp -r "$dir/b" "$dir/altered" && printf x | dd of="$dir/altered/flows/$seg" bs=1 seek=5000 conv=notrunc 2>/dev/null
exits restore-altered 1 "$bin" store restore "$dir/altered" "$dir/no"
grep -q "$seg was altered" "$dir/said"
judge restore-altered-names-it $? "$(cat "$dir/said")"
cp -r "$dir/b" "$dir/cut" && truncate -s -9 "$dir/cut/flows/$seg"
exits restore-cut 1 "$bin" store restore "$dir/cut" "$dir/no"
grep -q "$seg has" "$dir/said"
judge restore-cut-names-it $? "$(cat "$dir/said")"
cp -r "$dir/b" "$dir/less" && rm "$dir/less/flows/$seg"
exits restore-missing 1 "$bin" store restore "$dir/less" "$dir/no"
cp -r "$dir/b" "$dir/more" && ln -s /etc/passwd "$dir/more/flows/passwd"
exits restore-more 1 "$bin" store restore "$dir/more" "$dir/no"
head -c 5000 "$dir/bk.tar.zst" >"$dir/half.tar.zst"
exits restore-half-a-tar 1 "$bin" store restore "$dir/half.tar.zst" "$dir/no"
rm "$dir/less/MANIFEST.json"
exits restore-no-manifest 1 "$bin" store restore "$dir/less" "$dir/no"
[ -z "$(ls -d "$dir"/no* "$dir"/*.part* 2>/dev/null)" ]
judge refused-backups-leave-nothing $? "$(ls "$dir")"

# Damage is found.
cp -r "$dir/r-b" "$dir/hurt" && printf x | dd of="$dir/hurt/flows/$seg" bs=1 seek=5000 conv=notrunc 2>/dev/null
exits check-finds-a-block 1 "$bin" --store "$dir/hurt" store check
grep -q "$seg.*checksum" "$dir/gave"
judge check-names-it $? "$(cat "$dir/gave")"
rm "$dir/hurt/flows/$seg"
exits check-finds-a-missing-file 1 "$bin" --store "$dir/hurt" store check

# Beside a writer: reading goes on, writing is told who.
mkfifo "$dir/slow"
"$bin" --store "$dir/st" telescope flows -s "$dir/slow" >/dev/null 2>&1 &
writer=$!
exec 9>"$dir/slow"
n=0
until sto hold-add --from 2026-01-01 -r x >/dev/null 2>"$dir/said"
	[ $? = 3 ] || [ $n -ge 50 ]; do
	sleep 0.1
	n=$((n + 1))
done
grep -q "process $writer" "$dir/said"
judge writing-beside-a-writer-is-told $? "$(cat "$dir/said")"
exits migrate-beside-a-writer 3 sto migrate
exits check-beside-a-writer 0 sto check
exits backup-beside-a-writer 0 sto backup "$dir/beside"
sto status | grep -q "written by process $writer"
judge status-beside-a-writer $? "$(sto status)"

# As a user of the group who may read the files and no more, with and without a writer.
reads_as_group() {
	if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
		echo "skip $1: not root"
		return
	fi
	chgrp -R 47000 "$dir/st" && chmod 0750 "$dir/st" "$dir/st/flows" && chmod -R g+r,g-w,o-rwx "$dir/st" && chmod 0711 "$dir" "$TMPDIR"
	cp "$bin" "$dir/sakimori" && chmod 0755 "$dir/sakimori"
	exits "$1" 0 setpriv --reuid 47004 --regid 47000 --clear-groups "$dir/sakimori" --store "$dir/st" store query \
		"select sum(flows) from segment"
	grep -qx 60000 "$dir/gave"
	judge "$1-gives-it" $? "$(cat "$dir/gave" "$dir/said")"
	setpriv --reuid 47005 --regid 47005 --clear-groups "$dir/sakimori" --store "$dir/st" store status >/dev/null 2>&1
	[ $? = 3 ]
	judge "$1-others-not" $? "somebody else could read"
}
reads_as_group read-only-user-beside-a-writer
exec 9>&-
wait "$writer"
reads_as_group read-only-user-alone
exit $fault
