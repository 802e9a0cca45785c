// SPDX-License-Identifier: MIT
//
// The first process of the emulated machine: has the test program print its hash and then run its tests, says how each
// ended, and switches the machine off. The environment comes from the kernel's command line.
#include <stdio.h>
#include <sys/io.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void run(const char* what, char* argument) {
    char* const command[] = {"/nativexent_tests", argument, NULL};
    int status = 126 << 8;
    const pid_t child = fork();
    if (child == 0) {
        execv(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    waitpid(child, &status, 0);
    printf("%s: exit code %d\n", what, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
}

int main(void) {
    run("hash", "--print-hash");
    run("tests", NULL);
    // What is still on its way through the serial port would be lost.
    tcdrain(STDOUT_FILENO);
    // Bochs ends when this word arrives at this port.
    if (iopl(3) == 0)
        for (const char* c = "Shutdown"; *c; ++c) outb((unsigned char)*c, 0x8900);
    for (;;) pause();
}
