// SPDX-License-Identifier: Apache-2.0
/*
 * Where the map's packets come from: the live stream, or a stored stretch in pieces. Both give the same thing:
 *   {ms, packets, classes, arcs: [{lon, lat, cls, sport, dport, proto, address, sensor, at (ms), ns}]}
 */
import { api } from '../lib/api.js';
import { CLASSES } from '../lib/classes.js';
import { watch } from '../lib/live.js';

const place = (n) => (typeof n === 'number' ? n : null);

/* An event of the stream: [lon, lat, class, dport, proto, address, sensor, ms]. */
export function ofEvent(e) {
	const arcs = (e.arcs ?? []).map((a) => ({ lon: place(a[0]), lat: place(a[1]), cls: clsOf(a[2]), dport: a[3], proto: a[4], address: a[5], sensor: a[6] ?? 0,
		at: a[7] ?? 0, ns: e.from_ns + (a[7] ?? 0) * 1e6 }));
	return { ms: (e.to_ns - e.from_ns) / 1e6, to_ns: e.to_ns, packets: e.packets, classes: e.classes, arcs, sensors: e.sensors };
}

const clsOf = (c) => {
	const n = typeof c === 'number' ? c : CLASSES.indexOf(c);
	return n >= 0 && n < 9 ? n : 6;
};

/* An answer of /arcs: [ns, lon, lat, class, (sport,) dport, proto, address]. */
export function ofAnswer(d, from) {
	const arcs = (d.arcs ?? []).map((a) => ({ ns: a[0], lon: place(a[1]), lat: place(a[2]), cls: clsOf(a[3]), dport: a.at(-3), proto: a.at(-2), address: a.at(-1),
		sensor: 0, at: (a[0] - from) / 1e6 }));
	return { ms: (d.to_ns - d.from_ns) / 1e6, to_ns: d.to_ns, packets: d.packets, classes: d.classes, arcs };
}

export const live = (give) => watch('map', (e) => give(ofEvent(e)));

/*
 * Plays [from, to) (ns) `speed` times as fast as it was. Pieces of four seconds of the wall are asked for ahead, so that a
 * piece never needs more than its share of 2,000 packets. control: {seek(ns), speed(x), pause(on), stop()}.
 */
const PIECE = 4000, MOST = 2000;

export function replay({ from, to, speed, params, give, moved, ended, failed }) {
	let at = from, paused = false, stopped = false, fetched = from, last = performance.now(), pieces = [], asking = null;
	const forget = (ns) => {
		asking?.abort();
		asking = null;
		pieces = [];
		at = fetched = ns;
	};
	const fetchNext = async () => {
		if (asking || stopped || fetched >= to || fetched - at > PIECE * 1e6 * speed)
			return;
		const a = fetched, b = Math.min(to, a + PIECE * 1e6 * speed);
		asking = new AbortController();
		const { signal } = asking;
		try {
			const d = await api('/arcs', { from: exact(a), to: exact(b), limit: MOST, ...params }, { signal });
			if (signal.aborted)
				return;
			asking = null;
			fetched = b;
			pieces.push({ from: a, to: b, given: 0, d: ofAnswer({ ...d, from_ns: a, to_ns: b }, a) });
		} catch (e) {
			if (e.name === 'AbortError')
				return;
			asking = null;
			paused = true;
			failed(e);
		}
	};
	/* Ten times a second: what is due in the next tenth goes out. */
	const tick = () => {
		const now = performance.now(), passed = Math.min(500, now - last);
		last = now;
		if (paused || document.hidden)
			return;
		fetchNext();
		const p = pieces[0];
		if (!p)
			return;
		const until = Math.min(p.to, at + passed * 1e6 * speed);
		const due = p.d.arcs.filter((x) => x.ns >= at && x.ns < until).map((x) => ({ ...x, at: (x.ns - at) / 1e6 / speed }));
		const share = (until - at) / (p.to - p.from);
		give({ ms: (until - at) / 1e6, to_ns: until, packets: p.d.packets * share,
			classes: Object.fromEntries(Object.entries(p.d.classes ?? {}).map(([k, n]) => [k, n * share])), arcs: due });
		at = until;
		moved(at);
		if (at >= p.to)
			pieces.shift();
		if (at >= to) {
			paused = true;
			ended();
		}
	};
	const timer = setInterval(tick, 100);
	return {
		seek(ns) {
			forget(Math.max(from, Math.min(to, ns)));
			paused = false;
			moved(at);
		},
		speed(x) {
			speed = x;
			forget(at);
		},
		pause(on) {
			paused = on;
			last = performance.now();
		},
		stop() {
			stopped = true;
			asking?.abort();
			clearInterval(timer);
		},
	};
}

/* To the millisecond. */
const exact = (ns) => new Date(Math.round(ns / 1e6)).toISOString();
