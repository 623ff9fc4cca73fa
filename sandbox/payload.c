/* payload.c: see payload.h. The order of fields is what the launcher's script.c reads. */
#include "payload.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memfd.h"
#include "shared/setup.h"

#define PAYLOAD_LIMIT (64u << 20)
#define COMPILED_HEAD 64	/* more than stands before and behind it */
#define ENVIRONMENT_LIMIT 1000
/* What execve(2) takes: an entry with its NUL, and all of them with some room for ours. */
#define VARIABLE_LIMIT (128u << 10)
#define ENVIRONMENT_BYTES (1u << 20)
#define DIRECTORY_LIMIT 4000	/* PATH_MAX, with ours before it */

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

/* It makes a job quicker and is no part of it: one that is too large with it goes without. */
static void put_compiled(const struct sandbox_job *job, struct blob_writer *writer)
{
	size_t left = writer->size < PAYLOAD_LIMIT ? PAYLOAD_LIMIT - writer->size : 0;
	bool fits = job->compiled && left > COMPILED_HEAD && job->compiled_size < left - COMPILED_HEAD;
	blob_put_u64(writer, job->compile_bytes > 0);
	blob_put_bytes(writer, fits ? job->compiled : "", fits ? job->compiled_size : 0);
}

static int directory_check(const char *path, struct err *err)
{
	if (!path_stays_inside(path))
		return err_set(err, ERR_INVALID, "the working directory %.100s is not a path "
			"inside the job's own", path);
	if (strlen(path) > DIRECTORY_LIMIT)
		return err_set(err, ERR_INVALID, "the working directory is longer than %d bytes",
			DIRECTORY_LIMIT);
	for (; *path; path += strcspn(path, "/"), path += *path == '/')
		if (strcspn(path, "/") > NAME_MAX)
			return err_set(err, ERR_INVALID, "a name in the working directory is longer "
				"than %d bytes", NAME_MAX);
	return 0;
}

static int environment_check(const char *const *environment, struct err *err)
{
	size_t count = 0, total = 0;
	for (; environment && environment[count]; count++) {
		size_t size = strlen(environment[count]) + 1, name = strcspn(environment[count], "=");
		if (size > VARIABLE_LIMIT)
			return err_set(err, ERR_INVALID, "the environment variable %.*s is longer than "
				"%u bytes", name < 100 ? (int)name : 100, environment[count],
				VARIABLE_LIMIT - 1);
		total += size;
	}
	if (count > ENVIRONMENT_LIMIT)
		return err_set(err, ERR_INVALID, "more than %d environment variables",
			ENVIRONMENT_LIMIT);
	if (total > ENVIRONMENT_BYTES)
		return err_set(err, ERR_INVALID, "the environment is larger than %u bytes",
			ENVIRONMENT_BYTES);
	return 0;
}

int sandbox_job_check(const struct sandbox_job *job, const char **member, struct err *err)
{
	*member = "code";
	if (!job->code)
		return err_set(err, ERR_INVALID, "the job has no code");
	*member = "working_directory";
	if (job->working_directory && directory_check(job->working_directory, err) < 0)
		return -1;
	*member = "environment";
	if (environment_check(job->environment, err) < 0)
		return -1;
	*member = NULL;
	return 0;
}

int payload_make(const struct sandbox_job *job, char *data, size_t inline_bytes, size_t *size, int *fd,
	struct err *err)
{
	struct blob_writer writer = {0};
	const char *member;
	int result = -1;
	*fd = -1;
	*size = 0;
	if (sandbox_job_check(job, &member, err) < 0)
		return -1;
	blob_put_string(&writer, job->script_name);
	blob_put_bytes(&writer, job->code, job->code_size);
	blob_put_string(&writer, job->input);
	blob_put_string(&writer, job->context);
	blob_put_string(&writer, job->working_directory);
	put_environment(job, &writer);
	put_compiled(job, &writer);
	if (writer.failed)
		err_set(err, ERR_MEMORY, "no memory for the job");
	else if (writer.size > PAYLOAD_LIMIT)
		err_set(err, ERR_INVALID, "code, input and environment are above 64 MiB together");
	else if (writer.size > inline_bytes)
		result = *fd = memfd_sealed("job", writer.data, writer.size, false, err);
	else
		result = 0, *size = writer.size, memcpy(data, writer.data, writer.size);
	free(writer.data);
	return result < 0 ? -1 : 0;
}
