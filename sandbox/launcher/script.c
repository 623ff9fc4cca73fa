/* script.c: from the hand-over to the runtime's first instruction, inside the lockdown. See job.h.
 *
 * The payload (a blob: see the library's payload.c) holds, in order:
 * script name, code, input, context, working directory, environment, whether to compile only, compiled
 * code. Only this process parses it.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/populate.h"
#include "../shared/record.h"
#include "mount.h"
#include "rlimit.h"

#define ENVIRONMENT_MAX 1024

struct payload {
	const char *name, *code, *input, *context, *directory;
	size_t code_size;
	bool compile_only;
	const char *compiled;
	size_t compiled_size;
	const char *environment[ENVIRONMENT_MAX + 16];
	size_t environment_count;
};

/* Once in this process's life. */
static struct payload payload;
static char ahead_name[64];		/* of the script's file, made before its name was known */
static int ahead_fd = -1;

/* What every job starts with; the request's own come on top. */
static const char *const base_environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
	"HOME=/job/work", "LANG=C.UTF-8", "TMPDIR=/tmp", NULL};
static const char *const fixed_environment[] = {"CODE_INPUT=/job/input.json",
	"CODE_CONTEXT=/job/context.json", "CODE_OUTPUT=/job/output.json", NULL};

static bool same_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");
	return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

static void environment_add(const char *entry)
{
	for (size_t i = 0; i < payload.environment_count; i++)
		if (same_name(payload.environment[i], entry)) {
			payload.environment[i] = entry;
			return;
		}
	payload.environment[payload.environment_count++] = entry;
}

static int payload_map(int fd, struct blob_reader *reader)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > PAYLOAD_MAX_BYTES)
		return -1;
	reader->size = (size_t)st.st_size;
	reader->data = mmap(NULL, reader->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return reader->data == MAP_FAILED ? -1 : 0;
}

static int payload_read(const struct job_start *start)
{
	struct blob_reader reader = {.data = start->handover.payload, .size = start->handover.head.payload_size};
	if (start->fds[START_PAYLOAD] >= 0 && payload_map(start->fds[START_PAYLOAD], &reader) < 0)
		return -1;
	payload.name = blob_get_string(&reader);
	payload.code = blob_get_bytes(&reader, &payload.code_size);
	payload.input = blob_get_string(&reader);
	payload.context = blob_get_string(&reader);
	payload.directory = blob_get_string(&reader);
	for (size_t i = 0; base_environment[i]; i++)
		environment_add(base_environment[i]);
	const char *entry;
	for (size_t i = 0; i < ENVIRONMENT_MAX && (entry = blob_get_string(&reader)); i++)
		environment_add(entry);
	payload.compile_only = blob_get_u64(&reader) != 0;
	payload.compiled = blob_get_bytes(&reader, &payload.compiled_size);
	for (size_t i = 0; fixed_environment[i]; i++)
		environment_add(fixed_environment[i]);
	errno = EBADMSG;
	return reader.failed ? -1 : 0;
}

static int file_make(const char *name, mode_t mode)
{
	return open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

/* fd: closed. */
static int file_write(int fd, const char *data, size_t size)
{
	if (fd < 0)
		return -1;
	while (size > 0) {
		ssize_t wrote = write(fd, data, size);
		if (wrote <= 0)
			break;
		data += wrote;
		size -= (size_t)wrote;
	}
	close(fd);
	return size == 0 ? 0 : -1;
}

/* Into a file that script_await made. */
static int text_write(const char *name, const char *text)
{
	if (!text || !*text)
		return 0;
	return file_write(open(name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC), text, strlen(text));
}

static bool name_taken(const char *name)
{
	static const char *const taken[] = {".", "..", "input.json", "context.json", "output.json", "work",
		"tmp", "shm"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		if (strcmp(name, taken[i]) == 0)
			return true;
	return false;
}

/* The name stands alone in /job, beside ours: no path gets past it. */
static const char *script_name(const struct setup_runtime *runtime, char name[256])
{
	const char *given = payload.name;
	if (given && *given && !strchr(given, '/') && !name_taken(given) && strlen(given) < 200)
		snprintf(name, 256, "%s", given);
	else
		snprintf(name, 256, "script%.40s", runtime->extension);
	return name;
}

static int files_write(const char *name)
{
	if (text_write("input.json", payload.input) < 0 || text_write("context.json", payload.context) < 0)
		return -1;
	if (strcmp(name, ahead_name) != 0 && rename(ahead_name, name) < 0)
		return -1;
	return file_write(ahead_fd, payload.code, payload.code_size);
}

/* Inside the job's own directory, since nothing else is writable and '..' was refused. */
static int directory_enter(const char *path)
{
	char part[256];
	if (chdir("work") < 0)
		return -1;
	while (path && *path) {
		size_t length = strcspn(path, "/");
		if (length >= sizeof part || (length == 2 && memcmp(path, "..", 2) == 0)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(part, path, length);
		part[length] = '\0';
		if (length > 0 && mkdir(part, 0700) < 0 && errno != EEXIST)
			return -1;
		if (length > 0 && chdir(part) < 0)
			return -1;
		path += length + (path[length] == '/');
	}
	return 0;
}

/* stdin is the input, there already; 3 is the value's channel where the runtime has one. Everything else
 * closes at exec: descriptors arrive close-on-exec, and as a rule where they belong. */
static int streams_place(const int *fds, bool value)
{
	int kept[4] = {0, fds[START_OUT], fds[START_ERR], value ? fds[START_VALUE] : -1};
	for (int i = 0; i < 4; i++)	/* first out of the way of their places */
		if (kept[i] >= 0 && kept[i] != i && (kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, 10)) < 0)
			return -1;
	for (int i = 0; i < 4; i++)
		if (kept[i] >= 0 && (kept[i] == i ? fcntl(i, F_SETFD, 0) : dup2(kept[i], i)) < 0)
			return -1;
	return 0;
}

struct arguments {
	const char *argv[SETUP_MAX_ARGS + 4];
	const char *file;
	char replaced[4][600];
};

/* "{file}" stands for the script's path, anywhere in an argument. */
static int arguments_exec(const struct setup_runtime *runtime, struct arguments *arguments)
{
	size_t replaced = 0, count = 0;
	for (; runtime->argv[count]; count++) {
		const char *mark = strstr(runtime->argv[count], "{file}");
		arguments->argv[count] = runtime->argv[count];
		if (!mark)
			continue;
		if (replaced == 4)
			return -1;
		int length = snprintf(arguments->replaced[replaced], sizeof arguments->replaced[0],
			"%.*s%s%s", (int)(mark - runtime->argv[count]), runtime->argv[count],
			arguments->file, mark + 6);
		if (length < 0 || (size_t)length >= sizeof arguments->replaced[0])
			return -1;
		arguments->argv[count] = arguments->replaced[replaced++];
	}
	return 0;
}

static void arguments_harness(const struct setup_runtime *runtime, struct arguments *arguments)
{
	size_t count = 0;
	for (; runtime->argv[count]; count++)
		arguments->argv[count] = runtime->argv[count];
	if (runtime->kind == SANDBOX_RUNTIME_PYTHON)
		arguments->argv[count++] = "-I";
	arguments->argv[count++] = runtime->kind == SANDBOX_RUNTIME_PYTHON ?
		RUNTIME_DIRECTORY "/run.py" : RUNTIME_DIRECTORY "/run.js";
	arguments->argv[count] = arguments->file;
}

/* Names of variables that an interpreter or libc looks at when it starts, and not again. */
static bool wants_fresh(const char *entry)
{
	static const char *const prefixes[] = {"LC_", "LANG=", "LANGUAGE=", "GLIBC_TUNABLES=", "MALLOC_",
		"NODE_", "UV_", "OPENSSL_", "SSL_", "SSLKEYLOGFILE=", "TZ=", "TZDIR=", "LOCPATH="};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool environment_wants_fresh(void)
{
	for (size_t i = 0; i < payload.environment_count; i++) {
		bool ours = false;
		for (size_t b = 0; base_environment[b]; b++)
			ours |= strcmp(base_environment[b], payload.environment[i]) == 0;
		if (!ours && wants_fresh(payload.environment[i]))
			return true;
	}
	return false;
}

static const char *compiling_impossible(void)
{
	errno = ENOTSUP;
	return "compiling in an interpreter that can only run";
}

int script_await(const char *extension)
{
	static const char *const empty_files[] = {"input.json", "context.json"};
	if (chdir(JOB_DIRECTORY) < 0)
		return -1;
	environment_add(base_environment[0]);
	payload.environment_count = 0;
	for (size_t i = 0; i < sizeof empty_files / sizeof *empty_files; i++) {
		int fd = file_make(empty_files[i], 0600);
		if (fd < 0)
			return -1;
		close(fd);
	}
	snprintf(ahead_name, sizeof ahead_name, "script%.40s", extension);
	int input = open("input.json", O_RDONLY), script = file_make(ahead_name, 0700);
	if (input < 0 || script < 0 || (input != 0 && dup2(input, 0) < 0))
		return -1;
	if (input != 0)
		close(input);
	ahead_fd = fcntl(script, F_DUPFD_CLOEXEC, 10);
	close(script);
	return ahead_fd < 0 ? -1 : 0;
}

static int text_map(struct dl_phdr_info *object, size_t size, void *unused)
{
	const uintptr_t wanted[] = {(uintptr_t)rename, (uintptr_t)script_await};
	(void)size;
	(void)unused;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + part->p_vaddr, end = start + part->p_memsz;
		bool holds = false;
		for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++)
			holds |= part->p_type == PT_LOAD && start <= wanted[w] && wanted[w] < end;
		if (holds)
			populate(start, end - start, false);
	}
	return 0;
}

/* A fork finds a file's pages one fault at a time. */
void script_text_map(void)
{
	(void)dl_iterate_phdr(text_map, NULL);
}

const char *script_prepare(const struct birth *birth, const struct job_start *start,
	struct script *script)
{
	char name[256];
	const struct setup_runtime *runtime = &birth->host->setup.runtimes[start->handover.head.runtime];
	if (payload_read(start) < 0)
		return "reading the job's payload";
	if (payload.compile_only && runtime->kind == SANDBOX_RUNTIME_EXEC)
		return compiling_impossible();
	snprintf(script->file, sizeof script->file, JOB_DIRECTORY "/%s",
		script_name(runtime, name));
	if (files_write(name) < 0)
		return "writing the job's files";
	if (directory_enter(payload.directory) < 0)
		return "entering the working directory";
	if (streams_place(start->fds, runtime->kind != SANDBOX_RUNTIME_EXEC) < 0)
		return "placing stdin, stdout and stderr";
	if (rlimit_job(birth->host, &start->handover.head.limits, runtime->kind) < 0)
		return "the job's resource limits";
	script->runtime = runtime;
	script->code = payload.code;
	script->code_size = payload.code_size;
	script->compile_only = payload.compile_only;
	script->compiled = payload.compiled;
	script->compiled_size = payload.compiled_size;
	script->environment = payload.environment;
	script->fresh = environment_wants_fresh();
	return NULL;
}

const char *script_execute(const struct script *script)
{
	static struct arguments arguments;
	if (script->compile_only)	/* a fresh interpreter would run it */
		return compiling_impossible();
	arguments.file = script->file;
	if (script->runtime->kind != SANDBOX_RUNTIME_EXEC)
		arguments_harness(script->runtime, &arguments);
	else if (arguments_exec(script->runtime, &arguments) < 0)
		return "building the runtime's arguments";
	execve(arguments.argv[0], (char *const *)arguments.argv,
		(char *const *)script->environment);
	return "executing the runtime";
}
