/* payload.c: see payload.h. The order of fields is what the launcher's script.c reads. */
#include "payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memfd.h"
#include "shared/setup.h"

#define PAYLOAD_LIMIT (64u << 20)
#define ENVIRONMENT_LIMIT 1000

/* What could change a runtime before the job's own code runs, or pose as ours: left out. */
static bool environment_allowed(const char *entry)
{
	static const char *const refused[] = {"CODE_", "LD_", "PYTHON", "NODE_OPTIONS="};
	const char *equals = strchr(entry, '=');
	if (DROPPED_HERE("environment_filter"))
		return true;
	if (!equals || equals == entry)
		return false;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (strncmp(entry, refused[i], strlen(refused[i])) == 0)
			return false;
	return true;
}

static bool path_stays_inside(const char *path)
{
	if (*path == '/')
		return false;
	for (; *path; path += strcspn(path, "/"), path += *path == '/')
		if (strcspn(path, "/") == 2 && memcmp(path, "..", 2) == 0)
			return false;
	return true;
}

static void put_variable(struct blob_writer *writer, const char *name, const char *value)
{
	char *entry = NULL;
	if (value && asprintf(&entry, "%s=%s", name, value) < 0) {
		writer->failed = true;
		return;
	}
	if (value)
		blob_put_string(writer, entry);
	free(entry);
}

static void put_environment(const struct sandbox_job *job, struct blob_writer *writer)
{
	char attempt[16];
	snprintf(attempt, sizeof attempt, "%u", job->attempt ? job->attempt : 1);
	for (size_t i = 0; job->environment && job->environment[i] && i < ENVIRONMENT_LIMIT; i++)
		if (environment_allowed(job->environment[i]))
			blob_put_string(writer, job->environment[i]);
	put_variable(writer, "CODE_THREAD_ID", job->thread_id);
	put_variable(writer, "CODE_NODE_ID", job->node_id);
	put_variable(writer, "CODE_EXECUTION_ID", job->execution_id);
	put_variable(writer, "CODE_ATTEMPT", attempt);
	blob_put_string(writer, NULL);
}

static int check(const struct sandbox_job *job, struct err *err)
{
	if (job->working_directory && !path_stays_inside(job->working_directory))
		return err_set(err, ERR_INVALID, "the working directory %.100s is not a path "
			"inside the job's own", job->working_directory);
	if (!job->code)
		return err_set(err, ERR_INVALID, "the job has no code");
	size_t environment = 0;
	while (job->environment && job->environment[environment])
		environment++;
	if (environment > ENVIRONMENT_LIMIT)
		return err_set(err, ERR_INVALID, "more than %d environment variables",
			ENVIRONMENT_LIMIT);
	return 0;
}

int payload_make(const struct sandbox_job *job, struct err *err)
{
	struct blob_writer writer = {0};
	int fd = -1;
	if (check(job, err) < 0)
		return -1;
	blob_put_string(&writer, job->script_name);
	blob_put_bytes(&writer, job->code, job->code_size);
	blob_put_string(&writer, job->input);
	blob_put_string(&writer, job->context);
	blob_put_string(&writer, job->working_directory);
	put_environment(job, &writer);
	if (writer.failed)
		err_set(err, ERR_MEMORY, "no memory for the job");
	else if (writer.size > PAYLOAD_LIMIT)
		err_set(err, ERR_INVALID, "code, input and environment are above 64 MiB together");
	else
		fd = memfd_sealed("job", writer.data, writer.size, false, err);
	free(writer.data);
	return fd;
}
