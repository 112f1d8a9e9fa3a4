/* Which floor, and how much of it: see floor.h. */
#include "floor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t number(const char *text)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text || value == 0 || value > 1000000)
		die("not a number from 1 to 1000000: %s", text);
	return value;
}

int main(int count, char **words)
{
	struct cost cost;
	const char *subject = count > 1 ? words[1] : "";
	if (count == 5 && strcmp(subject, "ipvs") == 0)
		cost = floor_ipvs(number(words[2]), number(words[3]), number(words[4]));
	else if (count == 4 && strcmp(subject, "addresses") == 0)
		cost = floor_addresses(number(words[2]), words[3], 200);
	else if (count == 3 && strcmp(subject, "sets") == 0)
		cost = floor_sets(number(words[2]));
	else if (count == 2 && strcmp(subject, "read") == 0)
		cost = floor_read();
	else if (count == 3 && strcmp(subject, "files") == 0)
		cost = floor_files(words[2]);
	else if (count == 3 && strcmp(subject, "memory") == 0)
		cost = floor_memory(number(words[2]));
	else
		die("usage: floor ipvs SERVICES ENDPOINTS BATCH | addresses COUNT LINK | sets COUNT | read | files DIRECTORY | memory MEBIBYTES");
	printf("{\"seconds\":%.6f, \"messages\":%zu, \"sends\":%zu}\n", cost.seconds, cost.messages, cost.sends);
	return 0;
}
