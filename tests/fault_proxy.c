/* The proxy of test_faults.c as a program, for bench/endpoint.sh: prints its port, serves until its input ends, then tells what it did.
 *
 *     fault_proxy PORT [EVERY [PAUSE]]     before the server at 127.0.0.1:PORT; one request of EVERY (4) gets a fault, a slow one waits for
 *                                          PAUSE (2) seconds */
#include "tests/test_faults.h"

#include "base/base.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long port = 0, every = 4;
    double pause = 2;
    char byte;
    if (argc < 2 || !cw_parse_int(argv[1], 1, 65535, &port) || (argc > 2 && !cw_parse_int(argv[2], 0, 1000, &every)) ||
        (argc > 3 && !cw_parse_double(argv[3], 0, 3600, &pause))) {
        fputs("usage: fault_proxy PORT [EVERY [PAUSE]]\n", stderr);
        return 2;
    }
    struct test_faults *f = test_faults_start((int)port, (int)every, FAULT_429, pause);
    if (f == NULL) {
        fputs("fault_proxy: cannot listen\n", stderr);
        return 1;
    }
    printf("%d\n", test_faults_port(f));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    printf("requests %d", test_faults_requests(f));
    for (int i = 0; i < FAULTS; i++)
        printf("; %s %d", test_faults_name((enum fault)i), test_faults_made(f, (enum fault)i));
    printf("\n");
    test_faults_stop(f);
    return 0;
}
