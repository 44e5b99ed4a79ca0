// SPDX-License-Identifier: Apache-2.0
/*
 * How the first administrator gets in: a store without users is given one, `admin`, with a password that is good for
 * one login. It is told on the terminal, or where there is none it lies in STORE/first-login, mode 0600, until that
 * user's password changes. By the keeper.
 */
#pragma once
#include "role/member.h"
#include "store/store.h"

#define FIRSTLOGIN_FILE "first-login"
#define FIRSTLOGIN_USER "admin"

/* 0 also when there was nothing to do; -1: the store is not to be written just now. */
int firstlogin_make(const struct member *m, struct store *s, struct err *err) NODISCARD;

/* A password of this user was set: the file has served. `dir`: of the store. */
void firstlogin_over(const char *dir, const char *user);
