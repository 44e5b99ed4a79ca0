// SPDX-License-Identifier: Apache-2.0
// What a viewer chose: language, theme, time zone. The address wins, then what was kept here, then the browser's.
import { store } from './store.js';

function kept(key) {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

export function keep(key, value) {
	try {
		if (value === null || value === undefined)
			localStorage.removeItem(key);
		else
			localStorage.setItem(key, value);
	} catch { /* a browser that keeps nothing: the choice lasts as long as the page */ }
}

export const recall = kept;
export const LANGUAGES = ['en', 'ja'];
const given = new URLSearchParams(location.search);

function zoneOrNull(zone) {
	try {
		return zone && new Intl.DateTimeFormat('en', { timeZone: zone }) && zone;
	} catch {
		return null;
	}
}

/* The language to begin with; a user's own (session) comes in later by adoptLanguage(). */
function firstLanguage() {
	const asked = given.get('lang');
	if (LANGUAGES.includes(asked)) {
		keep('lang', asked);
		return asked;
	}
	if (LANGUAGES.includes(kept('lang')))
		return kept('lang');
	return navigator.languages?.map((l) => l.slice(0, 2)).find((l) => LANGUAGES.includes(l)) ?? 'en';
}

export const language = store(firstLanguage());
export const languageChosen = () => LANGUAGES.includes(given.get('lang')) || LANGUAGES.includes(kept('lang'));

if (zoneOrNull(given.get('tz')))
	keep('tz', given.get('tz'));
export const zone = store(zoneOrNull(given.get('tz')) ?? zoneOrNull(kept('tz')));

/* The zone in use: chosen, else Tokyo's for Japanese, else the browser's. */
export function timeZone() {
	return zone.get() ?? (language.get() === 'ja' ? 'Asia/Tokyo' : Intl.DateTimeFormat().resolvedOptions().timeZone);
}

export const THEMES = ['auto', 'light', 'dark'];
const asked = given.get('theme');
export const theme = store(THEMES.includes(asked) ? asked : (THEMES.includes(kept('theme')) ? kept('theme') : 'auto'));

/* auto: what the system says, and dark at night. */
export function isDark() {
	if (theme.get() !== 'auto')
		return theme.get() === 'dark';
	const hour = new Date().getHours();
	return matchMedia('(prefers-color-scheme: dark)').matches || hour >= 19 || hour < 6;
}

export const dark = store(isDark());

function paint() {
	dark.set(isDark());
	document.documentElement.dataset.theme = dark.get() ? 'dark' : 'light';
}

theme.subscribe(paint);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
setInterval(paint, 60000);
paint();

export const calm = store(matchMedia('(prefers-reduced-motion: reduce)').matches);
matchMedia('(prefers-reduced-motion: reduce)').addEventListener('change', (e) => calm.set(e.matches));

/* Single letters do something (j, k, /, ?) unless the viewer doesn't want that: who speaks to his computer types them unawares. */
export const letters = store(kept('letters') !== 'off');
