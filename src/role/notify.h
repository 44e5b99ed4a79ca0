// SPDX-License-Identifier: Apache-2.0
/* Tells the service manager how it goes: sd_notify(3), without its library. */
#pragma once

/* "READY=1" and the like, a line each. Nothing happens when nobody asked for it. */
void notify(const char *lines);
