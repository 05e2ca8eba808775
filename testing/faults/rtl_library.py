# SPDX-License-Identifier: Apache-2.0
"""Faults of the hand-written SystemVerilog modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from testing.faults.fault import Fault


@dataclass(frozen=True)
class RtlFault(Fault):
    """A fault of a module, and who must notice it.

    Attributes:
        proof: parameters of the properties whose bounded proof must fail; None: none concerns it.
        simulated: whether the simulation of the stream modules must fail, too.
    """

    proof: Mapping[str, int] | None = field(hash=False)
    simulated: bool

    @property
    def module(self) -> str:
        """Name of the module without its prefix."""
        return self.file_name.removeprefix("tritforge_").removesuffix(".sv")


def _path(module: str) -> str:
    return f"hls/rtl/tritforge_{module}.sv"


_WIDER = {"IN_WIDTH": 1, "OUT_WIDTH": 3}
_NARROWER = {"IN_WIDTH": 3, "OUT_WIDTH": 1}

FAULTS = (
    RtlFault(
        "saved_word_is_lost",
        _path("skid_buffer"),
        "saved_valid ? saved : in_tdata",
        "in_tdata",
        {},
        True,
    ),
    RtlFault(
        "ready_while_a_word_is_saved",
        _path("skid_buffer"),
        "in_tready <= !saved_stays",
        "in_tready <= 1'b1",
        {},
        False,
    ),
    RtlFault(
        "ready_only_with_a_move",
        _path("skid_buffer"),
        "in_tready <= !saved_stays",
        "in_tready <= move",
        {},
        False,
    ),
    RtlFault(
        "ready_in_reset", _path("skid_buffer"), "in_tready <= 1'b0", "in_tready <= 1'b1", {}, False
    ),
    RtlFault(
        "short_packet_is_not_padded",
        _path("width_adapter"),
        "next <= in_tlast ?",
        "next <= 1'b0 ?",
        _WIDER,
        False,
    ),
    RtlFault(
        "first_part_keeps_old_data",
        _path("width_adapter"),
        "end else if (next[0]) begin",
        "end else if (1'b0) begin",
        _WIDER,
        False,
    ),
    RtlFault(
        "no_word_follows_without_a_gap",
        _path("width_adapter"),
        "in_tready = !out_tvalid || out_tready;",
        "in_tready = !out_tvalid;",
        _WIDER,
        False,
    ),
    RtlFault(
        "short_packet_never_leaves",
        _path("width_adapter"),
        "(in_tlast || next[RATIO-1]) :",
        "next[RATIO-1] :",
        _WIDER,
        False,
    ),
    RtlFault(
        "every_part_of_the_last_word_is_last",
        _path("width_adapter"),
        "out_tlast = last && final_part",
        "out_tlast = last",
        _NARROWER,
        True,
    ),
    RtlFault(
        "empty_part_follows",
        _path("width_adapter"),
        "final_part = keep_after == '0",
        "final_part = keep == '0",
        _NARROWER,
        False,
    ),
    RtlFault(
        "wide_words_leave_a_gap",
        _path("width_adapter"),
        "(out_tready && final_part)",
        "1'b0",
        _NARROWER,
        False,
    ),
    RtlFault(
        "parts_shift_the_other_way",
        _path("width_adapter"),
        "data <= data >> OUT_WIDTH",
        "data <= data << OUT_WIDTH",
        _NARROWER,
        False,
    ),
    RtlFault(
        "padding_is_the_input",
        _path("packet_guard"),
        "? PAD : in_tdata",
        "? in_tdata : in_tdata",
        {},
        False,
    ),
    RtlFault(
        "late_packet_is_not_reported",
        _path("packet_guard"),
        "error_late <= forward && final_word && !in_tlast",
        "error_late <= 1'b0",
        {},
        False,
    ),
    RtlFault(
        "every_last_word_is_early",
        _path("packet_guard"),
        "error_early <= forward && in_tlast",
        "error_early <= in_tlast",
        {},
        False,
    ),
    RtlFault(
        "early_packet_is_not_filled",
        _path("packet_guard"),
        "state <= in_tlast ? FILL : INSIDE",
        "state <= INSIDE",
        {},
        True,
    ),
    RtlFault(
        "late_packet_is_not_dropped",
        _path("packet_guard"),
        "state <= in_tlast ? FIRST : DROP",
        "state <= FIRST",
        {},
        False,
    ),
    RtlFault(
        "dropping_ends_too_early",
        _path("packet_guard"),
        "if (in_tvalid && in_tlast) state",
        "if (in_tvalid) state",
        {},
        False,
    ),
    RtlFault(
        "dropped_words_block",
        _path("packet_guard"),
        "in_tready = state == DROP ||",
        "in_tready =",
        {},
        False,
    ),
    RtlFault(
        "address_is_taken_while_one_waits",
        _path("axi_lite_registers"),
        "s_axi_awready <= !address_stays",
        "s_axi_awready <= 1'b1",
        {},
        False,
    ),
    RtlFault(
        "write_while_a_response_waits",
        _path("axi_lite_registers"),
        "address_held && data_held && (!s_axi_bvalid || s_axi_bready)",
        "address_held && data_held",
        {},
        False,
    ),
    RtlFault(
        "unmapped_write_succeeds",
        _path("axi_lite_registers"),
        "write_mapped ? OKAY : SLVERR",
        "OKAY",
        {},
        False,
    ),
    RtlFault(
        "unmapped_read_shows_data",
        _path("axi_lite_registers"),
        "read_mapped ? read_data : '0",
        "read_data",
        {},
        False,
    ),
    RtlFault(
        "read_needs_a_ready_consumer",
        _path("axi_lite_registers"),
        "read_held && (!s_axi_rvalid || s_axi_rready)",
        "read_held && s_axi_rready",
        {},
        False,
    ),
    RtlFault(
        "data_is_held_with_the_address",
        _path("axi_lite_registers"),
        "data_held <= data_stays",
        "data_held <= address_stays",
        {},
        False,
    ),
    RtlFault(
        "stalled_word_is_dropped",
        _path("fifo"),
        "out_tvalid <= take || (out_tvalid && !out_tready)",
        "out_tvalid <= take",
        {},
        False,
    ),
    RtlFault(
        "word_is_accepted_when_full",
        _path("fifo"),
        "in_tready  <= take || count != (put ? COUNT_WIDTH'(DEPTH - 1) : COUNT_WIDTH'(DEPTH));",
        "in_tready  <= 1'b1;",
        {},
        False,
    ),
    RtlFault(
        "full_one_word_later",
        _path("fifo"),
        "COUNT_WIDTH'(DEPTH - 1) :",
        "COUNT_WIDTH'(DEPTH) :",
        {},
        False,
    ),
    RtlFault(
        "full_fifo_stays_closed_while_read",
        _path("fifo"),
        "in_tready  <= take || count",
        "in_tready  <= count",
        {},
        False,
    ),
    RtlFault(
        "stalled_word_is_overwritten",
        _path("fifo"),
        "take = count != '0 && (!out_tvalid || out_tready)",
        "take = count != '0",
        {},
        False,
    ),
    RtlFault(
        "pointer_never_wraps",
        _path("fifo"),
        "pointer == POINTER_WIDTH'(DEPTH - 1) ? '0 :",
        "1'b0 ? '0 :",
        {},
        True,
    ),
    RtlFault(
        "count_grows_with_every_word",
        _path("fifo"),
        "if (put && !take) count <= count + 1'b1;",
        "if (put) count <= count + 1'b1;",
        {},
        True,
    ),
    RtlFault(
        "ready_in_reset_of_the_fifo",
        _path("fifo"),
        "in_tready <= 1'b0",
        "in_tready <= 1'b1",
        {},
        False,
    ),
    RtlFault(
        "waiting_response_is_overwritten",
        _path("ram"),
        "save = arrives && newest_valid && !take_newest",
        "save = 1'b0",
        {},
        False,
    ),
    RtlFault(
        "responses_change_places",
        _path("ram"),
        "oldest_valid ? oldest : newest",
        "newest_valid ? newest : oldest",
        {},
        False,
    ),
    RtlFault(
        "second_saved_response_is_lost",
        _path("ram"),
        "move ? middle_valid && save : middle_valid || save",
        "1'b0",
        {},
        False,
    ),
    RtlFault(
        "response_survives_reset",
        _path("ram"),
        "      newest_valid <= 1'b0;\n",
        "",
        {},
        False,
    ),
    RtlFault(
        "saved_response_is_forgotten",
        _path("ram"),
        "oldest_valid <= !move || middle_valid || save",
        "oldest_valid <= middle_valid || save",
        {},
        False,
    ),
    RtlFault(
        "full_ram_takes_another_word",
        _path("ram"),
        "read_valid && (take || !newest_valid || !middle_valid || !oldest_valid)",
        "read_valid",
        {"OUTPUT_REGISTER": 1},
        False,
    ),
    RtlFault(
        "memory_is_read_without_a_request", _path("ram"), "if (request) newest", "newest", {}, False
    ),
    RtlFault(
        "write_address_loses_its_lowest_bit",
        _path("ram"),
        "words[write_request_tdata[WIDTH+:ADDRESS_WIDTH]] <=",
        "words[write_request_tdata[WIDTH+:ADDRESS_WIDTH] & ~1'b1] <=",
        {},
        False,
    ),
    RtlFault(
        "bytes_without_keep_stay",
        _path("axi_stream_sink"),
        "s_axis_tkeep[i] ? s_axis_tdata[8*i+:8] : 8'd0",
        "s_axis_tdata[8*i+:8]",
        None,
        True,
    ),
    RtlFault(
        "last_word_may_not_be_short",
        _path("axi_stream_sink"),
        "!s_axis_tlast && !(&s_axis_tkeep)",
        "!(&s_axis_tkeep)",
        None,
        True,
    ),
    RtlFault(
        "keep_before_the_last_word",
        _path("axi_stream_source"),
        "guarded_tlast ? guarded_tkeep : full",
        "guarded_tkeep",
        None,
        True,
    ),
    RtlFault(
        "keep_of_the_last_word_is_lost",
        _path("axi_stream_source"),
        "in_tlast ? in_tkeep : full",
        "full",
        None,
        True,
    ),
)

#: Stays right, but adds a path within a cycle, which the test of timing must notice.
READY_WAITS_FOR_VALID = Fault(
    "ready_waits_for_valid",
    _path("axi_stream_sink"),
    ".out_tready(out_tready)",
    ".out_tready(out_tready && s_axis_tvalid)",
)
#: Verilator's lint must notice it.
REGISTER_IS_TOO_WIDE = Fault(
    "register_is_too_wide",
    _path("skid_buffer"),
    "reg [WIDTH-1:0] saved;",
    "reg [WIDTH:0] saved;",
)
