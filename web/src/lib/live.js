// SPDX-License-Identifier: Apache-2.0
// What happens now: one event stream for all that watch. A hidden tab or no watcher closes it; it takes up where it was.
import { useEffect } from 'preact/hooks';
import { store } from './store.js';

const EVENTS = ['map', 'finding', 'signal', 'gap', 'state', 'reset', 'over'];
const watchers = new Map(EVENTS.map((e) => [e, new Set()]));

/* off, connecting, live, behind (nothing for a while), away (a part of the server is), over (the session ended) */
export const liveState = store('off');
let source = null, lastId = '', heard = 0, retry = 0, timer = null, away = false;

function count() {
	return [...watchers.values()].reduce((n, s) => n + s.size, 0);
}

function deliver(kind, e) {
	heard = Date.now();
	lastId = e.lastEventId || lastId;
	let data = {};
	try {
		data = e.data ? JSON.parse(e.data) : {};
	} catch {
		return;
	}
	if (kind === 'state')
		away = data.keeper === false;
	if (kind === 'over') {
		close();
		liveState.set('over');
	} else
		liveState.set(away ? 'away' : 'live');
	for (const w of watchers.get(kind))
		w(data);
}

function open() {
	clearTimeout(timer);
	if (source || document.hidden || !count() || liveState.get() === 'over')
		return;
	liveState.set('connecting');
	source = new EventSource('/api/v1/live' + (lastId ? '?after=' + encodeURIComponent(lastId) : ''));
	for (const kind of EVENTS)
		source.addEventListener(kind, (e) => deliver(kind, e));
	source.onopen = () => {
		retry = 0;
		heard = Date.now();
		liveState.set(away ? 'away' : 'live');
	};
	source.onerror = () => {
		/* The browser tries again by itself while the stream is only broken, not refused. */
		liveState.set('behind');
		if (source?.readyState !== EventSource.CLOSED)
			return;
		close();
		retry = Math.min(retry + 1, 6);
		timer = setTimeout(open, 500 * 2 ** retry);
	};
}

function close() {
	source?.close();
	source = null;
	clearTimeout(timer);
}

document.addEventListener('visibilitychange', () => {
	if (!document.hidden)
		open();
	else {
		close();
		if (liveState.get() !== 'over')
			liveState.set('off');
	}
});
setInterval(() => source && liveState.get() === 'live' && Date.now() - heard > 40000 && liveState.set('behind'), 5000);

export function watch(kind, fn) {
	watchers.get(kind).add(fn);
	open();
	return () => {
		watchers.get(kind).delete(fn);
		if (!count()) {
			close();
			liveState.set('off');
		}
	};
}

/* fn(data) at each event of a kind while the component lives. */
export function useLive(kind, fn, needs = []) {
	useEffect(() => watch(kind, fn), needs);
}
