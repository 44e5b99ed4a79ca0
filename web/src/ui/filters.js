// SPDX-License-Identifier: Apache-2.0
// Filters that live in the query and combine: chips to take away, a row to add.
import { html, useState } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { useQuery } from '../lib/router.js';
import { CLASSES } from '../lib/classes.js';
import * as f from '../lib/format.js';
import { Outside } from './basic.js';
import { mayDark } from '../lib/rights.js';

export const FILTERS = ['src', 'dst', 'sport', 'dport', 'proto', 'class', 'country', 'asn', 'mark', 'sensor'];
const WORDS = { class: CLASSES, proto: ['tcp', 'udp', 'icmp'], mark: ['zmap', 'masscan', 'mirai', 'nmap'] };

/* What of a query goes to the server as filters. */
export function filtersOf(query) {
	return Object.fromEntries([...FILTERS, 'research'].filter((k) => query[k]).map((k) => [k, query[k]]));
}

function shown(name, value) {
	if (name === 'class')
		return value.split(',').map((c) => word('class', c)).join(', ');
	return name === 'country' ? f.country(value) : value;
}

export function Filters() {
	const [query, set] = useQuery();
	const fields = FILTERS.filter((k) => k !== 'dst' || mayDark());
	const [field, setField] = useState('dport');
	const add = (e) => {
		e.preventDefault();
		const value = new FormData(e.currentTarget).get('value').trim();
		e.currentTarget.reset();
		if (value)
			set({ [field]: field === 'country' ? value.toUpperCase() : value, offset: null });
	};
	const held = FILTERS.filter((k) => query[k]);
	return html`<div class="chips">
		${held.map((k) => html`<span class="chip" key=${k}><span class="small">${t('filter.' + k)}</span> <${Outside} text=${shown(k, query[k])} max=${60} />
			<button type="button" class="icon" aria-label=${t('filter.remove', { name: t('filter.' + k) })} onClick=${() => set({ [k]: null, offset: null })}>✕</button></span>`)}
		<form class="chips" onSubmit=${add}>
			<select aria-label=${t('filter.field')} value=${field} onChange=${(e) => setField(e.currentTarget.value)}>${fields.map((k) => html`<option value=${k}>${t('filter.' + k)}</option>`)}</select>
			${WORDS[field] ? html`<select name="value" aria-label=${t('filter.value')} key=${field}>${WORDS[field].map((w) => html`<option value=${w}>${shown(field, w)}</option>`)}</select>`
				: html`<input name="value" size="14" aria-label=${t('filter.value')} key=${field} autocomplete="off" spellcheck="false" maxLength="200" />`}
			<button type="submit">${t('filter.add')}</button></form>
		<label class="switch"><input type="checkbox" role="switch" checked=${query.research !== 'exclude'} onChange=${(e) => set({ research: e.currentTarget.checked ? null : 'exclude' })} /><span>${t('filter.research')}</span></label>
	</div>`;
}
