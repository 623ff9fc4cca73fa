/* doctor_attack.c: lets the shipped attacks loose on this machine's sandbox. */
#include "doctor.h"

#include <stdlib.h>

int doctor_attack(const struct doctor *doctor, struct doctor_attacks *attacks,
	void (*progress)(size_t done, size_t count), struct err *err)
{
	struct attack_ground *ground;
	struct sandbox_config base = doctor->settings;
	*attacks = (struct doctor_attacks){.list = calloc(attack_count, sizeof *attacks->list)};
	if (!attacks->list)
		return err_set(err, ERR_MEMORY, "no memory for the attacks");
	base.require = 0;
	if (attack_ground_open(&base, &ground, err) != 0)
		return -1;
	int answer = 0;
	for (size_t i = 0; i < attack_count && answer == 0; i++) {
		const struct attack *attack = &attack_table[i];
		struct doctor_attack *one = &attacks->list[i];
		one->attack = attack;
		one->level = attack->level > doctor->floor ? attack->level : doctor->floor;
		if (progress)
			progress(i, attack_count);
		answer = attack_try(ground, attack, one->level, &one->report, err);
		attacks->outcomes[one->report.outcome] += answer == 0;
		attacks->count += answer == 0;
	}
	attack_ground_close(ground);
	return answer;
}
