// SPDX-License-Identifier: Apache-2.0
// Numbers, dates and sizes as the viewer's language and time zone write them.
import { language, timeZone } from './settings.js';
import { t } from './i18n.js';

const made = new Map();
function intl(kind, key, options) {
	const id = kind + key + language.get() + timeZone();
	if (!made.has(id))
		made.set(id, new Intl[kind](language.get(), options));
	return made.get(id);
}

export const number = (n) => (n === null || n === undefined ? t('core.none') : intl('NumberFormat', '', {}).format(n));
export const short = (n) => intl('NumberFormat', 'c', { notation: 'compact', maximumFractionDigits: 1 }).format(n ?? 0);
export const decimal = (n, digits = 1) =>
	intl('NumberFormat', 'd' + digits, { maximumFractionDigits: digits }).format(n);
export const percent = (part, digits = 0) =>
	intl('NumberFormat', 'p' + digits, { style: 'percent', maximumFractionDigits: digits }).format(part);
export const signed = (part) =>
	intl('NumberFormat', 's', { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' }).format(part);

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'];
export function bytes(n) {
	let step = 0;
	for (; n >= 1000 && step < SIZES.length - 1; step++)
		n /= 1000;
	return intl('NumberFormat', 'b' + step, { style: 'unit', unit: SIZES[step], unitDisplay: 'short',
		maximumFractionDigits: n < 10 && step ? 1 : 0 }).format(n);
}

/* A stretch in nanoseconds, in its largest fitting units: 2 h 5 min. */
const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
export function span(ns) {
	const s = ns / 1e9;
	if (s < 1)
		return intl('NumberFormat', 'ums', { style: 'unit', unit: 'millisecond', maximumFractionDigits: 0 }).format(s * 1000);
	const at = UNITS.findIndex(([, size]) => s >= size);
	const part = (n, unit) => intl('NumberFormat', 'u' + unit, { style: 'unit', unit, unitDisplay: 'short',
		maximumFractionDigits: 0 }).format(n);
	const [unit, size] = UNITS[at];
	const first = Math.floor(s / size), rest = UNITS[at + 1];
	const second = rest ? Math.floor((s - first * size) / rest[1]) : 0;
	return part(first, unit) + (second ? ' ' + part(second, rest[0]) : '');
}

/* Times come as nanoseconds, RFC 3339 or Date. */
export function toDate(when) {
	if (when instanceof Date)
		return when;
	return new Date(typeof when === 'number' ? when / 1e6 : when);
}

const zoned = (key, when, options) =>
	intl('DateTimeFormat', key, { ...options, timeZone: timeZone() }).format(toDate(when));
export const dateTime = (when) => zoned('dt', when, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
export const minute = (when) => zoned('m', when, { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' });
export const date = (when) => zoned('da', when, { dateStyle: 'medium' });
export const time = (when) => zoned('ti', when, { timeStyle: 'medium' });
export const clock = (when) => zoned('ck', when, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

const AGO = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
export function ago(when, now = Date.now()) {
	const s = (toDate(when).getTime() - now) / 1000;
	const [unit, size] = AGO.find(([, n]) => Math.abs(s) >= n) ?? AGO[3];
	return intl('RelativeTimeFormat', '', { numeric: 'auto' }).format(Math.round(s / size), unit);
}

export function country(code) {
	if (!/^[A-Z]{2}$/.test(code ?? ''))
		return code || t('core.unknown');
	const id = 'region' + language.get();
	if (!made.has(id))
		made.set(id, new Intl.DisplayNames(language.get(), { type: 'region' }));
	return made.get(id).of(code) ?? code;
}

/* RFC 3339 in UTC, to the second: what goes into queries. */
export const rfc3339 = (when) => toDate(when).toISOString().replace(/\.\d+Z$/, 'Z');
