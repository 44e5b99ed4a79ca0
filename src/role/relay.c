// SPDX-License-Identifier: Apache-2.0
#include "role/relay.h"

void relay_peer(struct keeper *k, struct feeder *f)
{
}

void relay_forget(struct keeper *k, struct feeder *f)
{
}

void relay_free(struct keeper *k)
{
}

void relay_batch(struct keeper *k, struct feeder *from, const struct store_batch *b)
{
}

bool relay_takes(struct keeper *k, struct feeder *f, const struct message *m)
{
	return false;
}

void relay_pump(struct keeper *k, struct feeder *f)
{
}
