#ifndef LAB_PEER_CONFINE_H
#define LAB_PEER_CONFINE_H

/// `lab-peer confine ROOT CAPABILITIES|all PROGRAM [ARG]...`; returns only where that failed, with the exit status.
int confine(int count, char **arguments);

#endif
