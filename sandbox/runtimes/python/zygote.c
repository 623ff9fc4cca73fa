/* zygote.c: the zygote's library for CPython: an extension module of the stable ABI (PEP 384), so that one
 * serves any Python 3.9 or newer. run.py loads it; see ../../zygote/zygote.h.
 *
 *	serve(rehearsal, environment) -> (path, code, arguments, channel, compile_only, compiled)
 *						in each job's process; see zygote_serve and struct script:
 *						the paths of main's arguments, inode and device of
 *						descriptor 3, which is closed on exec from then on.
 *						environment, a dictionary, is filled; rehearsal is called
 *						where one waits for its job
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

/* As a fresh interpreter would have found it, and os.environ holds it. */
static int environment_fill(PyObject *data, const char **environment)
{
	int result = 0;
	PyDict_Clear(data);
	for (size_t i = 0; result == 0 && environment[i]; i++) {
		const char *name = environment[i], *value = strchr(name, '=');
		PyObject *key = PyBytes_FromStringAndSize(name, value ? value - name : (Py_ssize_t)strlen(name));
		PyObject *entry = PyBytes_FromString(value ? value + 1 : "");
		result = key && entry ? PyDict_SetItem(data, key, entry) : -1;
		Py_XDECREF(key);
		Py_XDECREF(entry);
	}
	return result;
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

static PyObject *serve(PyObject *self, PyObject *arguments)
{
	static const struct zygote_hooks hooks = {PyOS_BeforeFork, PyOS_AfterFork_Parent,
		PyOS_AfterFork_Child, rehearse, "def main(input, context):\n\tprint(end='')\n\treturn {}\n"};
	static struct script script;
	PyObject *data;
	(void)self;
	if (!PyArg_ParseTuple(arguments, "OO!", &rehearsal, &PyDict_Type, &data))
		return NULL;
	Py_INCREF(rehearsal);
	zygote_serve(&hooks, &script);
	environ = (char **)script.environment;
	if (environment_fill(data, script.environment) < 0)
		return NULL;
	return Py_BuildValue("sy#NNNy#", script.file, script.code, (Py_ssize_t)script.code_size,
		arguments_list(script.environment), channel_take(),
		PyBool_FromLong(script.compile_only), script.compiled, (Py_ssize_t)script.compiled_size);
}

/* C's streams may hold something, too; what libraries would do at the exit is of no use any more. */
static PyObject *leave(PyObject *self, PyObject *status)
{
	(void)self;
	fflush(NULL);
	zygote_job_leave((int)PyLong_AsLong(status));
}

static PyMethodDef methods[] = {{"serve", serve, METH_VARARGS, "Forks jobs; returns in each of them."},
	{"leave", leave, METH_O, "Ends the process with a status."}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "zygote_python",
	.m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_zygote_python(void);	/* -Wmissing-prototypes */
PyMODINIT_FUNC PyInit_zygote_python(void)
{
	return PyModule_Create(&module);
}
