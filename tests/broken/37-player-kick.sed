# SPDX-License-Identifier: BSD-2-Clause
# breaks Calls that wait for ever are not ended.
# file replayer/player.c
# red guest/inside
/^static uint32_t workers_watch\(/,/^\}/ { s/^\t\tpthread_kill\(w->thread, SIGUSR2\);//
s/^\t\t\tpage\[PLAYER_RUN_IMMEDIATE\] = 1;/\t\t\tpage[PLAYER_RUN_IMMEDIATE] = 0;/ }
