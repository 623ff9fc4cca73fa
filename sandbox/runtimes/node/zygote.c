/* zygote.c: the zygote's library for Node: an addon by Node-API, so that one serves any Node. warm.js loads
 * it; see ../../zygote/zygote.h.
 *
 *	open()			prepares the process; throws where this Node can't be a zygote
 *	settle()		when all is loaded and nothing is collected any more; throws likewise
 *	mute(), unmute()	leads what is written to stdout and stderr nowhere
 *	unblock(fd)
 *	serve(prepare, practise) -> [path, code, compileOnly, compiled]
 *				in each job's process; see zygote_serve and struct script. There, but before
 *				the process has its job, it calls prepare(pid), and practise() if there is
 *				time
 *
 * Node's own end of a process waits for threads that no fork has, so the end is here: what Node does when its
 * event loop has run dry, and then _exit.
 */
#include <node_api.h>
#include <uv.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../launcher/zygote.h"
#include "../../zygote/zygote.h"
#include "internals.h"

#define DESCRIPTORS_MAX 256

extern char **environ;

static struct {
	napi_env env;
	uv_loop_t *loop;
	napi_value callbacks[2];	/* prepare, practise */
	bool in_job;
	int output_fd, muted_fd;	/* stdout and stderr while they are muted, -1: closed; the pipe instead */
	void (*handlers_run)(void);	/* forkable.c's */
	bool used[DESCRIPTORS_MAX];	/* Node's own in the zygote */
} zygote;

/* ---- the end of a job */

static napi_value process_object(void)
{
	napi_value global, process;
	napi_get_global(zygote.env, &global);
	napi_get_named_property(zygote.env, global, "process", &process);
	return process;
}

static int exit_code(napi_value process)
{
	napi_value value, as_number;
	napi_valuetype type = napi_undefined;
	int32_t code = 0;
	if (napi_get_named_property(zygote.env, process, "exitCode", &value) == napi_ok)
		napi_typeof(zygote.env, value, &type);
	if (type != napi_undefined && napi_coerce_to_number(zygote.env, value, &as_number) == napi_ok)
		napi_get_value_int32(zygote.env, as_number, &code);
	return code;
}

/* As Node does it from C++, so that no frame of ours is on a listener's stack. */
static void emit(napi_value process, const char *event)
{
	napi_value function, arguments[2], error;
	napi_get_named_property(zygote.env, process, "emit", &function);
	napi_create_string_utf8(zygote.env, event, NAPI_AUTO_LENGTH, &arguments[0]);
	napi_create_int32(zygote.env, exit_code(process), &arguments[1]);
	if (napi_make_callback(zygote.env, NULL, process, function, 2, arguments, NULL) == napi_ok)
		return;
	if (napi_get_and_clear_last_exception(zygote.env, &error) == napi_ok)
		napi_fatal_exception(zygote.env, error);
}

static void idle(void)
{
	napi_handle_scope scope;
	napi_value process, yes;
	if (!zygote.in_job || uv_loop_alive(zygote.loop))
		return;
	napi_open_handle_scope(zygote.env, &scope);
	process = process_object();
	emit(process, "beforeExit");
	if (!uv_loop_alive(zygote.loop)) {
		napi_get_boolean(zygote.env, true, &yes);
		napi_set_named_property(zygote.env, process, "_exiting", yes);
		emit(process, "exit");
		internals_leave(exit_code(process));
	}
	napi_close_handle_scope(zygote.env, scope);
}

/* ---- a job's process */

/* libuv closes the descriptors that it had. They are closed already, and by then their numbers could be
 * those of its new ones: so something stands in for each. */
static void descriptors_stand_in(void)
{
	for (int fd = ZYGOTE_SETUP_FD; fd < DESCRIPTORS_MAX; fd++)
		if (zygote.used[fd])
			(void)dup2(0, fd);
}

static void stand_ins_close(void)
{
	struct stat input, st;
	if (fstat(0, &input) < 0)
		return;
	for (int fd = ZYGOTE_SETUP_FD; fd < DESCRIPTORS_MAX; fd++)
		if (zygote.used[fd] && fstat(fd, &st) == 0 && st.st_dev == input.st_dev &&
				st.st_ino == input.st_ino)
			close(fd);
}

static void loop_renew(void)
{
	descriptors_stand_in();
	zygote.handlers_run();
	if (uv_loop_fork(zygote.loop) < 0) {
		fputs("node: too few descriptors for an event loop\n", stderr);
		_exit(1);
	}
	stand_ins_close();
	for (int fd = 0; fd <= 3; fd++)	/* as Node's start does */
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	uv_update_time(zygote.loop);
}

static void call_back(napi_value function)
{
	napi_value global, pid, result, error;
	napi_get_global(zygote.env, &global);
	napi_create_int32(zygote.env, getpid(), &pid);
	if (napi_call_function(zygote.env, global, function, 1, &pid, &result) == napi_ok)
		return;
	napi_get_and_clear_last_exception(zygote.env, &error);
	napi_fatal_exception(zygote.env, error);
}

static void after_fork(void)
{
	internals_renew_random();
	call_back(zygote.callbacks[0]);
}

static void in_idle_time(void)
{
	call_back(zygote.callbacks[1]);
}

static napi_value script_array(napi_env env, const struct script *script)
{
	napi_value array, path, code, compile_only, compiled;
	void *data;
	napi_create_array_with_length(env, 4, &array);
	napi_create_string_utf8(env, script->file, NAPI_AUTO_LENGTH, &path);
	napi_set_element(env, array, 0, path);
	napi_create_string_utf8(env, script->code, script->code_size, &code);
	napi_set_element(env, array, 1, code);
	napi_get_boolean(env, script->compile_only, &compile_only);
	napi_set_element(env, array, 2, compile_only);
	if (script->compiled_size > 0 && napi_create_buffer_copy(env, script->compiled_size,
			script->compiled, &data, &compiled) == napi_ok)
		napi_set_element(env, array, 3, compiled);
	return array;
}

static napi_value serve(napi_env env, napi_callback_info info)
{
	static const struct zygote_hooks hooks = {NULL, NULL, after_fork, in_idle_time,
		"console.log('');\nfunction main(input) { return { input }; }\n"};
	static struct script script;
	size_t count = 2;
	napi_get_cb_info(env, info, &count, zygote.callbacks, NULL, NULL);
	for (int fd = ZYGOTE_SETUP_FD + 1; fd < DESCRIPTORS_MAX; fd++)
		zygote.used[fd] = fcntl(fd, F_GETFD) >= 0;
	zygote_serve(&hooks, &script);
	environ = (char **)script.environment;
	zygote.in_job = true;
	loop_renew();
	internals_renew_clock();
	return script_array(env, &script);
}

/* ---- in the zygote */

static napi_value lacking(napi_env env, const char *missing)
{
	char text[128];
	if (missing) {
		snprintf(text, sizeof text, "this Node can't be forked: no way to %s", missing);
		napi_throw_error(env, NULL, text);
	}
	return NULL;
}

static napi_value open_zygote(napi_env env, napi_callback_info info)
{
	(void)info;
	zygote.env = env;
	napi_get_uv_event_loop(env, &zygote.loop);
	*(void **)&zygote.handlers_run = dlsym(RTLD_DEFAULT, "forkable_child");
	return lacking(env, zygote.handlers_run ? internals_open(idle) : "the preloaded library");
}

static napi_value settle(napi_env env, napi_callback_info info)
{
	(void)info;
	return lacking(env, internals_settle());
}

/* A pipe, as jobs have; beyond the numbers that are closed while a job is waited for. */
static napi_value mute(napi_env env, napi_callback_info info)
{
	int made[2], ends[2] = {-1, -1};
	(void)info;
	zygote.output_fd = fcntl(1, F_DUPFD_CLOEXEC, ZYGOTE_SETUP_FD);
	if (pipe2(made, O_CLOEXEC) == 0) {
		for (int i = 0; i < 2; i++)
			ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, ZYGOTE_SETUP_FD);
		close(made[0]);
		close(made[1]);
	}
	if (ends[0] < 0 || ends[1] < 0 || dup2(ends[1], 1) < 0 || dup2(ends[1], 2) < 0) {
		napi_throw_error(env, NULL, "no pipe");
		return NULL;
	}
	zygote.muted_fd = ends[0];
	close(ends[1]);
	return NULL;
}

static napi_value unmute(napi_env env, napi_callback_info info)
{
	(void)env;
	(void)info;
	if (zygote.output_fd < 0) {
		close(1);
		close(2);
	} else {
		(void)dup2(zygote.output_fd, 1);
		(void)dup2(zygote.output_fd, 2);
		close(zygote.output_fd);
	}
	close(zygote.muted_fd);
	return NULL;
}

static napi_value unblock(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value number;
	int32_t fd;
	napi_get_cb_info(env, info, &count, &number, NULL, NULL);
	if (napi_get_value_int32(env, number, &fd) == napi_ok)
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return NULL;
}

/* What NAPI_MODULE_INIT() makes, with its prototype. */
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	static const struct {
		const char *name;
		napi_callback function;
	} doors[] = {{"open", open_zygote}, {"settle", settle}, {"mute", mute}, {"unmute", unmute},
		{"unblock", unblock}, {"serve", serve}};
	for (size_t i = 0; i < sizeof doors / sizeof *doors; i++) {
		napi_value function;
		napi_create_function(env, doors[i].name, NAPI_AUTO_LENGTH, doors[i].function, NULL,
			&function);
		napi_set_named_property(env, exports, doors[i].name, function);
	}
	return exports;
}
