// SPDX-License-Identifier: Apache-2.0
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';

export default function Page() {
	return html`<h1>${t('nav.sources')}</h1>`;
}
