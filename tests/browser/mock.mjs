// SPDX-License-Identifier: Apache-2.0
// The pages without a daemon, for those who work on them: files of web/dist, answers by `sakimori console ask` from a store
// where there is such a question, else made-up ones. usage: node mock.mjs PORT STORE [PROGRAM]
// Nobody logs in, commands change nothing. Loopback alone.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = join(dirname(fileURLToPath(import.meta.url)), '../..');
const [port, store, program = join(TOP, 'build/sakimori')] = process.argv.slice(2);
const DIST = join(TOP, 'web/dist');
const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', json: 'application/json', svg: 'image/svg+xml', txt: 'text/plain' };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const NOW = '2026-01-01T00:20:00.123456789Z';

const run = (...words) => new Promise((done) => execFile(program, ['--store', store, ...words], { maxBuffer: 1 << 28 }, (error, out, err) => done({ error, out, err })));

const at = (name, time) => ({ [name]: time, [name + '_ns']: Date.parse(time) * 1e6 });
const remark = (kind, text, more = {}) => ({ id: '0198-' + kind, subject: 'x', kind, text, who: 'admin', ...at('at', NOW), until: null, ...more });
const aCase = { id: '01987f3a-2222-7000-8000-123456789abc', tenant: 'default', party: 'Example Subscriber 25', devices: [], state: 'suspected', ...at('opened', NOW),
	next_step: 'telephone the owner', ...at('due', '2026-01-03T00:00:00Z'), holder: 'admin', findings: ['9d57267f247f52740a36cf6e0fe5fa3b'], close_code: '' };
const HOSTILE = '<script>alert(1)</script>\u202e\u0007"\'><img src=x onerror=alert(2)>';

const MADE = {
	'/session': () => ({ user: 'admin', level: 'admin', tenants: [{ tenant: '*', level: 'admin' }], rights: ['see-dark', 'see-subscriber'], csrf: 'x', language: '', must_change: false, sensors: ['local'] }),
	'/own': () => ({ rows: [{ address: '203.0.113.25', owner: 'Example Subscriber 25', contact: 'abuse@example.net', state: 'suspected', attacked: false, packets: 40, findings: ['9d57267f247f52740a36cf6e0fe5fa3b'], ...at('first', NOW), ...at('last', NOW), case: null },
		{ address: '203.0.113.80', owner: HOSTILE, contact: null, state: null, attacked: true, packets: 720, findings: [], ...at('first', NOW), ...at('last', NOW), case: null }] }),
	'/cases': () => ({ rows: [aCase, { ...aCase, id: '01987f3a-3333-7000-8000-123456789abd', state: 'closed', close_code: 'cleaned' }] }),
	'/cases/*': () => ({ case: aCase, remarks: [remark('comment', 'opened'), remark('comment', HOSTILE)], findings: [{ id: aCase.findings[0], kind: 'own-suspect', subject: '203.0.113.25', packets: 40, ...at('last', NOW) }] }),
	'/sensors': () => ({ rows: [{ id: 'local', tenant: 'default', place: 'Tokyo', dark: ['198.18.0.0/16 2026-01-01 -'], clock_state: 'synchronised', clock_offset_ns: 12345, progress: { minute: NOW }, clock: { state: 'synchronised', offset_ns: 12345 }, last_gap: null, packets_24h: 60000, dark_addresses: 65536 }] }),
	'/gaps': () => ({ rows: [{ sensor: 'local', ...at('from', '2026-01-01T00:10:00Z'), ...at('to', '2026-01-01T00:11:00Z'), reason: 'killed', dropped: 12 }] }),
	'/clock': () => ({ rows: [{ sensor: 'local', minute: 29453760, state: 'synchronised', offset_ns: 1200, source: 'adjtimex' }] }),
	'/alerts': () => ({ rows: [{ subject: '9d57267f247f52740a36cf6e0fe5fa3b', channel: 'desk', tenant: 'default', ...at('at', NOW), state: 'sent', text: HOSTILE }] }),
	'/audit': () => ({ rows: [{ seq: 2, ...at('at', NOW), who: 'admin', what: 'login', subject: 'admin' }], next: null, chain: { rows: 2, good: true } }),
	'/users': () => ({ rows: [{ name: 'admin', roles: ['* admin'], rights: ['see-dark'], language: '', state: 'active', ...at('created', NOW), ...at('changed', NOW) }] }),
	'/tokens': () => ({ rows: [{ id: '0123456789abcdef', user: 'admin', label: 'metrics', roles: ['* viewer'], scope: ['read'], ...at('since', NOW), ...at('until', '2099-01-01T00:00:00Z') }] }),
	'/disk': () => ({ store: 1234567, archive: 438083, packets: 3905486, free: 81247252480, retention: [{ what: 'flows', days: 90 }, { what: 'packets', days: 7 }] }),
	'/status': async () => JSON.parse((await run('run', '--status', '--json')).out),
	'/report/telescope': () => ({ title: 'Darknet report', sections: [{ id: 'a', title: 'Summary', text: 'Words.', tables: [{ id: 't1', title: 'Ports', columns: [{ name: 'port', type: 'text' }, { name: 'packets', type: 'integer' }], rows: [['23/tcp', 14707]] }],
		figures: [{ id: 'f1', title: 'Packets', svg: '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="50"><rect width="100" height="50" fill="teal"/></svg>' }] }] }),
	'/overview': () => ({ hours: [], gaps: [], ports: [], countries: [], ases: [], tools: [] }),
};

let flows = null;
function allFlows() {
	flows ??= run('--json', 'telescope', 'flows', '--from', '2020-01-01').then(({ out }) => out.trim().split('\n').map((l) => ({ ...JSON.parse(l), sensor: 'local' })));
	return flows;
}
async function chosen(q) {
	const from = Date.parse(q.from), to = Date.parse(q.to);
	return (await allFlows()).filter((r) => Date.parse(r.first) >= from && Date.parse(r.first) < to && (!q.dport || r.dport === Number(q.dport)) &&
		(!q.src || r.src === q.src) && (!q.class || q.class.split(',').includes(r.class)));
}
const total = (rows) => rows.reduce((n, r) => n + r.packets, 0);
MADE['/flows'] = async (q) => {
	const rows = await chosen(q);
	return { total: rows.length, packets: total(rows), offset: Number(q.offset ?? 0), rows: rows.slice(Number(q.offset ?? 0), Number(q.offset ?? 0) + Number(q.limit ?? 100)) };
};
MADE['/timeline'] = async (q) => {
	const rows = await chosen(q), bins = Number(q.bins ?? 100), from = Date.parse(q.from), step = (Date.parse(q.to) - from) / bins, classes = {}, packets = new Array(bins).fill(0);
	for (const r of rows) {
		const i = Math.floor((Date.parse(r.first) - from) / step);
		(classes[r.class] ??= new Array(bins).fill(0))[i] += r.packets;
		packets[i] += r.packets;
	}
	return { from_ns: from * 1e6, bin_ns: step * 1e6, bins, classes, packets, gaps: MADE['/gaps']().rows, flows: rows.length };
};
MADE['/top'] = async (q) => {
	const made = new Map(), key = { port: (r) => `${r.dport}/${r.protocol === 6 ? 'tcp' : 'udp'}`, source: (r) => r.src, class: (r) => r.class, tool: (r) => r.tags[0] ?? 'none', country: () => 'JP', as: () => 'AS64500' }[q.by];
	for (const r of await chosen(q)) {
		const v = made.get(key(r)) ?? { key: key(r), packets: 0, from: new Set() };
		v.packets += r.packets;
		made.set(v.key, (v.from.add(r.src), v));
	}
	const rows = [...made.values()].sort((a, b) => b.packets - a.packets).map((v) => ({ by: q.by, key: v.key, packets: v.packets, sources: v.from.size, last_day: null, day_before: null, week_before: null }));
	return { by: q.by, rows: rows.slice(0, Number(q.limit)), keys: rows.length, left_out: { packets: total(rows.slice(Number(q.limit))), sources: 0 } };
};
const PLACE = { country: 'JP', asn: 64500, as_name: HOSTILE, place: { city: 'Tokyo', latitude: 35.7, longitude: 139.7 } };
MADE['/sources'] = async (q) => {
	const top = await MADE['/top']({ ...q, by: 'source' });
	return { total: top.keys, rows: top.rows.map((r) => ({ address: r.key, packets: r.packets, targets: r.packets, ports: 2, ...at('first', NOW), ...at('last', NOW), place: PLACE, research: null, tools: ['mirai'], classes: { tcp_syn: r.packets } })) };
};
MADE['/sources/*'] = async (q, id) => ({ address: id, place: PLACE, research: null, owner: null, packets: 3600, classes: { tcp_syn: 3600 }, targets: 3600, ports: [{ port: 23, proto: 6, packets: 3000 }],
	history: [0, 1, 2].map((i) => ({ start_ns: (Date.parse(q.from) + i * 36e5) * 1e6, span: 'hour', packets: 100 * (i + 1), targets: 5 })), tools: [{ tool: 'mirai', packets: 3600 }], findings: [],
	neighbours: [{ address: '192.0.2.23', packets: 2700, tools: ['mirai'] }], as_neighbours: { asn: 64500, sources: 2, packets: 7, rows: [{ address: '192.0.2.220', packets: 7 }] } });

async function answer(path, q) {
	const asked = await run('console', 'ask', path, ...Object.entries(q).map(([k, v]) => `${k}=${v}`));
	if (!asked.error)
		return [200, asked.out];
	const made = MADE[path] ?? MADE[path.replace(/\/[^/]+$/, '/*')];
	return made ? [200, JSON.stringify(await made(q, decodeURIComponent(path.split('/').at(-1))))] : [404, JSON.stringify({ error: { code: 'absent', message: asked.err } })];
}

createServer(async (req, res) => {
	const url = new URL(req.url, 'http://x'), path = url.pathname;
	const send = (status, type, body) => res.writeHead(status, { 'content-type': type, 'content-security-policy': CSP, 'x-content-type-options': 'nosniff' }).end(body);
	if (path === '/api/v1/live')
		return res.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
	if (path.startsWith('/api/v1/'))
		return send(...(([s, b]) => [s, 'application/json', b])(req.method === 'POST' ? [200, JSON.stringify({ remark: remark('comment', 'x'), case: aCase, id: aCase.id, password: 'once-only', token: 'sak_x' })]
			: await answer(decodeURIComponent(path.slice(7)), Object.fromEntries(url.searchParams))));
	const file = normalize(join(DIST, path));
	const name = file.startsWith(DIST + '/') && /\.\w+$/.test(path) && existsSync(file) ? file : join(DIST, 'index.html');
	return send(200, TYPES[name.split('.').pop()] ?? 'application/octet-stream', readFileSync(name));
}).listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));
