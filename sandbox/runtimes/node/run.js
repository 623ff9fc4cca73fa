'use strict';
// run.js: runs one script as CommonJS with top-level await, then its main(input, context), and hands the
// value on.
//
// argv: run.js SCRIPT. Descriptor 3 is the value's channel: one byte of kind ('v' JSON text, 'e' why the
// value is not JSON), the length in 4 little-endian bytes, the text.
const fs = require('fs');
const path = require('path');
const Module = require('module');

const VALUE_FD = 3;
const UNSETTLED = 13; // Node's own exit code for a top-level await that never settles

function send(kind, text) {
	const body = Buffer.from(text, 'utf8');
	const frame = Buffer.alloc(5 + body.length);
	frame.write(kind, 0, 'latin1');
	frame.writeUInt32LE(body.length, 1);
	body.copy(frame, 5);
	for (let at = 0; at < frame.length;) {
		try {
			at += fs.writeSync(VALUE_FD, frame, at);
		} catch (error) {
			if (error.code !== 'EAGAIN') return;
		}
	}
}

function refuse(value) {
	switch (typeof value) {
	case 'function': case 'symbol': throw new TypeError(`a ${typeof value} is not JSON`);
	case 'bigint': throw new TypeError('a BigInt is not JSON');
	case 'number':
		if (!Number.isFinite(value)) throw new TypeError(`${value} is not JSON`);
		break;
	case 'string':
		if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value))
			throw new TypeError('a lone surrogate is not JSON');
		break;
	}
	return value;
}

function encode(value) {
	if (value === undefined || value === null) return ['v', 'null'];
	try {
		const text = JSON.stringify(value, (key, inner) => {
			if (key !== '') refuse(key);
			return refuse(inner);
		});
		return text === undefined ? ['v', 'null'] : ['v', text];
	} catch (error) {
		return ['e', String(error && error.message || error).split('\n')[0].slice(0, 200)];
	}
}

function jsonFile(name) {
	const text = fs.readFileSync(process.env[name], 'utf8');
	return text === '' ? null : JSON.parse(text);
}

function call(main) {
	const values = [];
	if (main.length > 0 || /^[^)]*(\.\.\.|=)/.test(Function.prototype.toString.call(main)))
		values.push(jsonFile('CODE_INPUT'), jsonFile('CODE_CONTEXT'));
	return main(...values);
}

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];
// The global main of a script is a declaration at its top level; only code behind it can name it.
const TAIL = '\n;if (typeof main === "function" && module.exports === exports && ' +
	'Object.keys(exports).length === 0) module.exports = main;';

function compile(source, file) {
	const vm = require('vm');
	const options = { filename: file, lineOffset: 0, columnOffset: 0,
		importModuleDynamically: vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
	source = source.replace(/^#!.*/, '');
	try {
		return vm.compileFunction(source + TAIL, PARAMETERS, options);
	} catch (error) {
		if (!(error instanceof SyntaxError) || !/\bawait\b/.test(source)) throw error;
		const head = '(async function (' + PARAMETERS.join(', ') + ') {';
		try {
			return vm.runInThisContext(head + source + TAIL + '\n})', { ...options,
				columnOffset: -head.length });
		} catch (second) {
			throw second instanceof SyntaxError ? error : second;
		}
	}
}

async function run(file) {
	const module = new Module(file, null);
	module.filename = file;
	module.paths = Module._nodeModulePaths(path.dirname(file));
	const require = Module.createRequire(file);
	require.main = module;
	process.mainModule = module;
	const script = compile(fs.readFileSync(file, 'utf8'), file);
	await script.call(module.exports, module.exports, require, module, file, path.dirname(file));
	module.loaded = true;
	if (typeof module.exports === 'function')
		send(...encode(await call(module.exports)));
}

const file = process.argv[2];
process.argv = [process.argv[0], file];
let settled = false;
process.on('exit', (code) => {
	if (!settled && code === 0) process.exitCode = UNSETTLED;
});
run(file).then(() => { settled = true; }, (error) => {
	settled = true;
	setImmediate(() => { throw error; });
});
