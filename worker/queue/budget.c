/* budget.c: see budget.h. A level is counted in sixtieths of a microsecond: a budget of n ms a minute then fills
 * by exactly n of them each millisecond. */
#include "budget.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#define MINUTE_MS 60000
#define UNITS_PER_US 60
#define ELAPSED_MOST_MS INT64_C(1000000000000)	/* whatever the clock does, nothing overflows */

struct budget_account {
	UT_hash_handle hh;
	struct heap_node full_at;	/* while nobody has it */
	int64_t level;			/* at at_ms */
	int64_t at_ms;
	int64_t per_ms, most;
	size_t takers;
	char tenant[];
};

static void account_drop(struct budget *budget, struct budget_account *account)
{
	heap_remove(&budget->full_at, &account->full_at);
	HASH_DEL(budget->accounts, account);
	free(account);
}

void budget_clear(struct budget *budget)
{
	struct budget_account *account, *following;
	HASH_ITER(hh, budget->accounts, account, following)
		account_drop(budget, account);
}

static void fill(struct budget_account *account, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - account->at_ms;
	account->at_ms = now_ms;
	if (elapsed_ms <= 0)		/* a clock that was set back gives nothing and takes nothing */
		return;
	if (elapsed_ms > ELAPSED_MOST_MS)
		elapsed_ms = ELAPSED_MOST_MS;
	account->level += elapsed_ms * account->per_ms;
	if (account->level > account->most)
		account->level = account->most;
}

static struct budget_account *account_new(struct budget *budget, const char *tenant,
	int64_t cpu_ms_per_minute, int64_t now_ms)
{
	size_t size = strlen(tenant);
	struct budget_account *account = calloc(1, sizeof *account + size + 1);
	if (!account)
		return NULL;
	memcpy(account->tenant, tenant, size);
	account->per_ms = cpu_ms_per_minute;
	account->level = account->most = cpu_ms_per_minute * MINUTE_MS;
	account->at_ms = now_ms;
	HASH_ADD_KEYPTR(hh, budget->accounts, account->tenant, size, account);
	return account;
}

struct budget_account *budget_take(struct budget *budget, const char *tenant,
	int64_t cpu_ms_per_minute, int64_t now_ms)
{
	struct budget_account *account;
	HASH_FIND_STR(budget->accounts, tenant, account);
	if (!account)
		account = account_new(budget, tenant, cpu_ms_per_minute, now_ms);
	if (!account)
		return NULL;
	heap_remove(&budget->full_at, &account->full_at);
	account->takers++;
	return account;
}

/* When the level is above that value, which it is not yet. */
static int64_t above_at_ms(const struct budget_account *account, int64_t level)
{
	return account->at_ms + (level - account->level) / account->per_ms + 1;
}

void budget_give_back(struct budget *budget, struct budget_account *account, int64_t now_ms)
{
	if (--account->takers > 0)
		return;
	fill(account, now_ms);
	if (account->level >= account->most)
		account_drop(budget, account);
	else
		heap_add(&budget->full_at, &account->full_at,
			above_at_ms(account, account->most));
}

void budget_charge(struct budget_account *account, int64_t cpu_us, int64_t now_ms)
{
	fill(account, now_ms);
	account->level -= cpu_us * UNITS_PER_US;
	if (account->level > account->most)
		account->level = account->most;
}

int64_t budget_open_at_ms(struct budget_account *account, int64_t now_ms)
{
	fill(account, now_ms);
	return account->level > 0 ? now_ms : above_at_ms(account, 0);
}

void budget_tick(struct budget *budget, int64_t now_ms)
{
	struct budget_account *account;
	while ((account = heap_first(&budget->full_at, struct budget_account, full_at)) &&
			account->full_at.order <= now_ms)
		account_drop(budget, account);
}

size_t budget_count(const struct budget *budget)
{
	return HASH_COUNT(budget->accounts);
}
