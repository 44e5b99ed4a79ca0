// SPDX-License-Identifier: Apache-2.0
/* Forms of a case, used by findings, own and cases. */
import { session } from '../lib/api.js';
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { Dialog } from '../ui/basic.js';
import { useCommand } from './kit.js';
import { fromLocal, toLocal } from '../ui/period.js';
import { Field, Outcome, values } from './parts.js';

export const CODES = ['cleaned', 'false-alarm', 'gone', 'no-answer', 'duplicate'];

/* `confirmed` is shown and can't be chosen: packets to dark addresses prove nothing. */
export function StateField({ value }) {
	return html`<fieldset class="pg-choice"><legend>${t('cases.state')}</legend>${['watch', 'suspected', 'confirmed'].map((s) => html`<label>
		<input type="radio" name="state" value=${s} disabled=${s === 'confirmed'} defaultChecked=${s === value}
			aria-describedby=${s === 'confirmed' ? 'why-not-confirmed' : undefined} /> ${t('cases.state.' + s)}</label>`)}
		<p class="pg-help" id="why-not-confirmed">${t('cases.confirmed.why')}</p></fieldset>`;
}

export function Step({ c = {} }) {
	return html`<${Field} label=${t('cases.next_step')} name="next_step" maxlength="120" defaultValue=${c.next_step ?? ''} />
		<${Field} label=${t('cases.due')} kind="datetime-local" name="due" defaultValue=${c.due ? toLocal(Date.parse(c.due) * 1e6) : ''} />
		<${Field} label=${t('cases.holder')} name="holder" maxlength="64" defaultValue=${c.holder ?? session.get()?.user ?? ''} />
		<${Field} label=${t('cases.note')} kind="area" name="note" maxlength="2000" />`;
}

/* What the form says, as the interface wants it: empty fields are left out. */
export function formOf(form) {
	const v = values(form);
	if (v.due)
		v.due = fromLocal(v.due);
	return Object.fromEntries(Object.entries(v).filter(([, x]) => x !== ''));
}

export function NewCase({ findings, state, onClose, onMade }) {
	const [run, said] = useCommand((a) => onMade((a.case ?? a).id));
	const send = (e) => {
		e.preventDefault();
		run('/cases', { ...formOf(e.currentTarget), findings: findings.join(',') });
	};
	return html`<${Dialog} title=${t('cases.new.title')} onClose=${onClose}><form onSubmit=${send}>
		<p class="pg-quiet">${t('cases.new.finding')}: <span class="mono">${findings.map((x) => x.slice(0, 8)).join(', ')}</span></p>
		<${StateField} value=${state} /><${Step} /><${Outcome} state=${said} />
		<div class="pg-row"><button type="submit" class="primary" disabled=${said.busy}>${t('cases.new')}</button>
		<button type="button" onClick=${onClose}>${t('pages.cancel')}</button></div></form><//>`;
}
