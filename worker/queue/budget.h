/* budget.h: how much CPU time each tenant may use. Pure: time is given to it.
 *
 * A token bucket for each tenant: it holds a minute's worth at most, fills all the time, and what attempts use
 * is taken out of it, in advance as far as it can be guessed. It may go below zero by that; nothing of the
 * tenant starts until it is above zero again, so over time no tenant uses more than its budget and one
 * minute's worth.
 */
#ifndef CODEWORKER_BUDGET_H
#define CODEWORKER_BUDGET_H

#include "heap.h"

struct budget_account;

struct budget {				/* zeroed: empty */
	struct budget_account *accounts;	/* uthash's head, by tenant */
	struct heap full_at;		/* accounts of tenants with nothing to run */
};

void budget_clear(struct budget *budget);

/* The tenant's account, which goes when it is full and given back as often as it was taken. A new one is full.
 * cpu_ms_per_minute: above 0. NULL: no memory. */
struct budget_account *budget_take(struct budget *budget, const char *tenant,
	int64_t cpu_ms_per_minute, int64_t now_ms);
void budget_give_back(struct budget *budget, struct budget_account *account, int64_t now_ms);

/* cpu_us: below 0 is paid back. */
void budget_charge(struct budget_account *account, int64_t cpu_us, int64_t now_ms);

/* From when on the tenant may start something; now_ms or less: now. */
int64_t budget_open_at_ms(struct budget_account *account, int64_t now_ms);

/* Forgets the accounts of tenants that run nothing and have their whole budget. */
void budget_tick(struct budget *budget, int64_t now_ms);

size_t budget_count(const struct budget *budget);	/* accounts that are remembered */

#endif
