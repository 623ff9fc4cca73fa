/* json_scan.c: see json_scan.h.
 *
 * A parser library gives values, and a value has lost what it was written as: 1e400 or an integer
 * of twenty digits don't survive it, and what a library refuses there would make a good request
 * malformed. So the grammar is checked here, over the bytes; one bit a level tells object from
 * array. jansson then decodes the scalars that the worker itself needs.
 */
#include "json_scan.h"

#include <stdint.h>
#include <string.h>

#include "utf8.h"

struct scan {
	const char *begin, *at, *end;
	const char *what;		/* the fault, NULL: none yet */
	struct json_span key;		/* the last one of the outermost object */
	bool too_deep;
	size_t depth, around;		/* around: levels of what the text is to stand in */
	uint8_t objects[JSON_DEPTH / 8];
};

static bool fail(struct scan *s, const char *what)
{
	s->what = what;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/* The byte after white space; NUL at the end, which no grammar rule accepts. */
static char peek(struct scan *s)
{
	s->at = skip_space(s->at, s->end);
	return s->at < s->end ? *s->at : '\0';
}

static bool at_end(const struct scan *s)
{
	return s->at == s->end;
}

static bool expected(struct scan *s, const char *what)
{
	return fail(s, at_end(s) ? "it ends early" : what);
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex4(const char *at, const char *end)
{
	int code = 0;
	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(at[i]);
		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

/* at: behind the \u */
static bool scan_unicode_escape(struct scan *s)
{
	int code = hex4(s->at, s->end);
	if (code < 0)
		return fail(s, "\\u needs four hexadecimal digits");
	if (code >= 0xDC00 && code <= 0xDFFF)
		return fail(s, "half of a surrogate pair stands alone");
	s->at += 4;
	if (code < 0xD800 || code > 0xDBFF)
		return true;
	int low = s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u' ?
		hex4(s->at + 2, s->end) : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(s, "half of a surrogate pair stands alone");
	s->at += 6;
	return true;
}

static bool scan_escape(struct scan *s)
{
	char c = s->at < s->end ? *s->at++ : '\0';
	if (c == 'u')
		return scan_unicode_escape(s);
	if (c == '\0' || !strchr("\"\\/bfnrt", c))
		return expected(s, "an unknown escape");
	return true;
}

static bool scan_string(struct scan *s)
{
	for (s->at++; s->at < s->end;) {
		unsigned char c = (unsigned char)*s->at;
		if (c < 0x20)
			return fail(s, "a control character inside a string");
		s->at++;
		if (c == '"')
			return true;
		if (c == '\\' && !scan_escape(s))
			return false;
	}
	return fail(s, "it ends inside a string");
}

static bool scan_digits(struct scan *s)
{
	if (at_end(s) || !is_digit(*s->at))
		return expected(s, "a digit is missing");
	while (s->at < s->end && is_digit(*s->at))
		s->at++;
	return true;
}

static bool scan_number(struct scan *s)
{
	if (*s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!scan_digits(s))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!scan_digits(s))
			return false;
	}
	if (s->at == s->end || (*s->at | 0x20) != 'e')
		return true;
	s->at++;
	if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
		s->at++;
	return scan_digits(s);
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t length = strlen(word);
	if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
		return fail(s, "not a JSON value");
	s->at += length;
	return true;
}

static bool scan_scalar(struct scan *s, char first)
{
	switch (first) {
	case '"': return scan_string(s);
	case 't': return scan_word(s, "true");
	case 'f': return scan_word(s, "false");
	case 'n': return scan_word(s, "null");
	}
	if (first == '-' || is_digit(first))
		return scan_number(s);
	return expected(s, "not a JSON value");
}

static bool in_object(const struct scan *s)
{
	size_t level = s->depth - 1;
	return s->objects[level / 8] >> level % 8 & 1;
}

static bool open_container(struct scan *s, bool object)
{
	s->too_deep = s->depth + s->around == JSON_DEPTH;
	if (s->too_deep)
		return fail(s, "nested too deep");
	uint8_t bit = (uint8_t)(1u << s->depth % 8);
	if (object)
		s->objects[s->depth / 8] |= bit;
	else
		s->objects[s->depth / 8] &= (uint8_t)~bit;
	s->depth++;
	s->at++;
	return true;
}

static bool scan_key(struct scan *s)
{
	if (peek(s) != '"')
		return expected(s, "a name in quotes is missing");
	const char *name = s->at;
	if (!scan_string(s))
		return false;
	if (s->depth == 1)
		s->key = (struct json_span){name, (size_t)(s->at - name)};
	if (peek(s) != ':')
		return expected(s, "a colon is missing");
	s->at++;
	return true;
}

/* After a value: closes what ends here. Sets *more when another value must follow. */
static bool scan_after_value(struct scan *s, bool *more)
{
	*more = false;
	while (s->depth > 0) {
		bool object = in_object(s);
		char c = peek(s);
		if (c == ',') {
			s->at++;
			*more = true;
			return !object || scan_key(s);
		}
		if (c != (object ? '}' : ']'))
			return expected(s, object ? "a comma or } is missing" :
				"a comma or ] is missing");
		s->at++;
		s->depth--;
	}
	return true;
}

/* One value, or the opening of one that is not empty. Sets *opened for the latter. */
static bool scan_value_or_opening(struct scan *s, bool *opened)
{
	char c = peek(s);
	*opened = false;
	if (c != '{' && c != '[')
		return scan_scalar(s, c);
	if (!open_container(s, c == '{'))
		return false;
	if (peek(s) == (c == '{' ? '}' : ']')) {
		s->at++;
		s->depth--;
		return true;
	}
	*opened = true;
	return c == '[' || scan_key(s);
}

static bool scan_document(struct scan *s)
{
	for (bool more = true, opened; more;) {
		if (!scan_value_or_opening(s, &opened))
			return false;
		if (!opened && !scan_after_value(s, &more))
			return false;
	}
	peek(s);
	return at_end(s) || fail(s, "something follows the value");
}

static int scan_text(const char *text, size_t size, size_t around, struct json_fault *fault)
{
	struct scan s = {.begin = text, .at = text, .end = text + size, .around = around};
	if (scan_document(&s))
		return 0;
	*fault = (struct json_fault){(size_t)(s.at - s.begin), s.what,
		s.too_deep ? s.key : (struct json_span){0}};
	return -1;
}

int json_scan(const char *text, size_t size, struct json_fault *fault)
{
	return scan_text(text, size, 0, fault);
}

int json_scan_value(const char *text, size_t size, struct json_fault *fault)
{
	size_t valid = utf8_valid_prefix(text, size);
	if (valid < size) {
		*fault = (struct json_fault){.offset = valid, .what = "not UTF-8"};
		return -1;
	}
	return scan_text(text, size, 1, fault);
}

bool json_valid(const char *text, size_t size)
{
	struct json_fault fault;
	return json_scan_value(text, size, &fault) == 0;
}

struct json_span json_trim(const char *text, size_t size)
{
	const char *end = text + size;
	text = skip_space(text, end);
	while (end > text && is_space(end[-1]))
		end--;
	return (struct json_span){text, (size_t)(end - text)};
}

/* The following walk text that json_scan has passed. */
static const char *string_end(const char *at)
{
	for (at++; *at != '"'; at++)
		at += *at == '\\';
	return at + 1;
}

static const char *container_end(const char *at)
{
	for (size_t depth = 0;;) {
		char c = *at;
		if (c == '"') {
			at = string_end(at);
			continue;
		}
		at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at;
	}
}

static const char *value_end(const char *at, const char *end)
{
	if (*at == '"')
		return string_end(at);
	if (*at == '{' || *at == '[')
		return container_end(at);
	while (at < end && !is_space(*at) && *at != ',' && *at != '}' && *at != ']')
		at++;
	return at;
}

bool json_next_member(struct json_span *rest, struct json_span *key, struct json_span *value)
{
	const char *end = rest->text + rest->size;
	const char *at = skip_space(rest->text + 1, end);	/* past { or a comma */
	if (*at == '}')
		return false;
	key->text = at;
	at = string_end(at);
	key->size = (size_t)(at - key->text);
	at = skip_space(skip_space(at, end) + 1, end);
	value->text = at;
	at = value_end(at, end);
	value->size = (size_t)(at - value->text);
	at = skip_space(at, end);
	*rest = (struct json_span){at, (size_t)(end - at)};
	if (*at == '}')
		*rest = (struct json_span){at - 1, 2};
	return true;
}

size_t json_compact(const char *text, size_t size, char *to)
{
	const char *end = text + size;
	char *start = to;
	for (const char *at = text; at < end;) {
		const char *next = *at == '"' ? string_end(at) : at + 1;
		if (!is_space(*at)) {
			memcpy(to, at, (size_t)(next - at));
			to += next - at;
		}
		at = next;
	}
	return (size_t)(to - start);
}
