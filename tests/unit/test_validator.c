/* test_validator.c: the rules of the risk levels: what they refuse, and what they must leave alone. */
#include "../../worker/validator/validator.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct validator *validator;
static struct validation found;
static struct err err;

static void set_up(void)
{
	ck_assert_int_eq(validator_new(NULL, &validator, &err), 0);
}

static void tear_down(void)
{
	validator_free(validator);
	validator = NULL;
}

static struct request request_of(const char *type, enum risk risk, const char *code)
{
	return (struct request){.script_type = type, .risk = risk, .code = code,
		.code_size = code ? strlen(code) : 0, .is_inline = true};
}

static bool allows(const char *type, enum risk risk, const char *code)
{
	struct request request = request_of(type, risk, code);
	memset(&found, 0, sizeof found);
	return validator_allows(validator, &request, &found);
}

struct sample {
	const char *type, *code;
};

#define SHELL(code) {"shell", code}
#define PYTHON(code) {"python", code}
#define JS(code) {"javascript", code}

/* None of these may be refused, at any risk. */
static const struct sample harmless[] = {
	SHELL("echo information"), SHELL("echo format"), SHELL("git log a..b"), SHELL("echo a...b"),
	SHELL("# sudo reboot"), SHELL("echo hi # ; sudo x"), SHELL("echo 'sudo rm -rf /'"),
	SHELL("echo \"; sudo x\""), SHELL("cat <<EOF\nsudo rm -rf /\n~/x ..\nEOF\necho done"),
	SHELL("cat <<-'END'\n\tcurl x\n\tEND\necho ok"), SHELL("cat <<\"A\" <<B\nsudo\nA\nhalt\nB\n"),
	SHELL("grep shutdown f"), SHELL("grep -rf patterns ."), SHELL("rm -r build"),
	SHELL("rm -f x"), SHELL("rm file; ls -rf"), SHELL("rm -- -rf"), SHELL("rm x || ls -rf"),
	SHELL("rm -f $(ls -r)"), SHELL("firm -rf x"), SHELL("su=1; echo $su"), SHELL("sudo=1"),
	SHELL("halt_now x"), SHELL("./sudoku"), SHELL("command -v curl"), SHELL("command -V sudo"),
	SHELL("which curl wget"), SHELL("type sudo"), SHELL("test -x /usr/bin/sudo"),
	SHELL("[ -f /sbin/reboot ] && echo y"), SHELL("for su in 1 2; do echo $su; done"),
	SHELL("case $1 in\nstart) echo a;;\nhalt|reboot) echo b;;\n(su) echo c;;\nesac"),
	SHELL("case sudo in sudo) echo a; esac; echo b"), SHELL("echo $((su + 1))"),
	SHELL("echo ${x:-sudo}; echo ${y%; sudo}"), SHELL("echo x > su"), SHELL("echo x >sudo"),
	SHELL("cat < format"), SHELL("tools=(curl wget\nssh)"), SHELL("echo sudo \\\n su"),
	SHELL("echo a \\\n  b"), SHELL("\\\n  echo a"), SHELL("halt() {\n echo stopped\n}"),
	SHELL("printf 'a\\nsudo b'"), SHELL("echo \"$(echo \"sudo )\")\""), SHELL("awk '$1 ~ /x/'"),
	SHELL("echo \"~5 minutes\""), SHELL("sort -t '~' f"), SHELL("echo a~b x~"),
	SHELL("echo 'Loading .. done'"), SHELL("echo ...; ls .hidden ..."), SHELL("ls ./a/b.c"),
	SHELL("cat <<< sudo\necho x"), SHELL("echo nc; printf ssh"), SHELL("del=1; echo del /f"),
	SHELL("sh -c 'echo sudo'"), SHELL("env X=1 echo su"), SHELL("xargs echo sudo"),
	SHELL("git commit -m \"$(cat <<X\nsudo )\nX\n)\""), SHELL("echo \\; sudo"),
	SHELL("[ \"$a\" = sudo ] || echo no"), SHELL(""), SHELL("'"), SHELL("$("), SHELL("<<"),
	PYTHON("\"{}\".format(x)"), PYTHON("format(3, 'x')"), PYTHON("subprocess_count = 1"),
	PYTHON("su = 3\nprint(su)"), PYTHON("f\"{sudo} rm -rf\""), PYTHON("# import subprocess"),
	PYTHON("print('sudo rm -rf /')"), PYTHON("'''\nimport subprocess\nos.system('x')\n'''"),
	PYTHON("subprocess = 5\nprint(subprocess)"), PYTHON("from mypkg import subprocess"),
	PYTHON("from . import ctypes"), PYTHON("import os\nos.path.join('a', '..')"),
	PYTHON("self.subprocess.run()"), PYTHON("open('../x')"), PYTHON("x = ~y"),
	PYTHON("import os, sys\nprint(os.systems)"), PYTHON("f(subprocess=1, ctypes=2)"),
	PYTHON("import re\nre.compile('curl').search('sudo x')"), PYTHON("print(r'\\..\\~')"),
	PYTHON("import mysubprocess, subprocess32"), PYTHON("def halt(): pass\nhalt()"),
	PYTHON("def g():\n  yield from items\n  raise E from subprocess_error"),
	PYTHON("system('sudo')\nrun('sudo ls')"), PYTHON("\"unclosed\n'also"),
	PYTHON("a = {'os.system': 1}"), PYTHON("x = 'it''s'\n# os.system\n"),
	JS("reboot()"), JS("const su = 1; su + 1"), JS("// require('child_process')"),
	JS("/* process.binding('x') */ 1"), JS("'child_process'"), JS("require('./child_process')"),
	JS("const child_process_count = 1"), JS("myprocess.binding('x')"),
	JS("app.process.binding"), JS("import x from 'children'"), JS("`require('child_process')`"),
	JS("/require('child_process')/.test(s)"), JS("return /'/.test(s) ? process.argv : \"'\""),
	JS("console.log('sudo rm -rf /')"), JS("/x/.exec('sudo ls')"), JS("import('fs')"),
	JS("const {format} = require('util'); format('curl')"), JS("`${`'`}`; process.argv // '"),
	JS("a / b; 'process.binding(1)'"), JS("telnet.connect('curl')"), JS("shutdown('..')"),
	JS("Array.from('child_process')"), JS("x = {process: {binding: 1}}"),
	SHELL("shutdown() { echo bye; }; trap shutdown EXIT"), SHELL("halt() {\n :\n}\nhalt now"),
	SHELL("main() { halt; }\nhalt() { :; }\nmain"), SHELL("function halt {\n :\n}\nhalt"),
	SHELL("halt ( ) { :; }; echo \"$(halt)\""), SHELL("function su() { :; }; su || eval su"),
	SHELL("sed 's/../X/g' f"), SHELL("sed -n -e 's/../X/p' -e s/a/../ f"), SHELL("sed -es/../X/ f"),
	SHELL("sed --expression=s/../X/ f"), SHELL("grep .. f"), SHELL("grep -A 3 -m1 '..' f"),
	SHELL("grep -nE '^../' f"), SHELL("grep -e .. f"), SHELL("ls | xargs grep -l .."),
	SHELL("awk '/../ {print}' f"), SHELL("awk -F / '/../' f"), SHELL("perl -pe 's/../X/' f"),
	SHELL("expr \"$d\" : ../.."), SHELL("tr .. xx <f"), SHELL("[ \"$d\" != \"..\" ]"),
	SHELL("[ .. = \"$d\" ]"), SHELL("test \"$d\" = .. || :"), SHELL("[[ $a == b && $d != .. ]]"),
	SHELL("case $d in .|..) :;; */..) :;; esac"), SHELL("case ../x in *) :;; esac"),
	JS("if (1) /'/.test(s) ? 1 : \"' + process.binding('x') + '\""),
	JS("while ((a)) /'/.test(s) ? 1 : \"' + process.binding('x') + '\""),
	{"ruby", "format('x'); system 'sudo ls'"}, {"cmd", "rem format c:\necho shutdown"},
	{"powershell", "Get-Date | Format-Table"},
};

/* Refused at low and at medium. */
static const struct sample low[] = {
	SHELL("sudo ls"), SHELL("ls; sudo x"), SHELL("ls && sudo x"), SHELL("ls || sudo x"),
	SHELL("ls | sudo tee x"), SHELL("ls & sudo x"), SHELL("ls\nsudo x"), SHELL("ls\n\n  sudo x"),
	SHELL("if true; then sudo x; fi"), SHELL("if sudo x; then :; fi"),
	SHELL("while :; do sudo x; done"), SHELL("if a; then b; else sudo x; fi"),
	SHELL("if a; then b; elif sudo x; then c; fi"), SHELL("until sudo x; do :; done"),
	SHELL("( sudo x )"), SHELL("(sudo x)"), SHELL("{ sudo x; }"), SHELL("! sudo x"),
	SHELL("env X=1 sudo x"), SHELL("X=1 sudo x"), SHELL("X='a b' Y=2 sudo x"),
	SHELL("command sudo x"), SHELL("exec sudo x"), SHELL("nohup sudo x &"),
	SHELL("time sudo x"), SHELL("time -p sudo x"), SHELL("ls | xargs sudo rm"),
	SHELL("ls | xargs -n 1 sudo rm"), SHELL("env -u X sudo x"), SHELL("timeout -s KILL 5 sudo x"),
	SHELL("sh -c 'sudo x'"), SHELL("bash -ec \"ls; sudo x\""), SHELL("env sh -c 'sudo x'"),
	SHELL("echo $(sudo x)"), SHELL("echo \"a $(sudo x) b\""), SHELL("echo `sudo x`"),
	SHELL("x=$(sudo x)"), SHELL("echo \"`sudo x`\""), SHELL("echo $(echo $(sudo x))"),
	SHELL("/usr/bin/sudo x"), SHELL("'sudo' x"), SHELL("s\"ud\"o x"), SHELL("\\sudo x"),
	SHELL(">out sudo x"), SHELL("2>&1 sudo x"), SHELL("cat <<E | sudo x\ntext\nE"),
	SHELL("cat <<E\ntext\nE\nsudo x"), SHELL("case a in a) sudo x;; esac"),
	SHELL("case a in a) b;; c) sudo x;; esac"), SHELL("case a in a) b;; esac; sudo x"),
	SHELL("f() { sudo x; }"), SHELL("a=(b c)\nsudo x"), SHELL("echo $((1 + 2)); sudo x"),
	SHELL("((i++)); sudo x"), SHELL("eval 'sudo x'"), SHELL("trap 'sudo x' EXIT"),
	SHELL("find . -exec sudo rm {} \\;"), SHELL("echo ${x:-a}; sudo x"),
	SHELL("cat <<< x\nsudo y"), SHELL("echo a#b; sudo x"), SHELL("echo \\# ; sudo x"),
	SHELL("su"), SHELL("su -c ls"), SHELL("reboot"), SHELL("/sbin/shutdown -h now"),
	SHELL("halt"), SHELL("poweroff"), SHELL("sudo\r\n"),
	SHELL("cat ../x"), SHELL("cd .."), SHELL("cat a/../b"), SHELL("cat ~/x"), SHELL("ls ~"),
	SHELL("ls ~root"), SHELL("cat '../x'"), SHELL("cat \"~/x\""), SHELL("echo x > ../y"),
	SHELL("cat < ~/x"), SHELL("sh -c 'cat ../x'"), SHELL("tar --directory=../x"),
	SHELL("X=../y ls"), SHELL("echo $(cat ../x)"),
	SHELL("halt() { :; }; env halt"), SHELL("halt() { :; }; /sbin/halt"), SHELL("halted() { :; }; halt"),
	SHELL("grep x ../f"), SHELL("grep -e x ../f"), SHELL("grep -f ../p f"), SHELL("grep .. <../f"),
	SHELL("grep -i x ../f"), SHELL("sed s/a/b/ ../f"), SHELL("sed -e s/a/b/ ../f"),
	SHELL("sed --file=../s f"), SHELL("awk -f ../p f"), SHELL("perl ../x"), SHELL("[ -f ../x ]"),
	SHELL("[ -d .. ]"), SHELL("test -e ../x"), SHELL("case a in $(cat ../x)) :;; esac"),
	SHELL("case a in a) cat ../x;; esac"), SHELL("grep ..; cat .."), SHELL("../x a"),
	PYTHON("import os\nos.system('sudo x')"), PYTHON("import subprocess\nsubprocess.run(['sudo', 'x'])"),
	PYTHON("import subprocess\nsubprocess.run('ls; sudo x', shell=True)"),
	PYTHON("from subprocess import run\nrun(['sudo', 'x'])"),
	PYTHON("import subprocess as sp\nsp.Popen(('sudo', 'x'))"),
	PYTHON("import os\nos.popen(f'sudo {x}')"), PYTHON("import os\nos.execvp('sudo', ['sudo'])"),
	PYTHON("import os\nos.execlp('/usr/bin/sudo', 'sudo', 'x')"),
	PYTHON("import subprocess\nsubprocess.run(args=['env', 'sudo', 'x'])"),
	PYTHON("import subprocess\nsubprocess.check_output(['sh', '-c', 'sudo x'])"),
	PYTHON("import os; os.system('''ls\nsudo x''')"),
	PYTHON("import os; os.system('ls\\nsudo x')"),
	JS("require('child_process').execSync('sudo x')"),
	JS("const cp = require('node:child_process'); cp.spawn('sudo', ['x'])"),
	JS("const {exec} = require('child_process'); exec(`sudo x`)"),
	JS("import {spawnSync} from 'child_process'; spawnSync('sh', ['-c', 'sudo x'])"),
	JS("child_process.execSync('sudo x')"), {"cmd", "SHUTDOWN /s"}, {"cmd", "shutdown.exe /s"},
	{"powershell", "ls; Shutdown -s"},
};

/* Refused at medium, allowed at low. */
static const struct sample medium[] = {
	JS("f(a) / b; process.binding('x'); c / d"), JS("x.if(a) / b; process.binding('x'); c / d"),
	JS("if (f(a) / b) process.binding('x'); c / d"),
	SHELL("rm -rf /"), SHELL("rm -fr x"), SHELL("rm -r -f x"), SHELL("rm -Rf x"),
	SHELL("rm -f x -r"), SHELL("rm -rvf x"), SHELL("rm --recursive --force x"), SHELL("/bin/rm -rf x"),
	SHELL("rm -r $(ls) -f"), SHELL("ls | xargs rm -rf"), SHELL("find . -exec rm -rf {} +"),
	SHELL("mkfs /dev/sda"), SHELL("mkfs.ext4 /dev/sda"), SHELL("format c:"), SHELL("curl x"),
	SHELL("wget x"), SHELL("nc -l 1"), SHELL("ssh h"), SHELL("scp a b"), SHELL("telnet h"),
	SHELL("x=$(curl -s http://h)"), {"cmd", "del /f x"}, {"cmd", "DEL /Q /F x"},
	{"cmd", "format c:"}, {"powershell", "Curl x"},
	PYTHON("import os\nos.system('ls')"), PYTHON("import os\nos . system ('ls')"),
	PYTHON("from os import system"), PYTHON("from os import path, system as s"),
	PYTHON("from os import (\n path,\n system)"), PYTHON("import subprocess"),
	PYTHON("import os, subprocess"), PYTHON("import os; import subprocess as sp"),
	PYTHON("from subprocess import run"), PYTHON("subprocess.run(['ls'])"),
	PYTHON("import ctypes as c"), PYTHON("import ctypes.util"), PYTHON("from ctypes import CDLL"),
	PYTHON("__import__('subprocess')"), PYTHON("importlib.import_module('ctypes')"),
	PYTHON("x = 'a' # it's\nimport ctypes"), PYTHON("if 1: import ctypes"),
	PYTHON("f = os.system"), PYTHON("import os\nos.popen('rm -rf /')"),
	PYTHON("import os\nos.popen('curl x')"),
	JS("require('child_process')"), JS("require(\"node:child_process\")"), JS("require(`child_process`)"),
	JS("import x from 'child_process'"), JS("import * as c from 'node:child_process'"),
	JS("import 'child_process'"), JS("await import('child_process')"),
	JS("export {exec} from 'child_process'"), JS("process.binding('x')"),
	JS("process\n.binding('x')"), JS("process.dlopen(m, 'x')"), JS("child_process.exec('ls')"),
	JS("module.require('child_process')"), JS("a = b / c; process.binding('x') / 2"),
	JS("x = /'/; process.binding('y')"), JS("`${1}`; process.binding('z')"),
};

#define COUNT(samples) ((int)(sizeof samples / sizeof *samples))

START_TEST(harmless_code_is_never_refused)
{
	const struct sample *sample = &harmless[_i];
	for (enum risk risk = RISK_NONE; risk <= RISK_HIGH; risk++)
		ck_assert_msg(allows(sample->type, risk, sample->code), "%s: %s: %s", sample->code,
			found.rule, found.match);
}
END_TEST

static void refused_between(const struct sample *sample, enum risk from, enum risk to)
{
	for (enum risk risk = RISK_NONE; risk <= RISK_HIGH; risk++) {
		bool refused = !allows(sample->type, risk, sample->code);
		ck_assert_msg(refused == (risk >= from && risk <= to), "%s at %s%s%s", sample->code,
			risk_name(risk), refused ? ": " : "", refused ? found.rule : "");
		ck_assert(!refused || (found.rule && found.match[0] && found.message[0]));
	}
}

START_TEST(what_low_forbids_is_refused_at_low_and_medium)
{
	refused_between(&low[_i], RISK_LOW, RISK_MEDIUM);
}
END_TEST

START_TEST(what_medium_forbids_is_refused_at_medium_alone)
{
	refused_between(&medium[_i], RISK_MEDIUM, RISK_MEDIUM);
}
END_TEST

/* At low: running programs is allowed, and only the programs and their words are looked at. */
START_TEST(data_handed_to_a_program_is_no_command)
{
	static const struct sample samples[] = {
		PYTHON("import subprocess\nsubprocess.run(['tee'], input='sudo x')"),
		PYTHON("import subprocess\nsubprocess.run(['echo', 'sudo'])"),
		PYTHON("import subprocess\nsubprocess.run(cmd, env={'A': 'sudo x'}, cwd='halt')"),
		PYTHON("import os\nos.system('echo sudo'); print('sudo x')"),
		PYTHON("import os\nos.system(\"echo \\\"; sudo x\\\"\")"),
		JS("const {exec} = require('child_process'); exec('ls', {cwd: 'sudo'}, () => log('sudo'))"),
		JS("require('child_process').spawn('echo', ['sudo']); f('sudo x')"),
	};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		ck_assert_msg(allows(samples[i].type, RISK_LOW, samples[i].code), "%s: %s",
			samples[i].code, found.rule);
}
END_TEST

START_TEST(a_refusal_names_rule_and_match)
{
	ck_assert(!allows("shell", RISK_MEDIUM, "ls; rm -r -f x"));
	ck_assert_str_eq(found.rule, "dangerous.rm -rf");
	ck_assert_str_eq(found.match, "rm -r -f x");
	ck_assert_ptr_nonnull(strstr(found.message, "dangerous.rm -rf"));
	ck_assert(!allows("javascript", RISK_MEDIUM, "require('node:child_process')"));
	ck_assert_str_eq(found.rule, "call.child_process");
	ck_assert(!allows("shell", RISK_LOW, "cat ../x"));
	ck_assert_str_eq(found.rule, "path");
	ck_assert_str_eq(found.match, "../x");
}
END_TEST

START_TEST(a_long_match_is_cut_between_characters)
{
	char code[600] = "cat ../";
	for (int i = 0; i < 100; i++)
		strcat(code, "\xe2\x82\xac");
	ck_assert(!allows("shell", RISK_LOW, code));
	ck_assert_uint_lt(strlen(found.match), sizeof found.match);
	ck_assert_uint_eq((strlen(found.match) - 3) % 3, 0);
}
END_TEST

static bool allows_names(enum risk risk, const char *script, const char *directory)
{
	struct request request = request_of("python", risk, "1");
	request.script_name = script;
	request.working_directory = directory;
	return validator_allows(validator, &request, &found);
}

START_TEST(names_are_judged_by_their_path)
{
	static const char *const bad[] = {"..", "../x", "a/..", "a/../b", "~", "~/x", "~root", "a\\..\\b"};
	static const char *const good[] = {"a", "a/b.py", "a..b", "...", "..a/b", "a~", "a/~b", ""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (enum risk risk = RISK_NONE; risk <= RISK_HIGH; risk++) {
			bool wanted = risk == RISK_NONE || risk == RISK_HIGH;
			ck_assert_msg(allows_names(risk, bad[i], NULL) == wanted, "%s", bad[i]);
			ck_assert_msg(allows_names(risk, NULL, bad[i]) == wanted, "%s", bad[i]);
		}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(allows_names(RISK_MEDIUM, good[i], good[i]), "%s", good[i]);
}
END_TEST

START_TEST(names_are_judged_before_there_is_code)
{
	struct request request = request_of("shell", RISK_LOW, NULL);
	request.script_name = "report.sh";
	ck_assert(validator_allows(validator, &request, &found));
	request.script_name = "../report.sh";
	ck_assert(!validator_allows(validator, &request, &found));
}
END_TEST

START_TEST(extensions_of_programs_are_refused_in_any_case)
{
	static const char *const bad[] = {"a.exe", "a.bat", "a.cmd", "a.com", "a.scr", "a.msi", "a.dll",
		"a.so", "dir/A.EXE", "a.py.So"};
	static const char *const good[] = {"a.py", "exe", "a.exe.py", "a.some", "aso", "a.so.1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(!allows_names(RISK_LOW, bad[i], NULL), "%s", bad[i]);
		ck_assert_msg(!allows_names(RISK_MEDIUM, bad[i], NULL), "%s", bad[i]);
		ck_assert_msg(allows_names(RISK_HIGH, bad[i], NULL), "%s", bad[i]);
		ck_assert_msg(allows_names(RISK_NONE, bad[i], NULL), "%s", bad[i]);
		ck_assert_msg(allows_names(RISK_MEDIUM, NULL, bad[i]), "%s", bad[i]);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(allows_names(RISK_MEDIUM, good[i], NULL), "%s", good[i]);
}
END_TEST

static bool allows_length(enum risk risk, size_t characters, const char *character)
{
	size_t size = strlen(character);
	char *code = malloc(characters * size + 1);
	ck_assert_ptr_nonnull(code);
	for (size_t i = 0; i < characters; i++)
		memcpy(code + i * size, character, size);
	code[characters * size] = '\0';
	bool allowed = allows("python", risk, code);
	free(code);
	return allowed;
}

START_TEST(length_is_counted_in_characters)
{
	static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	for (size_t i = 0; i < 4; i++) {
		ck_assert(allows_length(RISK_LOW, 10000, characters[i]));
		ck_assert(!allows_length(RISK_LOW, 10001, characters[i]));
		ck_assert(!allows_length(RISK_MEDIUM, 10001, characters[i]));
		ck_assert(allows_length(RISK_HIGH, 10001, characters[i]));
		ck_assert(allows_length(RISK_NONE, 10001, characters[i]));
	}
	ck_assert(allows_length(RISK_HIGH, 1u << 20, "a"));
	ck_assert(!allows_length(RISK_HIGH, (1u << 20) + 1, "a"));
	ck_assert_str_eq(found.rule, "length.high");
	ck_assert(allows_length(RISK_NONE, (1u << 20) + 1, "a"));
}
END_TEST

/* ---- the configuration's rules */

#define RULE(...) ((struct config_rule){.enabled = true, __VA_ARGS__})

static struct validator *with_rules(struct config_rule *rules, size_t count)
{
	struct config config = {.rules = rules, .rule_count = count};
	validator_free(validator);
	validator = NULL;
	ck_assert_msg(validator_new(&config, &validator, &err) == 0, "%s", err.text);
	return validator;
}

static void rules_fail(struct config_rule rule, const char *named, const char *why)
{
	struct config config = {.rules = &rule, .rule_count = 1};
	struct validator *made = NULL;
	ck_assert_int_eq(validator_new(&config, &made, &err), -1);
	ck_assert_ptr_null(made);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(strstr(err.text, named) && strstr(err.text, why), "%s", err.text);
}

static char name_text[] = "secrets", pattern_text[] = "AKIA[0-9A-Z]{4}", python_text[] = "python";

START_TEST(a_pattern_of_the_configuration_is_a_rule)
{
	struct config_rule rule = RULE(.name = name_text, .pattern = pattern_text,
		.script_type = python_text);
	with_rules(&rule, 1);
	ck_assert(!allows("python", RISK_LOW, "x = 'AKIA1234'"));
	ck_assert_str_eq(found.rule, "secrets");
	ck_assert_str_eq(found.match, "AKIA1234");
	ck_assert(!allows("python", RISK_MEDIUM, "# AKIA1234"));
	ck_assert(allows("python", RISK_HIGH, "x = 'AKIA1234'"));
	ck_assert(allows("python", RISK_NONE, "x = 'AKIA1234'"));
	ck_assert(allows("shell", RISK_LOW, "x=AKIA1234"));
	ck_assert(allows("python", RISK_LOW, "x = 'akia1234'"));
	ck_assert(!allows("shell", RISK_LOW, "sudo x"));	/* the others stay */
}
END_TEST

START_TEST(the_configuration_need_not_outlive_the_validator)
{
	char name[] = "tmp", pattern[] = "needle", message[] = "no needles";
	struct config_rule rule = RULE(.name = name, .pattern = pattern, .message = message);
	with_rules(&rule, 1);
	memset(name, 'x', sizeof name - 1);
	memset(pattern, 'x', sizeof pattern - 1);
	memset(message, 'x', sizeof message - 1);
	ck_assert(!allows("shell", RISK_LOW, "echo needle"));
	ck_assert_str_eq(found.rule, "tmp");
	ck_assert_str_eq(found.message, "no needles");
}
END_TEST

START_TEST(a_rule_of_each_kind_can_be_added)
{
	char a[] = "a", b[] = "b", c[] = "c", d[] = "d", command[] = "command", call[] = "call",
		extension[] = "extension", length[] = "length", git[] = "git push --force",
		eval[] = "socket", rb[] = ".rb", five[] = "5", high[] = "high", e[] = "e",
		clean[] = "git clean";
	struct config_rule rules[] = {RULE(.name = e, .kind = command, .pattern = clean),
		RULE(.name = a, .kind = command, .pattern = git),
		RULE(.name = b, .kind = call, .pattern = eval, .script_type = python_text),
		RULE(.name = c, .kind = extension, .pattern = rb),
		RULE(.name = d, .kind = length, .pattern = five, .risk = high)};
	with_rules(rules, 5);
	ck_assert(!allows("shell", RISK_LOW, "git push origin --force"));
	ck_assert(allows("shell", RISK_LOW, "git push origin"));
	ck_assert(!allows("shell", RISK_LOW, "git --no-pager clean x"));
	ck_assert(allows("shell", RISK_LOW, "git commit -m clean"));
	ck_assert(allows("shell", RISK_LOW, "git add clean"));
	ck_assert(allows("shell", RISK_LOW, "echo git push --force"));
	ck_assert(!allows("python", RISK_LOW, "import socket"));
	ck_assert(allows("python", RISK_LOW, "socket = 1"));
	ck_assert(!allows_names(RISK_LOW, "x.rb", NULL));
	ck_assert(allows("python", RISK_HIGH, "12345"));
	ck_assert(!allows("python", RISK_HIGH, "123456"));
	ck_assert(allows("python", RISK_MEDIUM, "123456"));
}
END_TEST

START_TEST(a_built_in_rule_can_be_switched_off)
{
	char sudo[] = "command.sudo", unknown[] = "no.such.rule";
	struct config_rule rules[] = {{.name = sudo, .enabled = false},
		{.name = unknown, .enabled = false}};
	with_rules(rules, 2);
	ck_assert(allows("shell", RISK_LOW, "sudo x"));
	ck_assert(!allows("shell", RISK_LOW, "su x"));
	ck_assert(!allows("shell", RISK_LOW, "reboot"));
	ck_assert(!allows_length(RISK_HIGH, (1u << 20) + 1, "a"));
}
END_TEST

START_TEST(a_built_in_rule_can_be_changed)
{
	char sudo[] = "command.sudo", message[] = "ask the operators", length[] = "length",
		twenty[] = "20";
	struct config_rule rules[] = {RULE(.name = sudo, .message = message),
		RULE(.name = length, .pattern = twenty)};
	with_rules(rules, 2);
	ck_assert(!allows("shell", RISK_LOW, "sudo x"));
	ck_assert_str_eq(found.message, "ask the operators");
	ck_assert(allows_length(RISK_LOW, 20, "a"));
	ck_assert(!allows_length(RISK_LOW, 21, "a"));
}
END_TEST

START_TEST(a_wrong_rule_is_named)
{
	char name[] = "odd", open[] = "a(b", kind[] = "colour", risk[] = "grave", length[] = "length",
		command[] = "command", word[] = "ten";
	rules_fail(RULE(.name = name, .pattern = open), "rules.odd.pattern", "parenthes");
	rules_fail(RULE(.name = name, .pattern = word, .kind = kind), "rules.odd.kind", "colour");
	rules_fail(RULE(.name = name, .pattern = word, .risk = risk), "rules.odd.risk", "grave");
	rules_fail(RULE(.name = name), "rules.odd", "pattern");
	rules_fail(RULE(.name = name, .pattern = open, .origin = "a.yaml:2", .pattern_origin =
		"a.yaml:7"), "a.yaml:7: rules.odd.pattern", "parenthes");
	rules_fail(RULE(.name = name, .origin = "a.yaml:2"), "a.yaml:2: rules.odd", "pattern");
	rules_fail(RULE(.name = name, .kind = command), "rules.odd", "pattern");
	rules_fail(RULE(.name = name, .kind = length, .pattern = word), "rules.odd", "ten");
}
END_TEST

START_TEST(a_catastrophic_pattern_ends_soon_and_refuses_nothing)
{
	char pattern[] = "(a+)+$", code[5002];
	struct config_rule rule = RULE(.name = name_text, .pattern = pattern);
	struct timespec before, after;
	memset(code, 'a', 5000);
	strcpy(code + 5000, "b");
	with_rules(&rule, 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	ck_assert(allows("shell", RISK_LOW, code));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	double seconds = (double)(after.tv_sec - before.tv_sec) +
		(double)(after.tv_nsec - before.tv_nsec) / 1e9;
	ck_assert_double_lt(seconds, 1.0);
}
END_TEST

START_TEST(a_runtime_of_the_configuration_is_read_as_what_it_runs)
{
	char bash[] = "bash5", bash_path[] = "/usr/bin/bash", py[] = "py39", py_path[] = "/opt/py",
		python[] = "python", ruby[] = "ruby", ruby_path[] = "/usr/bin/ruby", exec[] = "exec";
	char *bash_argv[] = {bash_path}, *py_argv[] = {py_path}, *ruby_argv[] = {ruby_path};
	struct config_runtime runtimes[] = {{.name = bash, .argv = {bash_argv, 1}, .kind = exec},
		{.name = py, .argv = {py_argv, 1}, .kind = python},
		{.name = ruby, .argv = {ruby_argv, 1}, .kind = exec}};
	struct config config = {.runtimes = runtimes, .runtime_count = 3};
	validator_free(validator);
	ck_assert_int_eq(validator_new(&config, &validator, &err), 0);
	ck_assert(!allows("bash5", RISK_LOW, "sudo x"));
	ck_assert(allows("py39", RISK_LOW, "sudo"));
	ck_assert(!allows("py39", RISK_LOW, "import os; os.system('sudo x')"));
	ck_assert(allows("ruby", RISK_LOW, "sudo"));
}
END_TEST

/* ---- rules in code */

static bool no_tabs(const struct request *request, struct validation *answer)
{
	const char *tab = memchr(request->code, '\t', request->code_size);
	if (tab)
		strcpy(answer->match, "a tab");
	return tab != NULL;
}

START_TEST(a_function_is_asked_from_its_risk_upwards)
{
	ck_assert_int_eq(validator_add(validator, "tabs", RISK_MEDIUM, no_tabs, &err), 0);
	ck_assert(allows("python", RISK_NONE, "\tx"));
	ck_assert(allows("python", RISK_LOW, "\tx"));
	ck_assert(!allows("python", RISK_MEDIUM, "\tx"));
	ck_assert_str_eq(found.rule, "tabs");
	ck_assert_str_eq(found.match, "a tab");
	ck_assert_ptr_nonnull(strstr(found.message, "tabs"));
	ck_assert(!allows("python", RISK_HIGH, "\tx"));
	ck_assert(allows("python", RISK_HIGH, "x"));
}
END_TEST

START_TEST(functions_have_a_bound)
{
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(validator_add(validator, "f", RISK_LOW, no_tabs, &err), 0);
	ck_assert_int_eq(validator_add(validator, "f", RISK_LOW, no_tabs, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

static void add_tables(TCase *cases)
{
	tcase_add_loop_test(cases, harmless_code_is_never_refused, 0, COUNT(harmless));
	tcase_add_loop_test(cases, what_low_forbids_is_refused_at_low_and_medium, 0, COUNT(low));
	tcase_add_loop_test(cases, what_medium_forbids_is_refused_at_medium_alone, 0,
		COUNT(medium));
}

int main(void)
{
	Suite *suite = suite_create("validator");
	TCase *cases = tcase_create("validator");
	tcase_add_checked_fixture(cases, set_up, tear_down);
	add_tables(cases);
	tcase_add_test(cases, data_handed_to_a_program_is_no_command);
	tcase_add_test(cases, a_refusal_names_rule_and_match);
	tcase_add_test(cases, a_long_match_is_cut_between_characters);
	tcase_add_test(cases, names_are_judged_by_their_path);
	tcase_add_test(cases, names_are_judged_before_there_is_code);
	tcase_add_test(cases, extensions_of_programs_are_refused_in_any_case);
	tcase_add_test(cases, length_is_counted_in_characters);
	tcase_add_test(cases, a_pattern_of_the_configuration_is_a_rule);
	tcase_add_test(cases, the_configuration_need_not_outlive_the_validator);
	tcase_add_test(cases, a_rule_of_each_kind_can_be_added);
	tcase_add_test(cases, a_built_in_rule_can_be_switched_off);
	tcase_add_test(cases, a_built_in_rule_can_be_changed);
	tcase_add_test(cases, a_wrong_rule_is_named);
	tcase_add_test(cases, a_catastrophic_pattern_ends_soon_and_refuses_nothing);
	tcase_add_test(cases, a_runtime_of_the_configuration_is_read_as_what_it_runs);
	tcase_add_test(cases, a_function_is_asked_from_its_risk_upwards);
	tcase_add_test(cases, functions_have_a_bound);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
