// SPDX-License-Identifier: Apache-2.0
// All that the pages ask of the server goes through here.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { has, t } from './i18n.js';
import { language } from './settings.js';
import { store } from './store.js';

export const session = store(null); /* null: not known yet; false: nobody */
export const trouble = store(null); /* why it isn't known */
export const typed = {}; /* of a form of the login that stood there before the script */

export class ApiError extends Error {
	constructor(status, error = {}) {
		super(error.message ?? String(status));
		Object.assign(this, { status, code: error.code ?? 'status-' + status, parameter: error.parameter });
	}

	/* In the viewer's words; what the server says stands behind them. */
	get words() {
		const key = [`error.${this.code}`, `error.status-${this.status}`].find(has) ?? 'error.unknown';
		return t(key, { code: this.code, parameter: this.parameter ?? '' });
	}
}

export function apiUrl(path, params = {}) {
	const q = new URLSearchParams();
	for (const [k, v] of Object.entries(params)) {
		if (v !== null && v !== undefined && v !== '')
			q.set(k, v);
	}
	const s = q.toString();
	return '/api/v1' + path + (s ? '?' + s : '');
}

export const ended = store(false); /* the session is over, but something was typed that must not be lost */

const typing = () => [...document.querySelectorAll('main textarea, dialog[open] textarea, dialog[open] input:not([type=radio], [type=checkbox])')]
	.some((x) => x.value !== x.defaultValue);

export function toLogin() {
	if (location.pathname === '/login')
		return;
	if (typing()) {
		ended.set(true);
		return;
	}
	session.set(false);
	const next = location.pathname + location.search;
	location.assign('/login' + (next === '/' ? '' : '?next=' + encodeURIComponent(next)));
}

/* JavaScript rounds nanoseconds since 1970: where a sample has no other time, its digits are kept as `ns_text`. Inside of a
 * text these quotes would be escaped. */
function parse(text) {
	try {
		return JSON.parse(text.replace(/"ns":(\d{16,19})\b/g, '"ns":$1,"ns_text":"$1"'));
	} catch {
		return {};
	}
}

async function answer(response) {
	const isJson = response.headers.get('content-type')?.includes('json');
	const text = await response.text();
	const body = isJson ? parse(text) : text;
	if (response.ok)
		return body;
	throw new ApiError(response.status, isJson ? body.error : undefined);
}

/* GET or POST (form: an object). Throws ApiError; {quiet: true}: a 401 is thrown too, not answered with the login page. */
export async function api(path, params, { form, signal, quiet = false } = {}) {
	const init = { signal, credentials: 'same-origin', headers: { accept: 'application/json', 'accept-language': language.get() } };
	if (form) {
		init.method = 'POST';
		init.headers['x-csrf-token'] = session.get()?.csrf ?? '';
		init.body = new URLSearchParams(Object.entries(form).filter(([, v]) => v !== null && v !== undefined));
	}
	let response;
	try {
		response = await fetch(apiUrl(path, params), init);
	} catch (e) {
		if (e.name === 'AbortError')
			throw e;
		throw new ApiError(0, { code: 'unreachable' });
	}
	if (response.status === 401 && !quiet)
		toLogin();
	return answer(response);
}

export const post = (path, form = {}, how = {}) => api(path, undefined, { ...how, form });

/*
 * {data, error, loading, reload} of a GET; path null: not yet. Asked again when path or params change, and every
 * `every` milliseconds while the page is seen. The last answer stays while the next one is on its way.
 */
export function useApi(path, params = {}, { every = 0 } = {}) {
	const [state, set] = useState({ data: undefined, error: null, loading: path !== null });
	const url = path === null ? null : apiUrl(path, params);
	const again = useRef(null);
	useEffect(() => {
		if (url === null)
			return undefined;
		let stop = new AbortController();
		const ask = () => {
			stop.abort();
			stop = new AbortController();
			const { signal } = stop;
			set((s) => ({ ...s, loading: true }));
			api(path, params, { signal }).then((data) => set({ data, error: null, loading: false, url }))
				.catch((error) => error.name !== 'AbortError' && set((s) => ({ ...s, error, loading: false })));
		};
		again.current = ask;
		ask();
		const timer = every && setInterval(() => document.hidden || ask(), every);
		return () => {
			stop.abort();
			clearInterval(timer);
		};
	}, [url, every]);
	const reload = useCallback(() => again.current?.(), []);
	return { ...state, stale: state.url !== url, reload };
}

export async function whoami() {
	try {
		session.set(await api('/session', undefined, { quiet: true }));
		ended.set(false);
	} catch (e) {
		if (e.status !== 401)
			throw e;
		session.set(false);
	}
	return session.get();
}
