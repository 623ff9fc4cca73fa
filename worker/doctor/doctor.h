/* doctor.h: what isolation this machine gives, found by trying it.
 *
 * doctor_examine() opens a sandbox, lets its self-test run at every level, and runs a one-line job in
 * each language at the best level there is: an interpreter that is installed but does not work inside
 * is found out. The findings are printed as text or as JSON.
 */
#ifndef CODEWORKER_DOCTOR_H
#define CODEWORKER_DOCTOR_H

#include <stdio.h>

#include "../config/config.h"
#include "../../sandbox/attacks/attacks.h"
#include "../../sandbox/sandbox.h"

struct doctor_runtime {
	bool available;			/* its interpreter is there */
	bool works;			/* it ran a job inside, or could not be asked */
	char version[80];		/* "" when not known */
	char problem[200];		/* "" when there is none */
};

struct doctor {
	const struct config *config;
	struct sandbox_config settings;
	struct sandbox_self_test found;
	enum sandbox_level floor;	/* that the configuration asks for */
	struct doctor_runtime runtimes[64];
	char cgroup_reason[256];	/* why cgroups can't be had; "" when they can */
	char kernel[80], user[40];
};

int doctor_examine(const struct config *config, struct doctor *doctor, struct err *err);

/* Whether any level has the mechanism; it is not needed when something better is there. */
bool doctor_has(const struct doctor *doctor, enum sandbox_mechanism mechanism);
bool doctor_needs(const struct doctor *doctor, enum sandbox_mechanism mechanism);
/* What a missing mechanism would take. */
const char *doctor_remedy(const struct doctor *doctor, enum sandbox_mechanism mechanism);
/* Whether jobs can be run as the configuration wants. */
bool doctor_is_content(const struct doctor *doctor);

/* What became of the shipped attacks; each at the floor, or the lowest level that must stop it. */
struct doctor_attacks {
	struct doctor_attack {
		const struct attack *attack;
		enum sandbox_level level;
		struct attack_report report;
	} *list;
	size_t count;
	size_t outcomes[ATTACK_SKIPPED + 1];
};

/* progress: called before each; may be NULL. The caller frees attacks->list. */
int doctor_attack(const struct doctor *doctor, struct doctor_attacks *attacks,
	void (*progress)(size_t done, size_t count), struct err *err);

/* attacks: NULL when there were none. Return -1 when there is no memory. */
void doctor_print_text(const struct doctor *doctor, const struct doctor_attacks *attacks, FILE *out);
int doctor_print_json(const struct doctor *doctor, const struct doctor_attacks *attacks, FILE *out);

#endif
