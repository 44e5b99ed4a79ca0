// SPDX-License-Identifier: Apache-2.0
// A server that answers like the console, with made-up numbers: to look at the pages, and to measure them, without a daemon.
// usage: node tests/browser/made.mjs [--port N] [--dir web/dist] [--arcs N a second]
// Addresses are those of documentation; the same seed gives the same numbers.
import { createServer } from 'node:http';
import { readFileSync, existsSync, statSync } from 'node:fs';
import { join, extname } from 'node:path';
import { pathToFileURL } from 'node:url';

export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.txt': 'text/plain' };
const CLASSES = ['tcp_syn', 'tcp_syn_ack', 'tcp_ack', 'tcp_fin', 'tcp_rst', 'tcp_push', 'tcp_other', 'udp', 'icmp'];
const SHARE = [.62, .07, .02, .005, .04, .01, .005, .17, .06];
const CITIES = [[-74, 40.7], [-122, 37.7], [2.3, 48.8], [13.4, 52.5], [37.6, 55.7], [116.4, 39.9], [121.5, 31.2], [114, 22.5], [126.9, 37.5], [77.2, 28.6], [72.8, 19],
	[-46.6, -23.5], [-58.4, -34.6], [28, -26.2], [3.4, 6.5], [31.2, 30], [51.4, 35.7], [105.8, 21], [106.8, -6.2], [151.2, -33.9], [4.9, 52.4], [-0.1, 51.5], [30.5, 50.4], [-99.1, 19.4]];

let state = 7;
const random = () => {
	state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
	return ((state ^ state >>> 13) >>> 0) / 4294967296;
};
function cls() {
	let r = random();
	return Math.max(0, SHARE.findIndex((s) => (r -= s) < 0));
}
const address = () => ['192.0.2.', '198.51.100.', '203.0.113.'][Math.floor(random() * 3)] + Math.floor(random() * 254 + 1);
const PORTS = [23, 22, 80, 443, 8080, 2323, 445, 3389, 5555, 37215, 52869, 123, 53, 1900];
function point() {
	const [lon, lat] = CITIES[Math.floor(random() ** 1.5 * CITIES.length)], c = cls();
	const known = random() > .06;
	return { lon: known ? lon + random() * 4 - 2 : null, lat: known ? lat + random() * 4 - 2 : null, c, dport: c < 8 ? PORTS[Math.floor(random() ** 2 * PORTS.length)] : null, proto: c === 7 ? 17 : c === 8 ? 1 : 6 };
}
const counts = (packets) => Object.fromEntries(CLASSES.map((c, i) => [c, Math.round(packets * SHARE[i])]));

const hour = (q) => {
	const ns = (s, d) => (s?.startsWith?.('now') || !s ? d : Date.parse(s) * 1e6);
	return [ns(q.get('from'), (Date.now() - 864e5) * 1e6), ns(q.get('to'), Date.now() * 1e6)];
};
const KEYS = {
	port: ['23/tcp', '22/tcp', '8080/tcp', '80/tcp', '2323/tcp', '443/tcp', '445/tcp', '5555/tcp', '37215/tcp', '53/udp', '123/udp'],
	country: ['CN', 'US', 'NL', 'RU', 'VN', 'IN', 'BR', 'KR', 'JP', 'TW', 'unknown'],
	as: ['64496 EXAMPLE-NET-1', '64497 Example Hosting', '64500 EXAMPLE-TELECOM', '64501 Rechenzentrum Beispiel', '64502 ‮EXAMPLE‬ <b>', 'unknown'],
	tool: ['zmap', 'mirai', 'masscan', 'nmap'], class: CLASSES,
};
function top(q) {
	const by = q.get('by') ?? 'port', [from, to] = hour(q), scale = (to - from) / 3.6e12;
	const rows = (KEYS[by] ?? KEYS.port).map((key, i) => ({ by, key, packets: Math.round(scale * 90000 / (i + 1) ** 1.2 * (1 + .3 * Math.sin(from / 1e13 + i))), sources: Math.round(4000 / (i + 1)), last_day: null, day_before: null, week_before: null }));
	return { by, rows: rows.slice(0, q.get('limit') ?? 10), keys: rows.length, left_out: { packets: 0, sources: 0 }, flows: 12345 };
}
const finding = (i) => ({ id: (0xd94f925 + i).toString(16).padStart(32, '0'), kind: ['scan', 'backscatter', 'port-surge', 'own-suspect', 'amplification'][i % 5], subject: i % 5 === 2 ? '37215/tcp' : address(), sensor: 'local', tool: i % 5 ? '' : 'mirai',
	severity: ['low', 'medium', 'high', 'info'][i % 4], confidence: 40 + i * 7 % 60, spoofable: true, packets: 120 + i * 311, first_ns: (Date.now() - 3e6 - i * 1e5) * 1e6, last_ns: (Date.now() - i * 4e4) * 1e6 });
function arcs(q) {
	const [from, to] = hour(q), limit = +(q.get('limit') ?? 2000), n = Math.min(limit, Math.round((to - from) / 1e9 * 60));
	const list = Array.from({ length: n }, (_, i) => {
		const p = point();
		return [from + Math.floor((to - from) / n * i), p.lon, p.lat, p.c, 40000, p.dport, p.proto, address()];
	});
	const packets = Math.round((to - from) / 1e9 * 800);
	return { from_ns: from, to_ns: to, packets, classes: counts(packets), arcs: list };
}
function timeline(q) {
	const [from, to] = hour(q), bins = +(q.get('bins') ?? 240);
	const classes = Object.fromEntries(CLASSES.map((c, k) => [c, Array.from({ length: bins }, (_, i) => Math.round(SHARE[k] * 4000 * (1 + .4 * Math.sin(i / 20) + random() * .3)))]));
	return { from_ns: from, bin_ns: (to - from) / bins, bins, classes, packets: [], gaps: [{ from_ns: from + (to - from) * .4, to_ns: from + (to - from) * .42, sensor: 'local' }], flows: 1000 };
}
function flows(q) {
	const offset = +(q.get('offset') ?? 0), limit = Math.min(5000, +(q.get('limit') ?? 200));
	return { total: 1000000, packets: 4200000, offset, rows: Array.from({ length: limit }, (_, i) => ({ first: new Date(1.7e12 + (offset + i) * 1000).toISOString(), src: '192.0.2.' + (offset + i) % 250, dst: '240.0.0.' + i % 250, sport: 40000, dport: PORTS[(offset + i) % PORTS.length], proto: 6, packets: offset + i, sensor: 'local' })) };
}
const sensors = () => ({ rows: [{ id: 'local', tenant: 'default', place: 'Tokyo 35.68, 139.77', dark: '198.18.0.0/16 - -', clock_state: 'synchronised', clock_offset_ns: 12000, packets_24h: 71234567, dark_addresses: 65536, last_gap: null },
	{ id: 'branch-2', tenant: 'default', place: '', dark: '198.19.0.0/20 - -', clock_state: 'unsynchronised', clock_offset_ns: 0, packets_24h: 1204, dark_addresses: 4096, last_gap: { from_ns: (Date.now() - 7.3e6) * 1e6, to_ns: (Date.now() - 7.2e6) * 1e6 } }] });

const SESSION = { user: 'admin', level: 'admin', tenants: [{ tenant: 'default', level: 'admin' }], rights: ['see-dark'], csrf: 'mock', language: '', until: null, must_change: false, sensors: ['local', 'branch-2'] };
const ANSWERS = {
	'/session': () => SESSION, '/top': top, '/sensors': sensors, '/arcs': arcs, '/timeline': timeline, '/flows': flows,
	'/summary': (q) => {
		const [from, to] = hour(q), n = Math.round((to - from) / 1e9 * 800 * (1 + .2 * Math.sin(from / 1e14)));
		return { packets: n, classes: counts(n), sources: { distinct4: Math.round(n ** .6), distinct6: 12, exact: true, top: [] } };
	},
	'/findings': () => ({ rows: Array.from({ length: 12 }, (_, i) => finding(i)), next: null, total: 12 }),
};

/* Four events a second, as the console sends them. */
function live(res, perSecond) {
	let serial = 0;
	res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
	const send = (kind, data) => res.write(`id: 1-${++serial}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
	const timer = setInterval(() => {
		const to = Date.now() * 1e6, n = Math.min(125, Math.round(perSecond / 4));
		const list = Array.from({ length: n }, (_, i) => {
			const p = point();
			return [p.lon, p.lat, p.c, p.dport, p.proto, address(), random() < .8 ? 0 : 1, Math.floor(i * 250 / n)];
		});
		const packets = Math.round(perSecond / 4 * 3.2);
		send('map', { from_ns: to - 250e6, to_ns: to, sensors: ['local', 'branch-2'], packets, classes: counts(packets), arcs: list });
		if (serial % 40 === 5)
			send('finding', { ...finding(serial), last_ns: to });
		if (serial % 60 === 9)
			send('signal', { at_ns: to, sensor: 'local', source: '192.0.2.9', kind: 'rate', value: 12, threshold: 5 });
	}, 250);
	res.on('close', () => clearInterval(timer));
}

export function serve({ dir, port = 0, arcs: perSecond = 250, session = SESSION }) {
	const file = (path) => {
		const name = join(dir, path);
		return name.startsWith(dir) && existsSync(name) && statSync(name).isFile() ? name : null;
	};
	const server = createServer((req, res) => {
		const url = new URL(req.url, 'http://localhost'), path = url.pathname;
		if (path === '/api/v1/live')
			return live(res, perSecond);
		if (path.startsWith('/api/v1/')) {
			const fn = ANSWERS[path.slice(7)];
			const json = (code, body) => res.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
			if (path === '/api/v1/session' && !session)
				return json(401, { error: { code: 'no-session', message: 'log in first' } });
			return fn ? json(200, fn(url.searchParams)) : json(404, { error: { code: 'absent', message: 'no such thing' } });
		}
		const name = file(path) ?? file(path === '/login' ? '/login.html' : '/index.html');
		res.writeHead(200, { 'content-type': TYPES[extname(name)], 'content-security-policy': CSP });
		return res.end(readFileSync(name));
	});
	return new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
	const option = (name, normal) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : normal);
	const server = await serve({ dir: option('--dir', 'web/dist'), port: +option('--port', 8088), arcs: +option('--arcs', 250) });
	console.log(`http://127.0.0.1:${server.address().port}/`);
}
