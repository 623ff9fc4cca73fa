// orphan_javascript: leaves a detached child behind.
require('child_process').spawn('/usr/bin/sleep', ['5'],
	{ argv0: process.env.ATTACK_MARK, detached: true, stdio: 'ignore' }).unref();
