// SPDX-License-Identifier: Apache-2.0
#include "role/proof.h"

#include "base/text.h"
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PASSES	     2
#define MEMORY	     ((size_t)19 << 20)
#define HASH_SIZE    (sizeof((struct credential *)0)->hash)
#define TOKEN_PREFIX "sak_"
#define ID_LENGTH    16

_Static_assert(HASH_SIZE >= crypto_pwhash_STRBYTES, "a hash has room");
_Static_assert(sizeof TOKEN_PREFIX - 1 + ID_LENGTH + 1 + PROOF_KEY < PROOF_TOKEN_MAX, "a token has room");

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char nobody[HASH_SIZE]; /* of a password that nobody knows */

/* Those of 12 characters and more that people take first. */
static const char *const common[] = { "123456789012", "1234567890123", "12345678901234", "123456789123",
	"1234567891234", "1q2w3e4r5t6y", "1qaz2wsx3edc", "abcdefghijkl", "administrator", "administrator1",
	"adminadminadmin", "changemechangeme", "changeme1234", "changeme12345", "iloveyouiloveyou", "letmeinletmein",
	"password1234", "password12345", "password123456", "passwordpassword", "qazwsxedcrfv", "qwerty123456",
	"qwertyuiop12", "qwertyuiop123", "qwertyuiopasdf", "sakimorisakimori", "sakimori1234", "sakimori12345",
	"welcome12345", "welcome123456", "zaq12wsxcde3" };

void proof_init(void)
{
	char key[PROOF_KEY + 1];
	ENSURE(sodium_init() >= 0);
	pthread_mutex_lock(&one_at_a_time);
	bool have = nobody[0];
	pthread_mutex_unlock(&one_at_a_time);
	if (have)
		return;
	proof_key(key);
	ENSURE(proof_password(nobody, key, NULL) == 0);
	proof_wipe(key, sizeof key);
}

int proof_password(char out[HASH_SIZE], const char *password, struct err *err)
{
	memset(out, 0, HASH_SIZE);
	pthread_mutex_lock(&one_at_a_time);
	int r = crypto_pwhash_str_alg(out, password, strlen(password), PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13);
	pthread_mutex_unlock(&one_at_a_time);
	return r ? err_set(err, -1, "no memory for the password's hash") : 0;
}

bool proof_password_is(const char *hash, const char *password)
{
	static const char begins[] = "$argon2id$";
	bool real = hash && strncmp(hash, begins, sizeof begins - 1) == 0 && strlen(hash) < crypto_pwhash_STRBYTES;
	char copy[crypto_pwhash_STRBYTES] = "";
	memcpy(copy, real ? hash : nobody, strlen(real ? hash : nobody));
	pthread_mutex_lock(&one_at_a_time);
	bool same = crypto_pwhash_str_verify(copy, password, strlen(password)) == 0;
	pthread_mutex_unlock(&one_at_a_time);
	return same && real;
}

static bool is_common(const char *password)
{
	size_t n = strlen(password);
	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		if (strcasecmp(common[i], password) == 0)
			return true;
	return strspn(password, (char[]){ password[0], 0 }) == n;
}

const char *proof_password_fault(const char *user, const char *password)
{
	size_t n = strlen(password), characters = 0;
	for (size_t i = 0, k; i < n; i += k, characters++) {
		k = text_utf8_length(password + i, n - i);
		if (!k || (uint8_t)password[i] < 0x20 || password[i] == 0x7f)
			return "a password has no control characters and is UTF-8";
	}
	if (characters < PROOF_PASSWORD_MIN)
		return "a password has 12 characters at least";
	if (characters > PROOF_PASSWORD_MAX)
		return "a password has 256 characters at most";
	if (strcasecmp(user, password) == 0)
		return "the password is the name of the user";
	return is_common(password) ? "this password is among those that are tried first" : NULL;
}

void proof_key(char out[PROOF_KEY + 1])
{
	uint8_t key[32];
	randombytes_buf(key, sizeof key);
	sodium_bin2base64(out, PROOF_KEY + 1, key, sizeof key, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	proof_wipe(key, sizeof key);
}

void proof_once(char out[PROOF_ONCE])
{
	static const char letters[] = "23456789abcdefghjkmnpqrstuvwxyz";
	size_t at = 0;
	for (int i = 0; i < 20; i++) {
		if (i && i % 5 == 0)
			out[at++] = '-';
		out[at++] = letters[randombytes_uniform(sizeof letters - 1)];
	}
	out[at] = '\0';
}

void proof_token(char id[sizeof((struct token *)0)->id], char out[PROOF_TOKEN_MAX])
{
	uint8_t bits[ID_LENGTH / 2];
	char key[PROOF_KEY + 1];
	randombytes_buf(bits, sizeof bits);
	sodium_bin2hex(id, ID_LENGTH + 1, bits, sizeof bits);
	proof_key(key);
	snprintf(out, PROOF_TOKEN_MAX, TOKEN_PREFIX "%s_%s", id, key);
	proof_wipe(key, sizeof key);
}

int proof_token_id(const char *token, char id[sizeof((struct token *)0)->id])
{
	static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t before = sizeof TOKEN_PREFIX - 1;
	if (strncmp(token, TOKEN_PREFIX, before) != 0 || strspn(token + before, "0123456789abcdef") != ID_LENGTH ||
		token[before + ID_LENGTH] != '_')
		return -1;
	const char *key = token + before + ID_LENGTH + 1;
	if (strlen(key) != PROOF_KEY || strspn(key, base64url) != PROOF_KEY)
		return -1;
	memcpy(id, token + before, ID_LENGTH);
	id[ID_LENGTH] = '\0';
	return 0;
}

void proof_sha(uint8_t out[PROOF_SHA], const char *text)
{
	_Static_assert(PROOF_SHA == crypto_hash_sha256_BYTES, "SHA-256");
	crypto_hash_sha256(out, (const uint8_t *)text, strlen(text));
}

void proof_sha_hex(char out[2 * PROOF_SHA + 1], const char *text)
{
	uint8_t sha[PROOF_SHA];
	proof_sha(sha, text);
	sodium_bin2hex(out, 2 * PROOF_SHA + 1, sha, sizeof sha);
}

bool proof_same(const char *a, const char *b)
{
	uint8_t x[PROOF_SHA], y[PROOF_SHA];
	proof_sha(x, a);
	proof_sha(y, b);
	return a[0] && sodium_memcmp(x, y, sizeof x) == 0;
}

void proof_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}
