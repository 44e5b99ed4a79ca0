// SPDX-License-Identifier: Apache-2.0
// Words of the viewer's language. Text is in web/messages alone; a key that is missing shows itself.
import { language, keep } from './settings.js';
import { store } from './store.js';

let words = {};
export const loaded = store('');

/* Numbers in {n} are written as the language does; {n|one|many} chooses by the number. */
export function t(key, values) {
	const text = words[key];
	if (text === undefined)
		return key;
	if (!values)
		return text;
	return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name, one, many) => {
		const v = values[name];
		if (one !== undefined)
			return v === 1 ? one : many;
		return v === undefined ? whole : typeof v === 'number' ? v.toLocaleString(language.get()) : v;
	});
}

export const has = (key) => key in words;

/* The word for something that the server names ("tcp_syn" of "class"); what is new there shows as it is. */
export const word = (group, name) => words[`${group}.${name}`] ?? String(name ?? '');

export async function load(which) {
	const answer = await fetch(MESSAGES[which]);
	words = await answer.json();
	document.documentElement.lang = which;
	loaded.set(which);
}

export async function choose(which) {
	keep('lang', which);
	await load(which);
	language.set(which);
}
