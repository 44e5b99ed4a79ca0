// SPDX-License-Identifier: Apache-2.0
#include "view/messages.h"

#include <string.h>

enum message_language messages_language(const char *tag)
{
	return tag && strncmp(tag, "ja", 2) == 0 && (tag[2] == '\0' || tag[2] == '-') ? MESSAGE_JA : MESSAGE_EN;
}

const char *messages_find(enum message_language l, const char *key)
{
	size_t low = 0, high = messages_n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(messages[mid].key, key);
		if (c == 0)
			return messages[mid].text[l];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const char *messages_text(enum message_language l, const char *key)
{
	const char *text = messages_find(l, key);
	return text ? text : key;
}
