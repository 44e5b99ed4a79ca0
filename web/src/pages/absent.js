// SPDX-License-Identifier: Apache-2.0
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';

export default function Absent() {
	return html`<h1>${t('nav.absent')}</h1><p>${t('absent.text')} <a href="/now">${t('nav.now')}</a></p>`;
}
