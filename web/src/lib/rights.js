// SPDX-License-Identifier: Apache-2.0
// What the viewer may; for showing alone: the server decides.
import { session } from './api.js';

export const LEVELS = ['viewer', 'analyst', 'approver', 'admin'];
export const may = (level) => LEVELS.indexOf(session.get()?.level) >= LEVELS.indexOf(level);
export const hasRight = (right) => !!session.get()?.rights?.includes(right);
export const mayDark = () => hasRight('see-dark');
