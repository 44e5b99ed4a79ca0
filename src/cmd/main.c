// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

int main(void)
{
	fprintf(stderr, "sakimori " SAKIMORI_VERSION "\n");
	return 2;
}
