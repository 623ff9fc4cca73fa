/* crash_marks.h: which jobs took their worker down. Pure.
 *
 * Each start of a job leaves a mark in code.state, and so does its being handed back. A start by a worker that is
 * gone, with neither an end nor a hand-back, is a death of that worker under the job. What is asked about
 * are the offsets that are open; marks of others are never asked for.
 */
#ifndef CODEWORKER_CRASH_MARKS_H
#define CODEWORKER_CRASH_MARKS_H

#include "../broker/broker.h"

struct crash_marks;			/* an empty table is NULL */

/* incarnation: of the worker. -1: no memory. */
int crash_marks_started(struct crash_marks **marks, const struct broker_place *place,
	uint64_t incarnation);
void crash_marks_handed_back(struct crash_marks **marks, const struct broker_place *place,
	uint64_t incarnation);
/* How many workers died under it. */
int crash_marks_deaths(struct crash_marks *marks, const struct broker_place *place);
/* It has ended. */
void crash_marks_remove(struct crash_marks **marks, const struct broker_place *place);
void crash_marks_clear(struct crash_marks **marks);

#endif
