/* Writing to each page of fresh memory once: what having it costs. Where a page fault is dear that is the greater part of any program's start. */
#include "floor.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct cost floor_memory(size_t mebibytes)
{
	struct cost cost = { 0 };
	size_t length = mebibytes << 20, page = (size_t)sysconf(_SC_PAGESIZE);
	double start = now();
	volatile char *bytes = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		die("%zu MiB: %s", mebibytes, strerror(errno));
	for (size_t place = 0; place < length; place += page) {
		bytes[place] = 1;
		cost.messages++;
	}
	cost.seconds = now() - start;
	return cost;
}
