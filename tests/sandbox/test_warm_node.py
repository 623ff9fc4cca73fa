#!/usr/bin/python3
"""Jobs that are forked from one warm Node share nothing that is to differ from process to process."""
import json
import os

from support import ROOT, Counts, Driver, server, users

DRAWS = """
const vm = require('vm');
const { webcrypto } = require('crypto');
const { Worker } = require('worker_threads');
const inWorker = () => new Promise((resolve, reject) => new Worker(
	'require("worker_threads").parentPort.postMessage([Math.random(), require("crypto").randomUUID()])',
	{ eval: true }).on('message', resolve).on('error', reject));
module.exports = async () => ({
	random: Math.random(), uuid: webcrypto.randomUUID(), bytes: require('crypto').randomBytes(16).toString('hex'),
	values: String(webcrypto.getRandomValues(new Uint32Array(4))), int: require('crypto').randomInt(2 ** 47),
	directory: require('fs').mkdtempSync(require('os').tmpdir() + '/x-'), context: vm.runInNewContext('Math.random()'),
	worker: String(await inWorker()), key: require('crypto').generateKeyPairSync('ed25519').privateKey
		.export({ type: 'pkcs8', format: 'der' }).toString('hex'),
	origin: performance.timeOrigin,
});
"""
ONE_ZYGOTE_JOBS = 6


def draws_differ(counts, box, user):
    drawn = []
    for _ in range(ONE_ZYGOTE_JOBS):
        result = box.run("javascript", DRAWS)
        if not counts.ok(result["warm"] and result["value"], "a job draws as %s" % user, result):
            return
        drawn.append(json.loads(result["value"]))
    for name in drawn[0]:
        values = {values[name] for values in drawn}
        counts.ok(len(values) == len(drawn), "%s differs from job to job as %s" % (name, user), values)


def nothing_stays(counts, box, user):
    """What a job does to its interpreter, the next one does not see."""
    spoil = "globalThis.left = 1; Array.prototype.left = 1; process.env.LEFT = '1'; require('fs').left = 1;" \
        "process.on('exit', () => {}); console.log('x')"
    look = "module.exports = () => [typeof left, typeof [].left, process.env.LEFT ?? 0, typeof require('fs').left," \
        " process.listenerCount('exit'), process.stdout.bytesWritten]"
    for _ in range(2):
        result = box.run("javascript", spoil)
        counts.ok(result["exit_code"] == 0, "a job spoils its interpreter as %s" % user, result)
        result = box.run("javascript", look)
        counts.ok(result["value"] == '["undefined","undefined",0,"undefined",0,0]',
                  "the next job finds a clean one as %s" % user, result)


def needs_no_room_behind_the_heap(counts, box, user):
    """Memory that malloc() got elsewhere holds what is to be made anew, too."""
    for file in "clock_origin.js", "worker_threads_shared.js":
        with open(ROOT + "/tests/corpus/javascript/" + file, encoding="utf-8") as program:
            code = program.read()
        result = box.run("javascript", code)
        wanted = json.loads(code.splitlines()[0].lstrip("/ "))["value"]
        counts.ok(result["warm"] and result["value"] and json.loads(result["value"]) == wanted,
                  "%s where the heap can't grow as %s" % (file, user), result)


def main():
    counts = Counts()
    if not os.path.exists("/usr/bin/node"):
        counts.skip("warm Node", "no /usr/bin/node")
        counts.end()
    driver, bounded = Driver(), Driver(drop=True)
    for user in users():
        with server(driver, user) as box:
            if box.warm["javascript"] is not True:
                counts.skip("warm Node as %s" % user, box.warm["javascript"] or "built without Node's headers")
                continue
            draws_differ(counts, box, user)
            nothing_stays(counts, box, user)
        with server(bounded, user) as box:
            needs_no_room_behind_the_heap(counts, box, user)
    driver.close()
    bounded.close()
    counts.end()


if __name__ == "__main__":
    main()
