# SPDX-License-Identifier: Apache-2.0
"""Registers are called like the members they hold."""

from __future__ import annotations

from pathlib import Path

from codegen.openhls.flow import translate_file

SOURCE = """\
#include <ap_int.h>
#include <hls_stream.h>
struct Base { ap_uint<4> phase; };
struct Lane { ap_int<9> low; ap_int<17> high; };
struct State : Base {
  static constexpr int kLanes = 2;
  using Sum = ap_int<40>;
  Sum total;
  Lane lanes[kLanes][3];
  short plain;
};
extern "C" void top(hls::stream<ap_int<16>>& in, hls::stream<ap_int<40>>& out) {
  static State state;
  static ap_int<8> alone;
  ap_int<16> word = in.read();
  for (int lane = 0; lane < 2; ++lane) {
    for (int part = 0; part < 3; ++part) {
      state.lanes[lane][part].high += word;
      state.total += state.lanes[lane][part].high;
    }
  }
  state.plain += word;
  state.phase += 1;
  alone += 1;
  out.write(state.total + state.plain + state.phase + alone);
}
"""


def test_members_arrays_and_bases(tmp_path: Path) -> None:
    source = tmp_path / "top.cpp"
    source.write_text(SOURCE, encoding="utf-8")
    names = [item.name for item in translate_file(source, "top").state]
    lanes = [f"state_lanes_{lane}_{part}_high" for lane in range(2) for part in range(3)]
    assert sorted(names) == sorted(["alone", "state_phase", "state_plain", "state_total", *lanes])
