// SPDX-License-Identifier: Apache-2.0
const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

/* Flags of TCP by their names: 2 or "0x02" is SYN. */
export const flagNames = (bits) => FLAGS.filter((_, i) => Number(bits) & (1 << i)).join(' ');
