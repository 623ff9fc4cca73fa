/* demo_samples.c: see demo_samples.h. One row a request. */
#include "demo_samples.h"

const char demo_script[] = "def main(input, context):\n\treturn 'hello, ' + input['name']\n";

const struct demo_sample demo_samples[] = {
	{"python returns a value", "COMPLETED",
		"\"scriptType\":\"python\",\"risk\":\"none\","
		"\"code\":\"def main(input):\\n return {'answer': input['a'] * input['b']}\","
		"\"input\":{\"a\":6,\"b\":7}"},
	{"javascript, async", "COMPLETED",
		"\"scriptType\":\"javascript\",\"risk\":\"low\","
		"\"code\":\"module.exports = async (input) => input.words.map(w => w.length)\","
		"\"input\":{\"words\":[\"warm\",\"interpreters\"]}"},
	{"shell prints", "COMPLETED",
		"\"scriptType\":\"shell\",\"risk\":\"medium\","
		"\"code\":\"echo I am uid $(id -u) and see $(ls /proc | grep -c '^[0-9]') processes\""},
	{"python reads stdin", "COMPLETED",
		"\"scriptType\":\"python\",\"risk\":\"high\","
		"\"code\":\"import json, sys\\nprint(sorted(json.load(sys.stdin)))\","
		"\"input\":[3,1,2]"},
	{"a named script", "COMPLETED",
		"\"scriptType\":\"python\",\"scriptName\":\"" DEMO_SCRIPT_NAME "\","
		"\"inline\":false,\"input\":{\"name\":\"reader\"}"},
	{"succeeds at the second try", "COMPLETED",
		"\"scriptType\":\"shell\",\"retries\":2,\"retryDelayMs\":200,"
		"\"code\":\"test $CODE_ATTEMPT -ge 2 && echo attempt $CODE_ATTEMPT\""},
	{"looks for the host's files", "COMPLETED",
		"\"scriptType\":\"shell\","
		"\"code\":\"for f in /root /home /var /etc/shadow; do "
		"ls $f >/dev/null 2>&1 && echo $f is readable; done; echo nothing of the host\""},
	{"looks for the network", "COMPLETED",
		"\"scriptType\":\"python\","
		"\"code\":\"import socket\\ntry:\\n socket.create_connection(('127.0.0.1', 9092), 1)"
		"\\n print('connected')\\nexcept OSError as e:\\n print('no network:', e)\""},
	{"exits with 3", "execution.exit",
		"\"scriptType\":\"shell\",\"code\":\"echo giving up >&2; exit 3\""},
	{"raises", "execution.exit",
		"\"scriptType\":\"python\",\"code\":\"def main():\\n return 1 // 0\""},
	{"kills itself", "execution.signal",
		"\"scriptType\":\"shell\",\"code\":\"kill -SEGV $$\""},
	{"sleeps too long", "timeout",
		"\"scriptType\":\"shell\",\"timeoutMs\":1000,\"code\":\"sleep 60\""},
	{"burns CPU", "limit.cpu",
		"\"scriptType\":\"shell\",\"limits\":{\"cpuMs\":500},"
		"\"code\":\"while :; do :; done\""},
	{"takes too much memory", "limit.memory",
		"\"scriptType\":\"python\",\"limits\":{\"memoryBytes\":67108864},"
		"\"code\":\"hoard = []\\nwhile True:\\n hoard.append(bytearray(1 << 20))\""},
	{"fills the disk", "limit.disk",
		"\"scriptType\":\"shell\",\"limits\":{\"diskBytes\":4194304},"
		"\"code\":\"dd if=/dev/zero of=big bs=1M count=64 2>/dev/null || exit 1\""},
	{"forks without end", "limit.processes",
		"\"scriptType\":\"shell\",\"limits\":{\"processes\":8},"
		"\"code\":\"for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done; wait; exit 1\""},
	{"returns too much", "limit.output",
		"\"scriptType\":\"python\",\"limits\":{\"outputBytes\":4096},"
		"\"code\":\"def main():\\n return 'x' * 100000\""},
	{"returns what JSON can't hold", "execution.output",
		"\"scriptType\":\"python\",\"code\":\"def main():\\n return float('nan')\""},
	{"attacks the kernel", "sandbox.violation",
		"\"scriptType\":\"python\","
		"\"code\":\"import ctypes\\nctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)\""},
	{"rm -rf /", "code.security",
		"\"scriptType\":\"shell\",\"risk\":\"medium\",\"code\":\"rm -rf /\""},
	{"a script that is not there", "script.not_found",
		"\"scriptType\":\"shell\",\"scriptName\":\"nowhere.sh\",\"inline\":false"},
	{"a language nobody installed", "code.unsupported",
		"\"scriptType\":\"powershell\",\"code\":\"Get-Date\""},
	{"a broken request", "request.malformed",
		"\"scriptType\":\"shell\",\"code\":\"echo\",\"timeoutMs\":\"soon\""},
};

const size_t demo_sample_count = sizeof demo_samples / sizeof *demo_samples;
