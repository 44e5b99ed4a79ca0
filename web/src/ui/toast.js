// SPDX-License-Identifier: Apache-2.0
// Short words about what was done, told to readers of screens too. The place of them is drawn once, by the shell.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { store, useStore } from '../lib/store.js';

const toasts = store([]);
let serial = 0;

/* kind: '' or 'bad'. What went wrong stays until it is closed. */
export function say(text, kind = '') {
	const id = ++serial;
	toasts.set([...toasts.get().slice(-4), { id, text, kind }]);
	if (kind !== 'bad')
		setTimeout(() => drop(id), 5000);
}

const drop = (id) => toasts.set(toasts.get().filter((x) => x.id !== id));

export function Toasts() {
	const list = useStore(toasts);
	return html`<div class="toasts" role="status" aria-live="polite">${list.map((x) => html`<div key=${x.id} class=${'toast ' + x.kind}><span>${x.text}</span>
		<button type="button" class="icon" onClick=${() => drop(x.id)} aria-label=${t('core.close')}>✕</button></div>`)}</div>`;
}
