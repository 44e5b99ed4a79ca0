// SPDX-License-Identifier: Apache-2.0
// Addresses: the path is the page, the query its state. Links are real; a click on one doesn't load the document again.
import { useMemo, useCallback } from 'preact/hooks';
import { store, useStore } from './store.js';

const here = () => location.pathname + location.search;
export const address = store(here());
addEventListener('popstate', () => address.set(here()));

export function navigate(to, { replace = false } = {}) {
	if (to === here())
		return;
	const leaves = new URL(to, location).pathname !== location.pathname;
	history[replace ? 'replaceState' : 'pushState'](null, '', to);
	address.set(here());
	if (leaves && !replace) {
		scrollTo(0, 0);
		/* The reader of a screen is told where he is now. */
		requestAnimationFrame(() => document.getElementById('main')?.focus({ preventScroll: true }));
	}
}

/* One listener for all links: those of this page's own origin, without modifier, target or download. */
addEventListener('click', (e) => {
	const a = e.target.closest?.('a[href]');
	if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey)
		return;
	if (a.target || a.hasAttribute('download') || a.origin !== location.origin || a.dataset.native !== undefined)
		return;
	if (/^\/(api|assets)\//.test(a.pathname))
		return;
	if (a.pathname === location.pathname && a.search === location.search && a.hash)
		return;
	e.preventDefault();
	navigate(a.pathname + a.search);
});

/* ["sources", "192.0.2.1"] */
export function usePath() {
	const at = useStore(address);
	return useMemo(() => at.split('?')[0].split('/').filter(Boolean).map(decodeURIComponent), [at]);
}

/* The address of this or another page with a query; null, undefined and '' are left out. */
export function href(path, query = {}) {
	const q = new URLSearchParams();
	for (const [k, v] of Object.entries(query)) {
		if (v !== null && v !== undefined && v !== '' && v !== false)
			q.set(k, v === true ? '1' : v);
	}
	const s = q.toString();
	return path + (s ? '?' + s : '');
}

/* [query, set]: set({from: '...', sport: null}) keeps the rest; {replace: true} makes no step of history. */
export function useQuery() {
	const at = useStore(address);
	const query = useMemo(() => Object.fromEntries(new URLSearchParams(at.split('?')[1] ?? '')), [at]);
	const set = useCallback((patch, how) => {
		const now = Object.fromEntries(new URLSearchParams(location.search));
		navigate(href(location.pathname, { ...now, ...patch }), how);
	}, []);
	return [query, set];
}
