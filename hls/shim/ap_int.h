// SPDX-License-Identifier: Apache-2.0
//
// ap_int<W>, ap_uint<W>: integers of any width, by the rules of Xilinx's UG1399, without any file
// of the vendor. One header for g++ (built-in integers) and clang (_BitInt); C++17 and later.
//
//   ap_int_base.h   the types: construction, conversion, members; what is stricter than UG1399
//   ap_int_ref.h    selections of bits: x[i], x.range(hi, lo), (a, b)
//   ap_int_ops.h    operators and their result types; known deviations of the vendor's headers
//   ap_int_text.h   numbers as text, for test benches
//   ap_fixed_rounding.h  from float and double
//   ap_storage_*.h  how W bits are stored, per compiler
#pragma once

#include "ap_fixed_rounding.h"
#include "ap_int_base.h"
#include "ap_int_ops.h"
#include "ap_int_ref.h"
#ifndef TRITFORGE_OPENHLS
#include "ap_int_text.h"
#endif

using ap_shim::ap_bit_ref;
using ap_shim::ap_concat_ref;
using ap_shim::ap_int;
using ap_shim::ap_int_base;
using ap_shim::ap_range_ref;
using ap_shim::ap_uint;
