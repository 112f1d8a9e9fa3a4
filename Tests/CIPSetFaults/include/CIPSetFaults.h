/* Faults between libipset and the kernel.
 *
 * libipset sends and receives through mnl_socket_sendto and mnl_socket_recvfrom of libmnl. The test bundle defines both, so that the dynamic
 * linker takes these; they call libmnl's, but for the one that is to fail.
 */
#ifndef CIPSETFAULTS_H
#define CIPSETFAULTS_H

enum cipset_fault {
	CIPSET_FAULT_NONE = 0,
	/* Nothing is sent, and errno is set. */
	CIPSET_FAULT_SEND = 1,
	/* Nothing is received, and errno is set; the answer stays in the socket. */
	CIPSET_FAULT_RECEIVE = 2,
	/* The answer is received, and only the first 18 bytes of it are passed on. */
	CIPSET_FAULT_TRUNCATE = 3,
	/* Zeros are received in place of the answer. */
	CIPSET_FAULT_GARBAGE = 4,
};

/* Lets one call go wrong: the first of its kind after so many that go well. Returns how many have gone wrong so far. */
int cipset_fault_inject(enum cipset_fault fault, int number, int after);

#endif
