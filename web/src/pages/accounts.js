// SPDX-License-Identifier: Apache-2.0
/* Users, tokens and the audit. A secret is shown once, in the answer of the command that made it, and kept nowhere. */
import * as f from '../lib/format.js';
import { html, useEffect, useState } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { Answer, Dialog, Outside, Panel } from '../ui/basic.js';
import { fromLocal, toLocal } from '../ui/period.js';
import { useApi, useCommand } from './kit.js';
import { Copy, Field, Outcome, Table, Time, values } from './parts.js';

const RIGHTS = ['see-subscriber', 'see-dark'];
const lines = (v) => (Array.isArray(v) ? v : String(v ?? '').split('\n').filter(Boolean));
/* The interface takes lists by commas. */
const list = (text) => text.split(/[\n,]/).map((s) => s.trim()).filter(Boolean).join(',');

function Lines({ of }) {
	return html`<ul class="pg-lines">${lines(of).map((l) => html`<li><${Outside} text=${l} /></li>`)}</ul>`;
}

function Once({ title, label, secret, note, onClose }) {
	return html`<${Dialog} title=${title} onClose=${onClose}><p class="pg-warning">${note}</p><${Copy} label=${label} text=${secret} />
		<div class="pg-row"><button type="button" class="primary" onClick=${onClose}>${t('pages.close')}</button></div><//>`;
}

function Buttons({ busy, label, onClose }) {
	return html`<div class="pg-row"><button type="submit" class="primary" disabled=${busy}>${label}</button><button type="button" onClick=${onClose}>${t('pages.cancel')}</button></div>`;
}

const secretOf = (a) => a?.password ?? a?.once ?? a?.secret;

function UserForm({ user, onClose, onDone }) {
	const [run, state] = useCommand();
	const send = async (e) => {
		e.preventDefault();
		const form = new FormData(e.currentTarget);
		const what = { roles: list(form.get('roles')), rights: RIGHTS.filter((r) => form.get(r)).join(','), language: form.get('language') || undefined };
		const answer = await run(user ? '/users/' + encodeURIComponent(user.name) : '/users', user ? what : { name: form.get('name').trim(), ...what });
		if (answer)
			onDone(answer);
	};
	const u = user ?? { roles: '' };
	return html`<${Dialog} title=${user ? t('system.user.edit', { name: user.name }) : t('system.user.add')} onClose=${onClose}><form onSubmit=${send}>
		${!user && html`<${Field} label=${t('system.user.name')} name="name" required maxlength="63" pattern="[A-Za-z0-9][A-Za-z0-9._@\\-]*" autocomplete="off" spellcheck=${false} />`}
		<${Field} label=${t('system.user.roles')} help=${t('system.user.roles.help')} kind="area" name="roles" required defaultValue=${lines(u.roles).join('\n')} />
		<fieldset class="pg-choice"><legend>${t('system.user.rights')}</legend>${RIGHTS.map((r) => html`<label><input type="checkbox" name=${r} defaultChecked=${lines(u.rights).includes(r)} /> ${t('system.user.right.' + r)}</label>`)}</fieldset>
		<${Field} label=${t('system.user.language')} kind="select" name="language" value=${u.language ?? ''} options=${[['', t('system.user.language.browser')], ['ja', t('lang.ja')], ['en', t('lang.en')]]} />
		<${Outcome} state=${state} /><${Buttons} busy=${state.busy} label=${user ? t('pages.save') : t('system.user.add')} onClose=${onClose} /></form><//>`;
}

export function Users() {
	const ask = useApi('/users');
	const [dialog, open] = useState(null);
	const [run, state] = useCommand(ask.reload);
	const done = (answer) => {
		ask.reload();
		open(secretOf(answer) ? { once: secretOf(answer), name: (answer.user ?? answer).name ?? '' } : null);
	};
	const password = async (u) => {
		const answer = await run(`/users/${encodeURIComponent(u.name)}/password`, {});
		if (secretOf(answer))
			open({ once: secretOf(answer), name: u.name });
	};
	const turn = (u) => run('/users/' + encodeURIComponent(u.name), { state: u.state === 'disabled' ? 'active' : 'disabled' });
	return html`<${Panel} title=${t('system.users')} tools=${html`<button type="button" class="primary" onClick=${() => open({ user: null })}>${t('system.user.add')}</button>`}>
		<${Outcome} state=${state} /><${Answer} of=${ask}>${(d) => html`<${Table} id="users" caption=${t('system.users')} rows=${d.rows} rowKey=${(u) => u.name} columns=${[
		{ key: 'name', title: t('system.user.name'), head: true },
		{ key: 'roles', title: t('system.user.roles'), cell: (u) => html`<${Lines} of=${u.roles} />` },
		{ key: 'rights', title: t('system.user.rights'), cell: (u) => html`<${Lines} of=${u.rights} />` },
		{ key: 'state', title: t('system.user.state'), cell: (u) => word('system.user', u.state) },
		{ key: 'created', title: t('system.user.created'), cell: (u) => html`<${Time} at=${u.created} />` },
		{ key: 'actions', title: t('pages.actions'), cell: (u) => html`<div class="tools">
			<button type="button" aria-label=${t('system.user.edit', { name: u.name })} onClick=${() => open({ user: u })}>${t('system.user.edit.short')}</button>
			<button type="button" aria-label=${t('system.user.password.make', { name: u.name })} onClick=${() => password(u)}>${t('system.user.password')}</button>
			<button type="button" onClick=${() => turn(u)}>${t(u.state === 'disabled' ? 'system.user.enable' : 'system.user.disable')}</button></div>` }]} />`}<//>
		${dialog && dialog.once && html`<${Once} title=${t('system.user.password')} label=${t('system.user.password')} secret=${dialog.once} note=${t('system.user.password.once')} onClose=${() => open(null)} />`}
		${dialog && !dialog.once && html`<${UserForm} user=${dialog.user} onClose=${() => open(null)} onDone=${done} />`}<//>`;
}

/* ---- tokens ---- */

function TokenForm({ onClose, onDone }) {
	const [run, state] = useCommand();
	const send = async (e) => {
		e.preventDefault();
		const form = new FormData(e.currentTarget);
		const answer = await run('/tokens', { label: form.get('label').trim(), roles: list(form.get('roles')) || undefined, until: fromLocal(form.get('until')),
			scope: ['read', 'write'].filter((s) => form.get(s)).join(',') });
		if (answer)
			onDone(answer);
	};
	return html`<${Dialog} title=${t('system.token.add')} onClose=${onClose}><form onSubmit=${send}>
		<${Field} label=${t('system.token.label')} name="label" required maxlength="120" autocomplete="off" />
		<${Field} label=${t('system.token.roles')} help=${t('system.token.roles.help')} kind="area" name="roles" />
		<fieldset class="pg-choice"><legend>${t('system.token.scope')}</legend>${['read', 'write'].map((s) => html`<label><input type="checkbox" name=${s} defaultChecked=${s === 'read'} /> ${t('system.token.scope.' + s)}</label>`)}</fieldset>
		<${Field} label=${t('system.token.until')} kind="datetime-local" name="until" required defaultValue=${toLocal((Date.now() + 90 * 864e5) * 1e6)} />
		<${Outcome} state=${state} /><${Buttons} busy=${state.busy} label=${t('system.token.add')} onClose=${onClose} /></form><//>`;
}

function Revoke({ token, onClose, onDone }) {
	const [run, state] = useCommand(onDone);
	return html`<${Dialog} title=${t('system.token.revoke.title')} onClose=${onClose}><p><strong><${Outside} text=${token.label} /></strong> <code>${token.id}</code></p>
		<p>${t('system.token.revoke.note')}</p><${Outcome} state=${state} />
		<div class="pg-row"><button type="button" class="danger" disabled=${state.busy} onClick=${() => run(`/tokens/${encodeURIComponent(token.id)}/revoke`, {})}>${t('system.token.revoke')}</button>
		<button type="button" onClick=${onClose}>${t('pages.cancel')}</button></div><//>`;
}

export function Tokens() {
	const ask = useApi('/tokens');
	const [dialog, open] = useState(null);
	const over = (r) => r.until && Date.parse(r.until) <= Date.now();
	const again = (next) => {
		ask.reload();
		open(next);
	};
	return html`<${Panel} title=${t('system.tokens')} tools=${html`<button type="button" class="primary" onClick=${() => open({ add: true })}>${t('system.token.add')}</button>`}>
		<${Answer} of=${ask}>${(d) => html`<${Table} id="tokens" caption=${t('system.tokens')} rows=${d.rows} rowKey=${(r) => r.id} columns=${[
		{ key: 'label', title: t('system.token.label'), head: true },
		{ key: 'id', title: t('pages.col.id'), cell: (r) => html`<code>${r.id}</code>` },
		{ key: 'roles', title: t('system.token.roles'), cell: (r) => html`<${Lines} of=${r.roles} />` },
		{ key: 'scope', title: t('system.token.scope'), cell: (r) => lines(r.scope).map((s) => word('system.token.scope', s)).join(', ') || t('system.token.scope.read') },
		{ key: 'since', title: t('system.token.since'), cell: (r) => html`<${Time} at=${r.since} />` },
		{ key: 'until', title: t('system.token.until'), cell: (r) => html`<${Time} at=${r.until} />` },
		{ key: 'state', title: t('pages.col.state'), cell: (r) => t(over(r) ? 'system.token.revoked' : 'system.token.active') },
		{ key: 'actions', title: t('pages.actions'), cell: (r) => !over(r) && html`<button type="button" onClick=${() => open({ revoke: r })}>${t('system.token.revoke')}</button>` }]} />`}<//>
		${dialog?.add && html`<${TokenForm} onClose=${() => open(null)} onDone=${(a) => again({ once: typeof a.token === 'string' ? a.token : a.secret })} />`}
		${dialog?.revoke && html`<${Revoke} token=${dialog.revoke} onClose=${() => open(null)} onDone=${() => again(null)} />`}
		${dialog?.once && html`<${Once} title=${t('system.token.secret')} label=${t('system.token.secret')} secret=${dialog.once} note=${t('system.token.once')} onClose=${() => open(null)} />`}<//>`;
}

/* ---- audit ---- */

export function Audit() {
	const [cursor, go] = useState(undefined);
	const [rows, set] = useState([]);
	const [verify, look] = useState(false);
	const ask = useApi('/audit', { cursor, limit: 100, verify: verify && !cursor ? 1 : undefined });
	useEffect(() => {
		if (ask.data && !ask.stale)
			set((old) => [...old.filter((r) => !ask.data.rows.some((x) => x.seq === r.seq)), ...ask.data.rows]);
	}, [ask.data]);
	return html`<${Panel} title=${t('system.audit')} tools=${html`<button type="button" onClick=${() => (go(undefined), set([]), look(true))}>${t('system.audit.verify')}</button>`}><${Answer} of=${ask}>${(d) => html`
		${d.chain && html`<p class=${d.chain.good ? 'good' : 'pg-failed'} role="status">${t(d.chain.good ? 'system.audit.good' : 'system.audit.bad', { rows: f.number(d.chain.rows) })} ${d.chain.reason ?? ''}</p>`}
		<${Table} id="audit" caption=${t('system.audit')} rows=${rows.length ? rows : d.rows} rowKey=${(r) => r.seq} columns=${[
		{ key: 'seq', title: t('system.audit.seq'), num: true, head: true },
		{ key: 'at', title: t('pages.col.time'), cell: (r) => html`<${Time} at=${r.at} />` },
		{ key: 'who', title: t('pages.col.who') },
		{ key: 'what', title: t('pages.col.what'), cell: (r) => html`<span title=${r.what}>${word('system.did', r.what)}</span>` },
		{ key: 'subject', title: t('pages.col.subject') }]} />
		${d.next && html`<button type="button" onClick=${() => go(d.next)}>${t('system.audit.older')}</button>`}`}<//><//>`;
}
