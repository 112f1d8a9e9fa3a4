#pragma once

#include <spawn.h>

// As glibc has them where _GNU_SOURCE is defined (unistd.h, sys/mman.h, spawn.h).
int pipe2(int ends[2], int flags);
int memfd_create(const char *name, unsigned int flags);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);

// As glibc has it from 2.36 on (sys/pidfd.h).
int pidfd_open(pid_t process, unsigned int flags);

// POSIX_SPAWN_SETSID, likewise.
static const int SPAWN_IN_OWN_SESSION = 0x80;

// MFD_CLOEXEC of linux/memfd.h.
static const unsigned int MEMFD_CLOSE_ON_EXEC = 1;
