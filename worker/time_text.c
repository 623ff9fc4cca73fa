/* time_text.c: see time_text.h. */
#include "time_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"

int64_t time_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ".123": up to three digits of a second. Moves *text behind what it took. */
static int milliseconds(const char **text)
{
	int ms = 0, weight = 100;
	if (**text != '.')
		return 0;
	for ((*text)++; isdigit((unsigned char)**text); (*text)++, weight /= 10)
		ms += (**text - '0') * weight;
	return ms;
}

static const char *time_of_day(const char *text, struct tm *parts)
{
	if (*text == '\0')
		return text;
	if (*text != 'T' && *text != ' ')
		return NULL;
	const char *seconds = strptime(text + 1, "%H:%M:%S", parts);
	return seconds ? seconds : strptime(text + 1, "%H:%M", parts);
}

static int parse_date(const char *text, int64_t *time_ms)
{
	struct tm parts = {.tm_isdst = -1};
	const char *rest = strptime(text, "%Y-%m-%d", &parts);
	rest = rest ? time_of_day(rest, &parts) : NULL;
	if (!rest)
		return -1;
	int ms = milliseconds(&rest);
	time_t seconds = *rest == 'Z' ? timegm(&parts) : mktime(&parts);
	if (*rest == 'Z')
		rest++;
	if (*rest != '\0' || seconds == (time_t)-1)
		return -1;
	*time_ms = (int64_t)seconds * 1000 + ms;
	return 0;
}

int time_parse(const char *text, int64_t now_ms, int64_t *time_ms)
{
	size_t digits = strspn(text, "0123456789");
	int64_t ago_ms;
	if (digits == 0)
		return -1;
	if (text[digits] == '\0') {
		*time_ms = digits <= 16 ? strtoll(text, NULL, 10) : *time_ms;
		return digits <= 16 ? 0 : -1;
	}
	if (parse_date(text, time_ms) == 0)
		return 0;
	if (config_parse_duration(text, &ago_ms) != 0 || ago_ms < 0)
		return -1;
	*time_ms = now_ms - ago_ms;
	return 0;
}

void time_format(int64_t time_ms, char *buffer, size_t size)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;
	char text[32] = "";
	if (time_ms < 0 || !localtime_r(&seconds, &parts) ||
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
		snprintf(buffer, size, "-");
		return;
	}
	snprintf(buffer, size, "%s.%03d", text, (int)(time_ms % 1000));
}
