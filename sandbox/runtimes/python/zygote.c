/* zygote.c: the zygote's library for CPython: an extension module of the stable ABI (PEP 384), so that one
 * serves any Python 3.9 or newer. run.py loads it; see ../../zygote/zygote.h.
 *
 *	serve(rehearsal) -> (path, code, environment, arguments, channel, compile_only, compiled)
 *						in each job's process; see zygote_serve and struct script:
 *						pairs of names and values, the paths of main's
 *						arguments, inode and device of descriptor 3, which is
 *						closed on exec from then on; rehearsal is called where
 *						one waits for its job
 *	leave(status)				ends it
 */
#define Py_LIMITED_API 0x03090000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../zygote/zygote.h"

#define VALUE_FD 3

extern char **environ;

/* What takes Python a while with cold caches is done here. */
static PyObject *environment_list(const char **environment)
{
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && environment[i]; i++) {
		const char *name = environment[i], *value = strchr(name, '=');
		PyObject *entry = value ? Py_BuildValue("y#y", name, (Py_ssize_t)(value - name), value + 1) :
			Py_BuildValue("yy", name, "");
		if (!entry || PyList_Append(list, entry) < 0)
			Py_CLEAR(list);
		Py_XDECREF(entry);
	}
	return list;
}

static PyObject *arguments_list(const char **environment)
{
	static const char *const wanted[] = {"CODE_INPUT=", "CODE_CONTEXT="};
	const char *found[2] = {NULL, NULL};
	for (size_t i = 0; environment[i]; i++)
		for (int w = 0; w < 2; w++)
			if (strncmp(environment[i], wanted[w], strlen(wanted[w])) == 0)
				found[w] = environment[i] + strlen(wanted[w]);
	return Py_BuildValue("[zz]", found[0], found[1]);
}

/* As identity() has it. */
static PyObject *channel_take(void)
{
	struct stat st;
	if (fstat(VALUE_FD, &st) < 0 || fcntl(VALUE_FD, F_SETFD, FD_CLOEXEC) < 0)
		Py_RETURN_NONE;
	return Py_BuildValue("(KK)", (unsigned long long)st.st_ino, (unsigned long long)st.st_dev);
}

static PyObject *rehearsal;

static void rehearse(void)
{
	PyObject *result = PyObject_CallObject(rehearsal, NULL);
	if (!result)
		PyErr_Clear();
	Py_XDECREF(result);
}

static PyObject *serve(PyObject *self, PyObject *callable)
{
	static const struct zygote_hooks hooks = {PyOS_BeforeFork, PyOS_AfterFork_Parent,
		PyOS_AfterFork_Child, rehearse, "def main(input, context):\n\tprint(end='')\n\treturn {}\n"};
	static struct script script;
	(void)self;
	Py_INCREF(callable);
	rehearsal = callable;
	zygote_serve(&hooks, &script);
	environ = (char **)script.environment;
	return Py_BuildValue("sy#NNNNy#", script.file, script.code, (Py_ssize_t)script.code_size,
		environment_list(script.environment), arguments_list(script.environment), channel_take(),
		PyBool_FromLong(script.compile_only), script.compiled, (Py_ssize_t)script.compiled_size);
}

/* C's streams may hold something, too; what libraries would do at the exit is of no use any more. */
static PyObject *leave(PyObject *self, PyObject *status)
{
	(void)self;
	fflush(NULL);
	zygote_job_leave((int)PyLong_AsLong(status));
}

static PyMethodDef methods[] = {{"serve", serve, METH_O, "Forks jobs; returns in each of them."},
	{"leave", leave, METH_O, "Ends the process with a status."}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "zygote_python",
	.m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_zygote_python(void);	/* -Wmissing-prototypes */
PyMODINIT_FUNC PyInit_zygote_python(void)
{
	return PyModule_Create(&module);
}
