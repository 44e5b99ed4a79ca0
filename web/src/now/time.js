// SPDX-License-Identifier: Apache-2.0
// What "now" is: the wall's clock; while old captures are replayed into the server, the time of their packets.
import { useEffect, useState } from '../lib/html.js';
import { watch } from '../lib/live.js';
import { store, useStore } from '../lib/store.js';

const MINUTE = 60000, APART = 10 * MINUTE;
const skew = store(0); /* ms to add to the wall's clock */

/* Only what is far off counts, and only when it moved: late packets aren't another time. */
export function note(to_ns) {
	const off = to_ns / 1e6 - Date.now();
	const next = Math.abs(off) < APART ? 0 : off;
	if (Math.abs(next - skew.get()) > MINUTE)
		skew.set(next);
}

export const nowMs = () => Date.now() + skew.get();

/* The end of the last whole minute, in ms; moves with the minutes while the page is seen. */
export function useMinute() {
	const off = useStore(skew);
	const read = () => Math.floor((Date.now() + off) / MINUTE) * MINUTE;
	const [at, set] = useState(read);
	useEffect(() => {
		set(read());
		const timer = setInterval(() => document.hidden || set(read()), 5000);
		return () => clearInterval(timer);
	}, [off]);
	useEffect(() => watch('map', (e) => note(e.to_ns)), []);
	return at;
}
