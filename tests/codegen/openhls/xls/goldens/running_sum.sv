module running_sum_core(
  input wire clk,
  input wire rst,
  input wire history_read_request_tready,
  input wire [11:0] history_read_response_tdata,
  input wire history_read_response_tvalid,
  input wire history_write_request_tready,
  input wire is_large_tready,
  input wire [1:0] step,
  input wire sums_tready,
  input wire [7:0] words_tdata,
  input wire words_tvalid,
  output wire [4:0] history_read_request_tdata,
  output wire history_read_request_tvalid,
  output wire history_read_response_tready,
  output wire [16:0] history_write_request_tdata,
  output wire history_write_request_tvalid,
  output wire is_large_tdata,
  output wire is_large_tvalid,
  output wire [11:0] sums_tdata,
  output wire sums_tvalid,
  output wire words_tready
);
  wire [1:0] running_sum_L16_6[4];
  assign running_sum_L16_6 = '{2'h0, 2'h1, 2'h2, 2'h3};
  reg [4:0] p0_s_place;
  reg [4:0] p1_s_place;
  reg [7:0] p0_read_words_12;
  reg [11:0] p1_running_sum_L16_16;
  reg p0_running_sum_L18_22;
  reg p1_running_sum_L18_22;
  reg [11:0] __s_sum;
  reg [4:0] __s_place;
  reg __history_read_request_t_already_done_reg;
  reg __history_write_request_t_already_done_reg;
  reg __is_large_t_already_done_reg;
  reg __sums_t_already_done_reg;
  reg [4:0] __history_read_request_t_reg;
  reg __history_read_request_t_valid_reg;
  reg [16:0] __history_write_request_t_reg;
  reg __history_write_request_t_valid_reg;
  reg __is_large_t_reg;
  reg __is_large_t_valid_reg;
  reg [11:0] __sums_t_reg;
  reg __sums_t_valid_reg;
  reg p1_inputs_valid;
  reg p2_inputs_valid;
  reg p3_inputs_valid;
  wire not_305;
  wire active_inputs_valid_2;
  wire and_319;
  wire not_320;
  wire history_write_request_t_valid_inv;
  wire not_323;
  wire is_large_t_valid_inv;
  wire not_316;
  wire sums_t_valid_inv;
  wire __history_write_request_tvalid_buf;
  wire history_write_request_t_valid_load_en;
  wire __is_large_tvalid_buf;
  wire is_large_t_valid_load_en;
  wire __sums_tvalid_buf;
  wire sums_t_valid_load_en;
  wire [7:0] running_sum_L17_21;
  wire history_write_request_t_load_en;
  wire is_large_t_load_en;
  wire sums_t_load_en;
  wire running_sum_L18_22;
  wire not_350;
  wire history_read_request_t_valid_inv;
  wire or_368;
  wire or_369;
  wire or_556;
  wire __history_read_request_tvalid_buf;
  wire history_read_request_t_valid_load_en;
  wire not_379;
  wire stage_outputs_valid_2;
  wire history_read_request_t_load_en;
  wire not_383;
  wire stage_outputs_ready_1;
  wire or_559;
  wire not_388;
  wire p1_stage_done__1;
  wire [3:0] running_sum_L16_13;
  wire stage_outputs_valid_0;
  wire stage_outputs_ready_0;
  wire literal_390;
  wire [11:0] running_sum_L16_14;
  wire [8:0] running_sum_L16_8;
  wire [1:0] running_sum_L16_7;
  wire n_2;
  wire n_25_finished;
  wire n_31_finished;
  wire [12:0] running_sum_L20_18;
  wire [12:0] running_sum_L20_17;
  wire p0_stage_done__1;
  wire [11:0] running_sum_L16_15;
  wire [11:0] running_sum_L16_9;
  wire [4:0] running_sum_L16_23;
  wire and_421;
  wire not_422;
  wire and_423;
  wire not_424;
  wire and_425;
  wire and_427;
  wire not_428;
  wire [12:0] running_sum_L20_19;
  wire or_437;
  wire or_439;
  wire [11:0] running_sum_L16_16;
  wire [4:0] running_sum_L18_24;
  wire and_463;
  wire or_464;
  wire and_465;
  wire or_466;
  wire and_467;
  wire or_468;
  wire and_469;
  wire or_470;
  wire [16:0] n_32;
  wire running_sum_L20_20;
  wire or_475;
  wire or_476;
  wire or_477;
  assign not_305 = ~p1_running_sum_L18_22;
  assign active_inputs_valid_2 = history_read_response_tvalid | not_305;
  assign and_319 = p2_inputs_valid & active_inputs_valid_2;
  assign not_320 = ~__history_write_request_t_already_done_reg;
  assign history_write_request_t_valid_inv = ~__history_write_request_t_valid_reg;
  assign not_323 = ~__is_large_t_already_done_reg;
  assign is_large_t_valid_inv = ~__is_large_t_valid_reg;
  assign not_316 = ~__sums_t_already_done_reg;
  assign sums_t_valid_inv = ~__sums_t_valid_reg;
  assign __history_write_request_tvalid_buf = and_319 & not_320;
  assign history_write_request_t_valid_load_en = history_write_request_tready | history_write_request_t_valid_inv;
  assign __is_large_tvalid_buf = and_319 & not_323;
  assign is_large_t_valid_load_en = is_large_tready | is_large_t_valid_inv;
  assign __sums_tvalid_buf = p2_inputs_valid & active_inputs_valid_2 & p1_running_sum_L18_22 & not_316;
  assign sums_t_valid_load_en = sums_tready | sums_t_valid_inv;
  assign running_sum_L17_21 = 8'h00;
  assign history_write_request_t_load_en = __history_write_request_tvalid_buf & history_write_request_t_valid_load_en;
  assign is_large_t_load_en = __is_large_tvalid_buf & is_large_t_valid_load_en;
  assign sums_t_load_en = __sums_tvalid_buf & sums_t_valid_load_en;
  assign running_sum_L18_22 = words_tdata != running_sum_L17_21;
  assign not_350 = ~__history_read_request_t_already_done_reg;
  assign history_read_request_t_valid_inv = ~__history_read_request_t_valid_reg;
  assign or_368 = history_write_request_t_load_en | __history_write_request_t_already_done_reg;
  assign or_369 = is_large_t_load_en | __is_large_t_already_done_reg;
  assign or_556 = sums_t_load_en | __sums_t_already_done_reg | not_305;
  assign __history_read_request_tvalid_buf = words_tvalid & running_sum_L18_22 & not_350;
  assign history_read_request_t_valid_load_en = history_read_request_tready | history_read_request_t_valid_inv;
  assign not_379 = ~p2_inputs_valid;
  assign stage_outputs_valid_2 = p2_inputs_valid & active_inputs_valid_2 & or_368 & or_369 & or_556;
  assign history_read_request_t_load_en = __history_read_request_tvalid_buf & history_read_request_t_valid_load_en;
  assign not_383 = ~running_sum_L18_22;
  assign stage_outputs_ready_1 = not_379 | stage_outputs_valid_2;
  assign or_559 = history_read_request_t_load_en | __history_read_request_t_already_done_reg | not_383;
  assign not_388 = ~p1_inputs_valid;
  assign p1_stage_done__1 = p1_inputs_valid & stage_outputs_ready_1;
  assign running_sum_L16_13 = 4'h0;
  assign stage_outputs_valid_0 = words_tvalid & or_559;
  assign stage_outputs_ready_0 = not_388 | p1_stage_done__1;
  assign literal_390 = 1'h0;
  assign running_sum_L16_14 = {running_sum_L16_13, p0_read_words_12};
  assign running_sum_L16_8 = 9'h000;
  assign running_sum_L16_7 = running_sum_L16_6[step];
  assign n_2 = 1'h1;
  assign n_25_finished = stage_outputs_valid_0 & stage_outputs_ready_0 & running_sum_L18_22;
  assign n_31_finished = stage_outputs_valid_2 & p1_running_sum_L18_22;
  assign running_sum_L20_18 = 13'h03e8;
  assign running_sum_L20_17 = {literal_390, p1_running_sum_L16_16};
  assign p0_stage_done__1 = stage_outputs_valid_0 & stage_outputs_ready_0;
  assign running_sum_L16_15 = __s_sum + running_sum_L16_14;
  assign running_sum_L16_9 = {running_sum_L16_8, running_sum_L16_7, n_2};
  assign running_sum_L16_23 = 5'h01;
  assign and_421 = __history_read_request_tvalid_buf & history_read_request_t_load_en;
  assign not_422 = ~n_25_finished;
  assign and_423 = __history_write_request_tvalid_buf & history_write_request_t_load_en;
  assign not_424 = ~stage_outputs_valid_2;
  assign and_425 = __is_large_tvalid_buf & is_large_t_load_en;
  assign and_427 = __sums_tvalid_buf & sums_t_load_en;
  assign not_428 = ~n_31_finished;
  assign running_sum_L20_19 = running_sum_L20_18 - running_sum_L20_17;
  assign or_437 = p0_stage_done__1 | rst;
  assign or_439 = p1_stage_done__1 | rst;
  assign running_sum_L16_16 = running_sum_L16_15 + running_sum_L16_9;
  assign running_sum_L18_24 = __s_place + running_sum_L16_23;
  assign and_463 = and_421 & not_422;
  assign or_464 = and_421 | n_25_finished;
  assign and_465 = and_423 & not_424;
  assign or_466 = and_423 | stage_outputs_valid_2;
  assign and_467 = and_425 & not_424;
  assign or_468 = and_425 | stage_outputs_valid_2;
  assign and_469 = and_427 & not_428;
  assign or_470 = and_427 | n_31_finished;
  assign n_32 = {p1_s_place, p1_running_sum_L16_16};
  assign running_sum_L20_20 = running_sum_L20_19[12];
  assign or_475 = p0_stage_done__1 | p1_stage_done__1;
  assign or_476 = p1_stage_done__1 | stage_outputs_valid_2;
  assign or_477 = stage_outputs_valid_2 | p3_inputs_valid;
  always_ff @ (posedge clk) begin
    p0_s_place <= or_437 ? __s_place : p0_s_place;
    p1_s_place <= or_439 ? p0_s_place : p1_s_place;
    p0_read_words_12 <= or_437 ? words_tdata : p0_read_words_12;
    p1_running_sum_L16_16 <= or_439 ? running_sum_L16_16 : p1_running_sum_L16_16;
    p0_running_sum_L18_22 <= or_437 ? running_sum_L18_22 : p0_running_sum_L18_22;
    p1_running_sum_L18_22 <= or_439 ? p0_running_sum_L18_22 : p1_running_sum_L18_22;
  end
  always_ff @ (posedge clk) begin
    if (rst) begin
      __s_sum <= 12'h001;
      __s_place <= 5'h00;
      __history_read_request_t_already_done_reg <= 1'h0;
      __history_write_request_t_already_done_reg <= 1'h0;
      __is_large_t_already_done_reg <= 1'h0;
      __sums_t_already_done_reg <= 1'h0;
      __history_read_request_t_reg <= 5'h00;
      __history_read_request_t_valid_reg <= 1'h0;
      __history_write_request_t_reg <= 17'h0_0000;
      __history_write_request_t_valid_reg <= 1'h0;
      __is_large_t_reg <= 1'h0;
      __is_large_t_valid_reg <= 1'h0;
      __sums_t_reg <= 12'h000;
      __sums_t_valid_reg <= 1'h0;
      p1_inputs_valid <= 1'h0;
      p2_inputs_valid <= 1'h0;
      p3_inputs_valid <= 1'h0;
    end else begin
      __s_sum <= p1_stage_done__1 ? running_sum_L16_16 : __s_sum;
      __s_place <= p0_stage_done__1 ? running_sum_L18_24 : __s_place;
      __history_read_request_t_already_done_reg <= or_464 ? and_463 : __history_read_request_t_already_done_reg;
      __history_write_request_t_already_done_reg <= or_466 ? and_465 : __history_write_request_t_already_done_reg;
      __is_large_t_already_done_reg <= or_468 ? and_467 : __is_large_t_already_done_reg;
      __sums_t_already_done_reg <= or_470 ? and_469 : __sums_t_already_done_reg;
      __history_read_request_t_reg <= history_read_request_t_load_en ? running_sum_L18_24 : __history_read_request_t_reg;
      __history_read_request_t_valid_reg <= history_read_request_t_valid_load_en ? __history_read_request_tvalid_buf : __history_read_request_t_valid_reg;
      __history_write_request_t_reg <= history_write_request_t_load_en ? n_32 : __history_write_request_t_reg;
      __history_write_request_t_valid_reg <= history_write_request_t_valid_load_en ? __history_write_request_tvalid_buf : __history_write_request_t_valid_reg;
      __is_large_t_reg <= is_large_t_load_en ? running_sum_L20_20 : __is_large_t_reg;
      __is_large_t_valid_reg <= is_large_t_valid_load_en ? __is_large_tvalid_buf : __is_large_t_valid_reg;
      __sums_t_reg <= sums_t_load_en ? history_read_response_tdata : __sums_t_reg;
      __sums_t_valid_reg <= sums_t_valid_load_en ? __sums_tvalid_buf : __sums_t_valid_reg;
      p1_inputs_valid <= or_475 ? p0_stage_done__1 : p1_inputs_valid;
      p2_inputs_valid <= or_476 ? p1_stage_done__1 : p2_inputs_valid;
      p3_inputs_valid <= or_477 ? stage_outputs_valid_2 : p3_inputs_valid;
    end
  end
  assign history_read_request_tdata = __history_read_request_t_reg;
  assign history_read_request_tvalid = __history_read_request_t_valid_reg;
  assign history_read_response_tready = n_31_finished;
  assign history_write_request_tdata = __history_write_request_t_reg;
  assign history_write_request_tvalid = __history_write_request_t_valid_reg;
  assign is_large_tdata = __is_large_t_reg;
  assign is_large_tvalid = __is_large_t_valid_reg;
  assign sums_tdata = __sums_t_reg;
  assign sums_tvalid = __sums_t_valid_reg;
  assign words_tready = p0_stage_done__1;
endmodule

module running_sum (
    input wire clk,
    input wire rst,
    input wire [1:0] step,
    output wire is_large,
    input wire [7:0] words_tdata,
    input wire words_tvalid,
    output wire words_tready,
    output wire [11:0] sums_tdata,
    output wire sums_tvalid,
    input wire sums_tready
);
  wire is_large_tdata;
  wire is_large_tvalid;
  reg is_large_held;
  assign is_large = is_large_held;
  always @(posedge clk) begin
    if (rst) is_large_held <= '0;
    else if (is_large_tvalid) is_large_held <= is_large_tdata;
  end
  wire [4:0] history_read_request_tdata;
  wire history_read_request_tvalid;
  wire history_read_request_tready;
  wire [11:0] history_read_response_tdata;
  wire history_read_response_tvalid;
  wire history_read_response_tready;
  wire [16:0] history_write_request_tdata;
  wire history_write_request_tvalid;
  wire history_write_request_tready;
  tritforge_ram #(.WIDTH(12), .WORDS(32), .ADDRESS_WIDTH(5)) history_ram (
      .clk(clk),
      .rst(rst),
      .read_request_tdata(history_read_request_tdata),
      .read_request_tvalid(history_read_request_tvalid),
      .read_request_tready(history_read_request_tready),
      .read_response_tdata(history_read_response_tdata),
      .read_response_tvalid(history_read_response_tvalid),
      .read_response_tready(history_read_response_tready),
      .write_request_tdata(history_write_request_tdata),
      .write_request_tvalid(history_write_request_tvalid),
      .write_request_tready(history_write_request_tready)
  );
  running_sum_core core (
      .clk(clk),
      .rst(rst),
      .step(step),
      .is_large_tdata(is_large_tdata),
      .is_large_tvalid(is_large_tvalid),
      .is_large_tready(1'b1),
      .words_tdata(words_tdata),
      .words_tvalid(words_tvalid),
      .words_tready(words_tready),
      .sums_tdata(sums_tdata),
      .sums_tvalid(sums_tvalid),
      .sums_tready(sums_tready),
      .history_read_request_tdata(history_read_request_tdata),
      .history_read_request_tvalid(history_read_request_tvalid),
      .history_read_request_tready(history_read_request_tready),
      .history_read_response_tdata(history_read_response_tdata),
      .history_read_response_tvalid(history_read_response_tvalid),
      .history_read_response_tready(history_read_response_tready),
      .history_write_request_tdata(history_write_request_tdata),
      .history_write_request_tvalid(history_write_request_tvalid),
      .history_write_request_tready(history_write_request_tready)
  );
endmodule
