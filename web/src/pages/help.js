// SPDX-License-Identifier: Apache-2.0
/* Help: pages, keys, words, and how to ask the same elsewhere. */
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { Panel } from '../ui/basic.js';
import { Table } from './parts.js';

const PAGES = ['now', 'explore', 'sources', 'findings', 'own', 'cases', 'reports', 'system'];
const KEYS = [['j', 'k', 'jk'], ['Enter', null, 'enter'], ['o', null, 'o'], ['←', '→', 'arrows'], ['Shift', '→', 'plusminus'], ['Esc', null, 'escape']];
const WORDS = ['spoofable', 'confidence', 'sources', 'gap', 'dark'];
const TERMS = ['observation', 'darknet', 'source', 'dport', 'unique', 'scan', 'backscatter', 'amplification', 'research', 'infected', 'spoof', 'gap', 'flow', 'finding', 'case'];
const SAME = [
	['summary', 'sakimori telescope read --from now-24h --to now', '/summary'],
	['top', 'sakimori telescope top --by port --from now-24h', '/top?by=port'],
	['flows', 'sakimori telescope flows --from now-1h', '/flows'],
	['findings', 'sakimori console ask /findings', '/findings'],
	['report', 'sakimori report telescope --period week --lang ja', '/report/telescope?period=week'],
	['status', 'sakimori run --status', '/status'],
];

function Keys() {
	return html`<${Table} id="help-keys" caption=${t('help.keys')} rows=${KEYS} columns=${[
		{ key: 'key', title: t('help.key'), head: true, cell: ([a, b]) => html`<kbd>${a}</kbd>${b && html` <kbd>${b}</kbd>`}` },
		{ key: 'does', title: t('help.key.does'), cell: ([, , name]) => t('help.key.' + name) }]} />`;
}

export default function Help() {
	return html`<h1>${t('help.title')}</h1><div class="pg-grid">
		<${Panel} title=${t('help.pages')} cls="pg-wide"><${Table} id="help-pages" caption=${t('help.pages')} rows=${PAGES} columns=${[
		{ key: 'page', title: t('help.page'), head: true, cell: (p) => html`<a href=${'/' + p}>${t('nav.' + p)}</a>` },
		{ key: 'what', title: t('help.what'), cell: (p) => t('help.page.' + p) }]} /><//>
		<${Panel} title=${t('help.words')}><dl class="pg-words">${WORDS.map((w) => html`<dt>${t('help.' + w)}</dt><dd>${t(`help.${w}.text`)}</dd>`)}</dl><//>
		<${Panel} title=${t('help.keys')}><${Keys} /><//>
		<${Panel} title=${t('help.glossary')}><${Table} id="help-glossary" caption=${t('help.glossary')} rows=${TERMS} columns=${[
		{ key: 'en', title: t('help.glossary.en'), head: true, cell: (w) => html`<span lang="en">${t('help.en.' + w)}</span>` },
		{ key: 'ja', title: t('help.glossary.ja'), cell: (w) => html`<span lang="ja">${t('help.ja.' + w)}</span>` }]} /><//>
		<${Panel} title=${t('help.same')}><p>${t('help.same.text')}</p><${Table} id="help-same" caption=${t('help.same')} rows=${SAME} columns=${[
		{ key: 'question', title: t('help.same.question'), head: true, cell: ([w]) => t('help.same.' + w) },
		{ key: 'cli', title: t('help.same.cli'), cell: ([, words]) => html`<code>${words}</code>` },
		{ key: 'api', title: t('help.same.api'), cell: ([, , path]) => html`<a href=${'/api/v1' + path}><code>${'/api/v1' + path}</code></a>` }]} />
		<p><a href="/api/v1/openapi.json">${t('help.openapi')}</a></p><p><a href="/assets/licences.txt">${t('help.licences')}</a></p><//></div>`;
}
