/* zygote.c: the zygote's library for CPython: an extension module of the stable ABI (PEP 384), so that one
 * serves any Python 3.9 or newer. run.py loads it; see ../../zygote/zygote.h.
 *
 *	serve(rehearsal) -> (path, code, environment, compile_only, compiled)
 *						in each job's process; see zygote_serve and struct script;
 *						rehearsal is called where one waits for its job
 *	leave(status)				ends it
 */
#define Py_LIMITED_API 0x03090000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdio.h>
#include <unistd.h>

#include "../../zygote/zygote.h"

extern char **environ;

static PyObject *environment_list(const char **environment)
{
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && environment[i]; i++) {
		PyObject *entry = PyBytes_FromString(environment[i]);
		if (!entry || PyList_Append(list, entry) < 0)
			Py_CLEAR(list);
		Py_XDECREF(entry);
	}
	return list;
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
	return Py_BuildValue("sy#NNy#", script.file, script.code, (Py_ssize_t)script.code_size,
		environment_list(script.environment), PyBool_FromLong(script.compile_only), script.compiled,
		(Py_ssize_t)script.compiled_size);
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
