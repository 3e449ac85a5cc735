// SPDX-License-Identifier: BSD-2-Clause
/* The static players in this build, one for each architecture with a compiler at build time. */
#include "replayer/live/live.h"

#define BUILTIN(name) extern const uint8_t player_##name[], player_##name##_end[]
#ifdef PLAYER_X86_64
BUILTIN(x86_64);
#endif
#ifdef PLAYER_ARM64
BUILTIN(arm64);
#endif
#ifdef PLAYER_RISCV64
BUILTIN(riscv64);
#endif
#ifdef PLAYER_PPC64LE
BUILTIN(ppc64le);
#endif

static const struct {
	enum kvmapi_arch arch;
	const uint8_t *data, *end;
} players[] = {
#ifdef PLAYER_X86_64
	{KVMAPI_X86, player_x86_64, player_x86_64_end},
#endif
#ifdef PLAYER_ARM64
	{KVMAPI_ARM64, player_arm64, player_arm64_end},
#endif
#ifdef PLAYER_RISCV64
	{KVMAPI_RISCV, player_riscv64, player_riscv64_end},
#endif
#ifdef PLAYER_PPC64LE
	{KVMAPI_POWERPC, player_ppc64le, player_ppc64le_end},
#endif
	{KVMAPI_ARCHS, 0, 0},
};

const void *live_player_find(enum kvmapi_arch arch, size_t *size)
{
	for (size_t i = 0; players[i].arch != KVMAPI_ARCHS; i++) {
		if (players[i].arch != arch)
			continue;
		*size = players[i].end - players[i].data;
		return players[i].data;
	}
	return NULL;
}
