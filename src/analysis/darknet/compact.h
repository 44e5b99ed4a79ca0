// SPDX-License-Identifier: Apache-2.0
/* Takes back the room of what is over. Private to analysis/darknet. */
#pragma once
#include "analysis/darknet/event.h"

/*
 * Sweeps all tables in place when half of them is garbage (at most every other call does, and each record is moved a
 * bounded number of times in its life). Numbers of events, peers, members, addresses and hours change; their order
 * does not. Keeps what an open event, a waiting lone packet or an open hour names, addresses and connections that had a
 * packet within the patience, and port hours of the last day.
 */
void compact(struct darknet *d);
