/* The subcommands of wsuv-bench: each takes its arguments, without its name, and returns an exit status. */
#ifndef WSUV_BENCH_COMMANDS_H
#define WSUV_BENCH_COMMANDS_H

int command_load(char **argv);
int command_run(char **argv);
int command_scale(char **argv);

#endif
