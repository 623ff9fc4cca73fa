'use strict';
// warm.js: the part of run.js that makes it a zygote. See there, and sandbox/zygote/zygote.h.
//
// What has been loaded, compiled and run here, no job pays for. What is made here, each job gets a copy
// of: so nothing is made that is to differ from job to job (no Math.random(), no cached random bytes).
const fs = require('fs');
const os = require('os');
const vm = require('vm');
const v8 = require('v8');
const { Console } = require('console');
const Module = require('module');

const COMMON = ('assert assert/strict async_hooks buffer child_process crypto dns events fs fs/promises http https ' +
	'module net os path perf_hooks process querystring readline stream stream/promises string_decoder timers ' +
	'timers/promises tty url util util/types v8 vm worker_threads zlib').split(' ');
const FILE = '/job/script.js';
const PRACTICES = 8;

const SCRIPT = `
const fs = require('fs');
const path = require('node:path');
const util = require('util');
class Shape {
	#sides = 4;
	get sides() { return this.#sides; }
}
const { a, ...rest } = { a: 1, b: [1, 2, { c: 3 }], d: new Map([[1, 2]]), e: new Set('ab') };
const text = [3, 1, 2].sort((x, y) => x - y).map((x) => x * 2).join() + \`\${new Shape().sides}\`;
console.log(1);
console.log('a', 1, true, null, undefined, { a, rest }, [1, 'x'], text, 'b'.padEnd(9), new Date(0));
console.log('%s %d %j %o', 'x', 1, { y: 2 }, [3]);
console.error('e', new Error('sample'));
console.info(util.inspect({ deep: { deeper: { deepest: [Symbol('s'), () => 1, /x/g, 1n] } } }, { depth: 4 }));
console.table([{ a: 1, b: 2 }]);
JSON.parse(JSON.stringify({ a: [1, 2, { b: 'c' }], d: null, e: 'é' }));
try { null.x; } catch (error) { String(error.stack); }
try { JSON.parse('{'); } catch (error) { console.log(error.message); }
try { fs.readFileSync('/no/such/file'); } catch (error) { console.log(error.code, error.stack); }
fs.existsSync(__filename); fs.readdirSync('/job'); path.join(__dirname, '..', 'x'); path.resolve('x');
Buffer.from('abc').toString('base64'); Buffer.concat([Buffer.alloc(3), Buffer.from([1])]).toString('hex');
new URL('http://a.b/c?d=e').searchParams.get('d'); new TextDecoder().decode(new TextEncoder().encode('x'));
structuredClone({ a: new Map([[1, { b: 2 }]]) });
performance.now(); process.hrtime.bigint(); process.memoryUsage(); process.uptime(); process.cwd();
const crypto = require('crypto');
crypto.createHash('sha256').update('x').digest('hex'); crypto.createHmac('sha1', 'k').update('x').digest('base64');
crypto.randomUUID({ disableEntropyCache: true }); crypto.randomBytes(8).toString('hex');
const zlib = require('zlib');
zlib.gunzipSync(zlib.gzipSync('x')).toString();
new (require('events'))().on('x', () => {}).emit('x', 1);
setTimeout(() => {}, 0); clearTimeout(setTimeout(() => {}, 1000)); queueMicrotask(() => {});
process.nextTick(() => {}); setImmediate(() => {});
clearInterval(setInterval(() => {}, 1000));
function main(input, context) { return { input, context, n: [1, 2], date: new Date(0), text: 'x' }; }
`;
const SCRIPT_ASYNC = `
const { setTimeout: wait } = require('timers/promises');
const { readFile } = require('fs/promises');
await null;
await Promise.all([wait(1), readFile('/dev/null', 'utf8'), Promise.allSettled([Promise.reject(new Error('x'))])]);
for await (const chunk of require('stream').Readable.from(['a', 'b'])) String(chunk);
(await import('node:os')).cpus();
async function* numbers() { yield 1; yield 2; }
for await (const n of numbers()) console.log(n);
await require('stream/promises').pipeline(require('stream').Readable.from(['x']), require('zlib').createGzip(),
	async function* (source) { for await (const chunk of source) yield chunk; },
	new (require('stream').PassThrough)().resume());
await (globalThis.crypto ?? require('crypto').webcrypto).subtle.digest('SHA-256', new Uint8Array(4));
await require('util').promisify(setTimeout)(1);
async function main(input) { await null; return input; }
`;

function library() {
	const library = { exports: {} };
	process.dlopen(library, `${__dirname}/zygote_node.node`);
	library.exports.open();
	return library.exports;
}

// As run.js runs a script, but for what stays behind: the main module, listeners.
async function sample(harness, source, console, output) {
	const module = new Module('.', null);
	module.filename = FILE;
	module.paths = Module._nodeModulePaths('/job');
	const { run, isAsync } = harness.compile(`/* await */ const console = globalThis.__console;${source}`, FILE);
	globalThis.__console = console;
	let main;
	const made = run.call(module.exports, module.exports, Module.createRequire(FILE), module, FILE, '/job',
		(found) => { main = found; });
	delete globalThis.__console;
	if (isAsync)
		await made;
	const [kind, text] = harness.encode(await Promise.resolve().then(main.bind(undefined, JSON.parse('{"a": 1}'), null)));
	fs.writeSync(output, Buffer.concat([Buffer.from(kind, 'latin1'), Buffer.from(text, 'utf8')]));
}

// What Node does about an error that nobody catches, as far as it does it in JavaScript.
async function errors() {
	await new Promise((resolve) => {
		process.once('uncaughtException', resolve);
		setImmediate(() => { throw new Error('sample'); });
	});
	await new Promise((resolve) => {
		process.once('unhandledRejection', resolve);
		Promise.reject(new Error('sample'));
	});
}

async function streams() {
	const input = fs.createReadStream(null, { fd: fs.openSync('/dev/null', 'r'), autoClose: true });
	input.setEncoding('utf8');
	for await (const chunk of input)
		String(chunk);
	const lines = require('readline').createInterface({ input: fs.createReadStream(__filename) });
	for await (const line of lines)
		String(line);
}

// The process' own streams, made here on a pipe that nobody reads; jobs find them unused on theirs.
async function rehearse(harness, zygote) {
	zygote.mute();
	const console = new Console(process.stdout, process.stderr);
	const output = fs.openSync('/dev/null', 'w');
	try {
		harness.channel();
		harness.importOptions('import', FILE);
		for (let i = 0; i < 2; i++) {
			for (const source of [SCRIPT, SCRIPT_ASYNC])
				await sample(harness, source, console, output);
			await errors();
			await streams();
		}
	} finally {
		fs.closeSync(output);
		zygote.unmute();
	}
	const used = { console, streams: [process.stdout, process.stderr] };
	practiseOften(harness, zygote, used);
	return used;
}

function collect() {
	v8.setFlagsFromString('--expose-gc');
	const gc = vm.runInNewContext('gc');
	v8.setFlagsFromString('--no-expose-gc');
	gc();
}

function forget() {
	delete require.cache[__filename];
	require.main.children = require.main.children.filter((module) => module.filename !== __filename);
	process.execArgv.length = 0;
}

const practised = []; // bytes that stdout and stderr took before there was a job

function bytesWritten(handle) {
	return Reflect.get(Object.getPrototypeOf(handle), 'bytesWritten', handle);
}

// A stream's descriptor is made non-blocking when a job first asks for the stream, and not before.
function streamLazily(zygote, name, fd) {
	const property = Object.getOwnPropertyDescriptor(process, name);
	const stream = process[name];
	const handle = stream._handle;
	Object.defineProperty(handle, 'bytesWritten', { configurable: true, get() {
		return bytesWritten(handle) - practised[fd];
	} });
	Object.defineProperty(process, name, { ...property, get() {
		Object.defineProperty(process, name, property);
		stream.removeAllListeners('error');	// Node 18's console leaves one behind
		zygote.unblock(fd);
		return stream;
	} });
}

// In a fork that has no job yet: what Node found out about its process when it started.
function prepare(zygote, pid) {
	Object.defineProperty(process, 'pid', { value: pid });
	// The kernel shows no parent in another pid namespace.
	Object.defineProperty(process, 'ppid', { get: () => 1 });
	streamLazily(zygote, 'stdout', 1);
	streamLazily(zygote, 'stderr', 2);
	setImmediate(() => {});	// a loop that never turns would end in Node's way, not in the addon's
}

// Most jobs write to the same pages of memory, which are copied when they are first written to: where there is
// time before a fork has its job, it does what a job does.
function practise(harness, zygote, { console, streams }) {
	zygote.mute();
	try {
		process.chdir('.');
		harness.channel();
		[process.env.CODE_INPUT, process.env.CODE_CONTEXT].map(String);
		process.argv.splice(1, 2, ...process.argv.slice(1, 3));
		fs.readFileSync(__filename, 'utf8');
		const main = harness.mainTake(FILE);
		const { run } = harness.compile('exports.log(1)', FILE);
		run(console, main.require, main.module, FILE, '/job', undefined);
		harness.mainMakeAhead(FILE);
		harness.watchTheEnd({ settled: true });
		harness.encode({ a: 1 });
		process._tickCallback();
		process.emit('beforeExit', 0);
	} finally {
		process.removeAllListeners('beforeExit');
		process.mainModule = require.main;
		delete Module._cache[FILE];
		zygote.unmute();
		streams.forEach(({ _handle, fd }) => { practised[fd] = bytesWritten(_handle); });
	}
}

function practiseOften(harness, zygote, used) {
	for (let i = 0; i < PRACTICES; i++)
		practise(harness, zygote, used);
}

function serve(harness, zygote, used) {
	const home = process.env.HOME;
	const [file, source, compileOnly, compiled] = zygote.serve((pid) => prepare(zygote, pid),
		() => practise(harness, zygote, used));
	process.chdir('.'); // what process.cwd() remembers
	if (process.env.HOME !== home)
		Module._initPaths();
	harness.begin(file, source, compileOnly, compiled);
}

function giveUp(error) {
	fs.writeSync(2, `${error && error.stack}\n${String(error && error.message).split('\n')[0]}\n`);
	process.reallyExit(1);
}

async function warmUp(harness) {
	try {
		const zygote = library();
		v8.setFlagsFromString('--no-flush-bytecode');
		for (const name of [...COMMON, ...process.env.CODESANDBOX_ZYGOTE.split(',').filter(Boolean)])
			require(name);
		const used = await rehearse(harness, zygote);
		process.once('beforeExit', () => {	// nothing is under way any more
			forget();
			collect();
			practiseOften(harness, zygote, used); // what was collected comes back, and memory is swept
			try {
				zygote.settle();
			} catch (error) {
				giveUp(error);
			}
			serve(harness, zygote, used);
		});
	} catch (error) {
		giveUp(error);
	}
}

module.exports = { warmUp };
