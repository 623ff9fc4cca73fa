'use strict';
// run.js: runs one script as CommonJS with top-level await, then its main(input, context), and hands on
// the value.
//
// argv: run.js SCRIPT. Descriptor 3 is the value's channel: one byte of kind ('v' JSON text, 'e' why the
// value is not JSON), the length in 4 little-endian bytes, the text; nothing unless main returned. A zygote's
// fork that only compiles the script sends that there (kind 'c') and runs nothing.
//
// The script and main are called by Node itself, as an immediate or a promise's reaction, and their
// errors are left to Node too: so stacks hold the script's frames and none of this file. A script
// that mentions await is compiled as an async function; one that does not runs outside of any
// promise, with the order of ticks and promises that CommonJS has.
//
// A zygote (warm.js) is this same program, up to where the script's name is needed: from there on each of
// its forks goes on as a cold one does.
const fs = require('fs');
const path = require('path');
const vm = require('vm');
const Module = require('module');

const VALUE_FD = 3;
const UNSETTLED = 13; // Node's own exit code for a top-level await that never settles
const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', '__codeworkerMain'];
// Only code behind the script can name a function that it declares.
const TAIL = '\n;if (typeof main === "function") __codeworkerMain(main);';
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

let valueChannel;
let argumentFiles;
let compiled; // what V8 gave another process that compiled the script; it takes it for the same text alone
let compileOnly = false;
let madeAhead;

function channel() {
	try {
		const { dev, ino } = fs.fstatSync(VALUE_FD);
		return `${dev}:${ino}`;
	} catch {
		return undefined;
	}
}

function send(kind, text) {
	if (!valueChannel || channel() !== valueChannel)
		throw new Error('descriptor 3, the channel of main\'s value, was closed');
	const body = Buffer.from(text, 'utf8'); // or bytes
	const frame = Buffer.alloc(5 + body.length);
	frame.write(kind, 0, 'latin1');
	frame.writeUInt32LE(body.length, 1);
	body.copy(frame, 5);
	for (let at = 0; at < frame.length;)
		at += fs.writeSync(VALUE_FD, frame, at);
}

function refuse(value) {
	if (value instanceof Number || value instanceof String || value instanceof BigInt)
		value = value.valueOf();
	const type = typeof value;
	if (type === 'function' || type === 'symbol' || type === 'bigint')
		throw new TypeError(`a ${type} is not JSON`);
	if (type === 'number' && !Number.isFinite(value))
		throw new TypeError(`${value} is not JSON`);
	if (type === 'string' && LONE_SURROGATE.test(value))
		throw new TypeError('a lone surrogate is not JSON');
}

function encode(value) {
	try {
		const text = JSON.stringify(value, (key, inner) => {
			refuse(key);
			refuse(inner);
			return inner;
		});
		return ['v', text === undefined ? 'null' : text];
	} catch (error) {
		return ['e', String(error && error.message || error).split('\n')[0].slice(0, 200)];
	}
}

function jsonFile(file) {
	const text = fs.readFileSync(file, 'utf8');
	return text === '' ? null : JSON.parse(text);
}

// import() in the script itself. Node calls the way to it experimental when it is first used: said once,
// to nobody, before the script runs.
function importOptions(source) {
	const loader = vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
	if (!/\bimport\b/.test(source))
		return {};
	if (!loader)
		return { byLoader: true };
	const { emitWarning } = process;
	process.emitWarning = () => {};
	vm.compileFunction('import("node:fs")', [], { importModuleDynamically: loader })();
	process.emitWarning = emitWarning;
	return { importModuleDynamically: loader };
}

// Before Node 20.12 only what Node's own loader has compiled can import. Its head stands in the script's first
// line, as a loader has no lines to give away.
function compileByLoader(source, file, kind) {
	const holder = new Module(file, null);
	const text = (tail) => `module.exports = ${kind} (${PARAMETERS.join(', ')}) {${source}${tail}\n};`;
	holder.filename = file;
	holder.paths = Module._nodeModulePaths(path.dirname(file));
	try {
		holder._compile(text(TAIL), file);
	} catch {
		holder._compile(text(''), file);
	}
	return holder.exports;
}

// Its own line for the head, and a tail left out in the end, so that errors are about the script alone.
function compileAsync(source, options) {
	const head = `(async function (${PARAMETERS.join(', ')}) {\n`;
	if (options.byLoader)
		return compileByLoader(source, options.filename, 'async function');
	options = { ...options, lineOffset: -1 };
	const build = (text) => compileOnly ? new vm.Script(text, options) : vm.runInThisContext(text, options);
	try {
		return build(head + source + TAIL + '\n})');
	} catch {
		return build(head + source);
	}
}

function compileSync(source, options) {
	if (options.byLoader)
		return compileByLoader(source, options.filename, 'function');
	const build = (text) => vm.compileFunction(text, PARAMETERS, options);
	let run;
	try {
		run = build(source + TAIL);
	} catch {
		run = build(source);
	}
	delete run.cachedDataRejected; // the script may look at itself
	return run;
}

function compile(source, file) {
	source = source.replace(/^\ufeff/, '').replace(/^#!.*/, '');
	const options = { filename: file, cachedData: compiled, produceCachedData: compileOnly,
		...importOptions(source) };
	if (compileOnly && (options.byLoader || options.importModuleDynamically))
		throw new Error('compiled code finds no way to import, and a loader runs what it compiles');
	const wantsAsync = /\bawait\b/.test(source);
	try {
		return { run: wantsAsync ? compileAsync(source, options) : compileSync(source, options),
			isAsync: wantsAsync };
	} catch (error) {
		if (!wantsAsync)
			throw error;
		try { // await may be a plain name in there
			return { run: compileSync(source, options), isAsync: false };
		} catch {
			throw error;
		}
	}
}

// Node's words for a syntax error, without the frames of this file and of Node's loader.
function compileOrExit(source, file) {
	try {
		return compile(source, file);
	} catch (error) {
		const text = String(error.stack).replace(/(\n {4}at .*)+$/, '');
		fs.writeSync(2, `${text}\n\nNode.js ${process.version}\n`);
		return process.exit(1);
	}
}

// The main module as Node has it, and its require(), which remembers it.
function mainMake(file) {
	const module = new Module('.', null);
	module.filename = file;
	module.paths = Module._nodeModulePaths(path.dirname(file));
	process.mainModule = module;
	return { file, module, require: Module.createRequire(file) };
}

function mainTake(file) {
	const main = madeAhead && madeAhead.file === file ? madeAhead : mainMake(file);
	process.mainModule = main.module;
	Module._cache[file] = main.module;
	return main;
}

// Where there is time for it: what mainTake() will give out for that file.
function mainMakeAhead(file) {
	madeAhead = mainMake(file);
}

// Node's verdict on a top-level await that nothing will ever settle. process.exit() is no such case.
function watchTheEnd(state) {
	process.on('beforeExit', () => {
		if (!state.settled && !process.exitCode) {
			process.stderr.write('Warning: Detected unsettled top-level await, or a ' +
				'promise of main that never settles\n');
			process.exitCode = UNSETTLED;
		}
	});
}

function settle(state, promise) {
	const settled = () => { state.settled = true; };
	promise.then(settled, settled);
	return promise;
}

function callMain(state, module) {
	const main = typeof module.exports === 'function' ? module.exports : state.main || globalThis.main;
	module.loaded = true;
	state.settled = true;
	if (typeof main !== 'function')
		return;
	state.settled = false;
	const call = main.bind(undefined, ...argumentFiles.map(jsonFile));
	settle(state, Promise.resolve().then(call)).then((value) => { send(...encode(value)); });
}

function run(file, source) {
	const state = { settled: false, main: undefined };
	const { module, require } = mainTake(file);
	const script = compileOrExit(source, file);
	compiled = undefined;
	const start = script.run.bind(module.exports, module.exports, require, module, file, path.dirname(file),
		(main) => { state.main = main; });
	watchTheEnd(state);
	if (script.isAsync) {
		Promise.resolve().then(start).then(() => { callMain(state, module); });
	} else {
		setImmediate(start);
		setImmediate(callMain, state, module);
	}
}

// What compiled code is good for: this Node alone, and the path that stands in it.
function compiledHead(file) {
	return Buffer.from(`${JSON.stringify([process.version, process.arch, file])}\n`);
}

function compiledTake(data, file) {
	const head = compiledHead(file);
	if (data.subarray(0, head.length).equals(head))
		compiled = data.subarray(head.length);
}

// What can't be compiled is left to each job, for its error to be its own.
function compileAndSend(file, source) {
	try {
		compileOnly = true;
		const { run } = compile(source, file);
		send('c', Buffer.concat([compiledHead(file), run.cachedData]));
	} catch {
		process.reallyExit(1);
	}
	process.reallyExit(0);
}

function begin(file, source, onlyCompile, data) {
	valueChannel = channel();
	if (onlyCompile)
		compileAndSend(file, source);
	if (data)
		compiledTake(data, file);
	argumentFiles = [process.env.CODE_INPUT, process.env.CODE_CONTEXT];
	process.argv.splice(1, 2, file);
	run(file, source);
}

if (process.env.CODESANDBOX_ZYGOTE === undefined)
	begin(process.argv[2], fs.readFileSync(process.argv[2], 'utf8'));
else
	require('./warm.js').warmUp({ begin, channel, compile, encode, importOptions, mainMakeAhead,
		mainTake, watchTheEnd });
