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
  reg p0_running_sum_L18_31;
  reg p1_running_sum_L18_31;
  reg [11:0] p1_running_sum_L16_21__1;
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
  wire not_349;
  wire active_inputs_valid_2;
  wire and_363;
  wire not_364;
  wire history_write_request_t_valid_inv;
  wire not_367;
  wire is_large_t_valid_inv;
  wire not_360;
  wire sums_t_valid_inv;
  wire __history_write_request_tvalid_buf;
  wire history_write_request_t_valid_load_en;
  wire __is_large_tvalid_buf;
  wire is_large_t_valid_load_en;
  wire __sums_tvalid_buf;
  wire sums_t_valid_load_en;
  wire [7:0] running_sum_L17_30;
  wire history_write_request_t_load_en;
  wire is_large_t_load_en;
  wire sums_t_load_en;
  wire running_sum_L18_31;
  wire not_394;
  wire history_read_request_t_valid_inv;
  wire or_412;
  wire or_413;
  wire or_600;
  wire __history_read_request_tvalid_buf;
  wire history_read_request_t_valid_load_en;
  wire not_423;
  wire stage_outputs_valid_2;
  wire history_read_request_t_load_en;
  wire not_427;
  wire stage_outputs_ready_1;
  wire or_603;
  wire not_432;
  wire p1_stage_done__1;
  wire [3:0] running_sum_L16_13;
  wire stage_outputs_valid_0;
  wire stage_outputs_ready_0;
  wire literal_434;
  wire [11:0] running_sum_L16_14;
  wire [8:0] running_sum_L16_8;
  wire [1:0] running_sum_L16_7;
  wire n_2;
  wire n_34_finished;
  wire n_40_finished;
  wire [12:0] literal_442;
  wire [12:0] running_sum_L20_23;
  wire p0_stage_done__1;
  wire [11:0] running_sum_L16_17__1;
  wire [11:0] running_sum_L16_9;
  wire [4:0] running_sum_L16_32;
  wire and_465;
  wire not_466;
  wire and_467;
  wire not_468;
  wire and_469;
  wire and_471;
  wire not_472;
  wire [12:0] running_sum_L20_27__1;
  wire or_481;
  wire or_483;
  wire [11:0] running_sum_L16_21__1;
  wire [4:0] running_sum_L18_33;
  wire and_507;
  wire or_508;
  wire and_509;
  wire or_510;
  wire and_511;
  wire or_512;
  wire and_513;
  wire or_514;
  wire [16:0] n_41;
  wire running_sum_L20_29;
  wire or_519;
  wire or_520;
  wire or_521;
  assign not_349 = ~p1_running_sum_L18_31;
  assign active_inputs_valid_2 = history_read_response_tvalid | not_349;
  assign and_363 = p2_inputs_valid & active_inputs_valid_2;
  assign not_364 = ~__history_write_request_t_already_done_reg;
  assign history_write_request_t_valid_inv = ~__history_write_request_t_valid_reg;
  assign not_367 = ~__is_large_t_already_done_reg;
  assign is_large_t_valid_inv = ~__is_large_t_valid_reg;
  assign not_360 = ~__sums_t_already_done_reg;
  assign sums_t_valid_inv = ~__sums_t_valid_reg;
  assign __history_write_request_tvalid_buf = and_363 & not_364;
  assign history_write_request_t_valid_load_en = history_write_request_tready | history_write_request_t_valid_inv;
  assign __is_large_tvalid_buf = and_363 & not_367;
  assign is_large_t_valid_load_en = is_large_tready | is_large_t_valid_inv;
  assign __sums_tvalid_buf = p2_inputs_valid & active_inputs_valid_2 & p1_running_sum_L18_31 & not_360;
  assign sums_t_valid_load_en = sums_tready | sums_t_valid_inv;
  assign running_sum_L17_30 = 8'h00;
  assign history_write_request_t_load_en = __history_write_request_tvalid_buf & history_write_request_t_valid_load_en;
  assign is_large_t_load_en = __is_large_tvalid_buf & is_large_t_valid_load_en;
  assign sums_t_load_en = __sums_tvalid_buf & sums_t_valid_load_en;
  assign running_sum_L18_31 = words_tdata != running_sum_L17_30;
  assign not_394 = ~__history_read_request_t_already_done_reg;
  assign history_read_request_t_valid_inv = ~__history_read_request_t_valid_reg;
  assign or_412 = history_write_request_t_load_en | __history_write_request_t_already_done_reg;
  assign or_413 = is_large_t_load_en | __is_large_t_already_done_reg;
  assign or_600 = sums_t_load_en | __sums_t_already_done_reg | not_349;
  assign __history_read_request_tvalid_buf = words_tvalid & running_sum_L18_31 & not_394;
  assign history_read_request_t_valid_load_en = history_read_request_tready | history_read_request_t_valid_inv;
  assign not_423 = ~p2_inputs_valid;
  assign stage_outputs_valid_2 = p2_inputs_valid & active_inputs_valid_2 & or_412 & or_413 & or_600;
  assign history_read_request_t_load_en = __history_read_request_tvalid_buf & history_read_request_t_valid_load_en;
  assign not_427 = ~running_sum_L18_31;
  assign stage_outputs_ready_1 = not_423 | stage_outputs_valid_2;
  assign or_603 = history_read_request_t_load_en | __history_read_request_t_already_done_reg | not_427;
  assign not_432 = ~p1_inputs_valid;
  assign p1_stage_done__1 = p1_inputs_valid & stage_outputs_ready_1;
  assign running_sum_L16_13 = 4'h0;
  assign stage_outputs_valid_0 = words_tvalid & or_603;
  assign stage_outputs_ready_0 = not_432 | p1_stage_done__1;
  assign literal_434 = 1'h0;
  assign running_sum_L16_14 = {running_sum_L16_13, p0_read_words_12};
  assign running_sum_L16_8 = 9'h000;
  assign running_sum_L16_7 = running_sum_L16_6[step];
  assign n_2 = 1'h1;
  assign n_34_finished = stage_outputs_valid_0 & stage_outputs_ready_0 & running_sum_L18_31;
  assign n_40_finished = stage_outputs_valid_2 & p1_running_sum_L18_31;
  assign literal_442 = 13'h03e8;
  assign running_sum_L20_23 = {literal_434, p1_running_sum_L16_21__1};
  assign p0_stage_done__1 = stage_outputs_valid_0 & stage_outputs_ready_0;
  assign running_sum_L16_17__1 = __s_sum + running_sum_L16_14;
  assign running_sum_L16_9 = {running_sum_L16_8, running_sum_L16_7, n_2};
  assign running_sum_L16_32 = 5'h01;
  assign and_465 = __history_read_request_tvalid_buf & history_read_request_t_load_en;
  assign not_466 = ~n_34_finished;
  assign and_467 = __history_write_request_tvalid_buf & history_write_request_t_load_en;
  assign not_468 = ~stage_outputs_valid_2;
  assign and_469 = __is_large_tvalid_buf & is_large_t_load_en;
  assign and_471 = __sums_tvalid_buf & sums_t_load_en;
  assign not_472 = ~n_40_finished;
  assign running_sum_L20_27__1 = literal_442 - running_sum_L20_23;
  assign or_481 = p0_stage_done__1 | rst;
  assign or_483 = p1_stage_done__1 | rst;
  assign running_sum_L16_21__1 = running_sum_L16_17__1 + running_sum_L16_9;
  assign running_sum_L18_33 = __s_place + running_sum_L16_32;
  assign and_507 = and_465 & not_466;
  assign or_508 = and_465 | n_34_finished;
  assign and_509 = and_467 & not_468;
  assign or_510 = and_467 | stage_outputs_valid_2;
  assign and_511 = and_469 & not_468;
  assign or_512 = and_469 | stage_outputs_valid_2;
  assign and_513 = and_471 & not_472;
  assign or_514 = and_471 | n_40_finished;
  assign n_41 = {p1_s_place, p1_running_sum_L16_21__1};
  assign running_sum_L20_29 = running_sum_L20_27__1[12];
  assign or_519 = p0_stage_done__1 | p1_stage_done__1;
  assign or_520 = p1_stage_done__1 | stage_outputs_valid_2;
  assign or_521 = stage_outputs_valid_2 | p3_inputs_valid;
  always_ff @ (posedge clk) begin
    p0_s_place <= or_481 ? __s_place : p0_s_place;
    p1_s_place <= or_483 ? p0_s_place : p1_s_place;
    p0_read_words_12 <= or_481 ? words_tdata : p0_read_words_12;
    p0_running_sum_L18_31 <= or_481 ? running_sum_L18_31 : p0_running_sum_L18_31;
    p1_running_sum_L18_31 <= or_483 ? p0_running_sum_L18_31 : p1_running_sum_L18_31;
    p1_running_sum_L16_21__1 <= or_483 ? running_sum_L16_21__1 : p1_running_sum_L16_21__1;
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
      __s_sum <= p1_stage_done__1 ? running_sum_L16_21__1 : __s_sum;
      __s_place <= p0_stage_done__1 ? running_sum_L18_33 : __s_place;
      __history_read_request_t_already_done_reg <= or_508 ? and_507 : __history_read_request_t_already_done_reg;
      __history_write_request_t_already_done_reg <= or_510 ? and_509 : __history_write_request_t_already_done_reg;
      __is_large_t_already_done_reg <= or_512 ? and_511 : __is_large_t_already_done_reg;
      __sums_t_already_done_reg <= or_514 ? and_513 : __sums_t_already_done_reg;
      __history_read_request_t_reg <= history_read_request_t_load_en ? running_sum_L18_33 : __history_read_request_t_reg;
      __history_read_request_t_valid_reg <= history_read_request_t_valid_load_en ? __history_read_request_tvalid_buf : __history_read_request_t_valid_reg;
      __history_write_request_t_reg <= history_write_request_t_load_en ? n_41 : __history_write_request_t_reg;
      __history_write_request_t_valid_reg <= history_write_request_t_valid_load_en ? __history_write_request_tvalid_buf : __history_write_request_t_valid_reg;
      __is_large_t_reg <= is_large_t_load_en ? running_sum_L20_29 : __is_large_t_reg;
      __is_large_t_valid_reg <= is_large_t_valid_load_en ? __is_large_tvalid_buf : __is_large_t_valid_reg;
      __sums_t_reg <= sums_t_load_en ? history_read_response_tdata : __sums_t_reg;
      __sums_t_valid_reg <= sums_t_valid_load_en ? __sums_tvalid_buf : __sums_t_valid_reg;
      p1_inputs_valid <= or_519 ? p0_stage_done__1 : p1_inputs_valid;
      p2_inputs_valid <= or_520 ? p1_stage_done__1 : p2_inputs_valid;
      p3_inputs_valid <= or_521 ? stage_outputs_valid_2 : p3_inputs_valid;
    end
  end
  assign history_read_request_tdata = __history_read_request_t_reg;
  assign history_read_request_tvalid = __history_read_request_t_valid_reg;
  assign history_read_response_tready = n_40_finished;
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
      .history_read_response_tvalid(1'b1),
      .history_read_response_tready(history_read_response_tready),
      .history_write_request_tdata(history_write_request_tdata),
      .history_write_request_tvalid(history_write_request_tvalid),
      .history_write_request_tready(history_write_request_tready)
  );
endmodule
