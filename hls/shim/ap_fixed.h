// SPDX-License-Identifier: Apache-2.0
//
// ap_fixed<W, I, Q, O>, ap_ufixed<W, I, Q, O>: W bits, I of them before the binary point, by the
// rules of Xilinx's UG1399, without any file of the vendor. For g++ and clang, C++17 and later.
//
//   ap_fixed_rounding.h   modes of rounding and overflow, and what they do to the bits
//   ap_fixed_base.h       the types: construction, conversion, members
//   ap_fixed_ops.h        operators and their result types
//   ap_fixed_text.h       numbers as text, for test benches
#pragma once

#include "ap_fixed_base.h"
#include "ap_fixed_ops.h"
#include "ap_fixed_rounding.h"
#ifndef TRITFORGE_OPENHLS
#include "ap_fixed_text.h"
#endif

using ap_shim::ap_fixed;
using ap_shim::ap_fixed_base;
using ap_shim::ap_ufixed;
