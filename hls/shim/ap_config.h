// SPDX-License-Identifier: Apache-2.0
//
// What all headers of the shim share: forced inlining and run-time checks.
//
// Checks (index in range, no read from an empty stream, ...) end the program with a message. They
// are on in every C-simulation, optimised or not, and off where the source becomes hardware.
// Macros a build may set:
//   TRITFORGE_OPENHLS        translate to hardware: streams become opaque calls, no checks
//   TRITFORGE_SHIM_NO_CHECKS C-simulation without checks
//   AP_SHIM_INLINE           how functions are inlined; plain `inline` halves the time of
//                            a compiler that does not optimise
#pragma once

#include <cstdio>
#include <cstdlib>

#ifndef AP_SHIM_INLINE
#define AP_SHIM_INLINE __attribute__((always_inline)) inline
#endif

namespace ap_shim {

/// Reports a broken rule of use and ends the program with SIGABRT, which tests can see.
[[noreturn]] __attribute__((noinline, cold)) inline void fail(const char* where,
                                                              const char* message) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", where, message);
    std::abort();
}

}  // namespace ap_shim

#if defined(TRITFORGE_OPENHLS) || defined(TRITFORGE_SHIM_NO_CHECKS)
#define AP_SHIM_CHECK(condition, where, message) static_cast<void>(0)
#else
#define AP_SHIM_CHECK(condition, where, message)                              \
    do {                                                                      \
        if (__builtin_expect(!(condition), 0)) ap_shim::fail(where, message); \
    } while (false)
#endif
